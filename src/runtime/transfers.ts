/** Whether something large is on its way over links, so that comparing memories now would mislead. */

import type { PeerId } from '../util/peer-id.ts';

/** More than this under way on a link is a transfer. */
const TRANSFER_BYTES = 32 * 1024;
/** A neighbor that was asked for something large has this long to begin. */
const GRACE_MS = 2_000;

/**
 * Whether a transfer with `peer`, or one that brings this tab something from anybody, is under way.
 * Bytes that flow count; what a neighbor only promised does so for a moment, lest it hide differences.
 */
export function isTransferring(
  peer: PeerId,
  asked: Iterable<{ readonly peer: PeerId; readonly waited: number }>,
  bytesUnderWay: (peer: PeerId) => number,
): boolean {
  if (bytesUnderWay(peer) > TRANSFER_BYTES) return true;
  for (const from of asked) {
    if (from.waited < GRACE_MS || bytesUnderWay(from.peer) > 0) return true;
  }
  return false;
}
