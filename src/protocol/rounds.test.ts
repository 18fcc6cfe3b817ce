import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../util/random.ts';
import { resolveConfig } from './config.ts';
import { Rounds } from './rounds.ts';

/** Delays without their jitter of a tenth, in seconds. */
const next = (rounds: Rounds) => Math.round(rounds.nextDelay() / 1_000);

describe('rounds', () => {
  it('R1: pick fanout neighbors at random, and all in time', () => {
    const rounds = new Rounds(resolveConfig({ fanout: 2 }), seededRandom(1));
    const neighbors = ['a', 'b', 'c', 'd', 'e'];
    const met = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const picked = rounds.begin(neighbors);
      expect(new Set(picked).size).toBe(2);
      for (const peer of picked) met.add(peer);
    }
    expect([...met].sort()).toEqual(neighbors);
    expect(rounds.begin(['a'])).toEqual(['a']);
    expect(rounds.begin([])).toEqual([]);
    expect(rounds.count).toBe(52);
  });

  it('R2: double their interval while nothing differs, up to gossipIntervalMax', () => {
    const rounds = new Rounds(
      resolveConfig({ gossipInterval: 10_000, gossipIntervalMax: 80_000 }),
      () => 0.5,
    );
    expect([0, 0, 0, 0, 0, 0].map(() => next(rounds))).toEqual([10, 20, 40, 80, 80, 80]);
  });

  it('R3: come at gossipInterval again when something changes, and never later for it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 5_000 }),
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.boolean(), { maxLength: 40 }),
        (gossipInterval, times, steps) => {
          const gossipIntervalMax = gossipInterval * times;
          const rounds = new Rounds(
            resolveConfig({ gossipInterval, gossipIntervalMax }),
            () => 0.5,
          );
          let pending = rounds.nextDelay();
          for (const changes of steps) {
            if (!changes) pending = rounds.nextDelay();
            else if (rounds.hasten()) {
              expect(pending).toBeGreaterThan(gossipInterval);
              pending = rounds.nextDelay();
              expect(pending).toBe(gossipInterval);
            } else expect(pending).toBeLessThanOrEqual(gossipInterval);
          }
        },
      ),
    );
  });

  it('R3: constant changes do not put the next round off', () => {
    const rounds = new Rounds(resolveConfig(), () => 0.5);
    rounds.nextDelay();
    for (let i = 0; i < 10; i++) expect(rounds.hasten()).toBe(false);
    expect(rounds.nextDelay()).toBe(1_000);
  });
});
