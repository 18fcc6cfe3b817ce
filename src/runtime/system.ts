/** The platform's clock and random, for the layers that take them as arguments. */

import type { Clock } from '../ports/clock.ts';
import { PEER_ID_BYTES, type PeerId, peerIdOf } from '../util/peer-id.ts';
import { type Random, seededRandom } from '../util/random.ts';

/** The platform's monotonic clock and timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(callback, delayMs) {
    const handle = setTimeout(callback, delayMs);
    return () => clearTimeout(handle);
  },
};

/** A generator seeded by the platform's cryptographic random. */
export function systemRandom(): Random {
  const [seed] = crypto.getRandomValues(new Uint32Array(1));
  return seededRandom(seed as number);
}

/** A fresh PeerId. */
export function newPeerId(): PeerId {
  return peerIdOf(randomBytes(PEER_ID_BYTES));
}

/** Bytes of the platform's cryptographic random. */
export function randomBytes(count: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(count));
}
