/** Machines that are slow, whose clocks run wrong, and that sleep. */

import type { Scenario } from '../lab.ts';

const DURATION_MS = 300_000;
const STEP_MS = 1_000;

export const slowMachines: Scenario = {
  name: 'slow-machines',
  about: 'Clocks run up to 2% wrong and jump, a tenth of the machines takes 20 ms a message.',
  run(lab) {
    const { room, ledger, deaths, checks } = lab;
    for (let i = 0; i < lab.nodes; i++) {
      const clockRate = 0.98 + 0.04 * room.random();
      room.world.after(i * 20, () => room.open({ clockRate, busyMs: i % 10 === 9 ? 20 : 0 }));
    }
    room.run(lab.nodes * 20);
    lab.await({ settleMs: () => lab.isSettled() }, 180_000, 500);
    for (let ms = 0; ms < DURATION_MS; ms += STEP_MS) {
      if (ms % 20_000 === 0) for (const { process } of lab.pick(1)) process.jump(3_600_000);
      if (ms % 5_000 === 0) for (const tab of lab.pick(1)) ledger.write(tab);
      room.run(STEP_MS);
    }
    lab.await({ convergeMs: () => lab.isConverged() }, 60_000);
    lab.figure('suspicions', deaths.suspicions);
    lab.figure('falseDeaths', deaths.falseDeaths);
    if (deaths.falseDeaths > 0) {
      checks.fail(`${deaths.falselyDead.size} living tabs were declared dead`);
    }
    checks.nothingLost(room.present, room.present);
    checks.settled();
  },
};
