/**
 * The signaling server: HTTP for `/health`, WebSocket on every path, so that it works behind a
 * proxy that serves it under one. It introduces tabs and carries their first, sealed words; what
 * it knows is in memory and gone when they leave.
 */

import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { MeshError, messageOf } from '../src/util/errors.ts';
import { ClientConnection } from './connection.ts';
import { type ResolvedOptions, resolveOptions, type SignalingServerOptions } from './options.ts';
import { Topics } from './topics.ts';
import { packageVersion } from './version.ts';

/** Clients get so long to answer the closing handshake, in milliseconds. */
const CLOSE_GRACE_MS = 1_000;

/** TCP connections above the WebSockets that are allowed: health checks, handshakes. */
const SPARE_SOCKETS = 128;

const CLOSE_GOING_AWAY = 1001;

/** Where the server listens. */
export interface SignalingAddress {
  readonly host: string;
  readonly port: number;
  /** For `openMesh`'s `signaling` option, from a machine that can reach `host`. */
  readonly url: string;
}

/** A running signaling server. */
export interface SignalingServer {
  /** Resolves when it listens; rejects with MeshError `signaling` when it cannot. */
  readonly ready: Promise<void>;
  /** Where it listens; `undefined` before `ready` and after `close`. */
  readonly address: SignalingAddress | undefined;
  /** Closes every connection with 1001 and frees everything. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a signaling server.
 * @throws MeshError `bad-argument` for an option that there is not, of another type, or out of its
 *   bounds; nothing was started.
 */
export function createSignalingServer(options: SignalingServerOptions = {}): SignalingServer {
  return new Server(resolveOptions(options));
}

class Server implements SignalingServer {
  readonly ready: Promise<void>;
  readonly #options: ResolvedOptions;
  readonly #topics: Topics<ClientConnection>;
  readonly #connections = new Set<ClientConnection>();
  readonly #addresses = new Map<string, number>();
  readonly #version = packageVersion();
  readonly #startedAtMs = performance.now();
  readonly #http = createServer({ headersTimeout: 10_000, requestTimeout: 10_000 });
  readonly #sockets: WebSocketServer;
  #heartbeat: NodeJS.Timeout | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#topics = new Topics(options.limits.peersPerTopic);
    this.#sockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      maxPayload: options.limits.messageBytes,
      perMessageDeflate: false,
    });
    this.#http.maxConnections = options.limits.connections + SPARE_SOCKETS;
    this.#http.on('request', (request, response) => this.#respond(request, response));
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.ready = this.#listen();
  }

  get address(): SignalingAddress | undefined {
    const bound = this.#http.address();
    if (bound === null || typeof bound === 'string') return undefined;
    const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
    return { host: bound.address, port: bound.port, url: `ws://${host}:${bound.port}` };
  }

  close(): Promise<void> {
    this.#closed ??= this.#shutDown();
    return this.#closed;
  }

  #listen(): Promise<void> {
    const { host, port, heartbeatSeconds, onError } = this.#options;
    return new Promise((resolve, reject) => {
      this.#http.once('error', (error) => reject(cannotListen(error, host, port)));
      this.#http.listen({ host, port }, () => {
        this.#http.removeAllListeners('error');
        this.#http.on('error', (error) => onError(cannotAccept(error)));
        this.#heartbeat = setInterval(() => {
          for (const connection of this.#connections) connection.beat();
        }, heartbeatSeconds * 1_000);
        resolve();
      });
    });
  }

  async #shutDown(): Promise<void> {
    const listening = await this.ready.then(
      () => true,
      () => false,
    );
    if (!listening) return;
    clearInterval(this.#heartbeat);
    const ended = new Promise<void>((resolve) => {
      this.#http.close(() => resolve());
    });
    this.#http.closeAllConnections();
    for (const connection of this.#connections) {
      connection.close(CLOSE_GOING_AWAY, 'the server shuts down');
    }
    const grace = setTimeout(() => {
      for (const connection of this.#connections) connection.terminate();
    }, CLOSE_GRACE_MS);
    await ended;
    clearTimeout(grace);
  }

  #respond(request: IncomingMessage, response: ServerResponse): void {
    const [path] = (request.url ?? '').split('?', 1);
    if (path === '/health' && (request.method === 'GET' || request.method === 'HEAD')) {
      const health = {
        status: 'ok',
        connections: this.#connections.size,
        topics: this.#topics.size,
        uptimeSeconds: Math.floor((performance.now() - this.#startedAtMs) / 1_000),
        version: this.#version,
      };
      response.writeHead(200, {
        'content-type': 'application/json',
        'cache-control': 'no-store',
      });
      response.end(`${JSON.stringify(health)}\n`);
      return;
    }
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(
      'This is a mnemesh signaling server. It speaks WebSocket to browser tabs; /health tells how it is.\n',
    );
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // The peer may vanish before `ws` takes over.
    socket.on('error', () => socket.destroy());
    const address = this.#addressOf(request);
    const refusal = this.#refusal(request, address);
    if (refusal !== undefined) {
      const { status, why } = refusal;
      socket.end(
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n` +
          `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(why)}\r\n\r\n${why}`,
        () => socket.destroy(),
      );
      return;
    }
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const connection = new ClientConnection(webSocket, request, this.#options, this.#topics);
      this.#connections.add(connection);
      this.#addresses.set(address, (this.#addresses.get(address) ?? 0) + 1);
      webSocket.once('close', () => {
        this.#connections.delete(connection);
        const left = (this.#addresses.get(address) ?? 1) - 1;
        if (left > 0) this.#addresses.set(address, left);
        else this.#addresses.delete(address);
      });
    });
  }

  /** Why a client may not connect; `undefined` where it may. */
  #refusal(request: IncomingMessage, address: string): { status: number; why: string } | undefined {
    const { allowedOrigins, limits } = this.#options;
    const { origin } = request.headers;
    if (allowedOrigins !== undefined && !allowedOrigins.has(origin ?? '')) {
      return { status: 403, why: 'Pages of this origin may not use this signaling server.\n' };
    }
    if (this.#closed !== undefined || this.#connections.size >= limits.connections) {
      return { status: 503, why: 'This signaling server takes no more connections now.\n' };
    }
    if ((this.#addresses.get(address) ?? 0) >= limits.connectionsPerAddress) {
      return { status: 429, why: 'Too many connections from your address.\n' };
    }
    return undefined;
  }

  #addressOf(request: IncomingMessage): string {
    const forwarded = this.#options.trustProxy ? request.headers['x-forwarded-for'] : undefined;
    const last = [forwarded ?? []].flat().join(',').split(',').at(-1)?.trim();
    return last || request.socket.remoteAddress || 'unknown';
  }
}

function cannotAccept(error: Error): MeshError {
  return new MeshError(
    'signaling',
    `The signaling server could not take a connection: ${messageOf(error)}. Those that exist live on.`,
    { cause: error },
  );
}

function cannotListen(error: NodeJS.ErrnoException, host: string, port: number): MeshError {
  const why =
    error.code === 'EADDRINUSE'
      ? `port ${port} on ${host} is taken. Stop what listens there, or choose another port`
      : `cannot listen on ${host}, port ${port}: ${messageOf(error)}`;
  return new MeshError('signaling', `The signaling server did not start: ${why}.`, {
    cause: error,
  });
}
