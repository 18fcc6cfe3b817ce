/** Tabs with records alone, linked in one process, over stores and locks that tests can break. */

import type { Store, StoreTransaction } from '../../ports/store.ts';
import type { ExtensionHost } from '../../runtime/extension.ts';
import { MemoryDisk, memoryStore } from '../../storage/memory.ts';
import { MeshError } from '../../util/errors.ts';
import { seededRandom } from '../../util/random.ts';
import { Collections } from '../collections.ts';
import { loadRecords } from '../load.ts';
import type { Locks } from '../locks.ts';
import { Records } from '../records.ts';

/** Locks of one profile. */
export class TestLocks implements Locks {
  readonly held = new Set<string>();

  async take(name: string): Promise<(() => void) | undefined> {
    if (this.held.has(name)) return undefined;
    this.held.add(name);
    return () => this.held.delete(name);
  }
}

/** What the tabs of one browser share. */
export class Profile {
  readonly disk = new MemoryDisk();
  readonly locks = new TestLocks();
}

/** A store that outlives its tab, and that can stop to answer or to work. */
export class TestStore implements Store {
  readonly kind = 'test';
  readonly durable = true;
  isBroken = false;
  writes = 0;
  #gate: Promise<void> | undefined;
  #open: () => void = () => undefined;
  readonly #store: Store;

  constructor(disk: MemoryDisk) {
    this.#store = memoryStore(disk);
  }

  /** Lets no transaction begin until `resume`. */
  pause(): void {
    this.#gate ??= new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  resume(): void {
    this.#open();
    this.#gate = undefined;
  }

