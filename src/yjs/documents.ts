/**
 * The Yjs documents of a room, as one extension of its mesh (SPEC.md, section 8).
 *
 * Every tab that has loaded this holds every document of the room, open or not, so that the memory
 * outlives whoever edits it.
 */

import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import type { Mesh } from '../mesh.ts';
import { MAX_VALUE_BYTES } from '../protocol/limits.ts';
import type { MemberEntry } from '../protocol/wire.ts';
import {
  ATTACH,
  DOCUMENTS_CHANNEL,
  type Extension,
  type ExtensionHost,
} from '../runtime/extension.ts';
import { DocumentLog } from '../storage/document-log.ts';
import { MeshError, messageOf } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import { randomBelow } from '../util/random.ts';
import { HeldRanges, type Leaf, rootOf } from './held.ts';
import {
  decodeMessage,
  decodeRumor,
  encodeMessage,
  encodeRumor,
  MAX_DOCUMENTS,
} from './messages.ts';
import { Presences } from './presences.ts';
import { Reconciler } from './reconcile.ts';
import { SharedDocument } from './shared-document.ts';
import { batches } from './updates.ts';

const NOTHING = new HeldRanges();
/** A Yjs update that holds nothing. */
const NO_UPDATE = new Uint8Array([0, 0]);

/** The documents of `mesh`; made at the first call. */
export function documentsOf(mesh: Mesh): Documents {
  return mesh[ATTACH](DOCUMENTS_CHANNEL, (host) => new Documents(host));
}

export class Documents implements Extension {
  readonly channel = DOCUMENTS_CHANNEL;
  /** Resolves once what the store holds is known. */
  readonly ready: Promise<void>;
  /** Called whenever what is known of neighbors changed. */
  readonly listeners = new Set<() => void>();
  readonly #host: ExtensionHost;
  readonly #log: DocumentLog;
  readonly #reconciler: Reconciler;
  readonly #documents = new Map<string, SharedDocument>();
  readonly #presences: Presences;
  #isReady = false;
  #isClosed = false;
  #root: Uint8Array | undefined;
  #cancelWake: (() => void) | undefined;
  #isFull = false;
  /** Whether what comes now was fetched from a neighbor. */
  #isFetched = false;

  constructor(host: ExtensionHost) {
    this.#host = host;
    this.#log = new DocumentLog(host.store);
    this.#presences = new Presences(host);
    this.#reconciler = new Reconciler(
      host.id,
      {
        root: () => this.#rootNow(),
        leaves: () => this.#leaves(),
        names: () => [...this.#documents.keys()],
        heldOf: (name) => this.#heldOf(name),
        updateSince: async (name, vector) =>
          this.#documents.get(name)?.updateSince(vector) ?? NO_UPDATE,
        updateBeyond: async (name, theirs) => this.#documents.get(name)?.updateBeyond(theirs),
        apply: (name, update) => this.#fetched(name, update),
      },
      {
        send: (to, message) => host.send(to, encodeMessage(message)),
        isTransferring: (peer) => host.isTransferring(peer),
        now: () => host.clock.now(),
        random: (count) => Uint8Array.from({ length: count }, () => randomBelow(host.random, 256)),
        wake: (delay) => this.#wake(delay),
        changed: () => this.#changed(),
        differs: (gained) => host.activity(gained),
        misbehaved: (peer, what) => host.misbehaved(peer, what),
        failed: (thrown) => this.#failed(thrown),
      },
    );
    this.ready = this.#load();
  }

  /**
   * Brings `doc` up to date with document `name` and keeps it so until `signal` aborts. `origin` is
   * the transaction origin of remote changes. Resolves when what is stored is in `doc`.
   */
  async open(name: string, doc: Y.Doc, origin: object, signal: AbortSignal): Promise<void> {
    await this.ready;
    this.#checkOpen();
    if (!signal.aborted) await this.#document(name).attach(doc, origin, signal);
    this.#checkOpen();
  }

