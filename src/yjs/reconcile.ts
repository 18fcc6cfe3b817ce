/**
 * Reconciliation of documents with neighbors (SPEC.md, D2 to D5): compare one root, then the
 * documents' leaves, then exchange y-protocols sync steps for those that differ.
 *
 * Frames are stateless but for what is known of each neighbor and from whom each document is being
 * fetched, so that whatever is lost is found by the next comparison. The machine does no I/O; it
 * tells its `ReconcileOutput`.
 */

import { equalBytes } from '../util/bytes.ts';
import type { PeerId } from '../util/peer-id.ts';
import { Fetches } from './fetches.ts';
import { type DocumentMessage, ROOT_BYTES } from './messages.ts';
import { type NeighborState, NeighborStates } from './neighbor-states.ts';

/** What was changed this recently is probably still on its way; comparing waits (D4). */
const QUIET_MS = 200;
/** After this tab's last edit, neighbors are asked whether they hold it (D5). */
const CONFIRM_MS = 300;
/** Where a difference stays, comparisons are so far apart in the end. */
const MAX_RETRY_MS = 30_000;
/** A comparison that was put off is tried again after this. */
const LATER_MS = 1_000;
/** Documents fetched from one neighbor at once; the others follow as these are done. */
const MAX_FETCHES_A_NEIGHBOR = 64;

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

type Leaf = Pick<Extract<DocumentMessage, { type: 'done' }>, 'name' | 'leaf'>;
type Step1 = Extract<DocumentMessage, { type: 'step1' }>;
type Step2 = Extract<DocumentMessage, { type: 'step2' }>;
type Step3 = Extract<DocumentMessage, { type: 'step3' }>;

export class Reconciler {
  readonly #self: PeerId;
  readonly #documents: ReconcileDocuments;
  readonly #output: ReconcileOutput;
  readonly #neighbors = new NeighborStates();
  readonly #fetches = new Fetches();
  #changedAt = Number.NEGATIVE_INFINITY;

  constructor(self: PeerId, documents: ReconcileDocuments, output: ReconcileOutput) {
    this.#self = self;
    this.#documents = documents;
    this.#output = output;
  }

  neighborUp(peer: PeerId): void {
    const now = this.#output.now();
    // The smaller id begins; the other does if nothing came, so that one frame is enough.
    this.#neighbors.add(peer, now, this.#self < peer ? now : now + CONFIRM_MS);
    this.#wake();
    this.#output.changed();
  }

