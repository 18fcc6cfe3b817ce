/**
 * One memory: records under one causal context, changed by local writes, deltas and joins.
 *
 * It is pure: whoever holds it tells its replica id and counters, carries its deltas, and keeps it on
 * disk. The rules R1 to R9 that it follows are in SPEC.md.
 */

import { MeshError } from '../util/errors.ts';
import { firstMissing, WaitingDeltas } from './causal.ts';
import { ChangeQueue, changesSince, type MemoryChange } from './changes.ts';
import { type ContextView, hasRoom, replicasIn, seenOf } from './context.ts';
import { DeltaLog } from './delta-log.ts';
import { Frontier } from './frontier.ts';
import { type MemorySide, sideKeys, theirRecord } from './join.ts';
import { type CollectionKey, typeOf } from './keys.ts';
import { isTwinsDelta, isTwinsSide, type OwnDots, rewritten } from './own-dots.ts';
import { findDot, mergeRecords, valuesOf, writersOf } from './record.ts';
import { type Pin, type Pinned, RecordStore } from './store.ts';
import { Transaction, type Writer } from './transaction.ts';
import type { Delta, DottedRecord, RecordKey, ReplicaId } from './types.ts';

export interface ReplicaOptions {
  /** Who writes here; leased by this memory alone (SPEC.md R8). */
  readonly id: ReplicaId;
  /** The first counter to use. All below were durably reserved by whoever wrote with this id before. */
  readonly next: number;
  /** The run of running totals to go on with after a clean close. Default `next`: a new one. */
  readonly epoch?: number;
  /** Whether a delta waits for its causes. Default false. */
  readonly isCausal?: boolean;
  /** Called after every change, with the memory as the change left it. */
  readonly changed?: (change: MemoryChange) => void;
}

/**
 * Why nothing was taken. `twin`: someone else writes with this replica's id, and `moveTo` is to be called.
 * `full`: there would be more replicas than `BOUNDS.replicas`.
 */
export type Refused = 'twin' | 'full';

/** `applied`: it brought news. `known`: it did not. `waiting`: it lacks a cause. */
export type Applied = 'applied' | 'known' | 'waiting' | Refused;

export class Replica {
  /** Recent deltas, local and remote. */
  readonly log = new DeltaLog();
  readonly #store = new RecordStore();
  readonly #waiting: WaitingDeltas | undefined;
  readonly #frontier: Frontier | undefined;
  readonly #changes: ChangeQueue;
  /** Own totals that were published and that unpublished writes replaced; a move puts them back. */
  #bases = new Map<RecordKey, DottedRecord>();
  /** Up to where dots were marked, and the totals of those that were replaced since. */
  #marked: { readonly next: number; readonly bases: Map<RecordKey, DottedRecord> };
  #transaction: Transaction | undefined;
  #id: ReplicaId;
  #epoch: number;
  #next: number;
  #since: number;
  #published: number;

  constructor(options: ReplicaOptions) {
    this.#id = options.id;
    this.#next = options.next;
    this.#epoch = options.epoch ?? options.next;
    this.#since = options.next;
    this.#published = this.#since;
    this.#marked = { next: this.#published, bases: this.#bases };
    this.#waiting = options.isCausal ? new WaitingDeltas() : undefined;
    this.#frontier = options.isCausal ? new Frontier() : undefined;
    this.#changes = new ChangeQueue(options.changed ?? (() => undefined));
  }

  /** Who writes here. */
  get id(): ReplicaId {
    return this.#id;
  }

  /** The counter that the next write takes. It may be sent once it is durably reserved (SPEC.md R6). */
  get next(): number {
    return this.#next;
  }

  /** The run of running totals. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Every dot seen. */
  get context(): ContextView {
    return this.#store.context;
  }

  /** How many records hold something. */
  get size(): number {
    return this.#store.size;
  }

  /** In causal rooms: the newest writes, on which every other that was seen depends. */
  get frontier(): DottedRecord | undefined {
    return this.#frontier?.dots;
  }

  /** In causal rooms: deltas that wait for a cause. */
  get waiting(): Pick<WaitingDeltas, 'size' | 'bytes' | 'missing' | 'added' | 'evict'> | undefined {
    return this.#waiting;
  }

  get(key: RecordKey): DottedRecord | undefined {
    return this.#store.get(key);
  }

  /** The records of a collection, live: it may change while it is iterated, as a Map may. */
  collection(key: CollectionKey): ReadonlyMap<RecordKey, DottedRecord> {
    return this.#store.collection(key);
  }

  entries(): Iterable<readonly [RecordKey, DottedRecord]> {
    return this.#store.entries();
  }

  /** A snapshot; release it. Not to be taken within a transaction. */
  pin(): Pin {
    this.#refuseWithin('A snapshot');
    return this.#store.pin();
  }

