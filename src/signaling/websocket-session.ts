/** One WebSocket to a signaling server, from dial to end: deadlines, keepalive, parsing. */

import type { Clock } from '../ports/clock.ts';
import { messageOf } from '../util/errors.ts';
import {
  type ClientMessage,
  encodeMessage,
  parseServerMessage,
  type ServerMessage,
  SIGNALING_VERSION,
} from './messages.ts';

/** A server that has not said `welcome` after so long is given up, in milliseconds. */
export const WELCOME_DEADLINE_MS = 10_000;

/** Time between keepalive pings, in milliseconds; below the 60 s after which proxies cut. */
export const PING_INTERVAL_MS = 25_000;

/** A ping that nothing answers for so long means that the connection is dead, in milliseconds. */
export const PONG_DEADLINE_MS = 10_000;

/** Above so many unsent bytes nothing more is taken. */
const MAX_BUFFERED_BYTES = 1_048_576;

/** The part of a WebSocket that is used; the platform's has it, and so has that of `ws`. */
export interface WebSocketLike {
  readonly bufferedAmount: number;
  send(data: string): void;
  close(): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(
    type: 'close',
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
}

/** A message that the layer above handles; pongs stay here. */
export type SessionMessage = Exclude<ServerMessage, { type: 'pong' }>;

/** What a session tells. */
export interface SessionHandlers {
  message(message: SessionMessage): void;
  /** The last event. `cause` completes a sentence that begins with the server's name. */
  end(cause: string, code: number | undefined): void;
}

/** Dials at construction. Failures arrive at `handlers.end`, once, never as an exception. */
export class ServerSession {
  readonly #clock: Clock;
  readonly #handlers: SessionHandlers;
  #socket: WebSocketLike | undefined;
  #messageBytes: number | undefined;
  #ended = false;
  #opened = false;
  #cancelDeadline: (() => void) | undefined;
  #cancelPing: (() => void) | undefined;

  constructor(
    url: string,
    Socket: new (url: string) => WebSocketLike,
    clock: Clock,
    handlers: SessionHandlers,
  ) {
    this.#clock = clock;
    this.#handlers = handlers;
    this.#within(WELCOME_DEADLINE_MS, 'did not greet as a signaling server within 10 s');
    try {
      this.#listen(new Socket(url));
    } catch (error) {
      // A browser refuses ws: from an https page so. Told later, when the caller holds the session.
      const cause = `cannot be dialed from this page (${messageOf(error)})`;
      this.#within(0, cause);
    }
  }

  /** Sends one message; false before the server's greeting, when congested, or when over its limit. */
  send(message: ClientMessage): boolean {
    if (this.#ended || this.#socket === undefined || this.#messageBytes === undefined) return false;
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) return false;
    const text = encodeMessage(message);
    if (new TextEncoder().encode(text).length > this.#messageBytes) return false;
    this.#socket.send(text);
    return true;
  }

  /** Asks the server for a sign of life, and ends the session where none comes in 10 s. */
  probe(): void {
    if (this.#ended || this.#messageBytes === undefined) return;
    this.send({ type: 'ping' });
    this.#within(PONG_DEADLINE_MS, 'fell silent');
  }

  /** Ends without telling; idempotent. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelDeadline?.();
    this.#cancelPing?.();
    this.#socket?.close();
  }

  #listen(socket: WebSocketLike): void {
    this.#socket = socket;
    socket.addEventListener('open', () => {
      this.#opened = true;
    });
    // An error is always followed by a close, which tells no less. The listener must be there, as
    // `ws` otherwise throws.
    socket.addEventListener('error', () => undefined);
    socket.addEventListener('close', ({ code, reason }) => {
      const why = reason === '' ? String(code) : `${code}: ${reason}`;
      this.#end(this.#opened ? `closed the connection (${why})` : 'refused the connection', code);
    });
    socket.addEventListener('message', ({ data }) => {
      if (!this.#ended && typeof data === 'string') this.#receive(data);
    });
  }

  #receive(text: string): void {
    const greeted = this.#messageBytes !== undefined;
    // Anything received is a sign of life.
    if (greeted) this.#cancelDeadline?.();
    const message = parseServerMessage(text);
    // A later server may say more than this client understands.
    if (message === undefined || message.type === 'pong') return;
    if (message.type === 'welcome') {
      if (message.version !== SIGNALING_VERSION) {
        this.#end(`speaks version ${message.version} of signaling, and this tab version 1`);
        return;
      }
      this.#cancelDeadline?.();
      this.#messageBytes = message.limits.messageBytes;
      if (!greeted) this.#keepAlive();
    }
    this.#handlers.message(message);
  }

  #keepAlive(): void {
    this.#cancelPing = this.#clock.setTimer(() => {
      this.probe();
      this.#keepAlive();
    }, PING_INTERVAL_MS);
  }

  #within(delayMs: number, cause: string): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = this.#clock.setTimer(() => this.#end(cause), delayMs);
  }

  #end(cause: string, code?: number): void {
    if (this.#ended) return;
    this.close();
    this.#handlers.end(cause, code);
  }
}
