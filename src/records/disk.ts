/**
 * Keeps a replica on the disk, which is a replica itself, shared by the tabs of a profile (SPEC.md R6
 * to R8).
 *
 * What changed, by anyone, is dirty, and on its way to the disk at the end of the task in which it did.
 * One transaction joins what other tabs wrote since, both ways, and writes dirty rows and context of
 * one instant, with the reservation of the counters that they use. What cannot be written stays dirty
 * and is tried again, ever less often, with one error event an outage.
 */

import type { MemoryChange } from '../memory/changes.ts';
import { withEntries } from '../memory/context.ts';
import { isEqualRecord } from '../memory/record.ts';
import type { Replica } from '../memory/replica.ts';
import type { RecordKey, ReplicaId } from '../memory/types.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store, StoreKey, StoreTransaction } from '../ports/store.ts';
import type { IntervalSet } from '../util/intervals.ts';
import { type Random, randomBelow } from '../util/random.ts';
import { BLOCK, freshLease, type Lease, putLease } from './lease.ts';
import {
  type DiskImage,
  type DiskState,
  putLog,
  putRecord,
  putSeen,
  putState,
  readChanges,
  readImage,
  readState,
} from './rows.ts';

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** After so long without a local write, what is left of the block of counters is given back. */
const IDLE_MS = 10_000;
/** The first version of a store: a random one, so that an emptied store is not taken for an old one. */
const FIRST_VERSIONS = 2 ** 40;

export interface DiskOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
}

export interface DiskOutput {
  /** Counters that were used are reserved now. */
  reserved(): void;
  /** A write failed for the first time since one succeeded. */
  failed(thrown: unknown): void;
  /** A write failed, and counters that were used are not reserved. */
  unreservable(): void;
  /** Rows that cannot be read were left out, and are written anew without them. */
  damaged(rows: number): void;
}

export class Disk {
  readonly #replica: Replica;
  readonly #options: DiskOptions;
  readonly #output: DiskOutput;
  readonly #keys = new Set<RecordKey>();
  readonly #replicas = new Set<ReplicaId>();
  readonly #damaged = new Set<StoreKey>();
  /** Leases that are over, to be taken off the list. */
  readonly #spoilt = new Set<ReplicaId>();
  #lease: Lease;
  /** Counters below are durably reserved; as far as this tab knows, so it may be lower than on the disk. */
  #reserved: number;
  /** Whether the disk says that the session ended here. */
  #isReleased = false;
  #isReleasing = false;
  /** What was joined with the disk last; `undefined` before the first time. */
  #version: number | undefined;
  /** Changes noted, and changes durable. */
  #noted = 0;
  #written = 0;
  #failures = 0;
  #isStarting = false;
  #isClosed = false;
  #busy: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;
  #cancelIdle: (() => void) | undefined;

  /** `image`: what `replica` was joined with already; without it the disk is read by and by. */
  constructor(
    replica: Replica,
    lease: Lease,
    image: DiskImage | undefined,
    options: DiskOptions,
    output: DiskOutput,
  ) {
    this.#replica = replica;
    this.#lease = lease;
    this.#reserved = lease.reserved;
    this.#options = options;
    this.#output = output;
    if (image === undefined) this.lost();
    else this.#found(image);
  }

  /** Whether all counters that were used are durably reserved, so that they may be shown. */
  get isReserved(): boolean {
    return this.#replica.next <= this.#reserved;
  }

  /** Notes a change of the memory. */
  note({ origin, records, replicas }: MemoryChange): void {
    // What a join with the disk changed is looked at there.
    if (origin === 'disk') return;
    for (const { key } of records) this.#keys.add(key);
    for (const replica of replicas) this.#replicas.add(replica);
    this.#touch();
    if (origin === 'local') this.#restIn(IDLE_MS);
  }

  /** The store was emptied or cut off: what it holds is not known, and all is written again. */
  lost(): void {
    this.#version = undefined;
    this.#touch();
  }

  /**
   * Goes on with an id that nobody else uses; `isSpoilt` where the id before is not to be used again, by
   * this profile at least.
   */
  moved(id: ReplicaId, isSpoilt: boolean): void {
    const { generation, release } = this.#lease;
    if (isSpoilt && generation !== undefined) this.#spoilt.add(this.#lease.id);
    this.#lease = freshLease(id);
    this.#reserved = this.#lease.reserved;
    release();
    this.#touch();
  }

