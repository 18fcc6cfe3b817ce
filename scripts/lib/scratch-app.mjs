/** A scratch app outside the repository that uses the packed package as any app would. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from '@playwright/test';
import { build, createLogger, createServer, preview } from 'vite';
import { CHROMIUM_FLAGS, findBrowser } from './browsers.mjs';
import { ROOT, runOrThrow } from './run.mjs';

const PAGE_HTML = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>app</title><link rel="icon" href="data:,"></head>
  <body><script type="module" src="./main.js"></script></body>
</html>
`;

/** Two tabs of it meet with no server and share a text, over the packed simple-peer. */
const PAGE_JS = `
import { openMesh } from 'mnemesh';
import { MeshProvider } from 'mnemesh/yjs';
import * as Y from 'yjs';
const mesh = await openMesh('scratch', { store: 'memory' });
const doc = new Y.Doc();
const provider = new MeshProvider('notes', doc, { mesh });
globalThis.app = { doc, mesh, provider };
`;

const TYPES_TS = `
import { MeshError, openMesh } from 'mnemesh';
import { createSignalingServer } from 'mnemesh/signaling-server';
import { MeshProvider } from 'mnemesh/yjs';
import * as Y from 'yjs';
const mesh = await openMesh('scratch', { store: 'memory' });
const provider = new MeshProvider('notes', new Y.Doc(), { mesh });
provider.awareness.setLocalStateField('name', MeshError.name);
await createSignalingServer({ port: 0 }).ready;
`;

/**
 * Imports what it is told to, and prints each read of a browser global. lib0 asks by `typeof` which
 * platform it is on, before Yjs and this library have a say; nobody else may.
 */
const TRAPS_MJS = `
const NAMES = ['window', 'document', 'navigator', 'location', 'indexedDB', 'WebSocket', 'localStorage',
  'sessionStorage', 'RTCPeerConnection', 'RTCDataChannel', 'BroadcastChannel', 'addEventListener'];
const touched = new Set();
Error.stackTraceLimit = 2;
for (const name of NAMES) {
  const value = globalThis[name];
  Object.defineProperty(globalThis, name, {
    configurable: true,
    get() {
      const place = new Error().stack.split('\\n')[2] ?? '';
      if (!/\\/node_modules\\/lib0\\/|node:/.test(place)) touched.add(name + place);
      return value;
    },
  });
}
await import(process.argv[2]);
for (const each of touched) console.log('TOUCHED ' + each);
`;

const readVersion = async (name) =>
  JSON.parse(await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')).version;

/**
 * Installs `tarball` and yjs in a new app below `folder`.
 * @returns {Promise<string>} the app's folder
 */
export async function createApp(folder, tarball) {
  const app = join(folder, 'app');
  await mkdir(app);
  const files = {
    'package.json': JSON.stringify({ name: 'scratch', private: true, type: 'module' }),
    'index.html': PAGE_HTML,
    'main.js': PAGE_JS,
    'types.ts': TYPES_TS,
    'traps.mjs': TRAPS_MJS,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(app, name), text);
  const wanted = [tarball, `yjs@${await readVersion('yjs')}`];
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  await runOrThrow('npm', ['install', ...wanted, ...flags], { cwd: app });
  return app;
}

/** Compiles a use of every entry, declarations included, under both ways to resolve modules. */
export async function checkTypes(app) {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const common = [
    ...['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2023,dom'],
    ...['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types'), 'types.ts'],
  ];
  for (const [module, resolution] of [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]) {
    const args = [tsc, '--module', module, '--moduleResolution', resolution, ...common];
    await runOrThrow('node', args, { cwd: app });
  }
}

/** Imports each entry in a Node process of its own, as a server-rendered app does. */
export async function checkNode(app) {
  for (const entry of [
    'mnemesh',
    'mnemesh/yjs',
    'mnemesh/simulation',
    'mnemesh/signaling-server',
  ]) {
    const output = await runOrThrow('node', ['traps.mjs', entry], { cwd: app });
    if (output !== '') throw new Error(`importing ${entry} printed:\n${output}`);
  }
}

/** Opens two tabs of the app that must share a text; throws what the consoles complained about. */
async function checkTabs(browser, server) {
  const url = `http://127.0.0.1:${server.httpServer.address().port}/`;
  const context = await browser.newContext();
  const complaints = [];
  const openTab = async () => {
    const page = await context.newPage();
    page.on('pageerror', (error) => complaints.push(error.stack ?? error.message));
    page.on('console', (message) => {
      if (['warning', 'error'].includes(message.type())) complaints.push(message.text());
    });
    await page.goto(url);
    await page.waitForFunction(() => 'app' in globalThis, undefined, { timeout: 30_000 });
    return page;
  };
  try {
    const first = await openTab();
    const second = await openTab();
    await first.evaluate(() => globalThis.app.doc.getText('text').insert(0, 'hello'));
    await second.waitForFunction(
      () => globalThis.app.doc.getText('text').toString() === 'hello',
      undefined,
      { timeout: 30_000 },
    );
  } catch (error) {
    complaints.push(error.message);
  } finally {
    await context.close();
  }
  if (complaints.length > 0) throw new Error(`${url}\n${complaints.join('\n')}`);
}

/** Builds the app with Vite, and runs it in Chromium both built and from the dev server. */
export async function checkVite(app) {
  const warnings = [];
  const customLogger = createLogger('warn');
  customLogger.warn = (message) => warnings.push(message);
  customLogger.warnOnce = customLogger.warn;
  customLogger.error = customLogger.warn;
  const config = { root: app, configFile: false, logLevel: 'warn', customLogger };
  const network = { host: '127.0.0.1', port: 0 };
  await build({ ...config, build: { target: 'es2022' } });
  const executablePath = findBrowser('chromium');
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_FLAGS });
  try {
    const built = await preview({ ...config, preview: network });
    await checkTabs(browser, built).finally(() => built.close());
    const dev = await createServer({ ...config, server: network });
    await dev.listen();
    await checkTabs(browser, dev).finally(() => dev.close());
  } finally {
    await browser.close();
  }
  if (warnings.length > 0) throw new Error(`Vite warned:\n${warnings.join('\n')}`);
}

/** Starts the installed command on a free port, asks for its health and ends it. */
export async function checkBin(app) {
  const bin = join(app, 'node_modules/.bin/mnemesh-signaling');
  const child = spawn(bin, ['--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: process.platform === 'win32',
  });
  const ended = once(child, 'exit');
  try {
    const lines = createInterface({ input: child.stdout });
    const [line] = await Promise.race([
      once(lines, 'line'),
      ended.then(() => ['nothing and ended']),
    ]);
    const url = /ws:\/\/\S+/.exec(line)?.[0];
    if (url === undefined) throw new Error(`mnemesh-signaling printed ${line}`);
    const response = await fetch(new URL('/health', url.replace('ws:', 'http:')));
    const { status } = await response.json();
    if (status !== 'ok') throw new Error(`/health answered ${response.status}, status ${status}`);
  } finally {
    child.kill('SIGTERM');
  }
  const [code, signal] = await ended;
  if (code !== 0) throw new Error(`it ended with ${code ?? signal} and not 0 after SIGTERM`);
}
