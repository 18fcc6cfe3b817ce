/** The two libraries of the bench: how their page is built and what introduces their tabs. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build, type InlineConfig, type Plugin, preview } from 'vite';
import { slimSimplePeer } from '../../scripts/slim-simple-peer/plugin.ts';

/** The libraries, in the order of the report's columns. */
export const SIDES = ['mnemesh', 'y-webrtc'] as const;

export type SideName = (typeof SIDES)[number];

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const PAGES = path('page');
const OUT = path('../../dist/bench/mesh');

/** mnemesh brings its own build of simple-peer along; y-webrtc is bundled as apps bundle it. */
const plugins: Readonly<Record<SideName, Plugin[]>> = {
  mnemesh: [slimSimplePeer()],
  'y-webrtc': [],
};

const common: InlineConfig = { configFile: false, logLevel: 'warn', root: PAGES, base: './' };

/** Builds both pages and mnemesh's signaling server from the sources as they are now. */
export async function buildSides(): Promise<void> {
  for (const side of SIDES) {
    await build({
      ...common,
      plugins: plugins[side],
      build: {
        outDir: `${OUT}/${side}`,
        emptyOutDir: true,
        target: 'es2022',
        reportCompressedSize: false,
        rolldownOptions: { input: `${PAGES}/${side}.html` },
      },
    });
  }
  await build({
    ...common,
    build: {
      ssr: path('../../signaling-server/bin.ts'),
      outDir: `${OUT}/signaling`,
      emptyOutDir: true,
      target: 'node20',
    },
  });
}

/** Something that runs until it is closed. */
export interface Server {
  readonly url: string;
  close(): Promise<void>;
}

/** Serves both pages on a free port of 127.0.0.1: `url` is followed by SIDE/SIDE.html. */
export async function servePages(): Promise<Server> {
  const server = await preview({
    ...common,
    appType: 'mpa',
    build: { outDir: OUT },
    preview: { host: '127.0.0.1', port: 0 },
  });
  const address = server.httpServer.address();
  if (address === null || typeof address === 'string') throw new Error('no port for the pages');
  return { url: `http://127.0.0.1:${address.port}/`, close: () => server.close() };
}

const SIGNALING: Readonly<Record<SideName, readonly string[]>> = {
  mnemesh: [`${OUT}/signaling/bin.js`, '--port', '0'],
  'y-webrtc': [path('y-webrtc-server.mjs')],
};

/** Starts the library's own signaling server, as a process of its own, on a free port of 127.0.0.1. */
export async function startSignaling(side: SideName): Promise<Server> {
  const child = spawn(process.execPath, SIGNALING[side], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /ws:\/\/\S+/.exec(line)?.[0];
    if (url !== undefined) return { url, close: () => end(child) };
  }
  throw new Error(`the signaling server of ${side} ended before it listened`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
