/** The first minute of a room: what a run of a given size takes. */

import type { Scenario } from '../lab.ts';

const MINUTE_MS = 60_000;
const JOINING_MS = 20_000;
const STEP_MS = 1_000;

export const minute: Scenario = {
  name: 'minute',
  about: 'All tabs join within 20 s, then one writes every second, for a minute in all.',
  run(lab) {
    const { room, ledger, checks, traffic } = lab;
    room.openMany(lab.nodes, JOINING_MS);
    room.run(JOINING_MS);
    traffic.reset();
    const [writer] = room.tabs;
    while (room.world.now < MINUTE_MS) {
      if (writer !== undefined) ledger.write(writer);
      room.run(STEP_MS);
    }
    lab.figureTraffic(room.present);
    const reached = room.present.filter((tab) => ledger.countOf(tab) > 0).length;
    lab.figure('reached', reached);
    if (reached < lab.nodes) checks.fail(`${lab.nodes - reached} tabs got nothing in a minute`);
    if (!lab.isOneComponent()) checks.fail(`the room is not one: ${lab.picture()}`);
  },
};
