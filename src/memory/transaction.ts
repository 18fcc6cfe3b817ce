/**
 * Local writes, gathered into one delta.
 *
 * Each record that a transaction writes takes one dot, however often it is written: what is written
 * again takes the place of what was, since nobody has seen it.
 */

import { MeshError } from '../util/errors.ts';
import { valuesOf, without, withValue } from './record.ts';
import type { RecordStore } from './store.ts';
import {
  BOUNDS,
  type Dot,
  type DottedRecord,
  type RecordKey,
  type ReplicaId,
  type Write,
} from './types.ts';

/** Which of a record's values are meant. */
type Choice = (value: DottedRecord) => boolean;

/** How types write records; valid while its transaction runs. */
export interface Writer {
  /** Who writes. */
  readonly replica: ReplicaId;
  /** The run of this replica's running totals (SPEC.md R8). */
  readonly epoch: number;
  /** The record as it is now, what this transaction wrote included. */
  get(key: RecordKey): DottedRecord | undefined;
  /**
   * Puts a value into a record, in place of those that `replaces` tells of, or of all.
   * @throws MeshError `bad-argument` where the transaction, the record or the counter is full.
   */
  put(key: RecordKey, payload: Uint8Array, replaces?: Choice): void;
  /** Removes the values that `isGone` tells of, or all; nothing where there are none. */
  remove(key: RecordKey, isGone?: Choice): void;
}

/** What the transaction wrote to one record so far. */
interface Slot {
  readonly counter: number;
  readonly removed: Dot[];
  payload: Uint8Array | undefined;
}

const all: Choice = () => true;

export class Transaction implements Writer {
  readonly replica: ReplicaId;
  readonly epoch: number;
  readonly first: number;
  readonly #store: RecordStore;
  readonly #slots = new Map<RecordKey, Slot>();
  #isOpen = true;

  constructor(store: RecordStore, replica: ReplicaId, epoch: number, first: number) {
    this.#store = store;
    this.replica = replica;
    this.epoch = epoch;
    this.first = first;
  }

  get(key: RecordKey): DottedRecord | undefined {
    return this.#store.get(key);
  }

  put(key: RecordKey, payload: Uint8Array, replaces = all): void {
    const record = this.#store.get(key);
    const slot = this.#slot(key);
    const kept = this.#take(record, slot, replaces);
    slot.payload = payload;
    this.#store.put(
      key,
      withValue(kept, { replica: this.replica, counter: slot.counter }, payload),
    );
  }

  remove(key: RecordKey, isGone = all): void {
    const record = this.#store.get(key);
    let isAny = false;
    for (const value of valuesOf(record)) isAny ||= isGone(value);
    if (!isAny) return;
    const slot = this.#slot(key);
    const kept = this.#take(record, slot, isGone);
    slot.payload = undefined;
    this.#store.put(key, kept);
  }

  /** Puts a value beside those that are there, in place of `removed`, which are there no more (R9). */
  putMoved(key: RecordKey, payload: Uint8Array, removed: readonly Dot[]): void {
    const slot = this.#slot(key);
    slot.removed.push(...removed);
    slot.payload = payload;
    const dot = { replica: this.replica, counter: slot.counter };
    this.#store.put(key, withValue(this.#store.get(key), dot, payload));
  }

  /** Ends the transaction, and gives its writes in order of their dots. */
  close(): Write[] {
    this.#isOpen = false;
    return Array.from(this.#slots, ([key, { removed, payload }]) => ({ key, removed, payload }));
  }

  #slot(key: RecordKey): Slot {
    if (!this.#isOpen) {
      throw new MeshError('bad-argument', 'A write after its transaction ended. Nothing changed.');
    }
    const existing = this.#slots.get(key);
    if (existing !== undefined) return existing;
    const counter = this.first + this.#slots.size;
    if (this.#slots.size >= BOUNDS.writes || counter > BOUNDS.counter) {
      const message = `A transaction writes at most ${BOUNDS.writes} records. Nothing of it is kept; divide it.`;
      throw new MeshError('bad-argument', message);
    }
    const slot: Slot = { counter, removed: [], payload: undefined };
    this.#slots.set(key, slot);
    return slot;
  }

  /** `record` without what `isGone` tells of and without this slot's value; notes the dots that go. */
  #take(record: DottedRecord | undefined, slot: Slot, isGone: Choice): DottedRecord | undefined {
    return without(record, (value) => {
      if (value.replica === this.replica && value.counter === slot.counter) return true;
      if (!isGone(value)) return false;
      slot.removed.push({ replica: value.replica, counter: value.counter });
      return true;
    });
  }
}
