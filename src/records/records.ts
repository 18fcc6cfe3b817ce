/**
 * The records of a room, as one extension of its mesh: a replica whose deltas travel as rumors, which
 * is compared with neighbors, and which the disk keeps (src/memory/SPEC.md).
 */

import type { MemoryChange } from '../memory/changes.ts';
import { decodeDelta, encodeDelta } from '../memory/codec.ts';
import type { CollectionKey } from '../memory/keys.ts';
import { MemoryReconciler } from '../memory/reconcile/reconcile.ts';
import { Replica } from '../memory/replica.ts';
import type { Writer } from '../memory/transaction.ts';
import { MemoryTries } from '../memory/trie/trie-memory.ts';
import {
  BOUNDS,
  type Delta,
  type DottedRecord,
  type RecordKey,
  type ReplicaId,
} from '../memory/types.ts';
import { MAX_VALUE_BYTES } from '../protocol/limits.ts';
import type { MemberEntry } from '../protocol/wire.ts';
import { type Extension, type ExtensionHost, MEMORY_CHANNEL } from '../runtime/extension.ts';
import { toHex } from '../util/bytes.ts';
import { MeshError, messageOf } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import { Causes } from './causes.ts';
import { Disk } from './disk.ts';
import { freshLease, type Lease } from './lease.ts';
import { type CollectionListener, Listeners } from './listeners.ts';
import { decodeRecordsMessage, isRecordsMessage } from './messages.ts';
import type { DiskImage } from './rows.ts';

/** Frames that wait until counters are reserved; what comes beyond is dropped, and repaired by a later comparison. */
const MAX_HELD = 1_024;

/**
 * So often within `MOVES_MS` a tab moves to a fresh id since someone else seems to use its own (R9). A
 * restored profile takes one move; who brings on more makes them up.
 */
const MAX_MOVES = 3;
const MOVES_MS = 3_600_000;
const FUTURE = 'it tells of writes of this tab that this tab never made';
const FULL = `a memory has room for ${BOUNDS.replicas} writers`;

/** What the records of a mesh begin with. */
export interface RecordsParts {
  /** Whether a write is shown only where all that its writer saw is. */
  readonly isCausal: boolean;
  /** Who writes; a fresh one by default. */
  readonly lease?: Lease | undefined;
  /** What the disk held. Without it the disk is read by and by. */
  readonly image?: DiskImage | undefined;
  /** Random bytes that nobody can foresee. */
  readonly randomBytes: (count: number) => Uint8Array;
}

export class Records implements Extension {
  readonly channel = MEMORY_CHANNEL;
  /** Random bytes that nobody can foresee. */
  readonly randomBytes: (count: number) => Uint8Array;
  readonly #host: ExtensionHost;
  readonly #fresh: () => ReplicaId;
  readonly #replica: Replica;
  readonly #tries: MemoryTries;
  readonly #reconciler: MemoryReconciler;
  readonly #disk: Disk;
  readonly #causes: Causes;
  readonly #listeners = new Listeners();
  #generation: number | undefined;
  #isReady = false;
  #isClosed = false;
  /**
   * Whether the first comparison is over, which tells whether someone else uses the id (R9). Nobody
   * does use a fresh one.
   */
  #isMet: boolean;
  /** Deltas that may not be shown yet, and frames that could show something of them. */
  #deltas: Delta[] = [];
  #frames: (() => void)[] = [];
  #cancelWake: (() => void) | undefined;
  /** When this tab moved to fresh ids of late. */
  #moves: number[] = [];
  /** Whether what changes now was asked of a neighbor, and others are not being told by rumors. */
  #isFetching = false;

