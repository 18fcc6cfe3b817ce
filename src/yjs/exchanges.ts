/**
 * Exchanges of single documents with neighbors (SPEC.md D3): y-protocols sync steps, and before them,
 * where a document has many clients, a walk to those of which the two do not hold the same.
 */

import type * as walking from '../memory/reconcile/reconcile-clients.ts';
import type { ClientEntry } from '../memory/reconcile/reconcile-clients-wire.ts';
import { equalBytes } from '../util/bytes.ts';
import { loadPart } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import { Fetches } from './fetches.ts';
import type { Leaf } from './held.ts';
import type { DocumentMessage } from './messages.ts';
import type { NeighborState } from './neighbor-states.ts';
import type { ReconcileDocuments, ReconcileOutput } from './reconcile-ports.ts';

/**
 * A document of so many clients is walked: of fewer, a state vector and the delete set are so small
 * that they are not worth three messages more (2.7 KB of 128 clients, against 0.4 KB).
 */
export const MANY_CLIENTS = 128;
/** After so many comparisons in vain a document goes by sync steps, whatever its size. */
const MAX_WALKS = 3;
/** Walks with one neighbor at a time. */
const MAX_OPEN = 64;
const NONCE_BYTES = 6;
/** A walk of which nothing was heard for so long is over. */
const WALK_TIMEOUT_MS = 3_000;

type Message<T extends DocumentMessage['type']> = Extract<DocumentMessage, { type: T }>;
type Step = Message<'step1' | 'step2' | 'step3' | 'done' | 'walk'>;

export interface ExchangesOutput {
  /** An exchange left the neighbor with what `leaf` tells. */
  settled(peer: PeerId, state: NeighborState, leaf: Leaf): void;
  /** A neighbor's update brought news. */
  gained(peer: PeerId, name: string): void;
  /** What the message needs is loaded now. */
  again(peer: PeerId, message: DocumentMessage): void;
}

export class Exchanges {
  readonly fetches = new Fetches();
  readonly #self: PeerId;
  readonly #documents: ReconcileDocuments;
  readonly #output: ReconcileOutput & ExchangesOutput;
  #walking: typeof walking | undefined;

  constructor(
    self: PeerId,
    documents: ReconcileDocuments,
    output: ReconcileOutput & ExchangesOutput,
  ) {
    this.#self = self;
    this.#documents = documents;
    this.#output = output;
  }

  /** Loads what walks need, if any of `names` does and it is not there; never rejects. */
  prepare(names: readonly string[]): Promise<void> | undefined {
    const isReady = this.#walking !== undefined || !names.some((name) => this.#isLarge(name));
    return isReady ? undefined : this.#load();
  }

  /** Begins to fetch a document, by an exchange that serves both sides. */
  begin(peer: PeerId, state: NeighborState, name: string): void {
    const now = this.#output.now();
    const open = state.walks.get(name);
    if (open !== undefined && now - open.at < WALK_TIMEOUT_MS) {
      // The neighbor began one, which serves both: its next step says that this side wants.
      return this.fetches.begin(name, peer, state, false, now);
    }
    this.fetches.begin(name, peer, state, true, now);
    if (this.#walking === undefined || !this.#isLarge(name) || state.retries > MAX_WALKS) {
      return this.#output.send(peer, { type: 'step1', ...this.#leafAndVectorOf(name) });
    }
    const nonce = this.#output.random(NONCE_BYTES);
    const walk = new this.#walking.ClientWalk(this.#rangesOf(name), nonce, true);
    const [low = 0, high = 0] = nonce;
    this.#open(state, name, walk, low + 256 * high);
    this.#sendStep(peer, state, name, walk.reply(nonce));
  }

