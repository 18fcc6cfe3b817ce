/** A crowd comes at once. */

import type { Scenario } from '../lab.ts';

const CROWD_MS = 10_000;

export const flashCrowd: Scenario = {
  name: 'flash-crowd',
  about: 'All tabs join within ten seconds, after the first few.',
  run(lab) {
    const { room, ledger, traffic, checks, deaths } = lab;
    const first = Math.min(8, lab.nodes - 1);
    room.openMany(first, 1_000);
    room.run(10_000);
    const [writer] = room.present;
    if (writer !== undefined) for (let i = 0; i < 100; i++) ledger.write(writer);
    traffic.reset();
    room.openMany(lab.nodes - first, CROWD_MS);
    room.run(CROWD_MS);
    lab.await(
      { convergeMs: () => lab.isConverged(), settleMs: () => lab.isSettled() },
      300_000,
      500,
    );
    lab.figureTraffic(room.present);
    lab.figure('falseDeaths', deaths.falseDeaths);
    room.run(20_000);
    checks.settled();
  },
};
