/**
 * What of a Yjs document a tab holds: the ranges of structs and of deletions, client by client,
 * whether Yjs could integrate them yet or not (SPEC.md D1).
 *
 * Two tabs hold the same document exactly when these ranges are equal, so a hash of them is the
 * document's leaf. Update bytes would not do (they differ by garbage collection and history), nor
 * the state vector (an edit that only deletes leaves it equal), nor the integrated state (it hides
 * what is pending, and so what must be repaired).
 */

import { writeUint8Array, writeVarString, writeVarUint } from 'lib0/encoding';
import * as Y from 'yjs';
import {
  type ClientEntry,
  emptyEntry,
  writeEntry,
} from '../memory/reconcile/reconcile-clients-wire.ts';
import { encode } from '../util/codec.ts';
import type { Interval, IntervalSet } from '../util/intervals.ts';
import { sha256 } from '../util/sha256.ts';

/** Bytes of a leaf. */
export const LEAF_BYTES = 32;
/** Bytes of a root in a comparison: a SHA-256 cut short, since one goes out in every round. */
export const ROOT_BYTES = 16;
const DOMAIN = new TextEncoder().encode('mnemesh/1/document');

/** What is held, by client; no entry is empty. */
export type Ranges = ReadonlyMap<number, ClientEntry>;

/** What was new in an update: structs, and deletions perhaps, or deletions alone. */
export type News = 'structs' | 'deletes';

/** A range that was new. */
export interface Fresh {
  readonly client: number;
  readonly kind: News;
  readonly range: Interval;
}

/** So many new ranges are told one by one; where there are more, they are not told. */
export const MAX_FRESH = 512;

export class HeldRanges {
  readonly #clients = new Map<number, ClientEntry>();
  #fresh: Fresh[] | undefined = [];
  #leaf: Uint8Array | undefined;

  /** Whether nothing is held. */
  get isEmpty(): boolean {
    return this.#clients.size === 0;
  }

  /** What is held, live. */
  get ranges(): Ranges {
    return this.#clients;
  }

  /**
   * Notes what `update` carries; tells what of it was new, `undefined` where nothing was.
   * @throws where the bytes are no Yjs update; then nothing was noted.
   */
  add(update: Uint8Array): News | undefined {
    const { structs, deletes } = rangesOf(update);
    let news: News | undefined;
    if (this.#addAll(deletes, 'deletes')) news = 'deletes';
    if (this.#addAll(structs, 'structs')) news = 'structs';
    if (news !== undefined) this.#leaf = undefined;
    return news;
  }

  /** What came since the last call; `undefined` where that is too much to tell. */
  takeFresh(): readonly Fresh[] | undefined {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  /** Hash of the ranges in canonical form: equal exactly where the same is held. */
  leaf(): Uint8Array {
    this.#leaf ??= leafOf(this.#clients);
    return this.#leaf;
  }

  /** The leaf of what is held but for `parts`; `undefined` where that is nothing. */
  leafWithout(parts: Iterable<ClientEntry>): Uint8Array | undefined {
    const rest = new Map(this.#clients);
    for (const { client, structs, deletes } of parts) {
      const held = rest.get(client);
      if (held === undefined) continue;
      const left = {
        client,
        structs: difference(held.structs, structs),
        deletes: difference(held.deletes, deletes),
      };
      if (left.structs.intervals + left.deletes.intervals > 0) rest.set(client, left);
      else rest.delete(client);
    }
    return rest.size === 0 ? undefined : leafOf(rest);
  }

  /** Whether all of `entry` is held. */
  covers({ client, structs, deletes }: ClientEntry): boolean {
    const held = this.#clients.get(client) ?? emptyEntry(client);
    return (
      [...structs].every(([start, end]) => held.structs.covers(start, end)) &&
      [...deletes].every(([start, end]) => held.deletes.covers(start, end))
    );
  }

  /** A Yjs state vector of what is held without a gap; what lies behind a gap is asked for again. */
  stateVector(): Uint8Array {
    return vectorOf(this.#clients, ({ structs }) => structs.prefix());
  }

  #addAll(update: Update, kind: News): boolean {
    let isNew = false;
    for (const [client, intervals] of update) {
      let held = this.#clients.get(client);
      if (held === undefined) {
        held = emptyEntry(client);
        this.#clients.set(client, held);
      }
      this.#note(client, kind, held[kind], intervals);
      isNew = held[kind].addAll(intervals) || isNew;
    }
    return isNew;
  }

  #note(client: number, kind: News, held: IntervalSet, intervals: readonly Interval[]): void {
    for (const interval of intervals) {
      if (this.#fresh === undefined) return;
      if (held.covers(...interval)) continue;
      for (const range of gaps(held, interval)) this.#fresh.push({ client, kind, range });
      if (this.#fresh.length > MAX_FRESH) this.#fresh = undefined;
    }
  }
}

/** The numbers of `from` that are not in `without`. */
export function difference(from: IntervalSet, without: IntervalSet): IntervalSet {
  const rest = from.copy();
  for (const [start, end] of without) rest.remove(start, end);
  return rest;
}

/** A Yjs state vector that has of each client of `ranges` the clock that `clockOf` gives. */
export function vectorOf(ranges: Ranges, clockOf: (entry: ClientEntry) => number): Uint8Array {
  const clocks = Array.from(ranges.values(), (entry) => [entry.client, clockOf(entry)] as const);
  const known = clocks.filter(([, clock]) => clock > 0);
  return encode((encoder) => {
    writeVarUint(encoder, known.length);
    for (const [client, clock] of known) {
      writeVarUint(encoder, client);
      writeVarUint(encoder, clock);
    }
  });
}

/** A document's name and leaf. */
export interface Leaf {
  readonly name: string;
  readonly leaf: Uint8Array;
}

/** Hash of documents by their leaves, in whatever order they come (D2). */
export function rootOf(leaves: Iterable<Leaf>): Uint8Array {
  const sorted = [...leaves].sort((a, b) => (a.name < b.name ? -1 : 1));
  return sha256(
    encode((encoder) => {
      for (const { name, leaf } of sorted) {
        writeVarString(encoder, name);
        writeUint8Array(encoder, leaf);
      }
    }),
  );
}

function leafOf(ranges: Ranges): Uint8Array {
  const clients = [...ranges.keys()].sort((a, b) => a - b);
  return sha256(
    encode((encoder) => {
      writeUint8Array(encoder, DOMAIN);
      for (const client of clients) writeEntry(encoder, ranges.get(client) as ClientEntry);
    }),
  );
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

/** What of `start` to `end` − 1 is not in `set`. */
function* gaps(set: IntervalSet, [start, end]: Interval): Generator<Interval> {
  let from = start;
  for (const [left, right] of set) {
    if (right <= from) continue;
    if (left >= end) break;
    if (left > from) yield [from, left];
    from = right;
  }
  if (from < end) yield [from, end];
}
