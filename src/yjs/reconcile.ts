/**
 * Reconciliation of documents with neighbors (SPEC.md, D2 to D5): compare one root, then the
 * documents' leaves, then exchange those that differ.
 *
 * Frames are stateless but for what is known of each neighbor and from whom each document is being
 * fetched, so that whatever is lost is found by the next comparison. The machine does no I/O; it
 * tells its `ReconcileOutput`.
 */

import { equalBytes } from '../util/bytes.ts';
import type { PeerId } from '../util/peer-id.ts';
import { Exchanges } from './exchanges.ts';
import { type Flight, Flights } from './flights.ts';
import { type Fresh, type Leaf, ROOT_BYTES } from './held.ts';
import type { DocumentMessage } from './messages.ts';
import { type NeighborState, NeighborStates } from './neighbor-states.ts';
import type { ReconcileDocuments, ReconcileOutput } from './reconcile-ports.ts';

/** After this tab's last edit, neighbors are asked whether they hold it (D5). */
const CONFIRM_MS = 300;
/** Where a difference stays, comparisons are so far apart in the end. */
const MAX_RETRY_MS = 30_000;
/** A comparison that was put off is tried again after this. */
const LATER_MS = 1_000;
/** Documents fetched from one neighbor at once; the others follow as these are done. */
const MAX_FETCHES_A_NEIGHBOR = 64;

export class Reconciler {
  readonly #self: PeerId;
  readonly #documents: ReconcileDocuments;
  readonly #output: ReconcileOutput;
  readonly #neighbors = new NeighborStates();
  readonly #flights: Flights;
  readonly #exchanges: Exchanges;

