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
import { IntervalSet } from '../util/intervals.ts';

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
    for (const range of deletes) if (addRange(this.#deletes, range)) news = 'deletes';
    for (const range of structs) if (addRange(this.#structs, range)) news = 'structs';
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

interface Range {
  readonly client: number;
  readonly start: number;
  readonly end: number;
}

function rangesOf(update: Uint8Array): { structs: Range[]; deletes: Range[] } {
  const { structs, ds } = Y.decodeUpdate(update);
  return {
    structs: structs
      // A Skip stands for structs that the update does not carry.
      .filter((struct) => !(struct instanceof Y.Skip))
      .map(({ id, length }) => rangeOf(id.client, id.clock, length)),
    deletes: [...ds.clients].flatMap(([client, items]) =>
      items.map(({ clock, len }) => rangeOf(client, clock, len)),
    ),
  };
}

function rangeOf(client: number, start: number, length: number): Range {
  const end = start + length;
  // Beyond it numbers are not exact, and a state vector that names them cannot be read.
  if (end > Number.MAX_SAFE_INTEGER) throw new RangeError('a Yjs clock beyond the safe integers');
  return { client, start, end };
}

function addRange(ranges: Ranges, { client, start, end }: Range): boolean {
  let set = ranges.get(client);
  if (set === undefined) {
    if (start === end) return false;
    set = new IntervalSet();
    ranges.set(client, set);
  }
  return set.add(start, end);
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