  /** Shares the states of `awareness` until `signal` aborts. */
  share(name: string, awareness: Awareness, signal: AbortSignal): void {
    const end = this.#presences.share(name, awareness);
    signal.addEventListener('abort', end);
  }

  /** Whether all neighbors are known to hold document `name` as this tab does. */
  isDocumentSynced(name: string): boolean {
    return this.#isReady && this.#reconciler.isSynced(name);
  }

  /** Neighbors that are known to hold document `name` exactly as this tab does. */
  holders(name: string): PeerId[] {
    return this.#reconciler.holders(name);
  }

  // Extension

  neighborUp(peer: PeerId): void {
    if (this.#isReady) this.#reconciler.neighborUp(peer);
    this.#presences.neighborUp(peer);
  }

  neighborDown(peer: PeerId): void {
    this.#reconciler.neighborDown(peer);
  }

  leaving(): void {
    for (const document of this.#documents.values()) document.tellEdits();
  }

  memberSeen({ id }: MemberEntry): void {
    this.#presences.memberSeen(id);
  }

  memberGone(peer: PeerId): void {
    this.#presences.memberGone(peer);
  }

  deliver(origin: PeerId, payload: Uint8Array): void {
    const rumor = decodeRumor(payload);
    if (rumor === undefined) return this.#unreadable(origin);
    if (rumor.type === 'presence') {
      if (!this.#presences.deliver(origin, rumor.name, rumor.update)) this.#unreadable(origin);
      return;
    }
    const gained = this.#apply(rumor.name, rumor.updates);
    if (gained === undefined) return this.#unreadable(origin);
    if (gained) this.#host.activity();
  }

  direct(peer: PeerId, payload: Uint8Array): void {
    const message = decodeMessage(payload);
    if (message === undefined) {
      return this.#host.misbehaved(peer, 'a message on documents that cannot be read');
    }
    if (message.type === 'whoIsPresent' || message.type === 'present') {
      this.#presences.direct(peer, message);
    } else {
      this.#reconciler.receive(peer, message);
    }
  }

  compare(peer: PeerId): void {
    if (this.#isReady) this.#reconciler.compare(peer);
  }

  digest(): Uint8Array {
    return this.#leaves().length === 0 ? new Uint8Array(0) : this.#rootNow();
  }

  isSynced(): boolean {
    return this.#isReady && this.#reconciler.isSynced();
  }

  async flush(): Promise<void> {
    await this.ready;
    await Promise.all([...this.#documents.values()].map((document) => document.flush()));
  }

  storeLost(): void {
    for (const document of this.#documents.values()) {
      document.load().catch((thrown: unknown) => this.#failed(thrown));
    }
  }

  async settle(): Promise<void> {
    // What failed was told, and is tried again.
    await Promise.allSettled([this.flush()]);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelWake?.();
    this.#presences.close();
    await this.ready;
    const closings = [...this.#documents.values()].map((document) => document.close());
    for (const result of await Promise.allSettled(closings)) {
      if (result.status === 'rejected') this.#failed(result.reason);
    }
  }

  // Documents

  async #load(): Promise<void> {
    try {
      for (const name of await this.#log.names()) {
        if (this.#isClosed) return;
        await this.#loadOne(name);
      }
    } catch (thrown) {
      this.#failed(thrown);
    }
    this.#isReady = true;
    if (this.#isClosed) return;
    for (const peer of this.#host.neighbors()) this.#reconciler.neighborUp(peer);
    this.#changed();
  }

  async #loadOne(name: string): Promise<void> {
    try {
      await this.#document(name).load();
    } catch (thrown) {
      this.#failed(thrown);
    }
  }

  #document(name: string): SharedDocument {
    const known = this.#documents.get(name);
    if (known !== undefined) return known;
    if (this.#documents.size >= MAX_DOCUMENTS) {
      throw new MeshError(
        'bad-argument',
        `The room has ${MAX_DOCUMENTS} documents already, the most that it can. ${name} was not added.`,
      );
    }
    const { clock } = this.#host;
    const options = { clock, failed: (thrown: unknown) => this.#failed(thrown) };
    const document = new SharedDocument(name, this.#log, options, {
      edited: (updates) => this.#edited(name, updates),
      heldChanged: () => {
        this.#root = undefined;
        const fresh = document.held.takeFresh();
        if (!this.#isFetched) this.#reconciler.came(name, fresh);
      },
      diskChanged: () => {
        this.#reconciler.edited(name);
        this.#host.activity();
      },
      corrupt: (cause) => this.#corrupt(name, cause),
    });
    this.#documents.set(name, document);
    return document;
  }

  #heldOf(name: string): HeldRanges {
    return this.#documents.get(name)?.held ?? NOTHING;
  }

  #leaves(): Leaf[] {
    return [...this.#documents.values()]
      .filter(({ held }) => !held.isEmpty)
      .map(({ name, held }) => ({ name, leaf: held.leaf() }));
  }

  #rootNow(): Uint8Array {
    this.#root ??= rootOf(this.#leaves());
    return this.#root;
  }

  /** As `#apply`, of what a neighbor was asked for, and others are not being told by rumors. */
  #fetched(name: string, update: Uint8Array): boolean | undefined {
    this.#isFetched = true;
    const gained = this.#apply(name, [update]);
    this.#isFetched = false;
    return gained;
  }

  /** Whether the updates brought news; `undefined` where one is no Yjs update. */
  #apply(name: string, updates: readonly Uint8Array[]): boolean | undefined {
    let document: SharedDocument;
    try {
      document = this.#document(name);
    } catch (thrown) {
      if (!this.#isFull) this.#failed(thrown);
      this.#isFull = true;
      return false;
    }
    try {
      return document.apply(updates);
    } catch {
      return undefined;
    }
  }

  #edited(name: string, updates: readonly Uint8Array[]): void {
    if (this.#isClosed) return;
    const sendable = updates.filter((update) => {
      if (update.length <= MAX_VALUE_BYTES) return true;
      this.#host.error(
        new MeshError(
          'value-too-large',
          `An edit of ${update.length} bytes in document ${name} is over the ${MAX_VALUE_BYTES} that are broadcast at once. It is kept here; other tabs get it late or not at all: undo it and insert it in parts.`,
        ),
      );
      return false;
    });
    for (const batch of batches(sendable)) {
      this.#host.broadcast(encodeRumor({ type: 'updates', name, updates: batch }));
    }
    this.#reconciler.edited(name);
    this.#host.activity();
  }

  // Time, faults

  #wake(delay: number): void {
    this.#cancelWake?.();
    if (this.#isClosed) return;
    this.#cancelWake = this.#host.clock.setTimer(() => this.#reconciler.check(), delay);
  }

  #changed(): void {
    for (const listener of [...this.listeners]) listener();
    this.#host.syncedChanged();
  }

  #checkOpen(): void {
    if (!this.#isClosed) return;
    throw new MeshError('closed', 'The mesh is closed; no document can be opened. Open it again.');
  }

  #unreadable(origin: PeerId): void {
    this.#host.error(
      new MeshError(
        'bad-frame',
        `A broadcast of tab ${origin} on documents cannot be read. It was dropped; nothing else changed.`,
      ),
    );
  }

  #corrupt(name: string, cause: unknown): void {
    this.#host.error(
      new MeshError(
        'store-corrupt',
        `An update of document ${name} cannot be read${cause === undefined ? '' : ` (${messageOf(cause)})`}. It was left out; the rest is used, and other tabs may still hold it.`,
        { cause },
      ),
    );
  }

  #failed(thrown: unknown): void {
    this.#host.error(
      thrown instanceof MeshError
        ? thrown
        : new MeshError(
            'store-unavailable',
            `A document could not be read or written (${messageOf(thrown)}). What is in memory is kept, and writing is tried again.`,
            { cause: thrown },
          ),
    );
  }
}
