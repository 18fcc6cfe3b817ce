/**
 * Reconciliation of documents with neighbors (SPEC.md, section 8): compare one root, then the
 * documents' leaves, then exchange y-protocols sync steps for those that differ.
 *
 * Frames are stateless but for three things: what each neighbor is known to hold, from whom each
 * document is being fetched (one at a time, so that nine neighbors do not send the same megabytes),
 * and how often a neighbor asked to wait. The machine does no I/O; it tells its `ReconcileOutput`.
 */

import { equalBytes } from '../util/bytes.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { DocumentMessage } from './messages.ts';

/** What was changed this recently is probably still on its way; comparing waits (D4). */
const QUIET_MS = 200;
/** After this tab's last edit, neighbors are asked whether they hold it (D5). */
const CONFIRM_MS = 300;
const MAX_RETRY_MS = 30_000;
/** A fetch that shows no progress for so long is given up. */
const FETCH_TIMEOUT_MS = 10_000;
/** Documents fetched from one neighbor at once; the others come with the next comparison. */
const MAX_FETCHES_A_NEIGHBOR = 64;
/** A neighbor that has never answered counts for `isSynced` for this long; it may hold no documents. */
const SILENT_NEIGHBOR_MS = 5_000;

/** The documents, as the machine needs to know them. */
export interface ReconcileDocuments {
  root(): Uint8Array;
  /** Documents that hold anything, with their leaves. */
  leaves(): { name: string; leaf: Uint8Array }[];
  leafOf(name: string): Uint8Array;
  vectorOf(name: string): Uint8Array;
  updateSince(name: string, vector: Uint8Array): Promise<Uint8Array>;
  /** Takes an update of a neighbor; whether it brought news, `undefined` where it is none. */
  apply(name: string, update: Uint8Array): boolean | undefined;
}

export interface ReconcileOutput {
  send(to: PeerId, message: DocumentMessage): void;
  isTransferring(peer: PeerId): boolean;
  now(): number;
  /** Calls `check` after so many milliseconds; a later call replaces it. */
  wake(delay: number): void;
  /** What is known of neighbors changed. */
  changed(): void;
  /** Memories differ, so rounds should come soon. */
  differs(): void;
  misbehaved(peer: PeerId, what: string): void;
  failed(thrown: unknown): void;
}

interface NeighborState {
  readonly since: number;
  /** Whether the neighbor ever answered a comparison. */
  compared: boolean;
  /** Documents that it is not known to hold as this tab does. */
  readonly differing: Set<string>;
  /** When to compare next, besides rounds. */
  dueAt: number | undefined;
  /** Comparisons in a row that it put off; a round insists after one. */
  laters: number;
  /** Comparisons in a row that were not the last, so that the next waits longer. */
  retries: number;
}

export class Reconciler {
  readonly #self: PeerId;
  readonly #documents: ReconcileDocuments;
  readonly #output: ReconcileOutput;
  readonly #neighbors = new Map<PeerId, NeighborState>();
  readonly #fetches = new Map<string, { from: PeerId; at: number }>();
  #changedAt = Number.NEGATIVE_INFINITY;
  /** Comparisons that found a difference and went on to leaves. */
  walks = 0;

  constructor(self: PeerId, documents: ReconcileDocuments, output: ReconcileOutput) {
    this.#self = self;
    this.#documents = documents;
    this.#output = output;
  }

