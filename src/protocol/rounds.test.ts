import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../util/random.ts';
import { resolveConfig } from './config.ts';
import { Rounds } from './rounds.ts';

const NEIGHBORS = new Set(['a', 'b', 'c', 'd', 'e']);

/** Seconds from round to round, where `changes` says so with a change at once after it. */
function intervals(rounds: Rounds, changes: readonly boolean[]): number[] {
  return changes.map((changed) => {
    const now = rounds.due;
    rounds.begin(NEIGHBORS, now);
    if (changed) rounds.hasten(now);
    return Math.round((rounds.due - now) / 1_000);
  });
}

describe('rounds', () => {
  it('R1: compare with fanout neighbors, and with each before any comes again', () => {
    const rounds = new Rounds(resolveConfig(), seededRandom(1));
    for (let turn = 0; turn < 20; turn++) {
      const met = new Set([...NEIGHBORS].flatMap(() => rounds.begin(NEIGHBORS, 0)));
      expect(met).toEqual(NEIGHBORS);
    }
    expect(rounds.count).toBe(100);
  });

  it('R1: never take one neighbor twice in a round, nor one that is gone', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.uniqueArray(fc.constantFrom(...NEIGHBORS, 'f', 'g')), { minLength: 1 }),
        (fanout, views) => {
          const rounds = new Rounds(resolveConfig({ fanout }), seededRandom(7));
          for (const view of views) {
            const chosen = rounds.begin(new Set(view), 0);
            expect(new Set(chosen).size).toBe(Math.min(fanout, view.length));
            for (const peer of chosen) expect(view).toContain(peer);
          }
        },
      ),
    );
  });

  it('R2: double their interval while nothing differs, up to gossipIntervalMax', () => {
    const config = resolveConfig({ gossipInterval: 10_000, gossipIntervalMax: 80_000 });
    const rounds = new Rounds(config, () => 0.5);
    rounds.start(0);
    expect(intervals(rounds, new Array(6).fill(false))).toEqual([10, 20, 40, 80, 80, 80]);
  });

  it('R3: come at gossipInterval again when something changes', () => {
    const config = resolveConfig({ gossipInterval: 10_000, gossipIntervalMax: 80_000 });
    const rounds = new Rounds(config, () => 0.5);
    rounds.start(0);
    const changes = [false, false, false, true, false, false];
    expect(intervals(rounds, changes)).toEqual([10, 20, 40, 10, 10, 20]);
  });

  it('R5: a few come in haste after a comparison brought something, and then at their pace', () => {
    const config = resolveConfig({
      gossipInterval: 8_000,
      gossipIntervalMax: 64_000,
      eagerRounds: 2,
    });
    const rounds = new Rounds(config, () => 0.5);
    rounds.start(0);
    intervals(rounds, [false, false, false]);
    const now = rounds.due - 32_000;
    rounds.hasten(now, true);
    expect(rounds.due - now).toBe(2_000);
    expect(intervals(rounds, [false, false, false])).toEqual([2, 8, 16]);
  });

  it('R5: with no eager rounds, what was brought hastens as any change does', () => {
    const config = resolveConfig({ gossipInterval: 8_000, eagerRounds: 0 });
    const rounds = new Rounds(config, () => 0.5);
    rounds.start(0);
    intervals(rounds, [false, false]);
    rounds.hasten(0, true);
    expect(rounds.due).toBe(8_000);
    expect(intervals(rounds, [false])).toEqual([8]);
  });

  it('R3: constant changes do not put the next round off', () => {
    const rounds = new Rounds(resolveConfig(), () => 0.5);
    rounds.start(0);
    rounds.begin(NEIGHBORS, rounds.due);
    const { due } = rounds;
    for (let now = due - 1_000; now < due; now += 10) rounds.hasten(now);
    expect(rounds.due).toBe(due);
  });
});
