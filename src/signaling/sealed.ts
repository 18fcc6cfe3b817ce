/**
 * Signaling as the mesh uses it: text sealed end to end where the room has a secret, and people
 * told where another tab's secret differs.
 */

import type { Signaling, SignalingHandlers, SignalingState } from '../ports/signaling.ts';
import { MeshError, messageOf } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import { Lobby } from './lobby.ts';
import type { RoomKeys } from './secret.ts';

/** Most texts that wait to be sealed or opened; more are refused or dropped. */
const MAX_WAITING = 1_024;

/** Most peers whose unreadable texts are told. */
const MAX_REPORTED = 64;

/** What `sealedSignaling` needs. */
export interface SealedSignalingOptions {
  /** The room's name, for messages to people. */
  readonly room: string;
  /** This tab. */
  readonly peer: PeerId;
  readonly keys: RoomKeys;
}

/** A signaling that seals what it carries. */
export interface SealedSignaling extends Signaling {
  /** Texts that did not authenticate, or came too fast, and were dropped. */
  readonly dropped: number;
}

/**
 * Wraps `inner` for a room. The topics given to `start` carry sealed text where `keys.seal` is
 * there, and plain text otherwise; the room's lobby is joined besides. Text from one sender keeps
 * its order. Text that does not open is dropped, and told as MeshError `bad-frame` once a peer; a
 * tab with another secret is told as MeshError `secret-mismatch` once a peer.
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
  readonly #sending: Sequence;
  readonly #receiving: Sequence;
  readonly #lobby: Lobby;
  #handlers: SignalingHandlers | undefined;
  #dropped = 0;
  #trouble = '';
  #secretsDiffer = false;

  constructor(inner: Signaling, options: SealedSignalingOptions) {
    this.#inner = inner;
    this.#options = options;
    const failed = (thrown: unknown) => this.#failed(thrown);
    this.#sending = new Sequence(failed);
    this.#receiving = new Sequence(failed);
    this.#lobby = new Lobby({
      room: options.room,
      topic: options.keys.lobby,
      peer: options.peer,
      seal: options.keys.seal,
      send: (to, text) => {
        if (this.#handlers !== undefined) inner.send(options.keys.lobby, to, text);
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

  get dropped(): number {
    return this.#dropped;
  }

  start(topics: readonly string[], handlers: SignalingHandlers): void {
    this.#handlers = handlers;
    const { lobby } = this.#options.keys;
    this.#inner.start([...topics, lobby], {
      state: (_state, reason) => {
        this.#trouble = reason;
        this.#tellState();
      },
      iceServers: (servers) => handlers.iceServers(servers),
      error: (error) => handlers.error(error),
      peers: (topic, peers, total) => {
        if (topic === lobby) this.#sending.push(() => this.#lobby.meet(peers));
        else handlers.peers(topic, peers, total);
      },
      message: (topic, from, text) => {
        if (topic !== lobby) this.#receive(topic, from, text);
        else this.#take(() => this.#lobby.receive(from, text));
      },
      unreachable: (topic, to) => {
        if (topic !== lobby) handlers.unreachable(topic, to);
      },
    });
  }

  find(topic: string): void {
    this.#inner.find(topic);
  }

  send(topic: string, to: PeerId, text: string): boolean {
    const { peer, keys } = this.#options;
    const { seal } = keys;
    if (seal === undefined) return this.#inner.send(topic, to, text);
    if (this.#inner.state !== 'open') return false;
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

  /** That secrets differ stays true until the room is left, and keeps tabs apart as much as a fault. */
  #tellState(): void {
    const words = this.#trouble === '' ? [] : [this.#trouble];
    if (this.#secretsDiffer) words.push('a tab of this room has another secret');
    this.#handlers?.state(this.#inner.state, words.join('; '));
  }

  #receive(topic: string, from: PeerId, text: string): void {
    const { peer, keys } = this.#options;
    const { seal } = keys;
    if (seal === undefined) {
      this.#handlers?.message(topic, from, text);
      return;
    }
    this.#take(async () => {
      const opened = await seal.open(text, { topic, from, to: peer });
      if (opened !== undefined) this.#handlers?.message(topic, from, opened);
      else this.#unreadable(from);
    });
  }

  #take(task: () => Promise<void>): void {
    if (!this.#receiving.push(task)) this.#dropped++;
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

  #failed(thrown: unknown): void {
    this.#handlers?.error(
      new MeshError(
        'signaling',
        `A signaling message could not be handled (${messageOf(thrown)}). It was dropped; the ` +
          'link it was for is tried again.',
        { cause: thrown },
      ),
    );
  }
}

/** Runs tasks one after the other, a bounded number of them waiting. */
class Sequence {
  readonly #failed: (thrown: unknown) => void;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(failed: (thrown: unknown) => void) {
    this.#failed = failed;
  }

  /** Runs `task` after those before it; false where too many wait, and it never runs. */
  push(task: () => Promise<void>): boolean {
    if (this.#waiting >= MAX_WAITING) return false;
    this.#waiting++;
    this.#last = this.#last
      .then(task)
      .catch(this.#failed)
      .finally(() => {
        this.#waiting--;
      });
    return true;
  }
}
