/** Signaling that joins the room's lobby besides, where people learn that secrets differ. */

import type { Signaling, SignalingHandlers, SignalingState } from '../ports/signaling.ts';
import type { PeerId } from '../util/peer-id.ts';
import { Lobby } from './lobby.ts';
import type { Seal } from './seal.ts';
import { Sequence } from './sequence.ts';

/** What `lobbySignaling` needs. */
export interface LobbySignalingOptions {
  /** The room's name, for messages to people. */
  readonly room: string;
  /** This tab. */
  readonly peer: PeerId;
  /** The lobby's topic. */
  readonly lobby: string;
  /** Of the room's secret; `undefined` where it has none. */
  readonly seal: Seal | undefined;
}

/**
 * Wraps `inner`, which carries the topics given to `start` as before. A tab of the room with another
 * secret is told as MeshError `secret-mismatch` once a peer; nothing else of the lobby shows above.
 */
export function lobbySignaling(inner: Signaling, options: LobbySignalingOptions): Signaling {
  return new LobbySignaling(inner, options);
}

class LobbySignaling implements Signaling {
  readonly #inner: Signaling;
  readonly #topic: string;
  readonly #lobby: Lobby;
  readonly #tasks = new Sequence((error) => this.#handlers?.error(error));
  #handlers: SignalingHandlers | undefined;
  #trouble = '';
  #secretsDiffer = false;

  constructor(inner: Signaling, { room, peer, lobby, seal }: LobbySignalingOptions) {
    this.#inner = inner;
    this.#topic = lobby;
    this.#lobby = new Lobby({
      ...{ room, topic: lobby, peer, seal },
      send: (to, text) => {
        if (this.#handlers !== undefined) inner.send(lobby, to, text);
      },
      error: (error) => {
        this.#secretsDiffer = true;
        this.#handlers?.error(error);
        this.#tellState();
      },
    });
  }

  get name(): string {
    return this.#inner.name;
  }

  get state(): SignalingState {
    return this.#inner.state;
  }

  start(topics: readonly string[], handlers: SignalingHandlers): void {
    this.#handlers = handlers;
    this.#inner.start([...topics, this.#topic], {
      state: (_state, reason) => {
        this.#trouble = reason;
        this.#tellState();
      },
      iceServers: (servers) => handlers.iceServers(servers),
      error: (error) => handlers.error(error),
      peers: (topic, peers, total) => {
        if (topic === this.#topic) this.#tasks.push(() => this.#lobby.meet(peers));
        else handlers.peers(topic, peers, total);
      },
      message: (topic, from, text) => {
        if (topic === this.#topic) this.#tasks.push(() => this.#lobby.receive(from, text));
        else handlers.message(topic, from, text);
      },
      unreachable: (topic, to) => {
        if (topic !== this.#topic) handlers.unreachable(topic, to);
      },
    });
  }

  find(topic: string): void {
    this.#inner.find(topic);
  }

  send(topic: string, to: PeerId, text: string): boolean {
    return this.#inner.send(topic, to, text);
  }

  close(): void {
    this.#handlers = undefined;
    this.#inner.close();
  }

  /** That secrets differ stays true until the room is left, and keeps tabs apart as much as a fault. */
  #tellState(): void {
    const words = this.#trouble === '' ? [] : [this.#trouble];
    if (this.#secretsDiffer) words.push('a tab of this room has another secret');
    this.#handlers?.state(this.#inner.state, words.join('; '));
  }
}
