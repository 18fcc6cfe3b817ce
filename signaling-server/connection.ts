/** One client of the signaling server: what it may say, and what it is answered. */

import type { IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { RawData, WebSocket } from 'ws';
import {
  CLOSE_REPLACED,
  type ClientMessage,
  encodeMessage,
  parseClientMessage,
  type ServerMessage,
  SIGNALING_VERSION,
  type SignalingErrorCode,
} from '../src/signaling/messages.ts';
import { MeshError, messageOf } from '../src/util/errors.ts';
import type { PeerId } from '../src/util/peer-id.ts';
import { announcedIceServers } from './ice.ts';
import type { ResolvedOptions } from './options.ts';
import { TokenBucket } from './token-bucket.ts';
import type { Topics } from './topics.ts';

const CLOSE_POLICY_VIOLATION = 1008;

/** A connected client. It is in `topics` until its socket closes. */
export class ClientConnection {
  readonly #socket: WebSocket;
  readonly #request: IncomingMessage;
  readonly #options: ResolvedOptions;
  readonly #topics: Topics<ClientConnection>;
  /** Topics that are joined, and as whom. */
  readonly #joined = new Map<string, PeerId>();
  /** Topics that wait for `authorize`. */
  readonly #joining = new Set<string>();
  readonly #rate: TokenBucket;
  readonly #offences: TokenBucket;
  #welcomedAtMs = 0;
  #alive = true;

  /** Greets the client at once. */
  constructor(
    socket: WebSocket,
    request: IncomingMessage,
    options: ResolvedOptions,
    topics: Topics<ClientConnection>,
  ) {
    this.#socket = socket;
    this.#request = request;
    this.#options = options;
    this.#topics = topics;
    const { messagesPerSecond, messageBurst, offences } = options.limits;
    const now = performance.now();
    this.#rate = new TokenBucket(messagesPerSecond, messageBurst, now);
    this.#offences = new TokenBucket(1, offences, now);
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
    socket.on('pong', () => {
      this.#alive = true;
    });
    socket.on('close', () => {
      this.#joining.clear();
      for (const topic of [...this.#joined.keys()]) this.#leave(topic);
    });
    // `ws` answers a broken or over-size frame with the right close code, and 'close' follows. The
    // listener must be there, as Node throws otherwise.
    socket.on('error', () => undefined);
    this.#welcome();
  }

  /** Pings; drops the client where the last ping is still unanswered. */
  beat(): void {
    if (!this.#alive) {
      this.#socket.terminate();
      return;
    }
    this.#alive = false;
    this.#socket.ping();
  }

  /** Begins the closing handshake. */
  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** Drops the connection at once. */
  terminate(): void {
    this.#socket.terminate();
  }

  /** Another connection of the same session is in `topic` now. */
  replacedIn(topic: string): void {
    this.#joined.delete(topic);
    this.#refuse('replaced', 'another connection of this session took its place', topic);
    if (this.#joined.size === 0) this.close(CLOSE_REPLACED, 'replaced');
  }

  #receive(data: RawData, isBinary: boolean): void {
    // Frames that were under way when the server closed are not worth an answer.
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#alive = true;
    if (!this.#rate.take(performance.now())) {
      this.#offend('rate-limited', 'too many messages; this one was dropped');
      return;
    }
    if (isBinary) {
      this.#offend('bad-message', 'messages are JSON text, not binary');
      return;
    }
    const message = parseClientMessage(data.toString());
    if ('error' in message) this.#offend(message.error.code, message.error.message);
    else this.#handle(message);
  }

  #handle(message: ClientMessage): void {
    switch (message.type) {
      case 'ping':
        this.#renewCredentials();
        this.#send({ type: 'pong' });
        break;
      case 'join':
        this.#join(message.topic, message.peer, message.key);
        break;
      case 'leave':
        this.#joining.delete(message.topic);
        this.#leave(message.topic);
        break;
      case 'find':
        this.#tellPeers(message.topic);
        break;
      case 'send':
        this.#forward(message.topic, message.to, message.data);
        break;
    }
  }

  #join(topic: string, peer: PeerId, key: string): void {
    if (this.#joining.has(topic)) return;
    const known = this.#joined.has(topic);
    const { topicsPerConnection } = this.#options.limits;
    if (!known && this.#joined.size + this.#joining.size >= topicsPerConnection) {
      this.#refuse('too-many-topics', `at most ${topicsPerConnection} topics a connection`, topic);
      return;
    }
    if (this.#options.authorize === undefined) {
      this.#enter(topic, peer, key);
      return;
    }
    this.#joining.add(topic);
    void this.#authorize(topic).then((allowed) => {
      // A client that left or went away meanwhile stays out.
      if (!this.#joining.delete(topic)) return;
      if (allowed) this.#enter(topic, peer, key);
      else this.#refuse('unauthorized', 'this server does not let you into the topic', topic);
    });
  }

  async #authorize(topic: string): Promise<boolean> {
    try {
      return (await this.#options.authorize?.(this.#request, topic)) === true;
    } catch (error) {
      this.#options.onError(
        new MeshError(
          'signaling',
          `authorize failed (${messageOf(error)}). The client was refused; the server goes on.`,
          { cause: error },
        ),
      );
      return false;
    }
  }

  #enter(topic: string, peer: PeerId, key: string): void {
    const before = this.#joined.get(topic);
    if (before !== undefined && before !== peer) this.#leave(topic);
    const entrance = this.#topics.enter(topic, peer, key, this);
    if (!entrance.entered) {
      const { code } = entrance;
      const why = code === 'topic-full' ? 'the topic is full' : 'the peer id belongs to another';
      this.#refuse(code, why, topic);
      return;
    }
    entrance.replaced?.replacedIn(topic);
    this.#joined.set(topic, peer);
    this.#tellPeers(topic);
  }

  #leave(topic: string): void {
    const peer = this.#joined.get(topic);
    if (peer === undefined) return;
    this.#joined.delete(topic);
    this.#topics.leave(topic, peer, this);
  }

  #tellPeers(topic: string): void {
    const own = this.#joined.get(topic);
    if (own === undefined) {
      this.#refuse('not-joined', 'join the topic first', topic);
      return;
    }
    const { random, limits } = this.#options;
    const peers = this.#topics.sample(topic, limits.peersTold, own, random);
    this.#send({ type: 'peers', topic, peers, count: this.#topics.count(topic) });
  }

  #forward(topic: string, to: PeerId, data: string): void {
    const from = this.#joined.get(topic);
    if (from === undefined) {
      this.#refuse('not-joined', 'join the topic first', topic);
      return;
    }
    const receiver = this.#topics.ownerOf(topic, to);
    if (receiver === undefined) this.#send({ type: 'unreachable', topic, to });
    else receiver.#send({ type: 'message', topic, from, data });
  }

  #welcome(): void {
    const { iceServers, turnSecret, turnTtlSeconds, limits } = this.#options;
    this.#welcomedAtMs = performance.now();
    this.#send({
      type: 'welcome',
      version: SIGNALING_VERSION,
      iceServers: announcedIceServers(iceServers, turnSecret, turnTtlSeconds, Date.now()),
      limits: {
        messageBytes: limits.messageBytes,
        topics: limits.topicsPerConnection,
        messagesPerSecond: limits.messagesPerSecond,
        messageBurst: limits.messageBurst,
      },
    });
  }

  /** Tabs stay for days and TURN credentials end, so each is renewed at half its life. */
  #renewCredentials(): void {
    const { turnSecret, turnTtlSeconds } = this.#options;
    if (turnSecret === undefined) return;
    const age = performance.now() - this.#welcomedAtMs;
    if (age > (turnTtlSeconds * 1_000) / 2) this.#welcome();
  }

  #offend(code: SignalingErrorCode, message: string): void {
    this.#refuse(code, message);
    if (!this.#offences.take(performance.now())) this.close(CLOSE_POLICY_VIOLATION, code);
  }

  #refuse(code: SignalingErrorCode, message: string, topic?: string): void {
    this.#send({ type: 'error', code, message, ...(topic === undefined ? {} : { topic }) });
  }

  #send(message: ServerMessage): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(encodeMessage(message));
    // A client that does not read would otherwise fill this server's memory.
    if (this.#socket.bufferedAmount > this.#options.limits.bufferedBytes) this.#socket.terminate();
  }
}
