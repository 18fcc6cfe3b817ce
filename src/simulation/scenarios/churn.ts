/** Tabs come and go without end while some of them write. */

import type { Scenario } from '../lab.ts';
import type { Tab } from '../tab.ts';

const CHURN_MS = 120_000;
const STEP_MS = 1_000;
/** Share of the room that leaves, and that comes, in a second. */
const SHARE = 0.01;

export const churn: Scenario = {
  name: 'churn',
  about:
    'For two minutes 1% of the room a second leaves or crashes and as many join, under writing.',
  run(lab) {
    const { room, ledger, checks, deaths, traffic } = lab;
    lab.settle();
    traffic.reset();
    let due = 0;
    for (let ms = 0; ms < CHURN_MS; ms += STEP_MS) {
      due += lab.nodes * SHARE;
      for (; due >= 1; due--) {
        const [gone] = lab.pick(1) as [Tab];
        if (room.random() < 0.5) gone.leave();
        gone.process.crash();
        room.open();
      }
      for (const tab of lab.pick(2)) ledger.write(tab);
      room.run(STEP_MS);
    }
    lab.figureTraffic(room.tabs);
    lab.await(
      {
        convergeMs: () => lab.isConverged(),
        membersAgreeMs: () => lab.membersAgree(),
        oneComponentMs: () => lab.isOneComponent(),
      },
      120_000,
    );
    checks.nothingLost(room.present, room.present);
    lab.figure('falseDeaths', deaths.falseDeaths);
    room.run(20_000);
    checks.settled();
  },
};
