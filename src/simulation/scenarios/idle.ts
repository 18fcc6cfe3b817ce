/** A room that has settled and in which nobody does anything. */

import type { Scenario } from '../lab.ts';

/** Long enough for rounds to reach their longest interval, and then for a few announcements. */
const QUIET_MS = 120_000;
const MEASURED_MS = 300_000;

export const idle: Scenario = {
  name: 'idle',
  about: 'Nobody writes, comes or goes, for five minutes.',
  run(lab) {
    const { room, traffic, deaths, checks } = lab;
    lab.settle();
    room.run(QUIET_MS);
    traffic.reset();
    room.run(MEASURED_MS);
    lab.figureTraffic(room.present);
    lab.figure('suspicions', deaths.suspicions);
    lab.figure('falseDeaths', deaths.falseDeaths);
    if (deaths.falseDeaths > 0) checks.fail('a tab was declared dead in a quiet room');
    checks.settled();
  },
};
