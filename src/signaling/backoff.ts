/** Exponential back-off with full jitter above a floor (M. Brooker, AWS Architecture Blog, 2015). */

import type { Random } from '../util/random.ts';

/** Shortest wait before a retry, in milliseconds. */
export const MIN_RETRY_MS = 500;

/** Longest wait before a retry, in milliseconds. */
export const MAX_RETRY_MS = 30_000;

/**
 * Milliseconds to wait before retry number `attempt`, from 0: evenly between 0.5 s and 1 s, 2 s,
 * 4 s … 30 s, so that the tabs of a server that restarted do not all come back at once.
 */
export function retryDelay(random: Random, attempt: number): number {
  const ceiling = Math.min(MAX_RETRY_MS, 2 * MIN_RETRY_MS * 2 ** attempt);
  return MIN_RETRY_MS + random() * (ceiling - MIN_RETRY_MS);
}
