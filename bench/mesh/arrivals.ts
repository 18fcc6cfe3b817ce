/** Hears from all tabs which edits have arrived, so that the next may be made. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** A WebSocket server that tabs send the number of each edit that arrived. */
export class Arrivals {
  readonly #server: WebSocketServer;
  readonly #counts = new Map<number, number>();
  readonly #waiting = new Map<number, { readonly count: number; readonly resolve: () => void }>();

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket: WebSocket) => {
      socket.on('message', (data) => this.#count(Number(String(data))));
    });
  }

  /** Listens on a free port of 127.0.0.1. */
  static async listen(): Promise<Arrivals> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    return new Arrivals(server);
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Waits until edit `index` has arrived in `count` tabs; false where `timeoutMs` pass first. */
  async wait(index: number, count: number, timeoutMs: number): Promise<boolean> {
    if ((this.#counts.get(index) ?? 0) >= count) return true;
    let timer: NodeJS.Timeout | undefined;
    const arrived = new Promise<boolean>((resolve) => {
      this.#waiting.set(index, { count, resolve: () => resolve(true) });
    });
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), timeoutMs);
    });
    try {
      return await Promise.race([arrived, late]);
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(index);
    }
  }

  close(): void {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }

  #count(index: number): void {
    const count = (this.#counts.get(index) ?? 0) + 1;
    this.#counts.set(index, count);
    const waiting = this.#waiting.get(index);
    if (waiting !== undefined && count >= waiting.count) waiting.resolve();
  }
}
