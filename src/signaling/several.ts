/**
 * Several ways of signaling as one: the same topics are joined in all of them, so that tabs which
 * know different servers, or none, still meet.
 */

import type { Signaling, SignalingHandlers, SignalingState } from '../ports/signaling.ts';
import type { PeerId } from '../util/peer-id.ts';

/** Most peers whose whereabouts are remembered; the longest unheard are forgotten first. */
const MAX_REMEMBERED = 4_096;

/** How `severalSignalings` chooses among the parts where a peer was heard. */
export interface SeveralOptions {
  /** `first`: the earliest in the list (default). `latest`: where the peer was last heard. */
  readonly prefer?: 'first' | 'latest';
}

/**
 * Composes `parts` into one, which is open if any part is. Text goes by a part where the peer was
 * heard, chosen by `prefer`, and by all of them where it was heard in none; `unreachable` is told
 * only when every part that was tried says so. ICE servers are the union. With no parts it is
 * closed.
 */
export function severalSignalings(
  parts: readonly Signaling[],
  options: SeveralOptions = {},
): Signaling {
  return new SeveralSignalings(parts, options.prefer ?? 'first');
}

interface Whereabouts {
  /** Parts where the peer was heard, the latest last. */
  readonly heard: Set<Part>;
  /** Parts that took the last text and have not said that the peer is unreachable. */
  tried: Set<Part>;
}

interface Part {
  readonly signaling: Signaling;
  reason: string;
  iceServers: readonly RTCIceServer[];
}

class SeveralSignalings implements Signaling {
  readonly name: string;
  readonly #parts: readonly Part[];
  readonly #prefer: 'first' | 'latest';
  /** By topic and peer, the longest unheard first. */
  readonly #peers = new Map<string, Whereabouts>();
  #handlers: SignalingHandlers | undefined;
  #told = '';

  constructor(parts: readonly Signaling[], prefer: 'first' | 'latest') {
    this.name = parts.map((part) => part.name).join(', ');
    this.#parts = parts.map((signaling) => ({ signaling, reason: '', iceServers: [] }));
    this.#prefer = prefer;
  }

  get state(): SignalingState {
    const states = this.#parts.map((part) => part.signaling.state);
    if (states.includes('open')) return 'open';
    return states.includes('connecting') ? 'connecting' : 'closed';
  }

  start(topics: readonly string[], handlers: SignalingHandlers): void {
    this.#handlers = handlers;
    if (this.#parts.length === 0) handlers.state('closed', 'no signaling is configured');
    for (const part of this.#parts) {
      // A handler may have closed it meanwhile.
      if (this.#handlers === undefined) return;
      part.signaling.start(topics, this.#handlersOf(part));
    }
  }

  find(topic: string): void {
    for (const part of this.#parts) part.signaling.find(topic);
  }

  send(topic: string, to: PeerId, text: string): boolean {
    const peer = this.#whereabouts(topic, to);
    peer.tried = new Set();
    for (const part of this.#preferred(peer)) {
      if (part.signaling.send(topic, to, text)) {
        peer.tried.add(part);
        return true;
      }
    }
    for (const part of this.#parts) {
      if (part.signaling.send(topic, to, text)) peer.tried.add(part);
    }
    return peer.tried.size > 0;
  }

  close(): void {
    this.#handlers = undefined;
    this.#peers.clear();
    for (const part of this.#parts) part.signaling.close();
  }

  #handlersOf(part: Part): SignalingHandlers {
    return {
      state: (_state, reason) => {
        part.reason = reason;
        this.#tellState();
      },
      peers: (topic, peers, total) => {
        for (const peer of peers) this.#heard(part, topic, peer);
        this.#handlers?.peers(topic, peers, total);
      },
      message: (topic, from, text) => {
        this.#heard(part, topic, from);
        this.#handlers?.message(topic, from, text);
      },
      unreachable: (topic, to) => {
        if (this.#lost(part, topic, to)) this.#handlers?.unreachable(topic, to);
      },
      iceServers: (servers) => {
        part.iceServers = servers;
        this.#handlers?.iceServers(this.#parts.flatMap((one) => one.iceServers));
      },
      error: (error) => this.#handlers?.error(error),
    };
  }

  #tellState(): void {
    const state = this.state;
    const reasons = this.#parts.map((part) => part.reason).filter((reason) => reason !== '');
    const reason = reasons.join('; ');
    const told = `${state} ${reason}`;
    if (told === this.#told) return;
    this.#told = told;
    this.#handlers?.state(state, reason);
  }

  #preferred(peer: Whereabouts): Part[] {
    const heard = [...peer.heard];
    return this.#prefer === 'latest'
      ? heard.reverse()
      : this.#parts.filter((part) => peer.heard.has(part));
  }

  #heard(part: Part, topic: string, id: PeerId): void {
    const { heard } = this.#whereabouts(topic, id);
    heard.delete(part);
    heard.add(part);
  }

  /** Notes that `part` does not reach the peer; whether no other part is left that might. */
  #lost(part: Part, topic: string, id: PeerId): boolean {
    const peer = this.#peers.get(keyOf(topic, id));
    if (peer === undefined) return true;
    peer.heard.delete(part);
    peer.tried.delete(part);
    // A part that has closed meanwhile will not answer any more.
    return ![...peer.tried].some((one) => one.signaling.state === 'open');
  }

  #whereabouts(topic: string, id: PeerId): Whereabouts {
    const key = keyOf(topic, id);
    const peer = this.#peers.get(key) ?? { heard: new Set<Part>(), tried: new Set<Part>() };
    this.#peers.delete(key);
    this.#peers.set(key, peer);
    if (this.#peers.size > MAX_REMEMBERED) {
      const [oldest] = this.#peers.keys();
      if (oldest !== undefined) this.#peers.delete(oldest);
    }
    return peer;
  }
}

function keyOf(topic: string, peer: PeerId): string {
  return `${topic} ${peer}`;
}
