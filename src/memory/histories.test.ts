import { describe, expect, it } from 'vitest';
import { type Rule, runHistory } from './testing/histories.ts';

const SEEDS = process.env.MNEMESH_SOAK === undefined ? 500 : 20_000;
const CAUSAL_SEEDS = process.env.MNEMESH_SOAK === undefined ? 1000 : 5000;

/** Twenty times what a history takes. */
const MS_A_SEED = 600;

/**
 * What goes wrong in some history without a rule. R3 and R9 are in replica.test.ts, R10 in
 * reconcile/reconcile.test.ts.
 */
const NEEDED: readonly (readonly [Rule, RegExp])[] = [
  ['R1', /is missing, and nothing removed it/],
  ['R2', /is missing, and nothing removed it|returned by a join/],
  ['R4', /returned/],
  ['R5', /different memories/],
  ['R6', /is missing|was never written/],
  ['R7', /is held, and not in the context|is missing, and nothing removed it/],
  ['R8', /counts/],
];

describe('histories', () => {
  it(
    `R1 to R8: in ${SEEDS} faulty histories nothing is lost, nothing returns, counters are exact, and all memories come to be equal`,
    () => {
      for (let seed = 0; seed < SEEDS; seed++) {
        expect(runHistory({ seed }), `seed ${seed}`).toEqual([]);
      }
    },
    SEEDS * MS_A_SEED,
  );

  it(
    `C1, C3: in ${CAUSAL_SEEDS} of them in causal rooms no effect is shown without its causes at any step`,
    () => {
      for (let seed = 0; seed < CAUSAL_SEEDS; seed++) {
        expect(runHistory({ seed, isCausal: true }), `seed ${seed}`).toEqual([]);
      }
    },
    CAUSAL_SEEDS * MS_A_SEED,
  );

  it('C1: without it some history shows an effect without its cause', () => {
    const found = firstWrong('C1', true);
    expect(found.join('\n')).toMatch(/is shown without/);
  });

  it.each(NEEDED)('%s: without it some history goes wrong', (without, wrong) => {
    const found = firstWrong(without);
    expect(found.join('\n')).toMatch(wrong);
  });
});

/** What is wrong in the first of 200 histories that goes wrong without the rule. */
function firstWrong(without: Rule, isCausal = false): string[] {
  for (let seed = 0; seed < 200; seed++) {
    const wrongs = runHistory({ seed, without, isCausal });
    if (wrongs.length > 0) return wrongs;
  }
  return [];
}
