/**
 * What of a Yjs document a tab holds: the ranges of structs and of deletions, client by client,
 * whether Yjs could integrate them yet or not (design section 5).
 *
 * Two tabs hold the same document exactly when these ranges are equal, so a hash of them is the
 * document's leaf. Update bytes would not do (they differ by garbage collection and history), nor
 * the state vector (an edit that only deletes leaves it equal), nor the integrated state (it hides
 * what is pending, and so what must be repaired).
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { type Encoder, writeUint8Array, writeVarUint } from 'lib0/encoding';
import * as Y from 'yjs';
import { encode } from '../util/codec.ts';
import { IntervalSet } from '../util/intervals.ts';

/** Bytes of a leaf. */
export const LEAF_BYTES = 32;
const DOMAIN = new TextEncoder().encode('mnemesh/1/document');

type Ranges = Map<number, IntervalSet>;

export class HeldRanges {
  readonly #structs: Ranges = new Map();
  readonly #deletes: Ranges = new Map();
  #leaf: Uint8Array | undefined;

  /** Whether nothing is held. */
  get isEmpty(): boolean {
    return this.#structs.size === 0 && this.#deletes.size === 0;
  }

  /**
   * Notes what `update` carries; tells whether any of it was new.
   * @throws where the bytes are no Yjs update; then nothing was noted.
   */
  add(update: Uint8Array): boolean {
    const { structs, ds } = Y.decodeUpdate(update);
    let isNew = false;
    for (const struct of structs) {
      // A Skip stands for structs that the update does not carry.
      if (struct instanceof Y.Skip) continue;
      const { client, clock } = struct.id;
      if (addRange(this.#structs, client, clock, struct.length)) isNew = true;
    }
    for (const [client, items] of ds.clients) {
      for (const { clock, len } of items) {
        if (addRange(this.#deletes, client, clock, len)) isNew = true;
      }
    }
    if (isNew) this.#leaf = undefined;
    return isNew;
  }

  /** Hash of the ranges in canonical form: equal exactly where the same is held. */
  leaf(): Uint8Array {
    this.#leaf ??= sha256(
      encode((encoder) => {
        writeUint8Array(encoder, DOMAIN);
        writeRanges(encoder, this.#structs);
        writeRanges(encoder, this.#deletes);
      }),
    );
    return this.#leaf;
  }

  /** A Yjs state vector of what is held without a gap; what lies behind a gap is asked for again. */
  stateVector(): Uint8Array {
    const clocks = [...this.#structs]
      .map(([client, ranges]) => [client, ranges.prefix()] as const)
      .filter(([, clock]) => clock > 0);
    return encode((encoder) => {
      writeVarUint(encoder, clocks.length);
      for (const [client, clock] of clocks) {
        writeVarUint(encoder, client);
        writeVarUint(encoder, clock);
      }
    });
  }
}

function addRange(ranges: Ranges, client: number, clock: number, length: number): boolean {
  let set = ranges.get(client);
  if (set === undefined) {
    if (length === 0) return false;
    set = new IntervalSet();
    ranges.set(client, set);
  }
  return set.add(clock, clock + length);
}

function writeRanges(encoder: Encoder, ranges: Ranges): void {
  const clients = [...ranges.keys()].sort((a, b) => a - b);
  writeVarUint(encoder, clients.length);
  for (const client of clients) {
    const set = ranges.get(client) as IntervalSet;
    writeVarUint(encoder, client);
    writeVarUint(encoder, set.intervals);
    let previous = 0;
    for (const [start, end] of set) {
      writeVarUint(encoder, start - previous);
      writeVarUint(encoder, end - start);
      previous = end;
    }
  }
}