  constructor(host: ExtensionHost, { isCausal, lease, image, randomBytes }: RecordsParts) {
    this.#host = host;
    this.randomBytes = randomBytes;
    this.#fresh = () => toHex(randomBytes(8));
    const writer = lease ?? freshLease(this.#fresh());
    this.#generation = writer.generation;
    this.#isMet = writer.generation === undefined;
    const { id, next, epoch } = writer;
    this.#replica = new Replica({
      ...{ id, next, epoch, isCausal },
      changed: (change) => this.#changed(change),
    });
    if (image !== undefined) this.#replica.joinDisk(image);
    this.#tries = new MemoryTries(this.#replica);
    this.#causes = new Causes(host, this.#replica);
    this.#reconciler = new MemoryReconciler(
      host.id,
      {
        isCausal,
        snapshot: () => this.#tries.snapshot(),
        take: (side) => this.#fetched(() => this.#replica.takeRecords(side)),
        join: (pin, side, joined) => {
          const refused = this.#fetched(() => this.#replica.joinPinned(pin, side));
          if (refused === undefined) this.#tries.adopt(pin, joined);
          this.#met(refused === undefined);
          return refused;
        },
      },
      {
        send: (to, message) => {
          this.#replica.publish();
          host.send(to, message);
        },
        isTransferring: (peer) => host.isTransferring(peer),
        now: () => host.clock.now(),
        random: randomBytes,
        wake: (delay) => this.#wake(delay),
        changed: () => {
          this.#met(this.#reconciler.isSynced());
          host.syncedChanged();
        },
        differs: () => host.activity(),
        misbehaved: (peer, what) => host.misbehaved(peer, what),
        twin: (peer) => {
          if (!this.#moveOnce()) host.misbehaved(peer, FUTURE);
        },
      },
    );
    const { store, clock, random } = host;
    this.#disk = new Disk(
      this.#replica,
      writer,
      image,
      { store, clock, random },
      {
        reserved: () => this.#show(),
        failed: (thrown) => this.#failed(thrown),
        unreservable: () => this.#move(false),
        damaged: (rows) => this.#damaged(rows),
      },
    );
    this.#isReady = true;
    // A fresh id is told too: by it other tabs see that there is memory in the room.
    host.identity(id, writer.generation ?? 0);
  }

  // The memory, for the types

  /** How many records hold something. */
  get size(): number {
    return this.#replica.size;
  }

  /** Deltas that wait for a cause, of a causal room. */
  get waiting(): number {
    return this.#replica.waiting?.size ?? 0;
  }

  get(key: RecordKey): DottedRecord | undefined {
    return this.#replica.get(key);
  }

  /** The records of a collection, live. */
  collection(key: CollectionKey): ReadonlyMap<RecordKey, DottedRecord> {
    return this.#replica.collection(key);
  }

  /**
   * Does the writes of `body` as one change; within another, as a part of it. It travels as one delta; what
   * a comparison brings is joined in parts, but in causal rooms.
   * @throws MeshError `closed`, and what `body` throws; nothing of it is kept then.
   */
  transact<T>(body: (writer: Writer) => T): T {
    if (this.#isClosed) {
      throw new MeshError('closed', 'The mesh is closed. Nothing changed; open it again.');
    }
    return this.#replica.transact(body);
  }

  /** Tells `listener` of changes in a collection, to the end. */
  listen(collection: CollectionKey, listener: CollectionListener): void {
    this.#listeners.add(collection, listener);
  }

  // Extension

  neighborUp(peer: PeerId): void {
    this.#reconciler.neighborUp(peer);
  }

  neighborDown(peer: PeerId): void {
    this.#reconciler.neighborDown(peer);
  }

  memberSeen({ id, replica, generation }: MemberEntry): void {
    if (id === this.#host.id || replica !== this.#replica.id || this.#isClosed) return;
    // A later session has the id, so this one must not write with it any more.
    if (generation > (this.#generation ?? generation)) this.#move(false);
  }

  deliver(origin: PeerId, payload: Uint8Array): void {
    const delta = decodeDelta(payload);
    // Who passed it on did not make it, so no link is dropped for it.
    const wrong = delta === undefined ? 'cannot be read' : this.#apply(delta);
    if (wrong === undefined) return;
    this.#host.error(
      new MeshError(
        'bad-frame',
        `A broadcast of tab ${origin} on records was dropped: ${wrong}. Nothing else changed.`,
      ),
    );
  }

  direct(peer: PeerId, payload: Uint8Array): void {
    if (!isRecordsMessage(payload)) {
      return this.#whenReserved(() => this.#reconciler.receive(peer, payload));
    }
    const message = decodeRecordsMessage(payload);
    if (message === undefined) {
      this.#host.misbehaved(peer, 'a message on records that cannot be read');
    } else if (message.type === 'delta') {
      const wrong = this.#apply(message.delta);
      if (wrong !== undefined) this.#host.misbehaved(peer, wrong);
    } else {
      this.#whenReserved(() => this.#causes.answer(peer, message.dots));
    }
  }

  compare(peer: PeerId): void {
    this.#whenReserved(() => this.#reconciler.compare(peer));
  }

  digest(): Uint8Array {
    return this.#replica.context.size === 0 ? new Uint8Array() : this.#tries.root();
  }

  isSynced(): boolean {
    return this.#reconciler.isSynced();
  }

  flush(): Promise<void> {
    return this.#disk.flush();
  }

  async settle(): Promise<void> {
    // What failed was told, and is tried again.
    await Promise.allSettled([this.#disk.rest()]);
  }

  storeLost(): void {
    this.#disk.lost();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelWake?.();
    this.#causes.stop();
    this.#listeners.end();
    try {
      await this.#disk.close();
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  #changed(change: MemoryChange): void {
    if (!this.#isReady) return;
    this.#tries.note(change);
    this.#disk.note(change);
    if (change.delta !== undefined) this.#deltas.push(change.delta);
    this.#show();
    this.#reconciler.changed(change.origin === 'local');
    this.#host.activity(this.#isFetching);
    this.#listeners.tell(change);
  }

  #fetched<T>(take: () => T): T {
    this.#isFetching = true;
    try {
      return take();
    } finally {
      this.#isFetching = false;
    }
  }

  /** Takes a delta; tells what is wrong with it, if anything is. */
  #apply(delta: Delta): string | undefined {
    let applied = this.#replica.apply(delta);
    if (applied === 'twin') {
      if (!this.#moveOnce()) return FUTURE;
      applied = this.#replica.apply(delta);
    }
    if (applied === 'waiting') this.#causes.wait();
    return applied === 'full' ? FULL : undefined;
  }

  /** Moves from an id that someone else uses; false where that was so too often for it to be true. */
  #moveOnce(): boolean {
    const now = this.#host.clock.now();
    this.#moves = this.#moves.filter((at) => at > now - MOVES_MS);
    if (this.#moves.length >= MAX_MOVES) return false;
    this.#moves.push(now);
    this.#move(true);
    return true;
  }

  /**
   * Goes on with a fresh id: the one before is someone else's too (`isSpoilt`), or belongs to a later
   * session, or its counters cannot be reserved.
   */
  #move(isSpoilt: boolean): void {
    if (this.#isClosed) return;
    const id = this.#fresh();
    this.#generation = undefined;
    this.#isMet = true;
    // Their writes are done again.
    this.#deltas = [];
    this.#disk.moved(id, isSpoilt);
    this.#replica.moveTo(id, isSpoilt);
    this.#host.identity(id, 0);
    for (const peer of this.#host.neighbors()) {
      this.#reconciler.neighborDown(peer);
      this.#reconciler.neighborUp(peer);
    }
    this.#show();
  }

  /** A comparison ended, where `isOver`. */
  #met(isOver: boolean): void {
    if (!isOver || this.#isMet) return;
    this.#isMet = true;
    this.#show();
  }

  /** Does what waited until counters are reserved, as far as they are. */
  #show(): void {
    if (!this.#disk.isReserved) return;
    if (this.#isMet || this.#host.neighbors().length === 0) {
      for (const delta of this.#deltas.splice(0)) this.#tell(delta);
    }
    for (const frame of this.#frames.splice(0)) frame();
  }

  /** Now, or once nothing is shown by it whose counters are not durably reserved (R6). */
  #whenReserved(action: () => void): void {
    if (this.#disk.isReserved) action();
    else if (this.#frames.length < MAX_HELD) this.#frames.push(action);
  }

  #tell(delta: Delta): void {
    // Where nobody is linked, the first comparison tells it.
    if (this.#isClosed || this.#host.neighbors().length === 0) return;
    this.#replica.publish();
    const payload = encodeDelta(delta);
    if (payload.length <= MAX_VALUE_BYTES) return this.#host.broadcast(payload);
    this.#host.error(
      new MeshError(
        'value-too-large',
        `A transaction of ${payload.length} bytes is over the ${MAX_VALUE_BYTES} that are broadcast at once. It is kept here, and other tabs get it late, by comparison; write less at once.`,
      ),
    );
  }

  #wake(delay: number): void {
    this.#cancelWake?.();
    if (this.#isClosed) return;
    this.#cancelWake = this.#host.clock.setTimer(() => {
      this.#whenReserved(() => this.#reconciler.check());
    }, delay);
  }

  #damaged(rows: number): void {
    this.#host.error(
      new MeshError(
        'store-corrupt',
        `${rows} stored rows of records cannot be read. They were left out and the rest is used; other tabs may still hold what was in them.`,
      ),
    );
  }

  #failed(thrown: unknown): void {
    this.#host.error(
      thrown instanceof MeshError
        ? thrown
        : new MeshError(
            'store-unavailable',
            `Records cannot be stored (${messageOf(thrown)}). They stay in memory, and are tried again.`,
            { cause: thrown },
          ),
    );
  }
}
