import { describe, expect, it } from 'vitest';
import { type Rule, runHistory } from './testing/histories.ts';

const SEEDS = process.env.MNEMESH_SOAK === undefined ? 500 : 20_000;

/** Why each rule is there: what goes wrong in some history without it. */
const NEEDED: readonly (readonly [Rule, RegExp])[] = [
  ['R1', /is missing, and nothing removed it/],
  ['R2', /is missing, and nothing removed it/],
  ['R3', /returned by a join/],
  ['R4', /returned/],
  ['R5', /different memories/],
  ['R6', /is missing|was never written/],
  ['R7', /is held, and not in the context|is missing, and nothing removed it/],
  ['R8', /counts/],
];

describe('histories', () => {
  it(`R1 to R8: in ${SEEDS} faulty histories nothing is lost, nothing returns, counters are exact, and all memories come to be equal`, () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      expect(runHistory({ seed }), `seed ${seed}`).toEqual([]);
    }
  });

  it.each(NEEDED)('%s: without it some history goes wrong', (without, wrong) => {
    const found = firstWrong(without);
    expect(found.join('\n')).toMatch(wrong);
  });
});

/** What is wrong in the first of 200 histories that goes wrong without the rule. */
function firstWrong(without: Rule): string[] {
  for (let seed = 0; seed < 200; seed++) {
    const wrongs = runHistory({ seed, without });
    if (wrongs.length > 0) return wrongs;
  }
  return [];
}
