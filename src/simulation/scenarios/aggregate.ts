/** Every tab sets a number; the mean is estimated everywhere, and again after some tabs died. */

import { greatest, mean } from '../figures.ts';
import type { Lab, Scenario } from '../lab.ts';

const NAME = 'load';
/** Cycles that are looked at after each change. */
const CYCLES = 40;

/** The greatest relative error of any tab's estimate of the mean, against what tabs have set. */
function error(lab: Lab, values: ReadonlyMap<string, number>): number {
  const tabs = lab.room.present;
  const truth = mean(tabs.map(({ id }) => values.get(id) ?? 0));
  return greatest(
    tabs.map(({ node }) => {
      const estimate = node.estimate(NAME);
      return estimate === undefined ? 1 : Math.abs(estimate.mean / truth - 1);
    }),
  );
}

/** Cycles after which no tab is more than 1% off, and none gets so again. */
function cyclesToTruth(lab: Lab, values: ReadonlyMap<string, number>): number {
  const cycleMs = lab.room.config.averagingInterval;
  let off = 0;
  for (let cycle = 1; cycle <= CYCLES; cycle++) {
    lab.room.run(cycleMs);
    if (error(lab, values) > 0.01) off = cycle;
  }
  if (off === CYCLES) lab.checks.fail(`the mean is not within 1% after ${CYCLES} cycles`);
  return off + 1;
}

export const aggregate: Scenario = {
  name: 'aggregate',
  about:
    'Every tab sets a number, the tenth with the greatest crashes: cycles until the mean is within 1%.',
  run(lab) {
    const { room, traffic } = lab;
    lab.settle();
    room.run(5_000);
    const values = new Map(room.present.map(({ id }) => [id, 100 * room.random()]));
    traffic.reset();
    for (const tab of room.present) {
      tab.input({ type: 'aggregate', name: NAME, value: values.get(tab.id) });
    }
    lab.figure('cycles.first', cyclesToTruth(lab, values));
    lab.figureTraffic(room.present);
    lab.figure('error.first', error(lab, values));
    // Those with the greatest values, so that the mean changes as much as it can.
    const byValue = [...room.present].sort(
      (a, b) => (values.get(b.id) ?? 0) - (values.get(a.id) ?? 0),
    );
    for (const tab of byValue.slice(0, Math.floor(lab.nodes / 10))) tab.process.crash();
    lab.figure('cycles.afterDeaths', cyclesToTruth(lab, values));
    lab.figure('error.afterDeaths', error(lab, values));
    traffic.reset();
    room.run(120_000);
    lab.figure('idleBytesPerTabSecond', traffic.bytesPerSecond(room.present));
  },
};
