/** Every tab sets a number; the mean is estimated everywhere, and again after some tabs died. */

import { greatest, mean } from '../figures.ts';
import type { Lab, Scenario } from '../lab.ts';

const NAME = 'load';
const LIMIT_CYCLES = 60;

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

/** Cycles until no tab is more than 1% off. */
function cyclesToTruth(lab: Lab, values: ReadonlyMap<string, number>): number {
  const cycleMs = lab.room.config.averagingInterval;
  const isTrue = () => error(lab, values) <= 0.01;
  const ms = lab.room.runUntil(isTrue, LIMIT_CYCLES * cycleMs, cycleMs / 4);
  if (ms === undefined) {
    const off = (100 * error(lab, values)).toFixed(2);
    lab.checks.fail(`the mean is ${off}% off after ${LIMIT_CYCLES} cycles`);
  }
  return ms === undefined ? LIMIT_CYCLES : ms / cycleMs;
}

export const aggregate: Scenario = {
  name: 'aggregate',
  about:
    'Every tab sets a number, a tenth of the tabs crashes: cycles until the mean is within 1%.',
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
    room.run(20_000);
    lab.figureTraffic(room.present);
    lab.figure('error.settled', error(lab, values));
    for (const tab of lab.pick(Math.floor(lab.nodes / 10))) tab.process.crash();
    lab.figure('cycles.afterDeaths', cyclesToTruth(lab, values));
    room.run(30_000);
    lab.figure('error.end', error(lab, values));
    traffic.reset();
    room.run(120_000);
    lab.figure('idleBytesPerTabSecond', traffic.bytesPerSecond(room.present));
  },
};
