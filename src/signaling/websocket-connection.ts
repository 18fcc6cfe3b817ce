/** Staying joined to one signaling server: dial, join, and come back after an outage. */

import type { Clock } from '../ports/clock.ts';
import type { Signaling, SignalingHandlers, SignalingState } from '../ports/signaling.ts';
import { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import { jitter, type Random } from '../util/random.ts';
import { MAX_RETRY_MS, retryDelay } from './backoff.ts';
import { CLOSE_REPLACED } from './messages.ts';
import { ServerSession, type SessionMessage, type WebSocketLike } from './websocket-session.ts';

/** Being joined for so long forgives earlier failures, in milliseconds. */
export const STABLE_MS = 5_000;

/** Most different errors of one server that are told between two joins. */
const MAX_ERRORS_TOLD = 16;

/** What a connection needs, the same for all servers of a tab. */
export interface ServerConnectionOptions {
  readonly peer: PeerId;
  readonly key: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly WebSocket?: (new (url: string) => WebSocketLike) | undefined;
}

type ServerError = Extract<SessionMessage, { type: 'error' }>;

/** Signaling through the server at one URL. */
export class ServerConnection implements Signaling {
  /** The URL without its query, which may hold a token. */
  readonly name: string;
  readonly #url: string;
  readonly #options: ServerConnectionOptions;
  #state: SignalingState = 'closed';
  #handlers: SignalingHandlers | undefined;
  #Socket: (new (url: string) => WebSocketLike) | undefined;
  #topics: readonly string[] = [];
  readonly #joined = new Set<string>();
  readonly #errorsTold = new Set<string>();
  #session: ServerSession | undefined;
  #joinedAt: number | undefined;
  #attempt = 0;
  #outageTold = false;
  #cancelRetry: (() => void) | undefined;
  #cancelRejoin: (() => void) | undefined;

  constructor(url: string, options: ServerConnectionOptions) {
    const { protocol, host, pathname } = new URL(url);
    this.name = `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
    this.#url = url;
    this.#options = options;
  }

  get state(): SignalingState {
    return this.#state;
  }

  start(topics: readonly string[], handlers: SignalingHandlers): void {
    this.#topics = topics;
    this.#handlers = handlers;
    this.#Socket = this.#options.WebSocket ?? globalThis.WebSocket;
    if (typeof this.#Socket !== 'function') {
      this.#tell('closed', 'this platform has no WebSocket');
      handlers.error(
        new MeshError(
          'unsupported',
          `This platform has no WebSocket, ${this.name} cannot be reached. Tabs of this browser and local work go on.`,
        ),
      );
      return;
    }
    if (typeof globalThis.addEventListener === 'function') {
      globalThis.addEventListener('online', this.#online);
    }
    this.#connect();
  }

  find(topic: string): void {
    if (this.#joined.has(topic)) this.#session?.send({ type: 'find', topic });
  }

  send(topic: string, to: PeerId, text: string): boolean {
    if (!this.#joined.has(topic) || this.#session === undefined) return false;
    return this.#session.send({ type: 'send', topic, to, data: text });
  }

  close(): void {
    this.#handlers = undefined;
    this.#state = 'closed';
    this.#joined.clear();
    this.#cancelRetry?.();
    this.#cancelRejoin?.();
    this.#session?.close();
    this.#session = undefined;
    if (typeof globalThis.removeEventListener === 'function') {
      globalThis.removeEventListener('online', this.#online);
    }
  }

  readonly #online = (): void => {
    if (this.#session === undefined) this.#connect();
    else this.#session.probe();
  };

  #connect(): void {
    this.#cancelRetry?.();
    if (this.#Socket === undefined || this.#handlers === undefined) return;
    this.#session = new ServerSession(this.#url, this.#Socket, this.#options.clock, {
      message: (message) => this.#receive(message),
      end: (cause, code) => this.#ended(cause, code),
    });
    this.#tell('connecting', `connecting to ${this.name}`);
  }

  #receive(message: SessionMessage): void {
    if (message.type === 'welcome') {
      this.#handlers?.iceServers(message.iceServers);
      this.#joinMissing();
      return;
    }
    if (message.type === 'error') {
      this.#refused(message);
      return;
    }
    if (!this.#topics.includes(message.topic)) return;
    if (message.type === 'peers') {
      this.#joinedTopic(message.topic);
      const others = message.peers.filter((peer) => peer !== this.#options.peer);
      this.#handlers?.peers(message.topic, others, message.count);
    } else if (message.type === 'message') {
      this.#handlers?.message(message.topic, message.from, message.data);
    } else {
      this.#handlers?.unreachable(message.topic, message.to);
    }
  }

  #joinMissing(): void {
    const { peer, key } = this.#options;
    for (const topic of this.#topics) {
      if (!this.#joined.has(topic)) this.#session?.send({ type: 'join', topic, peer, key });
    }
  }

  #joinedTopic(topic: string): void {
    if (this.#joined.has(topic)) return;
    this.#joined.add(topic);
    this.#joinedAt ??= this.#options.clock.now();
    this.#outageTold = false;
    if (this.#joined.size === this.#topics.length) this.#errorsTold.clear();
    this.#tell('open', '');
  }

  /** The server refused something: a topic, which is asked for again later, or a single message. */
  #refused({ code, message, topic }: ServerError): void {
    const lost = code === 'replaced' || code === 'not-joined';
    if (topic !== undefined && (lost || !this.#joined.has(topic))) {
      this.#joined.delete(topic);
      const wait = jitter(this.#options.random, MAX_RETRY_MS);
      this.#cancelRejoin?.();
      this.#cancelRejoin = this.#options.clock.setTimer(() => this.#joinMissing(), wait);
      this.#tell(
        this.#joined.size > 0 ? 'open' : 'connecting',
        `${this.name} refused (${message}); next try in ${seconds(wait)}`,
      );
    }
    // Nothing is lost then: the connection that took over carries this tab's messages.
    if (code === 'replaced') return;
    const told = `${code} ${topic ?? ''}`;
    if (this.#errorsTold.has(told) || this.#errorsTold.size >= MAX_ERRORS_TOLD) return;
    this.#errorsTold.add(told);
    this.#handlers?.error(
      new MeshError(
        'signaling',
        `The signaling server ${this.name} refused (${code}): ${message}. ` +
          'Links that exist live on; a refused join is tried again.',
      ),
    );
  }

  #ended(cause: string, code: number | undefined): void {
    const { clock, random } = this.#options;
    this.#session = undefined;
    this.#joined.clear();
    this.#cancelRejoin?.();
    const lasted = this.#joinedAt === undefined ? 0 : clock.now() - this.#joinedAt;
    if (lasted >= STABLE_MS) this.#attempt = 0;
    this.#joinedAt = undefined;
    // Another connection of this very tab took over, for example by a second name of the server.
    const wait = code === CLOSE_REPLACED ? MAX_RETRY_MS : retryDelay(random, this.#attempt);
    this.#attempt++;
    this.#cancelRetry = clock.setTimer(() => this.#connect(), wait);
    this.#tell('connecting', `${this.name} ${cause}; next try in ${seconds(wait)}`);
    if (this.#outageTold || code === CLOSE_REPLACED) return;
    this.#outageTold = true;
    this.#handlers?.error(
      new MeshError(
        'signaling',
        `The signaling server ${this.name} ${cause}. Links that exist live on; new tabs are not ` +
          'found through it. It is tried again: check that it can be reached.',
      ),
    );
  }

  #tell(state: SignalingState, reason: string): void {
    this.#state = state;
    this.#handlers?.state(state, reason);
  }
}

function seconds(milliseconds: number): string {
  return `${Math.max(1, Math.round(milliseconds / 1_000))} s`;
}
