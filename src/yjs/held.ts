/**
 * What of a Yjs document a tab holds: the ranges of structs and of deletions, client by client,
 * whether Yjs could integrate them yet or not (SPEC.md D1).
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
import { type Interval, IntervalSet } from '../util/intervals.ts';

/** Bytes of a leaf. */
export const LEAF_BYTES = 32;
const DOMAIN = new TextEncoder().encode('mnemesh/1/document');

type Ranges = Map<number, IntervalSet>;

/** What was new in an update: structs, and deletions perhaps, or deletions alone. */
export type News = 'structs' | 'deletes';

export class HeldRanges {
  readonly #structs: Ranges = new Map();
  readonly #deletes: Ranges = new Map();
  #leaf: Uint8Array | undefined;

  /** Whether nothing is held. */
  get isEmpty(): boolean {
    return this.#structs.size === 0 && this.#deletes.size === 0;
  }

  /**
   * Notes what `update` carries; tells what of it was new, `undefined` where nothing was.
   * @throws where the bytes are no Yjs update; then nothing was noted.
   */
  add(update: Uint8Array): News | undefined {
    const { structs, deletes } = rangesOf(update);
    let news: News | undefined;
    if (addRanges(this.#deletes, deletes)) news = 'deletes';
    if (addRanges(this.#structs, structs)) news = 'structs';
    if (news !== undefined) this.#leaf = undefined;
    return news;
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

/** Intervals of clocks by client. */
type Update = Map<number, Interval[]>;

function rangesOf(update: Uint8Array): { structs: Update; deletes: Update } {
  const decoded = Y.decodeUpdate(update);
  const structs: Update = new Map();
  for (const struct of decoded.structs) {
    // A Skip stands for structs that the update does not carry.
    if (struct instanceof Y.Skip) continue;
    note(structs, struct.id.client, struct.id.clock, struct.length);
  }
  const deletes: Update = new Map();
  for (const [client, items] of decoded.ds.clients) {
    for (const { clock, len } of items) note(deletes, client, clock, len);
  }
  return { structs, deletes };
}

function note(update: Update, client: number, start: number, length: number): void {
  const end = start + length;
  // Beyond it numbers are not exact, and a state vector that names them cannot be read.
  if (end > Number.MAX_SAFE_INTEGER) throw new RangeError('a Yjs clock beyond the safe integers');
  if (length === 0) return;
  const intervals = update.get(client);
  if (intervals === undefined) update.set(client, [[start, end]]);
  else intervals.push([start, end]);
}

function addRanges(ranges: Ranges, update: Update): boolean {
  let isNew = false;
  for (const [client, intervals] of update) {
    let set = ranges.get(client);
    if (set === undefined) {
      set = new IntervalSet();
      ranges.set(client, set);
    }
    isNew = set.addAll(intervals) || isNew;
  }
  return isNew;
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
