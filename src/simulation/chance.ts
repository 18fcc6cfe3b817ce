/** Chance in a simulation: one seed, forked by concern, and the distributions that models draw from. */

import { type Random, seededRandom } from '../util/random.ts';

/**
 * The generator of one concern of a run. Each has its own, so that what one draws moves no other:
 * a run with another network still opens the same tabs.
 */
export function fork(seed: number, concern: string, index = 0): Random {
  // FNV-1a over the name, then over the numbers.
  let hash = 0x811c9dc5;
  for (let i = 0; i < concern.length; i++) {
    hash = Math.imul(hash ^ concern.charCodeAt(i), 0x01000193);
  }
  for (const number of [seed, Math.floor(seed / 2 ** 32), index]) {
    for (let shift = 0; shift < 32; shift += 8) {
      hash = Math.imul(hash ^ ((number >>> shift) & 255), 0x01000193);
    }
  }
  return seededRandom(hash);
}

/** A length of time that varies: log-normal around `medianMs`, cut off at a tenth and ten times of it. */
export interface Spread {
  /** Half of the draws are below. */
  readonly medianMs: number;
  /** Standard deviation of the logarithm: 0 is always the median, 0.5 has 5% above 2.3 times of it. */
  readonly sigma: number;
}

/** One draw of `spread`, in milliseconds. */
export function draw(random: Random, { medianMs, sigma }: Spread): number {
  if (sigma === 0) return medianMs;
  // Box and Muller 1958; 1 - random() is never 0.
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const drawn = medianMs * Math.min(10, Math.max(0.1, Math.exp(sigma * normal)));
  // The last bits of log and exp may differ between engines; the trace must not.
  return Math.round(drawn * 1_000) / 1_000;
}

/** Whether something of this probability happens; draws only where it is in doubt. */
export function happens(random: Random, probability: number): boolean {
  return probability > 0 && random() < probability;
}
