/**
 * One side of a connection's framing: frames in, fragments out, and back.
 *
 * Bulk is sent in a window (SPEC W7). The other side acknowledges bulk fragments as it takes them, and no more
 * than WINDOW of them are under way. A data channel's own buffer does not bound that: what the
 * receiver's page has not got round to piles up behind it, and a keystroke would wait there.
 */

import type { Lane } from '../ports/transport.ts';
import { ACKNOWLEDGEMENT, FRAGMENT_BYTES, isBulk, malformed, Reassembler } from './fragments.ts';
import { SendQueue } from './send-queue.ts';

/** Bulk fragments that one acknowledgement is for: 128 KiB. */
export const ACKNOWLEDGED_AT_ONCE = 8;
/** Bulk fragments under way at most: 512 KiB, which fills 5 MB/s at a round trip of 100 ms. */
export const WINDOW = 4 * ACKNOWLEDGED_AT_ONCE;

export class Framing {
  readonly #queue: SendQueue;
  readonly #reassembler: Reassembler;
  /** Bulk fragments sent and not acknowledged. */
  #underWay = 0;
  /** Bulk fragments taken since this side's last acknowledgement. */
  #taken = 0;
  /** Acknowledgements that are due. */
  #due = 0;

  /** `maxFrameBytes`: the largest frame to send or to accept. */
  constructor(maxFrameBytes: number) {
    this.#queue = new SendQueue(maxFrameBytes);
    this.#reassembler = new Reassembler(maxFrameBytes);
  }

  /**
   * Bytes that were pushed and that the other side is not known to have taken; of the last few
   * fragments that is never known, so they do not count.
   */
  get queuedBytes(): number {
    const unacknowledged = Math.max(0, this.#underWay - ACKNOWLEDGED_AT_ONCE + 1);
    return this.#queue.queuedBytes + unacknowledged * FRAGMENT_BYTES;
  }

  /** Bytes that `next` has not given yet. */
  get unsentBytes(): number {
    return this.#queue.queuedBytes + this.#due;
  }

  get receivingBytes(): number {
    return this.#reassembler.receivingBytes;
  }

  /**
   * Adds a frame at the end of its lane; false where too much waits already. Leave its bytes as they are.
   * @throws MeshError `value-too-large`; nothing was queued.
   */
  push(frame: Uint8Array, lane: Lane): boolean {
    return this.#queue.push(frame, lane);
  }

  /** The next fragment to send now, if there is one. */
  next(): Uint8Array | undefined {
    if (this.#due > 0) {
      this.#due--;
      return ACKNOWLEDGEMENT;
    }
    const fragment = this.#queue.next(this.#underWay < WINDOW);
    if (fragment !== undefined && isBulk(fragment)) this.#underWay++;
    return fragment;
  }

  /**
   * Takes a fragment of the other side; returns the frame that it completes. There may be more to
   * send afterwards.
   * @throws MeshError `bad-frame`; everything held is freed.
   */
  receive(fragment: Uint8Array): Uint8Array | undefined {
    if (fragment.length === 1 && fragment[0] === ACKNOWLEDGEMENT[0]) {
      if (this.#underWay < ACKNOWLEDGED_AT_ONCE)
        throw malformed('it acknowledges what was not sent');
      this.#underWay -= ACKNOWLEDGED_AT_ONCE;
      return undefined;
    }
    const frame = this.#reassembler.push(fragment);
    if (isBulk(fragment) && ++this.#taken === ACKNOWLEDGED_AT_ONCE) {
      this.#taken = 0;
      this.#due++;
    }
    return frame;
  }

  /** Drops all that waits and all that is held. */
  clear(): void {
    this.#queue.clear();
    this.#due = 0;
    this.#underWay = 0;
    this.#reassembler.clear();
  }

  /** For a connection about to close: drops bulk that waits and what is held; control stays. */
  clearBulk(): void {
    this.#queue.clearBulk();
    this.#reassembler.clear();
  }
}
