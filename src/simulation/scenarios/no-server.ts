/** The signaling server goes away for good, and then half of the tabs do. */

import type { Scenario } from '../lab.ts';

export const noServer: Scenario = {
  name: 'no-server',
  about: 'With the server gone half of the tabs leave; new links are made through the mesh.',
  run(lab) {
    const { room, checks, deaths } = lab;
    lab.settle();
    room.server.goDown();
    room.run(5_000);
    for (const tab of lab.pick(Math.floor(lab.nodes / 2))) {
      tab.leave();
      tab.process.crash();
      room.run(1_000);
    }
    lab.await({ wholeMs: () => lab.isSettled() }, 120_000);
    lab.figure('falseDeaths', deaths.falseDeaths);
    room.run(30_000);
    if (!lab.isOneComponent()) checks.fail('the room fell apart');
    checks.settled();
  },
};
