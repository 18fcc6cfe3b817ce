/** Signaling whose text is sealed end to end, in rooms with a secret. */

import type { Signaling, SignalingHandlers, SignalingState } from '../ports/signaling.ts';
import { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { Seal } from './seal.ts';
import { Sequence } from './sequence.ts';

/** Most peers whose unreadable texts are told. */
const MAX_REPORTED = 64;

/** What `sealedSignaling` needs. */
export interface SealedSignalingOptions {
  /** This tab. */
  readonly peer: PeerId;
  readonly seal: Seal;
}

/** A signaling that seals what it carries. */
export interface SealedSignaling extends Signaling {
  /** Texts that did not authenticate, or came too fast, and were dropped. */
  readonly dropped: number;
}

/**
 * Wraps `inner`, which carries sealed text alone then. Text from one sender keeps its order. Text that
 * does not open is dropped, and told as MeshError `bad-frame` once a peer.
 *
 * Sealing takes a moment, so `send` answers whether text was taken; where it then cannot be sent,
 * the peer is told to be unreachable.
 */
export function sealedSignaling(
  inner: Signaling,
  options: SealedSignalingOptions,
): SealedSignaling {
  return new Sealed(inner, options);
}

class Sealed implements SealedSignaling {
  readonly #inner: Signaling;
  readonly #options: SealedSignalingOptions;
  readonly #reported = new Set<PeerId>();
  readonly #sending = new Sequence((error) => this.#handlers?.error(error));
  readonly #receiving = new Sequence((error) => this.#handlers?.error(error));
  #handlers: SignalingHandlers | undefined;
  #dropped = 0;

  constructor(inner: Signaling, options: SealedSignalingOptions) {
    this.#inner = inner;
    this.#options = options;
  }

  get name(): string {
    return this.#inner.name;
  }

  get state(): SignalingState {
    return this.#inner.state;
  }

  get dropped(): number {
    return this.#dropped;
  }

  start(topics: readonly string[], handlers: SignalingHandlers): void {
    this.#handlers = handlers;
    this.#inner.start(topics, {
      state: (state, reason) => handlers.state(state, reason),
      iceServers: (servers) => handlers.iceServers(servers),
      error: (error) => handlers.error(error),
      peers: (topic, peers, total) => handlers.peers(topic, peers, total),
      message: (topic, from, text) => this.#receive(topic, from, text),
      unreachable: (topic, to) => handlers.unreachable(topic, to),
    });
  }

  find(topic: string): void {
    this.#inner.find(topic);
  }

  send(topic: string, to: PeerId, text: string): boolean {
    if (this.state !== 'open') return false;
    const { peer, seal } = this.#options;
    return this.#sending.push(async () => {
      const sealed = await seal.seal(text, { topic, from: peer, to });
      if (this.#handlers === undefined || this.#inner.send(topic, to, sealed)) return;
      this.#handlers.unreachable(topic, to);
    });
  }

  close(): void {
    this.#handlers = undefined;
    this.#inner.close();
  }

  #receive(topic: string, from: PeerId, text: string): void {
    const { peer, seal } = this.#options;
    const isTaken = this.#receiving.push(async () => {
      const opened = await seal.open(text, { topic, from, to: peer });
      if (opened !== undefined) this.#handlers?.message(topic, from, opened);
      else this.#unreadable(from);
    });
    if (!isTaken) this.#dropped++;
  }

  #unreadable(from: PeerId): void {
    this.#dropped++;
    if (this.#reported.has(from) || this.#reported.size >= MAX_REPORTED) return;
    this.#reported.add(from);
    this.#handlers?.error(
      new MeshError(
        'bad-frame',
        `A signaling message that claims to be from ${from} was not sealed with this room's ` +
          'secret, or was changed on its way. It was dropped; nothing else changed. If it ' +
          'repeats, distrust the signaling server.',
      ),
    );
  }
}