  async transact<T>(
    mode: 'readonly' | 'readwrite',
    body: (transaction: StoreTransaction) => Promise<T>,
  ): Promise<T> {
    await this.#gate;
    if (this.isBroken) throw new MeshError('store-unavailable', 'The store is broken.');
    if (mode === 'readwrite') this.writes++;
    return this.#store.transact(mode, body);
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Tabs by id, which are linked all with all, and their time. */
export class TestRoom {
  now = 0;
  readonly tabs = new Map<string, TestTab>();
  readonly timers = new Set<Timer>();
  readonly seed: number;
  readonly isCausal: boolean;
  /** Whether a rumor of one tab gets to another. */
  carries: (from: TestTab, to: TestTab) => boolean = () => true;
  /** What becomes of a direct frame on its way; `undefined` where it is lost. */
  tamper: (from: TestTab, to: TestTab, frame: Uint8Array) => Uint8Array | undefined = (
    _,
    __,
    frame,
  ) => frame;

  constructor({ seed = 1, isCausal = false } = {}) {
    this.seed = seed;
    this.isCausal = isCausal;
  }

  /** Opens a tab in `profile`; it is linked with nobody. */
  async open(profile: Profile): Promise<TestTab> {
    const random = seededRandom(this.seed * 1_000 + this.tabs.size);
    const randomBytes = (count: number) =>
      Uint8Array.from({ length: count }, () => Math.floor(256 * random()));
    const store = new TestStore(profile.disk);
    const errors: MeshError[] = [];
    const parts = await loadRecords({
      ...{ store, randomBytes, isCausal: this.isCausal, scope: 'room', locks: profile.locks },
      clock: { now: () => 0, setTimer: soon },
      failed: (error) => errors.push(error),
    });
    const id = (this.tabs.size + 1).toString(16).padStart(32, '0');
    const tab = new TestTab(id, this, profile, store, errors, (host) => new Records(host, parts));
    this.tabs.set(id, tab);
    return tab;
  }

  link(a: TestTab, b: TestTab): void {
    const link = {};
    a.peers.set(b.id, link);
    b.peers.set(a.id, link);
    a.records.neighborUp(b.id);
    b.records.neighborUp(a.id);
  }

  unlink(a: TestTab, b: TestTab): void {
    a.peers.delete(b.id);
    b.peers.delete(a.id);
    a.records.neighborDown(b.id);
    b.records.neighborDown(a.id);
  }

  /** Lets time pass, and between any two timers everything settle. */
  async advance(ms: number): Promise<void> {
    const end = this.now + ms;
    await settled();
    for (;;) {
      const next = [...this.timers].sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.timers.delete(next);
      this.now = Math.max(this.now, next.at);
      next.callback();
      await settled();
    }
    this.now = end;
  }
}

export class TestTab {
  readonly id: string;
  readonly profile: Profile;
  readonly store: TestStore;
  readonly records: Records;
  readonly collections: Collections;
  /** Linked tabs, each with the link, so that nothing of an old link comes over a new one. */
  readonly peers = new Map<string, object>();
  readonly errors: MeshError[];
  readonly misbehaved: string[] = [];
  /** How often it told that a comparison brought something. */
  gains = 0;
  readonly identities: { readonly replica: string; readonly generation: number }[] = [];
  /** Rumors and direct frames that it sent. */
  readonly rumors: Uint8Array[] = [];
  readonly frames: Uint8Array[] = [];
  isGone = false;

  constructor(
    id: string,
    room: TestRoom,
    profile: Profile,
    store: TestStore,
    errors: MeshError[],
    create: (host: ExtensionHost) => Records,
  ) {
    this.id = id;
    this.profile = profile;
    this.store = store;
    this.errors = errors;
    const others = () =>
      [...this.peers.keys()].flatMap((peer) => {
        const tab = room.tabs.get(peer);
        return tab === undefined || tab.isGone ? [] : [tab];
      });
    const later = (tab: TestTab, action: () => void) => {
      const link = this.peers.get(tab.id);
      setImmediate(() => {
        if (!tab.isGone && tab.peers.get(id) === link) action();
      });
    };
    this.records = create({
      ...{ id, store, random: seededRandom(room.seed) },
      clock: {
        now: () => room.now,
        setTimer: (callback, delay) => {
          const timer = { at: room.now + delay, callback: () => !this.isGone && callback() };
          room.timers.add(timer);
          return () => room.timers.delete(timer);
        },
      },
      neighbors: () => [...this.peers.keys()],
      isPresent: (peer) => room.tabs.has(peer),
      identity: (replica, generation) => this.identities.push({ replica, generation }),
      broadcast: (payload) => {
        this.rumors.push(payload);
        for (const tab of others()) {
          if (room.carries(this, tab)) later(tab, () => tab.records.deliver(id, payload));
        }
      },
      send: (peer, payload) => {
        this.frames.push(payload);
        const tab = others().find((other) => other.id === peer);
        const frame = tab && room.tamper(this, tab, payload);
        if (tab !== undefined && frame !== undefined) {
          later(tab, () => tab.records.direct(id, frame));
        }
        return tab !== undefined;
      },
      canReach: () => false,
      relay: () => undefined,
      bytesUnderWay: () => 0,
      isTransferring: () => false,
      activity: (gained) => {
        if (gained) this.gains++;
      },
      misbehaved: (peer, what) => {
        this.misbehaved.push(what);
        const tab = room.tabs.get(peer);
        if (tab !== undefined) room.unlink(this, tab);
      },
      syncedChanged: () => undefined,
      error: (error) => errors.push(error),
    });
    this.collections = new Collections(this.records);
  }

  /** The replica that it writes as, as it told the room. */
  get replica(): string {
    return this.identities.at(-1)?.replica ?? '';
  }

  /** Ends as a killed tab does: nothing of it is heard or written any more. */
  crash(): void {
    this.isGone = true;
    this.store.isBroken = true;
    this.profile.locks.held.delete(`mnemesh/room/${this.replica}`);
  }

  async close(): Promise<void> {
    await this.records.close();
    this.isGone = true;
  }
}

/** A timer that waits for nothing. */
function soon(callback: () => void): () => void {
  const handle = setImmediate(callback);
  return () => clearImmediate(handle);
}

/** Resolves once everything that needs no time is done. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 12; i++) await new Promise((resolve) => setImmediate(resolve));
}