  /** Resolves once all changes so far are durable; rejects with the store's error, and tries again later. */
  async flush(): Promise<void> {
    const goal = this.#noted;
    while (this.#written < goal) await this.#work();
  }

  /** Flushes, and gives back what is left of the block of counters: the session may end here. */
  async rest(): Promise<void> {
    this.#cancelIdle?.();
    this.#cancelIdle = undefined;
    if (this.#lease.generation !== undefined && !this.#isReleased) {
      this.#isReleasing = true;
      this.#noted++;
    }
    await this.flush();
  }

  /** A last `rest`; nothing is tried afterwards. Rejects with the store's error. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelRetry?.();
    try {
      await this.rest();
    } finally {
      this.#cancelIdle?.();
      this.#lease.release();
    }
  }

  #touch(): void {
    this.#noted++;
    this.#start();
  }

  #restIn(delay: number): void {
    this.#cancelIdle?.();
    this.#cancelIdle = undefined;
    if (this.#lease.generation === undefined || this.#isClosed) return;
    this.#cancelIdle = this.#options.clock.setTimer(() => {
      // A failure was told, and is tried again.
      void Promise.allSettled([this.rest()]);
    }, delay);
  }

  /** One write, of this caller or under way. */
  #work(): Promise<void> {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.#busy ??= this.#write().finally(() => {
      this.#busy = undefined;
      if (this.#written < this.#noted) this.#start();
    });
    return this.#busy;
  }

  /** Writes at the end of this task, or when the store that failed is due to be tried again. */
  #start(): void {
    if (this.#isStarting || this.#isClosed || this.#busy !== undefined) return;
    if (this.#failures > 0) {
      const delay = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (this.#failures - 1));
      this.#cancelRetry ??= this.#options.clock.setTimer(() => {
        this.#cancelRetry = undefined;
        void Promise.allSettled([this.#work()]);
      }, delay);
      return;
    }
    this.#isStarting = true;
    void Promise.resolve().then(() => {
      this.#isStarting = false;
      if (this.#busy === undefined && !this.#isClosed) void Promise.allSettled([this.#work()]);
    });
  }

  async #write(): Promise<void> {
    let batch: Batch | undefined;
    try {
      await this.#options.store.transact('readwrite', async (rows) => {
        const state = await readState(rows);
        // Where nothing is stored, it may have been emptied.
        const isKnown = state.version !== undefined && state.version === this.#version;
        if (!isKnown) await this.#catchUp(rows, state);
        batch = this.#take();
        this.#replica.mark();
        await this.#put(rows, batch);
      });
    } catch (thrown) {
      this.#replica.unmark();
      if (batch !== undefined) this.#putBack(batch);
      if (this.#failures++ === 0 && !this.#isClosed) this.#output.failed(thrown);
      if (!this.isReserved && !this.#isClosed) this.#output.unreservable();
      throw thrown;
    }
    this.#failures = 0;
    if (batch !== undefined) this.#done(batch);
  }

  /** Joins what other tabs wrote; what the disk holds otherwise than the memory is dirty then. */
  async #catchUp(rows: StoreTransaction, { version, frontier }: DiskState): Promise<void> {
    const since = this.#version;
    const changes =
      since === undefined || version === undefined
        ? undefined
        : await readChanges(rows, since, version, this.#keys, this.#replicas);
    if (changes === undefined) return this.#join(await readImage(rows));
    // What was noted while the disk was read is looked at too, or the next time.
    const isKnown = (key: RecordKey) => changes.records.has(key);
    const isSeen = (id: ReplicaId) => changes.seen.has(id);
    if (![...this.#keys].every(isKnown) || ![...this.#replicas].every(isSeen)) {
      return this.#catchUp(rows, { version, frontier });
    }
    const replica = this.#replica;
    const { records, seen } = changes;
    replica.joinDisk({ records, context: withEntries(replica.context, seen), frontier }, false);
    for (const [key, record] of records) {
      if (isEqualRecord(replica.get(key), record)) this.#keys.delete(key);
      else this.#keys.add(key);
    }
    for (const [id, intervals] of seen) {
      if (isEqual(replica.context.of(id), intervals)) this.#replicas.delete(id);
      else this.#replicas.add(id);
    }
    this.#version = version;
  }

  #join(image: DiskImage): void {
    const replica = this.#replica;
    this.#keys.clear();
    this.#replicas.clear();
    replica.joinDisk(image);
    for (const [key, record] of replica.entries()) {
      if (!isEqualRecord(record, image.records.get(key))) this.#keys.add(key);
    }
    for (const key of image.records.keys()) {
      if (replica.get(key) === undefined) this.#keys.add(key);
    }
    for (const [id, intervals] of replica.context) {
      if (!isEqual(intervals, image.context.of(id))) this.#replicas.add(id);
    }
    this.#found(image);
  }

  /** Of a damaged disk the context was not taken, so all of it is written anew. */
  #found({ version, damaged }: DiskImage): void {
    this.#version = version;
    if (damaged.length === 0) return;
    for (const key of damaged) this.#damaged.add(key);
    for (const [id] of this.#replica.context) this.#replicas.add(id);
    this.#output.damaged(damaged.length);
    this.#touch();
  }

  /** What is to be written now; all of one instant. */
  #take(): Batch {
    const isReleasing = this.#isReleasing;
    const isChange = this.#keys.size + this.#replicas.size + this.#damaged.size > 0;
    const { next } = this.#replica;
    const isLeased = this.#lease.generation !== undefined;
    const isShort = next + BLOCK / 2 > this.#reserved;
    // Who rests writes nothing until the block is reserved anew, which a write does.
    const reserves =
      isLeased && !isReleasing && isShort && (next > this.#reserved || !this.#isReleased);
    if (isReleasing) this.#reserved = next;
    const batch: Batch = {
      noted: this.#noted,
      keys: [...this.#keys],
      replicas: [...this.#replicas],
      damaged: [...this.#damaged],
      spoilt: [...this.#spoilt],
      lease: this.#lease,
      isReleasing,
      reserved: isReleasing ? next : reserves ? next + BLOCK : undefined,
      version: isChange ? this.#nextVersion() : undefined,
    };
    this.#isReleasing = false;
    this.#keys.clear();
    this.#replicas.clear();
    this.#damaged.clear();
    this.#spoilt.clear();
    return batch;
  }

  #nextVersion(): number {
    return (this.#version ?? randomBelow(this.#options.random, FIRST_VERSIONS)) + 1;
  }

  async #put(rows: StoreTransaction, batch: Batch): Promise<void> {
    const replica = this.#replica;
    const { keys, replicas, damaged, spoilt, lease, reserved, isReleasing } = batch;
    const puts: Promise<unknown>[] = [
      ...damaged.map((key) => rows.delete(key)),
      ...keys.map((key) => putRecord(rows, key, replica.get(key))),
      ...replicas.map((id) => putSeen(rows, id, replica.context.of(id))),
      ...spoilt.map((id) => putLease(rows, id, undefined)),
    ];
    if (lease.generation !== undefined && reserved !== undefined) {
      const epoch = isReleasing ? replica.epoch : undefined;
      puts.push(putLease(rows, lease.id, { generation: lease.generation, reserved, epoch }));
    }
    // What other tabs need not join is no version.
    if (batch.version !== undefined) {
      puts.push(putState(rows, batch.version, replica.frontier));
      // After damage others are to read all.
      if (damaged.length === 0) puts.push(putLog(rows, batch.version, keys, replicas));
    }
    await Promise.all(puts);
  }

  #done({ noted, version, lease, reserved, isReleasing }: Batch): void {
    this.#version = version ?? this.#version;
    this.#written = noted;
    const isNew = reserved !== undefined && lease === this.#lease;
    if (isNew) this.#isReleased = isReleasing;
    if (isNew && !isReleasing) this.#reserved = reserved;
    // Other tabs may show what they read there.
    this.#replica.publishMarked();
    if (this.isReserved) this.#output.reserved();
  }

  #putBack({ keys, replicas, damaged, spoilt, isReleasing }: Batch): void {
    for (const key of keys) this.#keys.add(key);
    for (const id of replicas) this.#replicas.add(id);
    for (const key of damaged) this.#damaged.add(key);
    for (const id of spoilt) this.#spoilt.add(id);
    this.#isReleasing ||= isReleasing;
  }
}

/** What one transaction writes. */
interface Batch {
  readonly noted: number;
  readonly keys: readonly RecordKey[];
  readonly replicas: readonly ReplicaId[];
  readonly damaged: readonly StoreKey[];
  readonly spoilt: readonly ReplicaId[];
  readonly lease: Lease;
  readonly isReleasing: boolean;
  /** How far counters are reserved by it; `undefined` where that stays. */
  readonly reserved: number | undefined;
  /** `undefined` where no record and no part of the context is written. */
  readonly version: number | undefined;
}

function isEqual(a: IntervalSet | undefined, b: IntervalSet | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}
