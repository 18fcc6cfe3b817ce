/**
 * The carrier: signaling that goes over the mesh where it can, and by the server where it must.
 *
 * It is between the seal and the ways of signaling, so that what other tabs pass on is sealed from
 * end to end as it is through a server. What answers a peer goes the way its text came, which is known
 * to work; text that the mesh could not carry is tried the other way, once.
 */

import type { Signaling, SignalingHandlers, SignalingState } from '../ports/signaling.ts';
import type { PeerId } from '../util/peer-id.ts';

/** Texts remembered while they may come back as unroutable. */
const MAX_REMEMBERED = 256;

/** Peers whose text came through a server lately. */
const MAX_SERVED = 256;

/** What a carrier needs of its mesh. */
export interface CarrierOptions {
  readonly topic: string;
  /** Whether this tab has a neighbor. */
  isLinked(): boolean;
  /** Whether a way to `peer` over other tabs is known. */
  canRoute(peer: PeerId): boolean;
  /** Sends over other tabs; `unroutable` is called with `sequence` where that fails. */
  relay(to: PeerId, sequence: number, payload: Uint8Array): void;
}

export class Carrier implements Signaling {
  readonly #inner: Signaling;
  readonly #options: CarrierOptions;
  readonly #remembered = new Map<number, { readonly to: PeerId; readonly text: string }>();
  /** Peers whose latest text came through a server, the earliest first. */
  readonly #served = new Set<PeerId>();
  #handlers: SignalingHandlers | undefined;
  #sequence = 0;
  #trouble = '';
  #told: SignalingState = 'connecting';

  constructor(inner: Signaling, options: CarrierOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  get name(): string {
    return this.#inner.name;
  }

  /** Open where text may be carried: a link is as good as a server. */
  get state(): SignalingState {
    return this.#options.isLinked() ? 'open' : this.#inner.state;
  }

  start(topics: readonly string[], handlers: SignalingHandlers): void {
    this.#handlers = handlers;
    this.#inner.start(topics, {
      ...handlers,
      message: (topic, from, text) => {
        this.#served.delete(from);
        this.#served.add(from);
        const [earliest] = this.#served;
        if (this.#served.size > MAX_SERVED && earliest !== undefined) this.#served.delete(earliest);
        handlers.message(topic, from, text);
      },
      state: (_state, reason) => {
        this.#trouble = reason;
        this.#tellState();
      },
    });
  }

  find(topic: string): void {
    this.#inner.find(topic);
  }

  send(topic: string, to: PeerId, text: string): boolean {
    const isServed = this.#served.has(to) && this.#inner.state === 'open';
    if (topic !== this.#options.topic || isServed || !this.#options.canRoute(to)) {
      return this.#inner.send(topic, to, text);
    }
    const sequence = this.#sequence++;
    this.#remembered.set(sequence, { to, text });
    this.#remembered.delete(sequence - MAX_REMEMBERED);
    this.#options.relay(to, sequence, new TextEncoder().encode(text));
    return true;
  }

  /** This tab begins anew with `peer`, and answers nothing: which way works is not known any more. */
  begun(peer: PeerId): void {
    this.#served.delete(peer);
  }

  /** Text that came over other tabs. */
  relayed(from: PeerId, payload: Uint8Array): void {
    this.#served.delete(from);
    this.#handlers?.message(this.#options.topic, from, new TextDecoder().decode(payload));
  }

  /** What was relayed with `sequence` did not get to `to`: the other way is left. */
  unroutable(to: PeerId, sequence: number): void {
    const { topic } = this.#options;
    const remembered = this.#remembered.get(sequence);
    if (remembered?.to !== to) return;
    this.#remembered.delete(sequence);
    if (!this.#inner.send(topic, to, remembered.text)) this.#handlers?.unreachable(topic, to);
  }

  /** This tab gained or lost a neighbor. */
  linksChanged(): void {
    if (this.state !== this.#told) this.#tellState();
  }

  close(): void {
    this.#handlers = undefined;
    this.#remembered.clear();
    this.#served.clear();
    this.#inner.close();
  }

  #tellState(): void {
    this.#told = this.state;
    this.#handlers?.state(this.#told, this.#trouble);
  }
}
