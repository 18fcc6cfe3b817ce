/**
 * One stay in the room: its signaling, the carrier that takes signaling over the mesh, and the
 * dialer. Everything of it ends with `close`; joining again begins another.
 */

import type { Clock } from '../ports/clock.ts';
import type { Signaling } from '../ports/signaling.ts';
import type { Transport } from '../ports/transport.ts';
import type { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { Random } from '../util/random.ts';
import { Carrier, type CarrierOptions } from './carrier.ts';
import { Dialer, type DialerHandlers } from './dialer.ts';

/** What a mesh is linked by. */
export interface SessionOptions {
  readonly id: PeerId;
  readonly topic: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly transport: Transport;
  /**
   * A fresh signaling for each time that the room is joined. `carry` lets the mesh carry what it can,
   * and must be inside of what seals text.
   */
  readonly createSignaling: (carry: (signaling: Signaling) => Signaling) => Signaling;
  /** The app's ICE servers; `undefined` takes those that signaling announces. */
  readonly iceServers: readonly RTCIceServer[] | undefined;
}

export interface SessionHandlers extends DialerHandlers, Omit<CarrierOptions, 'topic'> {
  /** `isOpen` or `trouble` changed. */
  state(): void;
  /** Signaling told of peers in the room. */
  candidates(peers: readonly PeerId[], total?: number): void;
  /** `peer` is not there (any more). */
  unreachable(peer: PeerId): void;
  error(error: MeshError): void;
}

export class Session {
  readonly dialer: Dialer;
  readonly #options: SessionOptions;
  readonly #handlers: SessionHandlers;
  readonly #signaling: Signaling;
  #carrier: Carrier | undefined;
  #isOpen = false;
  #trouble = '';
  #announced: readonly RTCIceServer[] = [];

  constructor(options: SessionOptions, handlers: SessionHandlers) {
    const { id, topic, transport, random, clock } = options;
    this.#options = options;
    this.#handlers = handlers;
    this.#signaling = options.createSignaling((signaling) => {
      this.#carrier = new Carrier(signaling, {
        topic,
        isLinked: () => handlers.isLinked(),
        canRoute: (peer) => handlers.canRoute(peer),
        relay: (to, sequence, payload) => handlers.relay(to, sequence, payload),
      });
      return this.#carrier;
    });
    this.dialer = new Dialer(
      {
        self: id,
        begun: (peer) => this.#carrier?.begun(peer),
        carry: (peer, text) => this.#signaling.send(topic, peer, text),
        transport,
        random,
        setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
        iceServers: () => options.iceServers ?? this.#announced,
      },
      handlers,
    );
  }

  /** Whether some way of signaling is open. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** What is wrong with signaling, for people; empty where nothing is. */
  get trouble(): string {
    return this.#trouble;
  }

  /** Joins the topic. */
  start(): void {
    const { topic } = this.#options;
    this.#signaling.start([topic], {
      state: (state, reason) => {
        this.#isOpen = state === 'open';
        this.#trouble = reason;
        this.#handlers.state();
      },
      peers: (inTopic, peers, total) => {
        if (inTopic === topic) this.#handlers.candidates(peers, total);
      },
      message: (_topic, from, text) => this.dialer.message(from, text),
      unreachable: (_topic, to) => {
        this.dialer.unreachable(to);
        this.#handlers.unreachable(to);
      },
      iceServers: (servers) => {
        this.#announced = servers;
      },
      error: (error) => this.#handlers.error(error),
    });
  }

  /** Asks signaling for more peers. */
  find(): void {
    this.#signaling.find(this.#options.topic);
  }

  /** Signaling text that came over other tabs. */
  relayed(from: PeerId, payload: Uint8Array): void {
    this.#carrier?.relayed(from, payload);
  }

  /** What was relayed with `sequence` did not get to `to`. */
  unroutable(to: PeerId, sequence: number): void {
    this.#carrier?.unroutable(to, sequence);
  }

  /** A neighbor was gained or lost. */
  linksChanged(): void {
    this.#carrier?.linksChanged();
  }

  /** Ends all connections and signaling; idempotent. */
  close(): void {
    this.dialer.close();
    this.#signaling.close();
  }
}
