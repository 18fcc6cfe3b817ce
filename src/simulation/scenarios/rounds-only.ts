/**
 * Broadcast is off: gossip rounds alone spread a write, to be held against the theory of push-pull.
 *
 * A round is one interval of time. Tabs do not march in step, so a write may go over several links
 * within one, where theory, in which all tabs exchange at once, lets it go over one.
 */

import { greatest, mean } from '../figures.ts';
import { LARGE_ROOM, type Lab, type Scenario } from '../lab.ts';
import type { Tab } from '../tab.ts';

/** The interval that published figures of this kind use. */
const ROUND_MS = 60_000;
const WRITES = 20;
/** In a room of thousands a write takes minutes to compute, and its rounds hardly differ. */
const WRITES_LARGE = 5;
const LIMIT_ROUNDS = 60;

function measure(lab: Lab): void {
  const { room, ledger, checks } = lab;
  lab.settle();
  const rounds: number[] = [];
  const writes = lab.nodes > LARGE_ROOM ? WRITES_LARGE : WRITES;
  for (let i = 0; i < writes; i++) {
    // A fresh phase of everyone's timers for each write.
    room.run(room.random() * ROUND_MS);
    ledger.write(lab.pick(1)[0] as Tab);
    const ms = room.runUntil(() => lab.isConverged(), LIMIT_ROUNDS * ROUND_MS, ROUND_MS / 100);
    if (ms === undefined) checks.fail(`a write did not reach all in ${LIMIT_ROUNDS} rounds`);
    else rounds.push(ms / ROUND_MS);
  }
  lab.figure('rounds.mean', mean(rounds));
  lab.figure('rounds.max', greatest(rounds));
}

const scenario = (name: string, fanout: number): Scenario => ({
  name,
  about: `Rounds alone spread writes, each with ${fanout} ${fanout === 1 ? 'neighbor' : 'neighbors'}.`,
  room: () => ({
    config: {
      ...{ gossipInterval: ROUND_MS, gossipIntervalMax: ROUND_MS, eagerRounds: 0, fanout },
      // Nobody comes or goes, and to look whether somebody did would be most of the run.
      ...{ probeInterval: ROUND_MS, reviveInterval: 10 * ROUND_MS, shuffleInterval: 10 * ROUND_MS },
    },
  }),
  ledger: { broadcasts: false },
  run: measure,
});

export const roundsOnly = scenario('rounds-only', 1);
export const roundsOfTwo = scenario('rounds-fanout-2', 2);