  /** Takes a message of an exchange. */
  receive(peer: PeerId, state: NeighborState, message: Step): void {
    const { name } = message;
    switch (message.type) {
      case 'step1':
        return this.#onStep1(peer, state, message);
      case 'step2':
        if (!this.#take(peer, state, message)) return;
        if (!state.differing.has(name)) return this.#sendDone(peer, name);
        return this.#sendSince(peer, state, message);
      case 'step3':
        if (this.#take(peer, state, message)) this.#conclude(peer, state, name);
        return;
      case 'done':
        this.#output.settled(peer, state, message);
        // Its last word, where it has nothing to give; this side may have.
        if (state.walks.has(name)) this.#conclude(peer, state, name);
        return;
      case 'walk':
        return this.#onWalk(peer, state, message);
    }
  }

  #onStep1(peer: PeerId, state: NeighborState, message: Message<'step1'>): void {
    const { name, leaf, vector } = message;
    if (this.#isOurs(peer, name)) return;
    if (equalBytes(leaf, this.#leafOf(name))) {
      this.#sendDone(peer, name);
      return this.#output.settled(peer, state, message);
    }
    state.differing.add(name);
    if (!this.#fetchToo(peer, state, name)) return this.#sendSince(peer, state, message);
    this.#answer(
      peer,
      state,
      name,
      () => this.#documents.updateSince(name, vector),
      (update) => ({ type: 'step2', ...this.#leafAndVectorOf(name), update }),
    );
  }

  /**
   * Sends what their vector lacks. What they have besides, if anything, is asked for when the fetch from
   * another is done.
   */
  #sendSince(
    peer: PeerId,
    state: NeighborState,
    { name, vector }: Message<'step1' | 'step2'>,
  ): void {
    this.#answer(
      peer,
      state,
      name,
      () => this.#documents.updateSince(name, vector),
      (update) => ({ type: 'step3', name, leaf: this.#leafOf(name), update }),
    );
  }

  #onWalk(peer: PeerId, state: NeighborState, message: Message<'walk'>): void {
    const { name, id, wants } = message;
    if (this.#walking === undefined) {
      void this.#load().then(() => {
        if (this.#walking === undefined) this.#sendDone(peer, name);
        else this.#output.again(peer, message);
      });
      return;
    }
    const step = this.#walking.decodeClientStep(message.step);
    if (step === undefined) return this.#output.misbehaved(peer, 'a walk that cannot be read');
    if (step.nonce !== undefined) {
      if (this.#isOurs(peer, name)) return;
      state.differing.add(name);
      this.#fetchToo(peer, state, name);
      const walk = new this.#walking.ClientWalk(this.#rangesOf(name), step.nonce, false);
      this.#open(state, name, walk, id);
    }
    const open = state.walks.get(name);
    if (open?.id !== id) return;
    const wrong = open.walk.receive(step);
    if (wrong !== undefined) {
      state.walks.delete(name);
      return this.#output.misbehaved(peer, wrong);
    }
    open.wants = wants;
    open.at = this.#output.now();
    const reply = open.walk.reply();
    if (reply === undefined) this.#conclude(peer, state, name);
    else this.#sendStep(peer, state, name, reply);
  }

  /** After a walk, or an update of their side: gives what they lack, if that is known, or has the last word. */
  #conclude(peer: PeerId, state: NeighborState, name: string): void {
    const { walk, wants } = state.walks.get(name) ?? {};
    state.walks.delete(name);
    if (!walk?.isDone || !wants) return this.#sendDone(peer, name);
    this.#answer(
      peer,
      state,
      name,
      () => this.#documents.updateBeyond(name, walk.differing),
      (update) => ({ type: 'step3', name, leaf: this.#leafOf(name), update }),
    );
  }

  /** Sends what `make` gives, or where that is nothing the last word. */
  #answer(
    peer: PeerId,
    state: NeighborState,
    name: string,
    make: () => Promise<Uint8Array | undefined>,
    messageOf: (update: Uint8Array) => DocumentMessage,
  ): void {
    // One answer at a time: each may take the memory of the whole document.
    if (state.answering.has(name)) return;
    state.answering.add(name);
    make().then(
      (update) => {
        state.answering.delete(name);
        if (update === undefined) this.#sendDone(peer, name);
        else this.#output.send(peer, messageOf(update));
      },
      (thrown: unknown) => {
        state.answering.delete(name);
        this.fetches.end(name, peer);
        this.#output.failed(thrown);
      },
    );
  }

  /** Applies a neighbor's update; false where it is none. */
  #take(peer: PeerId, state: NeighborState, message: Message<'step2' | 'step3'>): boolean {
    const gained = this.#documents.apply(message.name, message.update);
    if (gained === undefined) {
      this.#output.misbehaved(peer, 'an update that Yjs cannot read');
      return false;
    }
    if (gained) this.#output.gained(peer, message.name);
    this.#output.settled(peer, state, message);
    return true;
  }

  /** Both began with this document, and this side's exchange stands: it serves both. */
  #isOurs(peer: PeerId, name: string): boolean {
    const fetch = this.fetches.get(name);
    return fetch?.from === peer && fetch.isAsked && this.#self < peer;
  }

  /** Fetches the document by the exchange that the neighbor began, unless another that has any is asked. */
  #fetchToo(peer: PeerId, state: NeighborState, name: string): boolean {
    const fetch = this.fetches.get(name);
    if (fetch?.neighbor.heard && fetch.from !== peer) return false;
    this.fetches.begin(name, peer, state, false, this.#output.now());
    return true;
  }

  #open(state: NeighborState, name: string, walk: walking.ClientWalk, id: number): void {
    const [oldest] = state.walks.keys();
    if (state.walks.size >= MAX_OPEN && oldest !== undefined) state.walks.delete(oldest);
    state.walks.set(name, { walk, id, wants: true, at: this.#output.now() });
  }

  #sendStep(
    peer: PeerId,
    state: NeighborState,
    name: string,
    step: walking.ClientStep | undefined,
  ): void {
    const encode = this.#walking?.encodeClientStep;
    const { id } = state.walks.get(name) ?? {};
    if (step === undefined || encode === undefined || id === undefined) return;
    const wants = this.fetches.get(name)?.from === peer;
    this.#output.send(peer, { type: 'walk', name, id, wants, step: encode(step) });
  }

  #sendDone(peer: PeerId, name: string): void {
    this.#output.send(peer, { type: 'done', name, leaf: this.#leafOf(name) });
  }

  async #load(): Promise<void> {
    try {
      this.#walking = await loadPart(
        'walks over large documents',
        () => import('../memory/reconcile/reconcile-clients.ts'),
      );
    } catch (thrown) {
      // Without it, sync steps do, at a higher price.
      this.#output.failed(thrown);
    }
  }

  #isLarge(name: string): boolean {
    return this.#documents.heldOf(name).ranges.size >= MANY_CLIENTS;
  }

  #rangesOf(name: string): Iterable<ClientEntry> {
    return this.#documents.heldOf(name).ranges.values();
  }

  #leafOf(name: string): Uint8Array {
    return this.#documents.heldOf(name).leaf();
  }

  #leafAndVectorOf(name: string): Leaf & { vector: Uint8Array } {
    return { name, leaf: this.#leafOf(name), vector: this.#documents.heldOf(name).stateVector() };
  }
}
