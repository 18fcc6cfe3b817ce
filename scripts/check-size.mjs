/**
 * Holds the size of what an app loads for `mnemesh` and `mnemesh/yjs`: minified and gzipped, each chunk
 * by itself, as an app built by Vite gets it. Needs a built library and Chromium.
 *
 * - documents: what two tabs of an app fetch from opening to closing, that open a mesh for documents
 *   and share one. They run in Chromium, and what it asked for is what counts.
 * - everything: all chunks of an app that uses the rest too, whenever they are fetched.
 *
 * What counts is how much larger these apps are than the same app without mnemesh: one of yjs, with the
 * parts of lib0 that yjs is made of, and with a part of its own that it loads later, as apps do, and so
 * with what Vite puts in for that.
 */

import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { chromium } from '@playwright/test';
import { build, preview } from 'vite';
import { CHROMIUM_FLAGS, findBrowser } from './lib/browsers.mjs';
import { ROOT } from './lib/run.mjs';

/** Gzipped bytes. */
const LIMITS = { documents: 55_000, everything: 91_500 };

const WITHOUT = `
import * as Y from 'yjs';
globalThis.Y = Y;
globalThis.later = import('./later.js');
`;
const DOCUMENTS = `${WITHOUT}
import { openMesh } from 'mnemesh';
import { MeshProvider } from 'mnemesh/yjs';
openMesh('size', { load: 'documents', signaling: 'ws://127.0.0.1:1' }).then((mesh) => {
  const doc = new Y.Doc();
  const provider = new MeshProvider('notes', doc, { mesh });
  globalThis.app = { doc, mesh, provider };
});
`;
const EVERYTHING = `${WITHOUT}
import { openMesh } from 'mnemesh';
import { MeshProvider } from 'mnemesh/yjs';
globalThis.app = { openMesh, MeshProvider };
`;

const gzipped = (chunk) => gzipSync(chunk.code, { level: 9 }).length;

/**
 * Builds an app of `script` into `folder`/`name`, with the modules of `apart` in a chunk of their own.
 * @returns {Promise<import('rolldown').OutputChunk[]>}
 */
async function buildApp(folder, name, script, apart = []) {
  const root = join(folder, name);
  await mkdir(root);
  const page = '<!doctype html><title>app</title><script type="module" src="app.js"></script>';
  await writeFile(join(root, 'index.html'), page);
  await writeFile(join(root, 'app.js'), script);
  await writeFile(join(root, 'later.js'), 'export default 1;\n');
  const isApart = new Set(apart);
  const { output } = await build({
    root,
    configFile: false,
    logLevel: 'warn',
    build: {
      target: 'es2022',
      modulePreload: false,
      rolldownOptions: {
        output: { codeSplitting: { groups: [{ name: 'yjs', test: (id) => isApart.has(id) }] } },
      },
    },
  });
  return output.filter((each) => each.type === 'chunk');
}

/** Names of the chunks that two tabs of the app fetch, which share a text and leave. */
async function fetchedBy(folder, name) {
  const server = await preview({
    root: join(folder, name),
    configFile: false,
    logLevel: 'warn',
    preview: { host: '127.0.0.1', port: 0 },
  });
  const browser = await chromium.launch({
    executablePath: findBrowser('chromium'),
    args: CHROMIUM_FLAGS,
  });
  try {
    const context = await browser.newContext();
    const fetched = new Set();
    context.on('request', (request) => fetched.add(new URL(request.url()).pathname.slice(1)));
    const open = async () => {
      const tab = await context.newPage();
      await tab.goto(`http://127.0.0.1:${server.httpServer.address().port}/`);
      return tab;
    };
    const tabs = [await open(), await open()];
    for (const tab of tabs) {
      await tab.waitForFunction(() => globalThis.app?.mesh.neighbors.length === 1);
    }
    await tabs[0].evaluate(() => globalThis.app.doc.getText('text').insert(0, 'shared'));
    await tabs[1].waitForFunction(() => globalThis.app.doc.getText('text').toJSON() === 'shared');
    for (const tab of tabs) {
      await tab.waitForFunction(() => globalThis.app.provider.synced && globalThis.app.mesh.synced);
    }
    for (const tab of tabs) {
      await tab.evaluate(() => globalThis.app.provider.destroy());
      await tab.evaluate(() => globalThis.app.mesh.close());
    }
    return fetched;
  } finally {
    await browser.close();
    await server.close();
  }
}

/** Where a module comes from: a package, or a folder of this one. */
function partOf(id) {
  const [, inPackage] = id.split(/.*\/node_modules\//);
  if (inPackage !== undefined)
    return inPackage.split('/', inPackage.startsWith('@') ? 2 : 1).join('/');
  return id.startsWith(join(ROOT, 'dist'))
    ? id.slice(ROOT.length).split('/').slice(1, 3).join('/')
    : 'bundler';
}

/** Shows what the chunks are made of, in characters before minification, largest first. */
function explain(chunks) {
  const parts = new Map();
  for (const { modules } of chunks) {
    for (const [id, { renderedLength }] of Object.entries(modules)) {
      parts.set(partOf(id), (parts.get(partOf(id)) ?? 0) + renderedLength);
    }
  }
  console.log('made of, before minification:');
  for (const [part, length] of [...parts].sort((a, b) => b[1] - a[1])) {
    console.log(`${String(length).padStart(8)}  ${part}`);
  }
}

/** Holds `chunks` to the limit of `name`; `apart` bytes are those of the app without mnemesh. */
function judge(name, chunks, apart) {
  for (const chunk of chunks) {
    const sizes = `${String(chunk.code.length).padStart(8)} B${String(gzipped(chunk)).padStart(8)} B gzip`;
    console.log(`${sizes}  ${chunk.isEntry ? 'at once' : 'later  '}  ${chunk.fileName}`);
  }
  const total = chunks.reduce((sum, chunk) => sum + gzipped(chunk), 0) - apart;
  console.log(
    `size of ${name}: ${total} of ${LIMITS[name]} bytes gzipped; ${apart} of the app without it apart\n`,
  );
  if (total <= LIMITS[name]) return;
  explain(chunks);
  process.exitCode = 1;
}

const folder = await mkdtemp(join(tmpdir(), 'mnemesh-size-'));
try {
  await mkdir(join(folder, 'node_modules'));
  for (const [name, path] of Object.entries({ mnemesh: '', yjs: 'node_modules/yjs' })) {
    await symlink(join(ROOT, path), join(folder, 'node_modules', name), 'junction');
  }
  const without = await buildApp(folder, 'without', WITHOUT);
  const apart = without.reduce((sum, chunk) => sum + gzipped(chunk), 0);
  const ofYjs = without
    .flatMap(({ modules }) => Object.keys(modules))
    .filter((id) => id.includes('/node_modules/'));
  const documents = await buildApp(folder, 'documents', DOCUMENTS, ofYjs);
  const fetched = await fetchedBy(folder, 'documents');
  judge(
    'documents',
    documents.filter(({ fileName }) => fetched.has(fileName)),
    apart,
  );
  judge('everything', await buildApp(folder, 'everything', EVERYTHING, ofYjs), apart);
} finally {
  await rm(folder, { recursive: true, force: true });
}
