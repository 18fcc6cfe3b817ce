/// <reference lib="esnext.disposable" preserve="true" />
/** The Mesh: what an app holds of a room. Everything it does is done by the layers below. */

import type { Aggregate } from './aggregate.ts';
import type { Everything, LoadedEverything } from './everything.ts';
import type { Storable } from './memory/storable.ts';
import type { Value } from './memory/value.ts';
import type { MemberEntry, MemberStatus } from './protocol/wire.ts';
import type { SharedCounter } from './records/types/counter.ts';
import type { SharedEpisodes } from './records/types/episodes.ts';
import type { SharedFlag } from './records/types/flag.ts';
import type { SharedMap } from './records/types/map.ts';
import type { SharedPatterns } from './records/types/patterns.ts';
import type { SharedRegister } from './records/types/register.ts';
import type { SharedSet } from './records/types/set.ts';
import { Deferred } from './runtime/deferred.ts';
import { Engine, type EngineOptions } from './runtime/engine.ts';
import {
  ATTACH,
  type Extensible,
  type Extension,
  type ExtensionHost,
  MEMORY_CHANNEL,
} from './runtime/extension.ts';
import type { MeshStatus } from './runtime/status.ts';
import type { Topic } from './topic.ts';
import { concatBytes, toHex } from './util/bytes.ts';
import { MeshError } from './util/errors.ts';
import type { PeerId } from './util/peer-id.ts';
import { sha256 } from './util/sha256.ts';
import { TypedEventTarget } from './util/typed-events.ts';

/** Asks a mesh of documents for the rest, for the room's sake. */
export const NEED: unique symbol = Symbol('mnemesh.need');

/** One tab of the room, as far as this tab knows. */
export interface Member {
  readonly id: PeerId;
  /** `suspect`: not heard of lately, and dead soon unless it answers. */
  readonly status: MemberStatus;
  /** Whether its page is hidden, and so may answer slowly. */
  readonly hidden: boolean;
  /** Whether it is this tab. */
  readonly self: boolean;
}

/** One tab that this tab has a direct link with. */
export interface Neighbor {
  readonly id: PeerId;
}

/** Details of the events of a Mesh. */
export interface MeshEvents {
  /** `status` or `reason` changed. */
  status: { readonly status: MeshStatus; readonly reason: string };
  /** A member came, changed, was suspected, left or died. */
  member: Member;
  /** A link with a neighbor came to be or ended. */
  neighbor: { readonly id: PeerId; readonly linked: boolean };
  /** Whether all neighbors are known to hold the same memory changed. */
  synced: { readonly synced: boolean };
  /** Something went wrong that the mesh lives on with. Without a listener it is written to the console. */
  error: MeshError;
}

/** Counters since the mesh was opened. */
export interface MeshStats {
  readonly members: number;
  readonly neighbors: number;
  /** Gossip rounds begun. */
  readonly rounds: number;
  /** Frames and bytes over all links, fragment headers apart. */
  readonly sent: { readonly frames: number; readonly bytes: number };
  readonly received: { readonly frames: number; readonly bytes: number };
  /** Broadcasts received, and those of them that were known already. */
  readonly rumors: { readonly received: number; readonly duplicates: number };
  /** Entries of all types together, and, in causal rooms, writes that wait for those that they follow. */
  readonly memory: { readonly records: number; readonly waiting: number };
  readonly store: { readonly kind: string; readonly durable: boolean };
}

/** Loads what there is beside documents; `failed` is told where the store fails, which is read again later. */
type LoadEverything = (failed: (error: MeshError) => void) => Promise<LoadedEverything>;

/** What `openMesh` hands to a Mesh besides the engine's options. */
export interface MeshParts extends Omit<EngineOptions, 'id'> {
  readonly id: PeerId;
  readonly room: string;
  /** What there is beside documents, or how it is loaded once it is needed. */
  readonly everything: LoadedEverything | LoadEverything;
  /** Errors of the opening, told once listeners can be there. */
  readonly errors: readonly MeshError[];
  /** Aborting closes the mesh. */
  readonly signal: AbortSignal | undefined;
}

/**
 * A room, open in this tab. Made by `openMesh`.
 *
 * Events are `CustomEvent`s (see `MeshEvents`); all methods may be called in any state, and those
 * that need an open mesh give MeshError `closed` after `close`.
 */
export class Mesh extends TypedEventTarget<MeshEvents> implements Extensible {
  /** This tab's session: 32 hexadecimal digits, new at every open. */
  readonly id: PeerId;
  /** The room's name. */
  readonly room: string;
  readonly #engine: Engine;
  readonly #parts: MeshParts;
  readonly #deferred: Deferred | undefined;
  #everything: Everything | undefined;
  #loading: Promise<void> | undefined;
  /** Whether the app may use it, and not only the room. */
  #isOffered = false;
  #cancelErrors: (() => void) | undefined;
  readonly #onAbort = () => void this.close();

