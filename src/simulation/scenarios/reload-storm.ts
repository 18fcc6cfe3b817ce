/** Every tab is reloaded within a few seconds, as when a new version of an app is rolled out. */

import type { Scenario } from '../lab.ts';
import { Reloads } from './loss.ts';

const STORM_MS = 5_000;

export const reloadStorm: Scenario = {
  name: 'reload-storm',
  about: 'Every tab reloads within five seconds, half of them without a good-bye.',
  run(lab) {
    const { room, ledger, checks, deaths, traffic } = lab;
    const reloads = new Reloads(lab);
    lab.settle();
    for (const tab of lab.pick(10)) ledger.write(tab);
    room.run(5_000);
    traffic.reset();
    const { present } = room;
    for (const [i, tab] of lab.pick(present.length, present).entries()) {
      room.world.after((i * STORM_MS) / present.length, () => reloads.reload(tab, i % 2 === 0));
    }
    room.run(STORM_MS);
    lab.await(
      {
        oneComponentMs: () => lab.isOneComponent(),
        convergeMs: () => lab.isConverged(),
        ghostsGoneMs: () => lab.membersAgree(),
      },
      240_000,
    );
    lab.figureTraffic(room.present);
    checks.nothingLost(reloads.sessionsOf(room.present), room.present);
    lab.figure('falseDeaths', deaths.falseDeaths);
    room.run(20_000);
    checks.settled();
  },
};
