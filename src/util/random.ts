/** Seeded randomness for pure code, and the helpers that draw from it. */

/** A draw from [0, 1). Pure code takes one as an argument; a seed then replays a run. */
export type Random = () => number;

/**
 * A small fast generator from a 32-bit seed (sfc32, Chris Doty-Humphrey, PractRand).
 * Not for secrets.
 */
export function seededRandom(seed: number): Random {
  let a = seed | 0;
  let b = 0x9e3779b9;
  let c = 0x243f6a88;
  let d = 1;
  const next = () => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return (t >>> 0) / 4294967296;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** A whole number from 0 to `below` − 1. */
export function randomBelow(random: Random, below: number): number {
  return Math.floor(random() * below);
}

/** Up to `count` different items of `items`, in random order (partial Fisher–Yates). */
export function sample<T>(random: Random, items: Iterable<T>, count: number): T[] {
  const pool = [...items];
  const take = Math.min(count, pool.length);
  for (let i = 0; i < take; i++) {
    const j = i + randomBelow(random, pool.length - i);
    const picked = pool[j] as T;
    pool[j] = pool[i] as T;
    pool[i] = picked;
  }
  return pool.slice(0, take);
}

/** `value` spread evenly over ±`share` of itself, so that timers of many tabs do not march in step. */
export function jitter(random: Random, value: number, share = 0.2): number {
  return value * (1 - share + 2 * share * random());
}
