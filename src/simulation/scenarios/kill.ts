/** A great part of the room crashes at once. */

import type { Scenario } from '../lab.ts';

const LIMIT_MS = 300_000;
/** All that is known of the crashed is gone by then, also where all their neighbors crashed with them. */
const AFTER_MS = 60_000;

const kill = (percent: number): Scenario => ({
  name: `kill-${percent}`,
  about: `${percent}% of all tabs crash at once; the server stays.`,
  run(lab) {
    const { room, deaths, checks } = lab;
    lab.settle();
    room.run(10_000);
    for (const tab of lab.pick(Math.floor((lab.nodes * percent) / 100))) tab.process.crash();
    lab.await(
      { oneComponentMs: () => lab.isOneComponent(), ghostsGoneMs: () => lab.membersAgree() },
      LIMIT_MS,
    );
    room.run(AFTER_MS);
    if (!lab.isOneComponent()) checks.fail('the survivors did not stay one component');
    lab.figure('falseDeaths', deaths.falseDeaths);
    checks.settled();
  },
});

export const KILLS = [50, 80, 90].map(kill);
