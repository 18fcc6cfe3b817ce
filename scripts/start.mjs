/**
 * `npm start`: installs what is missing, builds, then runs the signaling server and the demo until
 * Ctrl+C. `npm start -- --host` opens both to the local network.
 */

import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { installPackages } from './lib/install.mjs';
import { ROOT, run } from './lib/run.mjs';

const SIGNALING_PORT = 4444;
const DEMO_PORT = 5173;
/** Ports to try, one after the other, before taking any that is free. */
const PORTS_TRIED = 20;

const MOODS = [
  'brave',
  'calm',
  'clever',
  'gentle',
  'happy',
  'keen',
  'lucky',
  'quiet',
  'swift',
  'warm',
];
const BEASTS = [
  'badger',
  'crane',
  'dolphin',
  'fox',
  'heron',
  'lynx',
  'otter',
  'owl',
  'robin',
  'seal',
];

const pick = (list) => list[randomInt(list.length)];

/** Whether `port` of `host` can be listened on; 0 asks for any port. The port, or `undefined`. */
function probe(port, host) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, host, () => {
      const { port: free } = server.address();
      server.close(() => resolve(free));
    });
  });
}

/** `first` or the next free port above it. */
async function freePort(first, host) {
  for (let port = first; port < first + PORTS_TRIED; port++) {
    if ((await probe(port, host)) !== undefined) return port;
  }
  return probe(0, host);
}

/** Tells the demo where the signaling server is; it puts its own host in the place of 0.0.0.0. */
const signalingAddress = (url) => ({
  name: 'mnemesh-signaling-address',
  configurePreviewServer(server) {
    server.middlewares.use('/mnemesh.json', (_, response) => {
      response.setHeader('content-type', 'application/json');
      response.setHeader('cache-control', 'no-store');
      response.end(JSON.stringify({ signaling: url }));
    });
  },
});

async function startSignaling(host) {
  const entry = join(ROOT, 'dist/signaling-server/index.js');
  const { createSignalingServer } = await import(pathToFileURL(entry).href);
  const port = await freePort(SIGNALING_PORT, host);
  const server = createSignalingServer({ host, port });
  await server.ready;
  return { url: `ws://${host}:${port}`, close: () => server.close() };
}

async function startDemo(host, signalingUrl) {
  const { preview } = await import('vite');
  const port = await freePort(DEMO_PORT, host);
  const server = await preview({
    configFile: false,
    root: join(ROOT, 'demo'),
    logLevel: 'warn',
    appType: 'mpa',
    plugins: [signalingAddress(signalingUrl)],
    build: { outDir: join(ROOT, 'dist/demo') },
    preview: { host, port, strictPort: true, allowedHosts: host === '0.0.0.0' ? true : [] },
  });
  return { port, close: () => server.close() };
}

/** This machine's addresses in the local network. */
const lanAddresses = () =>
  Object.values(networkInterfaces())
    .flat()
    .filter((each) => each?.family === 'IPv4' && !each.internal)
    .map((each) => each.address);

// `--host` alone opens to the network, as Vite's does; an address after it says to which.
const { values, positionals } = parseArgs({
  options: { host: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const host = values.host ? (positionals[0] ?? '0.0.0.0') : '127.0.0.1';

await installPackages();
const { code } = await run('node', ['scripts/build.mjs', 'library', 'demo']);
if (code !== 0) process.exit(code);

const signaling = await startSignaling(host);
const demo = await startDemo(host, signaling.url);
const hash = `#room=${pick(MOODS)}-${pick(BEASTS)}-${randomInt(10, 100)}`;

console.log(`\nsignaling  ${signaling.url}`);
console.log(`demo       http://localhost:${demo.port}/${hash}`);
if (values.host) {
  for (const address of lanAddresses())
    console.log(`           http://${address}:${demo.port}/${hash}`);
}
console.log('\nOpen it in a second tab, or another browser, to share the page. Ctrl+C stops.');

let stopping = false;
async function stop() {
  if (stopping) return;
  stopping = true;
  await Promise.all([signaling.close(), demo.close()]);
  process.exit(0);
}
process.on('SIGINT', stop);
process.on('SIGTERM', stop);