  neighborUp(peer: PeerId): void {
    const since = this.#output.now();
    this.#neighbors.set(peer, {
      since,
      compared: false,
      differing: new Set(),
      // The smaller id begins; the other does if nothing came, so that one frame is enough.
      dueAt: this.#self < peer ? since : since + CONFIRM_MS,
      laters: 0,
      retries: 0,
    });
    this.#wake();
  }

  neighborDown(peer: PeerId): void {
    this.#neighbors.delete(peer);
    for (const [name, fetch] of [...this.#fetches]) if (fetch.from === peer) this.#release(name);
    this.#output.changed();
  }

  /** A round picked this neighbor (D2). */
  compare(peer: PeerId): void {
    const state = this.#neighbors.get(peer);
    if (state === undefined || (state.dueAt !== undefined && !state.compared)) return;
    this.#compare(peer, state.laters > 0);
    this.#output.changed();
  }

  /** This tab edited a document: no neighbor is known to hold that until it says so (D5). */
  edited(name: string): void {
    this.#changedAt = this.#output.now();
    for (const state of this.#neighbors.values()) {
      state.differing.add(name);
      state.dueAt = this.#changedAt + CONFIRM_MS;
      state.retries = 0;
    }
    this.#wake();
    this.#output.changed();
  }

  /** A rumor or the disk brought news; `fromDisk` no neighbor knows of it yet. */
  arrived(name: string, fromDisk: boolean): void {
    if (fromDisk) this.edited(name);
    else this.#changedAt = this.#output.now();
  }

  /** Whether all neighbors are known to hold what this tab holds, of `name` or of everything. */
  isSynced(name?: string): boolean {
    const now = this.#output.now();
    let compared = 0;
    for (const state of this.#neighbors.values()) {
      if (!state.compared) {
        if (now - state.since < SILENT_NEIGHBOR_MS) return false;
        continue;
      }
      compared++;
      if (name === undefined ? state.differing.size > 0 : state.differing.has(name)) return false;
    }
    return compared > 0;
  }

  /** Neighbors that are known to hold the document exactly as this tab does. */
  holders(name: string): PeerId[] {
    return [...this.#neighbors]
      .filter(([, state]) => state.compared && !state.differing.has(name))
      .map(([peer]) => peer);
  }

  /** Does what is due; called after `wake`. */
  check(): void {
    const now = this.#output.now();
    for (const [name, { from, at }] of [...this.#fetches]) {
      if (now - at < FETCH_TIMEOUT_MS) continue;
      if (this.#output.isTransferring(from)) this.#fetches.set(name, { from, at: now });
      else this.#release(name);
    }
    for (const [peer, state] of this.#neighbors) {
      if (state.dueAt === undefined || state.dueAt > now) continue;
      state.dueAt = undefined;
      this.#compare(peer, false);
    }
    this.#wake();
  }

  /** A message of a neighbor. */
  receive(peer: PeerId, message: DocumentMessage): void {
    const state = this.#neighbors.get(peer);
    if (state === undefined) return;
    switch (message.type) {
      case 'compare':
        return this.#onCompare(peer, state, message.root, message.insist);
      case 'equal':
        if (equalBytes(message.root, this.#documents.root())) this.#agreed(state);
        else this.#again(state);
        return;
      case 'later':
        state.laters++;
        if (state.differing.size > 0 || !state.compared) this.#again(state);
        return;
      case 'leaves':
        return this.#onLeaves(peer, state, message.leaves);
      case 'step1':
        return this.#onStep1(peer, state, message);
      case 'step2':
        return this.#onStep2(peer, state, message);
      case 'step3':
        this.#take(peer, state, message.name, message.leaf, message.update);
        return this.#sendDone(peer, message.name);
      case 'done':
        this.#settle(state, message.name, message.leaf);
        if (this.#fetches.get(message.name)?.from === peer) this.#release(message.name);
        return;
      case 'present':
      case 'whoIsPresent':
        return;
    }
  }

  #compare(peer: PeerId, insist: boolean): void {
    if (this.#output.isTransferring(peer)) {
      const state = this.#neighbors.get(peer);
      if (state !== undefined) this.#again(state);
      return;
    }
    this.#output.send(peer, { type: 'compare', root: this.#documents.root(), insist });
  }

  #onCompare(peer: PeerId, state: NeighborState, theirs: Uint8Array, insist: boolean): void {
    const root = this.#documents.root();
    if (equalBytes(root, theirs)) {
      this.#agreed(state);
      this.#output.send(peer, { type: 'equal', root });
      return;
    }
    const now = this.#output.now();
    const isMoving = now - this.#changedAt < QUIET_MS && !insist && state.compared;
    if (isMoving || this.#output.isTransferring(peer)) {
      this.#output.send(peer, { type: 'later' });
      return;
    }
    this.#output.send(peer, { type: 'leaves', leaves: this.#documents.leaves() });
  }

  #onLeaves(
    peer: PeerId,
    state: NeighborState,
    leaves: readonly { readonly name: string; readonly leaf: Uint8Array }[],
  ): void {
    this.walks++;
    state.laters = 0;
    state.compared = true;
    state.differing.clear();
    const theirs = new Map(leaves.map(({ name, leaf }) => [name, leaf]));
    for (const { name } of this.#documents.leaves()) {
      if (!theirs.has(name)) state.differing.add(name);
    }
    for (const [name, leaf] of theirs) {
      if (!equalBytes(leaf, this.#documents.leafOf(name))) state.differing.add(name);
    }
    if (state.differing.size > 0) this.#output.differs();
    let begun = 0;
    for (const name of state.differing) {
      if (begun === MAX_FETCHES_A_NEIGHBOR) break;
      if (this.#fetches.has(name)) continue; // when that is done, this neighbor is compared with again
      begun++;
      this.#fetches.set(name, { from: peer, at: this.#output.now() });
      const leaf = this.#documents.leafOf(name);
      const vector = this.#documents.vectorOf(name);
      this.#output.send(peer, { type: 'step1', name, leaf, vector });
    }
    this.#wake();
    this.#output.changed();
  }

  #onStep1(
    peer: PeerId,
    state: NeighborState,
    { name, leaf, vector }: { name: string; leaf: Uint8Array; vector: Uint8Array },
  ): void {
    // Both began with this document: the smaller id's exchange stands, it serves both directions.
    if (this.#fetches.get(name)?.from === peer) {
      if (this.#self < peer) return;
      this.#fetches.delete(name);
    }
    if (equalBytes(leaf, this.#documents.leafOf(name))) {
      this.#settle(state, name, leaf);
      return this.#sendDone(peer, name);
    }
    this.#answer(peer, name, vector, (update) => ({
      type: 'step2',
      name,
      leaf: this.#documents.leafOf(name),
      vector: this.#documents.vectorOf(name),
      update,
    }));
  }

  #onStep2(
    peer: PeerId,
    state: NeighborState,
    message: { name: string; leaf: Uint8Array; vector: Uint8Array; update: Uint8Array },
  ): void {
    const { name } = message;
    if (this.#fetches.get(name)?.from === peer) {
      this.#fetches.set(name, { from: peer, at: this.#output.now() });
    }
    if (this.#take(peer, state, name, message.leaf, message.update)) {
      this.#sendDone(peer, name);
      return this.#release(name);
    }
    this.#answer(peer, name, message.vector, (update) => ({
      type: 'step3',
      name,
      leaf: this.#documents.leafOf(name),
      update,
    }));
  }

  #answer(
    peer: PeerId,
    name: string,
    vector: Uint8Array,
    messageOf: (update: Uint8Array) => DocumentMessage,
  ): void {
    this.#documents.updateSince(name, vector).then(
      (update) => this.#output.send(peer, messageOf(update)),
      (thrown: unknown) => this.#output.failed(thrown),
    );
  }

  /** Applies a neighbor's update; whether both now hold the same. */
  #take(
    peer: PeerId,
    state: NeighborState,
    name: string,
    leaf: Uint8Array,
    update: Uint8Array,
  ): boolean {
    const gained = this.#documents.apply(name, update);
    if (gained === undefined) {
      this.#output.misbehaved(peer, 'an update that Yjs cannot read');
      return false;
    }
    if (gained) {
      // News for the other neighbors too: they are compared with at once.
      const now = this.#output.now();
      for (const [other, otherState] of this.#neighbors) {
        if (other === peer) continue;
        otherState.differing.add(name);
        otherState.dueAt = now;
      }
      this.#output.differs();
      this.#wake();
    }
    return this.#settle(state, name, leaf);
  }

  #sendDone(peer: PeerId, name: string): void {
    this.#output.send(peer, { type: 'done', name, leaf: this.#documents.leafOf(name) });
  }

  /** Notes whether the neighbor, whose leaf is `leaf`, holds the document as this tab does. */
  #settle(state: NeighborState, name: string, leaf: Uint8Array): boolean {
    const isEqual = equalBytes(leaf, this.#documents.leafOf(name));
    if (isEqual) state.differing.delete(name);
    else this.#again(state);
    this.#output.changed();
    return isEqual;
  }

  #agreed(state: NeighborState): void {
    state.compared = true;
    state.laters = 0;
    state.retries = 0;
    state.dueAt = undefined;
    state.differing.clear();
    this.#output.changed();
  }

  /** Compares with the neighbor again in a moment, and each time in a longer one. */
  #again(state: NeighborState): void {
    if (state.dueAt !== undefined) return;
    const delay = Math.min(MAX_RETRY_MS, CONFIRM_MS * 2 ** state.retries++);
    state.dueAt = this.#output.now() + delay;
    this.#wake();
  }

  /** The document is not being fetched any more; those who had to wait for it are compared with. */
  #release(name: string): void {
    if (!this.#fetches.delete(name)) return;
    for (const state of this.#neighbors.values()) {
      if (state.differing.has(name)) state.dueAt ??= this.#output.now();
    }
    this.#wake();
  }

  #wake(): void {
    const now = this.#output.now();
    let next = this.#fetches.size > 0 ? FETCH_TIMEOUT_MS : Number.POSITIVE_INFINITY;
    for (const { dueAt } of this.#neighbors.values()) {
      if (dueAt !== undefined) next = Math.min(next, Math.max(0, dueAt - now));
    }
    if (next !== Number.POSITIVE_INFINITY) this.#output.wake(next);
  }
}