  /**
   * Does the writes of `body` as one change and one delta. Where it throws, nothing of it is kept. A
   * transaction within another is part of it.
   */
  transact<T>(body: (writer: Writer) => T): T {
    if (this.#transaction !== undefined) return body(this.#transaction);
    const before = this.#store.pin();
    const transaction = new Transaction(this.#store, this.#id, this.#epoch, this.#next);
    this.#transaction = transaction;
    let result: T;
    try {
      result = body(transaction);
    } catch (thrown) {
      transaction.close();
      this.#store.restore(before);
      throw thrown;
    } finally {
      this.#transaction = undefined;
    }
    const delta = this.#deltaOf(transaction);
    if (delta !== undefined) {
      this.#keepBases(before);
      this.#take(delta);
    }
    this.#told(before, 'local', this.#id, delta);
    return result;
  }

  /** Takes a delta in (R4): atomically, in any order, any number of times. */
  apply(delta: Delta): Applied {
    this.#refuseWithin('A delta');
    if (isTwinsDelta(delta, this.#own())) return 'twin';
    if (!hasRoom(this.context, replicasOf(delta))) return 'full';
    if (this.#waiting !== undefined && firstMissing(delta, this.context) !== undefined) {
      this.#waiting.add(delta, this.context);
      return 'waiting';
    }
    const isNew = this.#applyNow(delta);
    this.#applyReady();
    return isNew ? 'applied' : 'known';
  }

  /**
   * Joins another memory whole: `side` has its context and its record of each key in which it differed
   * from `pin` (R1). What was touched here since is judged by the other's context too (R3). Whether
   * `side` is complete is for the caller to make sure (R2).
   */
  joinPinned(pin: Pin, side: MemorySide): Refused | undefined {
    this.#refuseWithin('A join');
    if (isTwinsSide(side.records, side.context, this.#own())) return 'twin';
    if (!hasRoom(this.context, replicasIn(side.context))) return 'full';
    this.#join(side, sideKeys(side, pin.touched()), pin, 'remote');
    return undefined;
  }

  /**
   * Joins what another tab of this profile wrote to the disk: `side` has all of its records, or, unless
   * `isWhole`, all in which the two may differ. Own dots are not judged (R9), since whatever uses this
   * disk knows them.
   */
  joinDisk(side: MemorySide, isWhole = true): void {
    this.#refuseWithin('A join');
    const keys = isWhole ? [...this.entries()].map(([key]) => key) : [];
    this.#join(side, sideKeys(side, keys), undefined, 'disk');
  }

  /**
   * Takes single records of another memory as they are in its snapshot, and of its context no more
   * than their dots (R1). Not in causal rooms, where a memory is joined whole.
   */
  takeRecords(side: MemorySide): Refused | undefined {
    this.#refuseWithin('A join');
    if (this.#waiting !== undefined) {
      throw new MeshError(
        'bad-argument',
        'A causal memory takes no single records. Nothing changed.',
      );
    }
    if (isTwinsSide(side.records, undefined, this.#own())) return 'twin';
    if (!hasRoom(this.context, writersOf(side.records))) return 'full';
    const before = this.#store.pin();
    this.#mergeRecords(side, side.records.keys());
    for (const record of side.records.values()) {
      for (const { replica, counter } of valuesOf(record)) {
        this.#store.see(replica, counter, counter + 1);
      }
    }
    this.#told(before, 'remote', undefined, undefined);
    return undefined;
  }

  /** Tells that all dots issued so far may reach peers from now on; to be called before they are sent (R9). */
  publish(): void {
    this.mark();
    this.publishMarked();
  }

  /** Marks the dots issued so far, which are being written to a disk that other tabs read. */
  mark(): void {
    this.#marked = { next: this.#next, bases: new Map() };
  }

  /** Tells that dots that were marked were not written after all. */
  unmark(): void {
    this.#marked = { next: this.#published, bases: this.#bases };
  }

  /** Tells that dots that were marked may reach peers from now on. */
  publishMarked(): void {
    const { next, bases } = this.#marked;
    if (next <= this.#published) return;
    this.#published = next;
    this.#bases = bases;
  }

  /**
   * Goes on under the fresh id `id`, with live writes made under the old one: where that is a twin's too
   * (`isTwins`, R9) all of this session's, of which those that were published are named as removed; else
   * those that were not published, since the others stand. Dots that nobody saw are forgotten.
   */
  moveTo(id: ReplicaId, isTwins: boolean): void {
    this.#refuseWithin('A change of id');
    // What is being written may be read before it can be taken back.
    this.publishMarked();
    const old = this.#own();
    const before = this.#store.pin();
    const writes = rewritten(this.#store, old, isTwins ? old.since : old.published, this.#bases);
    this.#store.forget(old.id, old.published, old.next);
    this.log.forget(old.id, old.published);
    this.#id = id;
    this.#next = 0;
    this.#epoch = 0;
    this.#since = 0;
    this.#published = 0;
    this.#bases = new Map();
    this.unmark();
    // The causes of forgotten dots are no longer told by the frontier; the last dot of every replica
    // depends on at least as much.
    this.#frontier?.reset(this.context);
    const transaction = new Transaction(this.#store, id, 0, 0);
    for (const { key, removed, payload } of writes) transaction.putMoved(key, payload, removed);
    const delta = this.#deltaOf(transaction);
    if (delta !== undefined) this.#take(delta);
    this.#told(before, 'local', id, delta);
  }

  #own(): OwnDots {
    return {
      id: this.#id,
      since: this.#since,
      published: this.#published,
      next: this.#next,
      log: this.log,
    };
  }

  #deltaOf(transaction: Transaction): Delta | undefined {
    const { replica, first } = transaction;
    const writes = transaction.close();
    if (writes.length === 0) return undefined;
    return { replica, first, writes, dependencies: this.#frontier?.dependencies() ?? [] };
  }

  /** Notes a delta of this replica, whose values are in their records already. */
  #take(delta: Delta): void {
    this.#next = delta.first + delta.writes.length;
    this.#note(delta);
    this.#store.see(delta.replica, delta.first, this.#next);
  }

  #applyNow(delta: Delta): boolean {
    const before = this.#store.pin();
    const { replica, first, writes } = delta;
    for (const [index, { key, removed, payload }] of writes.entries()) {
      const counter = first + index;
      const theirs = payload && { replica, counter, payload, next: undefined };
      const seen = seenOf(removed);
      seen.add(replica, counter, counter + 1);
      const mine = this.#store.get(key);
      this.#store.put(key, mergeRecords(mine, this.context, theirs, seen));
    }
    this.#note(delta);
    this.#store.see(replica, first, first + writes.length);
    for (const { removed } of writes) {
      for (const dot of removed) this.#store.see(dot.replica, dot.counter, dot.counter + 1);
    }
    return this.#told(before, 'remote', replica, undefined);
  }

  #applyReady(): void {
    for (let ready = this.#ready(); ready.length > 0; ready = this.#ready()) {
      for (const delta of ready) this.#applyNow(delta);
    }
  }

  #ready(): readonly Delta[] {
    return this.#waiting?.release(this.context) ?? [];
  }

  /** Keeps `delta` in the log and, before the context has it, moves the frontier on to it. */
  #note(delta: Delta): void {
    this.log.add(delta);
    this.#frontier?.note(delta, this.context);
  }

  #join(
    side: MemorySide,
    keys: Iterable<RecordKey>,
    pin: Pin | undefined,
    origin: 'remote' | 'disk',
  ): void {
    const before = this.#store.pin();
    this.#mergeRecords(side, keys, pin);
    this.#frontier?.join(this.context, side.frontier, side.context);
    this.#store.join(side.context);
    this.#told(before, origin, undefined, undefined);
    this.#applyReady();
  }

  #mergeRecords(side: MemorySide, keys: Iterable<RecordKey>, pin?: Pin): void {
    for (const key of keys) {
      const theirs = theirRecord(side, key, pin);
      const merged = mergeRecords(this.#store.get(key), this.context, theirs, side.context);
      this.#store.put(key, merged);
    }
  }

  /** Keeps the published and marked totals that the transaction begun at `before` replaced. */
  #keepBases(before: Pinned): void {
    for (const [key, was] of before.records) {
      if (typeOf(key) !== 'counter') continue;
      const after = this.#store.get(key);
      for (const value of valuesOf(was)) {
        if (value.replica !== this.#id || findDot(after, value) !== undefined) continue;
        if (value.counter < this.#published) this.#bases.set(key, value);
        if (value.counter < this.#marked.next) this.#marked.bases.set(key, value);
      }
    }
  }

  /** Ends `before` and tells what changed since; false where nothing did. */
  #told(
    before: Pinned,
    origin: MemoryChange['origin'],
    author: ReplicaId | undefined,
    delta: Delta | undefined,
  ): boolean {
    const changes = changesSince(this.#store, before);
    if (changes !== undefined) this.#changes.tell({ origin, author, delta, ...changes });
    return changes !== undefined;
  }

  #refuseWithin(what: string): void {
    if (this.#transaction === undefined) return;
    throw new MeshError('bad-argument', `${what} within a transaction. Nothing changed.`);
  }
}

/** Whom `delta` brings into the context. */
function* replicasOf({ replica, writes }: Delta): Generator<ReplicaId> {
  yield replica;
  for (const { removed } of writes) for (const dot of removed) yield dot.replica;
}
