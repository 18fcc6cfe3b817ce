/** What the tabs of a test talk to: a signaling server that can die and return, and a page server. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { preview } from 'vite';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));

/** The built `mnemesh-signaling`, as a process of its own. */
export interface SignalingProcess {
  /** ws://127.0.0.1:PORT; the port stays the same through stop and start. */
  readonly url: string;
  /** Asks it to shut down (SIGTERM) and waits for its end. Does nothing where it is down. */
  stop(): Promise<void>;
  /** Kills it (SIGKILL) and waits for its end. Does nothing where it is down. */
  kill(): Promise<void>;
  /** Starts it again on the same port. Does nothing where it is up. */
  start(): Promise<void>;
}

async function spawnSignaling(port: number, args: readonly string[]) {
  const bin = `${DIST}signaling-server/bin.js`;
  const child = spawn(process.execPath, [bin, '--port', String(port), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /ws:\/\/\S+/.exec(line)?.[0];
    if (url !== undefined) return { child, url };
  }
  throw new Error(`the signaling server ended before it listened on port ${port}`);
}

/** Starts a signaling server on a free port of 127.0.0.1; `args` are options of its command. */
export async function startSignaling(args: readonly string[] = []): Promise<SignalingProcess> {
  const first = await spawnSignaling(0, args);
  const port = Number(new URL(first.url).port);
  let running: ChildProcess | undefined = first.child;
  const end = async (signal: NodeJS.Signals) => {
    const child = running;
    running = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  return {
    url: first.url,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    async start() {
      running ??= (await spawnSignaling(port, args)).child;
    },
  };
}

/** A running page server. */
export interface PageServer {
  /** http://127.0.0.1:PORT/ */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves dist/`name` (`e2e` or `demo`) on a free port of 127.0.0.1. */
export async function servePage(name: 'e2e' | 'demo'): Promise<PageServer> {
  const server = await preview({
    configFile: false,
    logLevel: 'warn',
    appType: 'mpa',
    root: DIST,
    build: { outDir: `${DIST}${name}` },
    preview: { host: '127.0.0.1', port: 0 },
  });
  const address = server.httpServer.address();
  if (address === null || typeof address === 'string')
    throw new Error('the page server has no port');
  return { url: `http://127.0.0.1:${address.port}/`, close: () => server.close() };
}
