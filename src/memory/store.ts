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
  /** Ends the snapshot, which is not to be read any more; idempotent. */
  release(): void;
}

/** A pin with what it keeps: for each thing changed since, what it was. */
export class Pinned implements Pin {
  readonly records = new Map<RecordKey, DottedRecord | undefined>();
  readonly replicas = new Map<ReplicaId, IntervalSet | undefined>();
  readonly #store: RecordStore;
  readonly #release: (pin: Pinned) => void;

  constructor(store: RecordStore, release: (pin: Pinned) => void) {
    this.#store = store;
    this.#release = release;
  }

  get context(): ContextView {
    return withEntries(this.#store.context, this.replicas);
  }

  get(key: RecordKey): DottedRecord | undefined {
    return this.records.has(key) ? this.records.get(key) : this.#store.get(key);
  }

  *entries(): Generator<readonly [RecordKey, DottedRecord]> {
    for (const [key, record] of this.#store.entries()) {
      if (!this.records.has(key)) yield [key, record];
    }
    for (const [key, record] of this.records) if (record !== undefined) yield [key, record];
  }

  touched(): Iterable<RecordKey> {
    return this.records.keys();
  }

  release(): void {
    this.#release(this);
  }
}

interface Collection {
  readonly name: CollectionKey;
  readonly records: Map<RecordKey, DottedRecord>;
}

export class RecordStore {
  readonly #collections = new Map<CollectionKey, Map<RecordKey, DottedRecord>>();
  readonly #context = new Context();
  readonly #pins = new Set<Pinned>();
  readonly #unpin = (pin: Pinned): void => {
    this.#pins.delete(pin);
  };
  /** The collection that was used last, which most uses are of. */
  #recent: Collection | undefined;
  #size = 0;

  /** How many records hold something. */
  get size(): number {
    return this.#size;
  }

  get context(): ContextView {
    return this.#context;
  }

  get(key: RecordKey): DottedRecord | undefined {
    return this.#collectionOf(key)?.get(key);
  }

  /** The records of a collection, live: it may change while it is iterated, as a Map may. */
  collection(key: CollectionKey): ReadonlyMap<RecordKey, DottedRecord> {
    return this.#collections.get(key) ?? NONE;
  }

  *entries(): Generator<readonly [RecordKey, DottedRecord]> {
    for (const collection of this.#collections.values()) yield* collection;
  }

  put(key: RecordKey, record: DottedRecord | undefined): void {
    const collection = this.#collectionOf(key);
    const before = collection?.get(key);
    if (before === record) return;
    for (const pin of this.#pins) if (!pin.records.has(key)) pin.records.set(key, before);
    if (record === undefined) {
      collection?.delete(key);
      this.#size--;
      if (collection?.size === 0) {
        this.#collections.delete(collectionOf(key));
        this.#recent = undefined;
      }
      return;
    }
    if (before === undefined) this.#size++;
    if (collection === undefined)
      this.#collections.set(collectionOf(key), new Map([[key, record]]));
    else collection.set(key, record);
  }

  #collectionOf(key: RecordKey): Map<RecordKey, DottedRecord> | undefined {
    if (this.#recent !== undefined && key.startsWith(this.#recent.name))
      return this.#recent.records;
    const name = collectionOf(key);
    const records = this.#collections.get(name);
    if (records !== undefined) this.#recent = { name, records };
    return records;
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
    const pin = new Pinned(this, this.#unpin);
    this.#pins.add(pin);
    return pin;
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
