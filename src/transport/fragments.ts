/**
 * Frames in pieces that a data channel carries well.
 *
 * A fragment is a flags byte, on the first fragment of several a varint of the frame's total bytes,
 * and payload. Every fragment but a frame's last is exactly FRAGMENT_BYTES long, so what a sender can
 * make the other side hold is bounded by the bytes it sends. Each lane reassembles by itself, so
 * a control frame can go between two fragments of a bulk frame. 16 KiB is what every browser takes
 * as one message (RFC 8831 section 6.6, RFC 8260 for why larger ones block others).
 */

import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import type { Lane } from '../ports/transport.ts';
import { concatBytes } from '../util/bytes.ts';
import { MeshError } from '../util/errors.ts';

/** Largest fragment in bytes, header included. */
export const FRAGMENT_BYTES = 16 * 1024;

const BULK = 1;
const FIRST = 2;
const LAST = 4;
const KNOWN_FLAGS = BULK | FIRST | LAST;

/** In place of a fragment: the sender took some more bulk fragments of the other side. */
export const ACKNOWLEDGEMENT = Uint8Array.of(8);

/** Whether a fragment belongs to the bulk lane. */
export function isBulk(fragment: Uint8Array): boolean {
  return ((fragment[0] ?? 0) & BULK) !== 0;
}

/** Cuts one frame into fragments, lazily: the frame itself is only sliced, so leave it as it is. */
export class Fragmenter {
  readonly #frame: Uint8Array;
  readonly #lane: Lane;
  #offset = 0;
  #done = false;

  constructor(frame: Uint8Array, lane: Lane) {
    this.#frame = frame;
    this.#lane = lane;
  }

  /** Bytes of the frame that no fragment took yet. */
  get remainingBytes(): number {
    return this.#frame.length - this.#offset;
  }

  /** Whether the last fragment was taken. */
  get done(): boolean {
    return this.#done;
  }

  /** The next fragment; call it only until `done`. */
  next(): Uint8Array {
    const header = encoding.createEncoder();
    const first = this.#offset === 0;
    const whole = first && this.#frame.length < FRAGMENT_BYTES;
    const last = whole || (!first && this.remainingBytes < FRAGMENT_BYTES);
    encoding.writeUint8(
      header,
      (this.#lane === 'bulk' ? BULK : 0) | (first ? FIRST : 0) | (last ? LAST : 0),
    );
    if (first && !last) encoding.writeVarUint(header, this.#frame.length);
    const room = FRAGMENT_BYTES - encoding.length(header);
    const payload = this.#frame.subarray(this.#offset, this.#offset + room);
    this.#offset += payload.length;
    this.#done = last;
    return concatBytes([encoding.toUint8Array(header), payload]);
  }
}

interface Incoming {
  readonly totalBytes: number;
  readonly chunks: Uint8Array[];
  receivedBytes: number;
}

/** Puts the fragments of one connection together again. */
export class Reassembler {
  readonly #maxFrameBytes: number;
  readonly #incoming = new Map<Lane, Incoming>();

  /** `maxFrameBytes`: the largest frame to accept. At most one frame a lane is held. */
  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  /** Bytes held of frames that are not whole yet. */
  get receivingBytes(): number {
    let sum = 0;
    for (const { receivedBytes } of this.#incoming.values()) sum += receivedBytes;
    return sum;
  }

  /**
   * Takes the next fragment in order of arrival; returns the frame that it completes. A frame of
   * one fragment is a view of it. Keeps a reference to the fragment.
   * @throws MeshError `bad-frame` on a fragment that no Fragmenter makes; everything held is freed.
   */
  push(fragment: Uint8Array): Uint8Array | undefined {
    try {
      return this.#push(fragment);
    } catch (error) {
      this.clear();
      throw error;
    }
  }

  /** Frees what is held of frames that are not whole yet. */
  clear(): void {
    this.#incoming.clear();
  }

  #push(fragment: Uint8Array): Uint8Array | undefined {
    const flags = fragment[0];
    if (flags === undefined) throw malformed('it is empty');
    if ((flags & ~KNOWN_FLAGS) !== 0) throw malformed('it has unknown flags');
    const last = (flags & LAST) !== 0;
    if (fragment.length > FRAGMENT_BYTES) throw malformed('it is too long');
    if (!last && fragment.length < FRAGMENT_BYTES) throw malformed('it is short, but not the last');
    const lane: Lane = (flags & BULK) !== 0 ? 'bulk' : 'control';
    return (flags & FIRST) !== 0
      ? this.#begin(lane, fragment, last)
      : this.#continue(lane, fragment.subarray(1), last);
  }

  #begin(lane: Lane, fragment: Uint8Array, last: boolean): Uint8Array | undefined {
    if (this.#incoming.has(lane)) throw malformed('the frame before it is not complete');
    const { totalBytes, payload } = last ? readWhole(fragment) : readFirst(fragment);
    if (totalBytes > this.#maxFrameBytes) {
      throw malformed(
        `its frame has ${totalBytes} bytes, over the limit of ${this.#maxFrameBytes}`,
      );
    }
    if (last) return payload;
    if (totalBytes <= payload.length) throw malformed('it holds more than its frame');
    this.#incoming.set(lane, { totalBytes, chunks: [payload], receivedBytes: payload.length });
    return undefined;
  }

  #continue(lane: Lane, payload: Uint8Array, last: boolean): Uint8Array | undefined {
    const incoming = this.#incoming.get(lane);
    if (incoming === undefined) throw malformed('no frame was begun');
    if (payload.length === 0) throw malformed('it is empty');
    incoming.chunks.push(payload);
    incoming.receivedBytes += payload.length;
    const missing = incoming.totalBytes - incoming.receivedBytes;
    if (missing < 0) throw malformed('its frame is longer than was said');
    if (last !== (missing === 0)) throw malformed('its frame ends elsewhere than was said');
    if (!last) return undefined;
    this.#incoming.delete(lane);
    return concatBytes(incoming.chunks);
  }
}

function readWhole(fragment: Uint8Array): { totalBytes: number; payload: Uint8Array } {
  const payload = fragment.subarray(1);
  return { totalBytes: payload.length, payload };
}

function readFirst(fragment: Uint8Array): { totalBytes: number; payload: Uint8Array } {
  const decoder = decoding.createDecoder(fragment);
  decoder.pos = 1;
  let totalBytes: number;
  try {
    totalBytes = decoding.readVarUint(decoder);
  } catch (error) {
    throw malformed('its length cannot be read', error);
  }
  return { totalBytes, payload: fragment.subarray(decoder.pos) };
}

/** The error that ends a connection whose other side breaks these rules. */
export function malformed(why: string, cause?: unknown): MeshError {
  return new MeshError(
    'bad-frame',
    `A peer sent a malformed fragment: ${why}. Nothing of its frame was used; the link is dropped.`,
    { cause },
  );
}