  /** @internal */
  constructor(parts: MeshParts) {
    super();
    this.id = parts.id;
    this.room = parts.room;
    this.#parts = parts;
    this.#engine = new Engine(parts, {
      status: (status, reason) => this.emit('status', { status, reason }),
      member: ({ entry }) => this.emit('member', this.#memberOf(entry)),
      neighbor: (id, linked) => this.emit('neighbor', { id, linked }),
      synced: (synced) => this.emit('synced', { synced }),
      aggregate: (name) => this.#everything?.aggregateChanged(name),
      error: (error) => this.#tellError(error),
    });
    const { everything } = parts;
    if (typeof everything === 'function') {
      const load = () => this.#load(everything);
      this.#deferred = this.#engine.attach(MEMORY_CHANNEL, (host) => new Deferred(host, load));
    } else {
      this.#everything = everything.begin(this.#engine);
      this.#isOffered = true;
    }
    if (parts.errors.length > 0) {
      this.#cancelErrors = parts.clock.setTimer(() => {
        for (const error of parts.errors) this.#tellError(error);
      }, 0);
    }
    parts.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#engine.join();
  }

  /** The state in one word; `reason` says more. */
  get status(): MeshStatus {
    return this.#engine.status;
  }

  /** Why `status` is what it is, in words for people. */
  get reason(): string {
    return this.#engine.reason;
  }

  /** Tabs in the room, this one included: alive, or suspect and not yet dead. Empty while disconnected. */
  get members(): readonly Member[] {
    return this.#engine.members.map((entry) => this.#memberOf(entry));
  }

  /** Tabs that this tab has a direct link with. */
  get neighbors(): readonly Neighbor[] {
    return this.#engine.neighbors.map((id) => ({ id }));
  }

  /** Whether there is a neighbor and all neighbors were found to hold what this tab holds. */
  get synced(): boolean {
    return this.#engine.isSynced;
  }

  /** 64 hexadecimal digits; tabs with equal digests hold equal memory. */
  digest(): string {
    const parts = [...this.#engine.extensions]
      .sort((a, b) => a.channel - b.channel)
      .map((extension) => extension.digest?.() ?? new Uint8Array());
    return toHex(sha256(concatBytes([new TextEncoder().encode('mnemesh/1'), ...parts])));
  }

  /**
   * Resolves once `synced` is true, at once where it is. Alone in a room there is nobody to be
   * synced with, so it waits for the first neighbor.
   * @throws MeshError `aborted` through `options.signal`, `closed` where the mesh closes.
   */
  whenSynced(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = new AbortController();
      const settle = () => {
        if (this.synced) resolve();
        else if (this.status === 'closed') {
          reject(
            new MeshError('closed', 'The mesh was closed before it was synced. Memory is kept.'),
          );
        } else if (options.signal?.aborted === true) {
          reject(new MeshError('aborted', 'The wait for synced was abandoned. Nothing changed.'));
        } else {
          return;
        }
        done.abort();
      };
      const { signal } = done;
      this.addEventListener('synced', settle, { signal });
      this.addEventListener('status', settle, { signal });
      options.signal?.addEventListener('abort', settle, { signal });
      settle();
    });
  }

  /**
   * Resolves once every write applied so far is in the store, whatever comes after.
   * @throws MeshError `store-quota` or `store-unavailable`; the writes stay in memory and are tried
   * again. `closed` after `close`, which flushes.
   */
  async flush(): Promise<void> {
    this.#throwIfClosed('cannot flush; closing wrote what it could. Nothing changed.');
    await this.#engine.flush();
  }

  /**
   * The map `name` of the room's memory; the same object each time, as for all types. A name is 1 to 256
   * bytes of well-formed UTF-8 without U+0000 and U+0001, and each type has names of its own.
   * @throws MeshError `bad-argument` for another name
   */
  map<T extends Storable<T> = Value>(name: string): SharedMap<T> {
    return this.#all.collections.map(name);
  }

  /** The set `name`; a name as of `map`. */
  set<T extends Storable<T> = Value>(name: string): SharedSet<T> {
    return this.#all.collections.set(name);
  }

  /** The counter `name`; a name as of `map`. */
  counter(name: string): SharedCounter {
    return this.#all.collections.counter(name);
  }

  /** The register `name`, which holds one value; a name as of `map`. */
  register<T extends Storable<T> = Value>(name: string): SharedRegister<T> {
    return this.#all.collections.register(name);
  }

  /** The flag `name`; a name as of `map`. */
  flag(name: string): SharedFlag {
    return this.#all.collections.flag(name);
  }

  /** The semantic patterns `name`; a name as of `map`. */
  patterns(name: string): SharedPatterns {
    return this.#all.collections.patterns(name);
  }

  /** The episodes `name`, which are only added; a name as of `map`. */
  episodes<T extends Storable<T> = Value>(name: string): SharedEpisodes<T> {
    return this.#all.collections.episodes(name);
  }

  /**
   * Does all that `body` writes to the memory, of whatever types, as one change, and gives what it gives.
   * Other tabs see all of it or nothing; but one that joins late may see parts until it has caught up (not
   * with `consistency: 'causal'`), and over 64 MiB is not broadcast: all get it so, told by an `error` event.
   * @throws MeshError `bad-argument` where `body` is no function or async, `closed`, and what `body`
   * throws; nothing of it is kept then
   */
  transact<T>(body: () => T): T {
    return this.#all.transact(body);
  }

  /**
   * The topic `name` of the room: messages to the tabs that listen now. The same object each time,
   * until it is closed.
   * @throws MeshError `bad-argument` where the name is not 1 to 1,024 bytes of well-formed text, or
   * 1,024 topics are open; `closed`
   */
  topic<T extends Storable<T> = Value>(name: string): Topic<T> {
    this.#throwIfClosed('has no topics. Nothing changed.');
    return this.#all.topic(name);
  }

  /**
   * The aggregate `name` of the room: mean, sum, count, least and greatest of what the tabs set. The
   * same object each time.
   * @throws MeshError `bad-argument` where the name is not 1 to 1,024 bytes of well-formed text, or
   * this tab uses 256 aggregates; `closed`
   */
  aggregate(name: string): Aggregate {
    this.#throwIfClosed('has no aggregates. Nothing changed.');
    return this.#all.aggregate(name);
  }

  /**
   * Loads what a mesh of documents left out: `load: 'documents'` of `openMesh`, and meshes that a
   * MeshProvider opens for itself. Once it resolves, `map`, `topic` and all others can be used, as they
   * can at once in any other mesh.
   * @throws MeshError `not-loaded` where the code cannot be fetched; nothing changed, and it can be
   * called again. `closed`
   */
  async loadEverything(): Promise<void> {
    this.#throwIfClosed('loads nothing. Nothing changed; open it again.');
    const { everything } = this.#parts;
    if (typeof everything === 'function') await this.#load(everything);
    this.#isOffered = true;
  }

  /** @internal Loads what other tabs or the store have; a failure is told, and tried again. */
  async [NEED](): Promise<void> {
    await this.#deferred?.need();
  }

  /** Counters, for looking at what the mesh does. */
  stats(): MeshStats {
    const { received, duplicates, rounds, sent, got } = this.#engine.counts;
    const { kind, durable } = this.#parts.store;
    return {
      members: this.members.length,
      neighbors: this.neighbors.length,
      rounds,
      sent,
      received: got,
      rumors: { received, duplicates },
      memory: this.#everything?.counts ?? { records: 0, waiting: 0 },
      store: { kind, durable },
    };
  }

  /**
   * Joins the room again after `disconnect`; does nothing where it is joined.
   * @throws MeshError `closed`
   */
  connect(): void {
    this.#throwIfClosed('cannot connect. Nothing changed; open it again.');
    this.#engine.join();
  }

  /** Leaves the room and stays open: memory can be read and written, and `connect` comes back. */
  disconnect(): void {
    this.#engine.leave();
  }

  /**
   * Leaves the room, writes what is unwritten and frees everything; idempotent. Providers that still
   * use the mesh are told by an `error` event, and neither share nor store what comes after.
   */
  async close(): Promise<void> {
    this.#cancelErrors?.();
    this.#parts.signal?.removeEventListener('abort', this.#onAbort);
    this.#everything?.end();
    await this.#engine.close();
  }

  /** `close`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal */
  [ATTACH]<T extends Extension>(channel: number, create: (host: ExtensionHost) => T): T {
    return this.#engine.attach(channel, create);
  }

  get #all(): Everything {
    if (this.#everything !== undefined && this.#isOffered) return this.#everything;
    this.#throwIfClosed('has no shared memory. Nothing changed; open it again.');
    throw new MeshError(
      'not-loaded',
      "This mesh was opened for documents alone (`load: 'documents'`, as a MeshProvider opens its own). Nothing changed; await mesh.loadEverything() first.",
    );
  }

  #load(everything: LoadEverything): Promise<void> {
    this.#loading ??= this.#begin(everything).catch((thrown: unknown) => {
      this.#loading = undefined;
      throw thrown;
    });
    return this.#loading;
  }

  async #begin(everything: LoadEverything): Promise<void> {
    const loaded = await everything((error) => this.#tellError(error));
    if (this.status === 'closed') loaded.release();
    this.#throwIfClosed('lets go of what was loaded. Nothing changed; open it again.');
    this.#everything = loaded.begin(this.#engine);
  }

  #throwIfClosed(words: string): void {
    if (this.status === 'closed') throw new MeshError('closed', `The mesh is closed and ${words}`);
  }

  #tellError(error: MeshError): void {
    if (!this.wasListenedTo('error')) console.warn(`mnemesh: ${error.message}`);
    this.emit('error', error);
  }

  #memberOf({ id, status, hidden }: MemberEntry): Member {
    return { id, status, hidden, self: id === this.id };
  }
}