  neighborDown(peer: PeerId): void {
    this.#neighbors.delete(peer);
    for (const name of this.#fetches.namesFrom(peer)) this.#fetches.end(name, peer);
    this.#compareWaiting();
    this.#output.changed();
  }

  /** A round picked this neighbor (D2). */
  compare(peer: PeerId): void {
    const state = this.#neighbors.get(peer);
    if (state === undefined || (state.dueAt !== undefined && !state.compared)) return;
    // Every other round in vain does not let itself be put off (D4).
    this.#compare(peer, state, state.rounds++ % 2 === 1);
  }

  /** This tab edited a document: no neighbor is known to hold that until it says so (D5). */
  edited(name: string): void {
    const now = this.#output.now();
    this.#changedAt = now;
    for (const state of this.#neighbors.values()) {
      state.differing.add(name);
      state.retries = 0;
      // Edits put off the confirmation of edits, and not the first comparison with a neighbor.
      if (state.compared || state.dueAt === undefined) state.dueAt = now + CONFIRM_MS;
    }
    this.#wake();
    this.#output.changed();
  }

  /** A rumor brought news: it is on its way to the neighbors too. */
  arrived(): void {
    this.#changedAt = this.#output.now();
  }

  /** Whether all neighbors are known to hold what this tab holds, of `name` or of everything (D5). */
  isSynced(name?: string): boolean {
    return this.#neighbors.isSynced(name, this.#output.now());
  }

  /** Neighbors that are known to hold the document exactly as this tab does. */
  holders(name: string): PeerId[] {
    return this.#neighbors.holders(name);
  }

  /** Does what is due; called after `wake`. */
  check(): void {
    const now = this.#output.now();
    const stalled = this.#fetches.endStalled(now, (peer) => this.#output.isTransferring(peer));
    for (const peer of stalled) {
      const state = this.#neighbors.get(peer);
      if (state !== undefined) this.#again(state);
    }
    if (stalled.size > 0) this.#compareWaiting();
    for (const [peer, state] of this.#neighbors) {
      if (state.dueAt === undefined || state.dueAt > now) continue;
      state.dueAt = undefined;
      this.#compare(peer, state, false);
    }
    this.#wake();
    this.#output.changed(); // a neighbor that stayed silent counts no longer
  }

  /** A message of a neighbor. */
  receive(peer: PeerId, message: DocumentMessage): void {
    const state = this.#neighbors.get(peer);
    if (state === undefined) return;
    state.heard = true;
    switch (message.type) {
      case 'compare':
        return this.#onCompare(peer, state, message.root, message.insist);
      case 'equal':
        if (equalBytes(message.root, this.#root())) this.#agreed(state);
        else this.#again(state);
        return;
      case 'later':
        if (state.differing.size > 0 || state.apart || !state.compared) this.#later(state);
        return;
      case 'leaves':
        return this.#onLeaves(peer, state, message.leaves);
      case 'step1':
        return this.#onStep1(peer, state, message);
      case 'step2':
        return this.#onStep2(peer, state, message);
      case 'step3':
        if (this.#take(peer, state, message)) this.#sendDone(peer, message.name);
        return;
      case 'done':
        return this.#settle(peer, state, message);
      case 'present':
      case 'whoIsPresent':
        return;
    }
  }

  #compare(peer: PeerId, state: NeighborState, insist: boolean): void {
    if (this.#output.isTransferring(peer)) return this.#later(state);
    this.#output.send(peer, { type: 'compare', root: this.#root(), insist });
  }

  #onCompare(peer: PeerId, state: NeighborState, theirs: Uint8Array, insist: boolean): void {
    const root = this.#root();
    if (equalBytes(root, theirs)) {
      this.#agreed(state);
      this.#output.send(peer, { type: 'equal', root });
      return;
    }
    const isMoving = this.#output.now() - this.#changedAt < QUIET_MS;
    if ((isMoving && !insist && state.compared) || this.#output.isTransferring(peer)) {
      this.#output.send(peer, { type: 'later' });
      return;
    }
    state.apart = true;
    // The other side takes the walk on itself.
    if (!state.compared) state.dueAt = undefined;
    this.#output.send(peer, { type: 'leaves', leaves: this.#documents.leaves() });
    this.#output.differs();
    this.#output.changed();
  }

  #onLeaves(peer: PeerId, state: NeighborState, leaves: readonly Leaf[]): void {
    state.rounds = 0;
    state.compared = true;
    state.apart = true;
    state.walking = true;
    state.differing.clear();
    const theirs = new Map(leaves.map(({ name, leaf }) => [name, leaf]));
    for (const { name } of this.#documents.leaves()) {
      if (!theirs.has(name)) state.differing.add(name);
    }
    for (const [name, leaf] of theirs) {
      if (!equalBytes(leaf, this.#documents.leafOf(name))) state.differing.add(name);
    }
    state.wanted = [...state.differing];
    if (state.differing.size > 0) this.#output.differs();
    this.#proceed(peer, state);
  }

  /** Fetches what is still wanted of a walk, and confirms with a comparison where all is done. */
  #proceed(peer: PeerId, state: NeighborState): void {
    let free = MAX_FETCHES_A_NEIGHBOR - this.#fetches.countFrom(peer);
    while (free > 0) {
      const name = state.wanted.pop();
      if (name === undefined) break;
      // When the fetch from another is done, this neighbor is compared with again.
      if (this.#fetches.has(name)) continue;
      free--;
      this.#fetches.begin(name, peer, true, this.#output.now());
      const leaf = this.#documents.leafOf(name);
      this.#output.send(peer, {
        type: 'step1',
        name,
        leaf,
        vector: this.#documents.vectorOf(name),
      });
    }
    const isDone = state.wanted.length === 0 && state.differing.size === 0;
    if (state.walking && isDone) {
      state.walking = false;
      state.dueAt = this.#output.now();
    }
    this.#wake();
    this.#output.changed();
  }

  #onStep1(peer: PeerId, state: NeighborState, { name, leaf, vector }: Step1): void {
    const fetch = this.#fetches.get(name);
    // Both began with this document: the smaller id's exchange stands, it serves both directions.
    if (fetch?.from === peer && fetch.isAsked && this.#self < peer) return;
    if (equalBytes(leaf, this.#documents.leafOf(name))) {
      this.#sendDone(peer, name);
      return this.#settle(peer, state, { name, leaf });
    }
    state.differing.add(name);
    if (fetch !== undefined && fetch.from !== peer) {
      // What it lacks is sent; what it has is asked for when the fetch from the other is done.
      this.#answer(peer, state, name, vector, (update) => ({
        type: 'step3',
        name,
        leaf: this.#documents.leafOf(name),
        update,
      }));
    } else {
      this.#fetches.begin(name, peer, false, this.#output.now());
      this.#answer(peer, state, name, vector, (update) => ({
        type: 'step2',
        name,
        leaf: this.#documents.leafOf(name),
        vector: this.#documents.vectorOf(name),
        update,
      }));
    }
    this.#wake();
    this.#output.changed();
  }

  #onStep2(peer: PeerId, state: NeighborState, message: Step2): void {
    const { name, vector } = message;
    if (!this.#take(peer, state, message)) return;
    if (!state.differing.has(name)) return this.#sendDone(peer, name);
    this.#answer(peer, state, name, vector, (update) => ({
      type: 'step3',
      name,
      leaf: this.#documents.leafOf(name),
      update,
    }));
  }

  #answer(
    peer: PeerId,
    state: NeighborState,
    name: string,
    vector: Uint8Array,
    messageOf: (update: Uint8Array) => DocumentMessage,
  ): void {
    // One answer at a time: each may take the memory of the whole document.
    if (state.answering.has(name)) return;
    state.answering.add(name);
    this.#documents.updateSince(name, vector).then(
      (update) => {
        state.answering.delete(name);
        this.#output.send(peer, messageOf(update));
      },
      (thrown: unknown) => {
        state.answering.delete(name);
        this.#fetches.end(name, peer);
        this.#output.failed(thrown);
      },
    );
  }

  /** Applies a neighbor's update; false where it is none. */
  #take(peer: PeerId, state: NeighborState, message: Step2 | Step3): boolean {
    const { name } = message;
    const gained = this.#documents.apply(name, message.update);
    if (gained === undefined) {
      this.#output.misbehaved(peer, 'an update that Yjs cannot read');
      return false;
    }
    if (gained) {
      // News for the other neighbors too: they are compared with when all fetches are done.
      for (const [other, { differing }] of this.#neighbors) if (other !== peer) differing.add(name);
      this.#output.differs();
    }
    this.#settle(peer, state, message);
    return true;
  }

  #sendDone(peer: PeerId, name: string): void {
    this.#output.send(peer, { type: 'done', name, leaf: this.#documents.leafOf(name) });
  }

  /** An exchange came to `leaf` at the neighbor: notes whether that is equal, and goes on. */
  #settle(peer: PeerId, state: NeighborState, { name, leaf }: Leaf): void {
    if (equalBytes(leaf, this.#documents.leafOf(name))) {
      state.differing.delete(name);
    } else {
      state.differing.add(name);
      this.#again(state);
    }
    const hasEnded = this.#fetches.end(name, peer);
    this.#proceed(peer, state);
    if (hasEnded) this.#compareWaiting();
  }

  /** The root as it is compared. */
  #root(): Uint8Array {
    return this.#documents.root().subarray(0, ROOT_BYTES);
  }

  #agreed(state: NeighborState): void {
    state.compared = true;
    state.apart = false;
    state.walking = false;
    state.rounds = 0;
    state.retries = 0;
    state.dueAt = undefined;
    state.differing.clear();
    state.wanted = [];
    this.#output.changed();
  }

  /** Compares with the neighbor again in a moment, and each time in a longer one. */
  #again(state: NeighborState): void {
    if (state.dueAt !== undefined) return;
    const delay = Math.min(MAX_RETRY_MS, CONFIRM_MS * 2 ** state.retries++);
    state.dueAt = this.#output.now() + delay;
    this.#wake();
  }

  /** Something is on its way, and a comparison is worth while when it has come. */
  #later(state: NeighborState): void {
    state.dueAt ??= this.#output.now() + LATER_MS;
    this.#wake();
  }

  /** Once nothing is being fetched, those who differ and wait for nothing else are compared with. */
  #compareWaiting(): void {
    if (this.#fetches.size > 0) return;
    for (const state of this.#neighbors.values()) {
      if (state.differing.size > 0) state.dueAt ??= this.#output.now();
    }
    this.#wake();
  }

  #wake(): void {
    const now = this.#output.now();
    const next = Math.min(this.#neighbors.nextDue(now), this.#fetches.nextTimeout(now));
    if (next !== Number.POSITIVE_INFINITY) this.#output.wake(Math.ceil(next));
  }
}