  constructor(self: PeerId, documents: ReconcileDocuments, output: ReconcileOutput) {
    this.#self = self;
    this.#documents = documents;
    this.#output = output;
    this.#flights = new Flights(documents);
    this.#exchanges = new Exchanges(self, documents, {
      ...output,
      settled: (peer, state, leaf) => this.#settle(peer, state, leaf),
      gained: (peer, name) => this.#gained(peer, name),
      again: (peer, message) => this.receive(peer, message),
    });
  }

  neighborUp(peer: PeerId): void {
    const now = this.#output.now();
    // The smaller id begins; the other does if nothing came, so that one frame is enough.
    const state = this.#neighbors.add(peer, now, this.#self < peer ? now : now + CONFIRM_MS);
    // Who holds nothing need not be told by a comparison that it lacks what it shows (D3).
    const names = this.#documents.names();
    if (names.every((name) => this.#documents.heldOf(name).isEmpty)) state.wanted = names;
    this.#proceed(peer, state);
  }

  neighborDown(peer: PeerId): void {
    this.#neighbors.delete(peer);
    const { fetches } = this.#exchanges;
    for (const name of fetches.namesFrom(peer)) fetches.end(name, peer);
    this.#compareWaiting();
    this.#output.changed();
  }

  /** A round picked this neighbor (D2). */
  compare(peer: PeerId): void {
    const state = this.#neighbors.get(peer);
    if (state === undefined || (state.dueAt !== undefined && !state.compared)) return;
    this.#compare(peer, state);
  }

  /** This tab edited a document: no neighbor is known to hold that until it says so (D5). */
  edited(name: string): void {
    const now = this.#output.now();
    for (const state of this.#neighbors.values()) {
      state.differing.add(name);
      state.retries = 0;
      // Edits put off the confirmation of edits, and not the first comparison with a neighbor.
      if (state.compared || state.dueAt === undefined) state.dueAt = now + CONFIRM_MS;
    }
    this.#wake();
    this.#output.changed();
  }

  /** What came into a document, by an edit or a rumor, is on its way to the neighbors too. */
  came(name: string, fresh: readonly Fresh[] | undefined): void {
    this.#flights.note(this.#output.now(), name, fresh);
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
    const stalled = this.#exchanges.fetches.endStalled(now, (peer) =>
      this.#output.isTransferring(peer),
    );
    for (const peer of stalled) {
      const state = this.#neighbors.get(peer);
      if (state !== undefined) this.#again(state);
    }
    if (stalled.size > 0) this.#compareWaiting();
    for (const [peer, state] of this.#neighbors) {
      if (state.dueAt === undefined || state.dueAt > now) continue;
      // While others type no comparison tells of equal memory, and rounds find what is lost.
      const isVain = state.compared && !state.apart && !this.#flights.isQuiet(now);
      state.dueAt = isVain ? now + CONFIRM_MS : undefined;
      if (!isVain) this.#compare(peer, state);
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
        return this.#onCompare(peer, state, message);
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
      case 'step2':
      case 'step3':
      case 'done':
      case 'walk':
        this.#exchanges.receive(peer, state, message);
        this.#wake();
        this.#output.changed();
        return;
      case 'present':
      case 'whoIsPresent':
        return;
    }
  }

  #compare(peer: PeerId, state: NeighborState): void {
    if (this.#output.isTransferring(peer)) return this.#later(state);
    const flight = this.#flights.tell(this.#output.now());
    this.#output.send(peer, { type: 'compare', root: this.#root(), flight });
  }

  #onCompare(
    peer: PeerId,
    state: NeighborState,
    { root: theirs, flight }: Extract<DocumentMessage, { type: 'compare' }>,
  ): void {
    const root = this.#root();
    if (equalBytes(root, theirs)) {
      this.#agreed(state);
      this.#output.send(peer, { type: 'equal', root });
      return;
    }
    const isFlying =
      state.compared && this.#flights.isFlying(this.#output.now(), flight ?? unmoved(theirs));
    if (isFlying || this.#output.isTransferring(peer)) {
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
    state.compared = true;
    state.apart = true;
    state.walking = true;
    state.differing.clear();
    const theirs = new Map(leaves.map(({ name, leaf }) => [name, leaf]));
    for (const { name } of this.#documents.leaves()) {
      if (!theirs.has(name)) state.differing.add(name);
    }
    for (const [name, leaf] of theirs) {
      if (!equalBytes(leaf, this.#documents.heldOf(name).leaf())) state.differing.add(name);
    }
    state.wanted = [...state.differing];
    if (state.differing.size > 0) this.#output.differs();
    const loading = this.#exchanges.prepare(state.wanted);
    if (loading === undefined) return this.#proceed(peer, state);
    void loading.then(() => {
      if (this.#neighbors.get(peer) === state) this.#proceed(peer, state);
    });
  }

  /** Fetches what is still wanted of a walk, and confirms with a comparison where all is done. */
  #proceed(peer: PeerId, state: NeighborState): void {
    const { fetches } = this.#exchanges;
    let free = MAX_FETCHES_A_NEIGHBOR - fetches.countFrom(peer);
    while (free > 0) {
      const name = state.wanted.pop();
      if (name === undefined) break;
      // When the fetch from another is done, this neighbor is compared with again; but one that never said
      // anything of documents may have none.
      const fetch = fetches.get(name);
      if (fetch !== undefined && (!state.compared || fetch.neighbor.heard)) continue;
      free--;
      this.#exchanges.begin(peer, state, name);
    }
    const isDone = state.wanted.length === 0 && state.differing.size === 0;
    if (state.walking && isDone) {
      state.walking = false;
      state.dueAt = this.#output.now();
    }
    this.#wake();
    this.#output.changed();
  }

  /** News for the other neighbors too: they are compared with when all fetches are done. */
  #gained(peer: PeerId, name: string): void {
    for (const [other, { differing }] of this.#neighbors) if (other !== peer) differing.add(name);
    this.#output.differs(true);
  }

  /** An exchange came to `leaf` at the neighbor: notes whether that is equal, and goes on. */
  #settle(peer: PeerId, state: NeighborState, { name, leaf }: Leaf): void {
    if (equalBytes(leaf, this.#documents.heldOf(name).leaf())) {
      state.differing.delete(name);
    } else {
      state.differing.add(name);
      this.#again(state);
    }
    const hasEnded = this.#exchanges.fetches.end(name, peer);
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
    if (this.#exchanges.fetches.size > 0) return;
    for (const state of this.#neighbors.values()) {
      if (state.differing.size > 0) state.dueAt ??= this.#output.now();
    }
    this.#wake();
  }

  #wake(): void {
    const now = this.#output.now();
    const { fetches } = this.#exchanges;
    const next = Math.min(this.#neighbors.nextDue(now), fetches.nextTimeout(now));
    if (next !== Number.POSITIVE_INFINITY) this.#output.wake(Math.ceil(next));
  }
}

/** What a comparison tells of what came lately where nothing did. */
const unmoved = (rest: Uint8Array): Flight => ({ rest, aged: [], young: [] });
