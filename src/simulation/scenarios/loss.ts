/** A fifth of all frames is lost while tabs write, crash and reload; then all faults stop. */

import type { Lab, Scenario } from '../lab.ts';
import type { Tab } from '../tab.ts';

const WRITING_MS = 30_000;
const STEP_MS = 200;
/** Rounds that convergence may take once faults stop. */
const ROUNDS = 5;

/** Sessions of one page, one after another: what the earlier wrote is on the page's disk. */
export class Reloads {
  readonly #lab: Lab;
  readonly #earlier = new Map<Tab, Tab>();

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  reload(tab: Tab, orderly: boolean): Tab {
    const { room, ledger } = this.#lab;
    const next = room.reload(tab, orderly);
    ledger.inherit(next, tab);
    this.#earlier.set(next, tab);
    return next;
  }

  /** `tabs` and every session before them. */
  sessionsOf(tabs: readonly Tab[]): Tab[] {
    return tabs.flatMap((tab) => {
      const sessions: Tab[] = [];
      for (let at: Tab | undefined = tab; at !== undefined; at = this.#earlier.get(at)) {
        sessions.push(at);
      }
      return sessions;
    });
  }
}

export const loss: Scenario = {
  name: 'loss',
  about: 'A fifth of all frames is lost while tabs write, crash and reload; then faults stop.',
  run(lab) {
    const { room, ledger, checks, deaths } = lab;
    const { random } = room;
    const reloads = new Reloads(lab);
    lab.settle();
    room.network.change({ loss: 0.2 });
    const fewest = Math.max(2, Math.ceil(lab.nodes / 2));
    for (let ms = 0; ms < WRITING_MS; ms += STEP_MS) {
      for (const tab of lab.pick(2)) ledger.write(tab);
      const [subject] = lab.pick(1) as [Tab];
      const fate = random();
      if (fate < 0.02 && room.present.length > fewest) subject.process.crash();
      else if (fate < 0.05) reloads.reload(subject, fate < 0.035);
      else if (fate < 0.06) room.open();
      room.run(STEP_MS);
    }
    room.network.change({ loss: 0 });
    const roundMs = room.config.gossipInterval;
    lab.await(
      { convergeMs: () => lab.isConverged(), membersAgreeMs: () => lab.membersAgree() },
      120_000,
      50,
    );
    const rounds = (lab.figures.convergeMs ?? 0) / roundMs;
    lab.figure('convergeRounds', rounds);
    if (rounds > ROUNDS) checks.fail(`converged in ${rounds.toFixed(1)} rounds, over ${ROUNDS}`);
    checks.nothingLost(reloads.sessionsOf(room.present), room.present);
    lab.figure('falseDeaths', deaths.falseDeaths);
    room.run(20_000);
    checks.settled();
  },
};
