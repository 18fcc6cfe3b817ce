/** Hidden and frozen pages: browsers slow or stop their timers, and that is no death. */

import { greatest, quantile } from '../figures.ts';
import type { Lab, Scenario } from '../lab.ts';

const QUIET_MS = 600_000;
const WRITES = 30;
const FREEZE_MS = 60_000;
/** A hidden tab is frozen about once in so long. */
const FREEZE_EVERY_MS = 300_000;

function hideHalf(lab: Lab): void {
  for (const tab of lab.pick(Math.floor(lab.nodes / 2))) tab.setHidden(true);
}

function judge(lab: Lab): void {
  const { deaths, checks, room } = lab;
  lab.figure('tabHours', (lab.nodes * QUIET_MS) / 3_600_000);
  lab.figure('suspicions', deaths.suspicions);
  lab.figure('falseDeaths', deaths.falseDeaths);
  if (deaths.falseDeaths > 0) {
    checks.fail(`${deaths.falselyDead.size} living tabs were declared dead`);
  }
  checks.nothingLost(room.present, room.present);
}

export const hiddenHalf: Scenario = {
  name: 'hidden-half',
  about: 'Half of the tabs are hidden for ten minutes; then tabs write.',
  run(lab) {
    const { room, ledger, spreadings, traffic } = lab;
    lab.settle();
    hideHalf(lab);
    room.run(60_000);
    traffic.reset();
    room.run(QUIET_MS);
    lab.figureTraffic(room.present);
    spreadings.reset();
    for (let i = 0; i < WRITES; i++) {
      for (const tab of lab.pick(1)) ledger.write(tab);
      room.run(1_000);
    }
    room.run(5_000);
    const delays = spreadings.all.map(({ lastAt, writtenAt }) => lastAt - writtenAt);
    lab.figure('lastDeliveryMs.p50', quantile(delays, 0.5));
    lab.figure('lastDeliveryMs.max', greatest(delays));
    judge(lab);
  },
};

export const freezeThaw: Scenario = {
  name: 'freeze-thaw',
  about:
    'For ten minutes, half of the tabs are hidden and freeze for a minute now and then, at 5% loss.',
  run(lab) {
    const { room, ledger } = lab;
    lab.settle();
    hideHalf(lab);
    room.run(10_000);
    room.network.change({ loss: 0.05 });
    const stepMs = 1_000;
    for (let ms = 0; ms < QUIET_MS; ms += stepMs) {
      for (const tab of room.present) {
        const { process } = tab;
        if (!process.isHidden || process.isFrozen) continue;
        if (room.random() >= stepMs / FREEZE_EVERY_MS) continue;
        process.freeze();
        room.world.after(FREEZE_MS, () => process.thaw());
      }
      if (ms % 10_000 === 0) for (const tab of lab.pick(1)) ledger.write(tab);
      room.run(stepMs);
    }
    room.network.change({ loss: 0 });
    lab.await({ convergeMs: () => lab.isConverged() }, 120_000);
    judge(lab);
  },
};
