/** What one connection has yet to send: two lanes of frames, taken a fragment at a time. */

import type { Lane } from '../ports/transport.ts';
import { MeshError } from '../util/errors.ts';
import { Fragmenter } from './fragments.ts';

/**
 * Bytes that may wait to be sent, twice the largest frame: whoever asks for much and does not take it
 * must not fill this tab's memory.
 */
const MAX_QUEUED_BYTES = 512 * 1024 * 1024;
/** Control fragments in a row, while bulk waits, after which one bulk fragment goes. */
export const CONTROL_RUN = 32;

/**
 * Control goes before bulk, whose frames it interrupts between two fragments; but a flood of control
 * leaves bulk one fragment in every CONTROL_RUN + 1, so that neither lane waits for ever.
 */
export class SendQueue {
  readonly #maxFrameBytes: number;
  readonly #control = new Fifo();
  readonly #bulk = new Fifo();
  #controlRun = 0;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Bytes of frames that no fragment took yet. */
  get queuedBytes(): number {
    return this.#control.bytes + this.#bulk.bytes;
  }

  /**
   * Adds a frame at the end of its lane; false where too much waits already. The frame is not copied:
   * leave its bytes as they are.
   * @throws MeshError `value-too-large` above the limit; nothing was queued.
   */
  push(frame: Uint8Array, lane: Lane): boolean {
    if (frame.length > this.#maxFrameBytes) {
      throw new MeshError(
        'value-too-large',
        `A frame of ${frame.length} bytes is over the limit of ${this.#maxFrameBytes}; nothing was sent. Split the value.`,
      );
    }
    if (this.queuedBytes + frame.length > MAX_QUEUED_BYTES) return false;
    (lane === 'control' ? this.#control : this.#bulk).push(new Fragmenter(frame, lane));
    return true;
  }

  /** Takes the next fragment to send, of bulk only with `mayBulk`; undefined where nothing waits. */
  next(mayBulk = true): Uint8Array | undefined {
    const bulkWaits = mayBulk && this.#bulk.head !== undefined;
    const takeBulk = this.#control.head === undefined || this.#controlRun >= CONTROL_RUN;
    const lane = bulkWaits && takeBulk ? this.#bulk : this.#control;
    this.#controlRun = bulkWaits && lane === this.#control ? this.#controlRun + 1 : 0;
    return lane.next();
  }

  /** Drops all that waits. */
  clear(): void {
    this.#control.clear();
    this.#bulk.clear();
  }

  /** Drops what waits on bulk, for a connection that is about to close. */
  clearBulk(): void {
    this.#bulk.clear();
  }
}

/** Frames of one lane, first in, first out, in constant time a step on average. */
class Fifo {
  #items: (Fragmenter | undefined)[] = [];
  #start = 0;
  /** Bytes of frames that no fragment took yet. */
  bytes = 0;

  get head(): Fragmenter | undefined {
    return this.#items[this.#start];
  }

  push(item: Fragmenter): void {
    this.#items.push(item);
    this.bytes += item.remainingBytes;
  }

  /** The next fragment of the first frame. */
  next(): Uint8Array | undefined {
    const frame = this.head;
    if (frame === undefined) return undefined;
    const before = frame.remainingBytes;
    const fragment = frame.next();
    this.bytes -= before - frame.remainingBytes;
    if (frame.done) this.#shift();
    return fragment;
  }

  clear(): void {
    this.#items = [];
    this.#start = 0;
    this.bytes = 0;
  }

  #shift(): void {
    this.#items[this.#start++] = undefined;
    if (this.#start * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#start);
      this.#start = 0;
    }
  }
}
