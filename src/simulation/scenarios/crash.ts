/** Single visible tabs crash, one after another. */

import { sample } from '../../util/random.ts';
import { greatest, quantile } from '../figures.ts';
import type { Scenario } from '../lab.ts';

const CRASHES = 5;
const PAUSE_MS = 30_000;

export const crash: Scenario = {
  name: 'crash',
  about: 'Five visible tabs crash, one every half minute.',
  run(lab) {
    const { room, deaths, checks } = lab;
    lab.settle();
    room.run(10_000);
    const medians: number[] = [];
    const lasts: number[] = [];
    for (const tab of sample(room.random, room.present, Math.min(CRASHES, lab.nodes - 2))) {
      const knew = room.present.filter(({ node }) => node.members.some(({ id }) => id === tab.id));
      deaths.expect(tab);
      tab.process.crash();
      room.run(PAUSE_MS);
      const times = deaths.detectionTimes(tab);
      medians.push(quantile(times, 0.5));
      lasts.push(greatest(times));
      if (times.length < knew.length - 1) {
        checks.fail(`${knew.length - 1 - times.length} tabs still hold a crashed one for alive`);
      }
    }
    lab.figure('detectionMs.p50', quantile(medians, 0.5));
    lab.figure('knownToAllMs.p50', quantile(lasts, 0.5));
    lab.figure('knownToAllMs.max', greatest(lasts));
    lab.figure('falseDeaths', deaths.falseDeaths);
    if (deaths.falseDeaths > 0) checks.fail('a living tab was declared dead');
    room.run(10_000);
    checks.settled();
  },
};
