/**
 * The records and the context of one memory, with cheap snapshots.
 *
 * A pin is a snapshot that costs nothing when taken: from then on it keeps what each changed record
 * and each changed part of the context was before. So it also tells what was touched since.
 */

import type { IntervalSet } from '../util/intervals.ts';
import { Context, type ContextView, withEntries } from './context.ts';
import { type CollectionKey, collectionOf } from './keys.ts';
import type { DottedRecord, RecordKey, ReplicaId } from './types.ts';

const NONE: ReadonlyMap<RecordKey, DottedRecord> = new Map();

/** A memory as it was at one instant. Release it, since it grows with every change after it. */
export interface Pin {
  /** The context of that instant. */
  readonly context: ContextView;
  /** The record of that instant. */
  get(key: RecordKey): DottedRecord | undefined;
  /** All records of that instant. */
  entries(): Iterable<readonly [RecordKey, DottedRecord]>;
  /** The keys whose record was changed since, even if it is now as it was. */
  touched(): Iterable<RecordKey>;
  /** Whether the context grew, or changed otherwise, for `replica` since. */
  isTouched(replica: ReplicaId): boolean;
  /** Ends the snapshot, which is not to be read any more; idempotent. */
  release(): void;
}

/** What a pin keeps: for each thing changed since, what it was. */
export interface Before {
  readonly records: Map<RecordKey, DottedRecord | undefined>;
  readonly replicas: Map<ReplicaId, IntervalSet | undefined>;
}

/** A pin with what it keeps. */
export type Pinned = Pin & Before;

export class RecordStore {
  readonly #collections = new Map<CollectionKey, Map<RecordKey, DottedRecord>>();
  readonly #context = new Context();
  readonly #pins = new Set<Before>();
  #size = 0;

  /** How many records hold something. */
  get size(): number {
    return this.#size;
  }

  get context(): ContextView {
    return this.#context;
  }

  get(key: RecordKey): DottedRecord | undefined {
    return this.#collections.get(collectionOf(key))?.get(key);
  }

  /** The records of a collection, live: it may change while it is iterated, as a Map may. */
  collection(key: CollectionKey): ReadonlyMap<RecordKey, DottedRecord> {
    return this.#collections.get(key) ?? NONE;
  }

  *entries(): Generator<readonly [RecordKey, DottedRecord]> {
    for (const collection of this.#collections.values()) yield* collection;
  }

  put(key: RecordKey, record: DottedRecord | undefined): void {
    const name = collectionOf(key);
    let collection = this.#collections.get(name);
    const before = collection?.get(key);
    if (before === record) return;
    for (const pin of this.#pins) if (!pin.records.has(key)) pin.records.set(key, before);
    if (record === undefined) {
      collection?.delete(key);
      if (collection?.size === 0) this.#collections.delete(name);
      this.#size--;
      return;
    }
    if (collection === undefined) {
      collection = new Map();
      this.#collections.set(name, collection);
    }
    collection.set(key, record);
    if (before === undefined) this.#size++;
  }

  /** Adds dots of `replica` to the context. */
  see(replica: ReplicaId, start: number, end: number): void {
    if (this.#context.of(replica)?.covers(start, end)) return;
    this.#keep(replica);
    this.#context.add(replica, start, end);
  }

  /** Adds all dots of `other` to the context. */
  join(other: ContextView): void {
    for (const [replica, intervals] of other) {
      const held = this.#context.of(replica);
      if (held?.equals(intervals)) continue;
      this.#keep(replica);
      this.#context.addAll(replica, intervals);
    }
  }

  /** Takes dots of `replica` out of the context, as if they were never seen. */
  forget(replica: ReplicaId, start: number, end: number): void {
    this.#keep(replica);
    this.#context.forget(replica, start, end);
  }

  pin(): Pinned {
    const before: Before = { records: new Map(), replicas: new Map() };
    this.#pins.add(before);
    const get = (key: RecordKey) =>
      before.records.has(key) ? before.records.get(key) : this.get(key);
    const current = this.entries.bind(this);
    return {
      ...before,
      context: withEntries(this.#context, before.replicas),
      get,
      *entries() {
        for (const [key, record] of current()) {
          if (!before.records.has(key)) yield [key, record] as const;
        }
        for (const [key, record] of before.records) {
          if (record !== undefined) yield [key, record] as const;
        }
      },
      touched: () => before.records.keys(),
      isTouched: (replica) => before.replicas.has(replica),
      release: () => {
        this.#pins.delete(before);
      },
    };
  }

  /** Takes back all that was changed since `pin`, which must be the newest. */
  restore(pin: Pinned): void {
    pin.release();
    for (const [key, record] of pin.records) this.put(key, record);
    for (const [replica, intervals] of pin.replicas) {
      this.#keep(replica);
      this.#context.replace(replica, intervals);
    }
  }

  /** Before the context changes for `replica`: pins keep what it was. */
  #keep(replica: ReplicaId): void {
    for (const pin of this.#pins) {
      if (!pin.replicas.has(replica)) {
        pin.replicas.set(replica, this.#context.of(replica)?.copy());
      }
    }
  }
}
