/**
 * Holds the size of what an app loads for `mnemesh` and `mnemesh/yjs`: minified, gzipped, dynamic
 * chunks included, yjs apart. Needs a built library.
 */

import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';
import { ROOT } from './lib/run.mjs';

/** Gzipped bytes of all chunks together. */
const LIMIT = 85_000;

const APP = `
import { openMesh } from 'mnemesh';
import { MeshProvider } from 'mnemesh/yjs';
globalThis.app = { openMesh, MeshProvider };
`;

/** Where a module comes from: a package, or a layer of this one. */
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

const folder = await mkdtemp(join(tmpdir(), 'mnemesh-size-'));
try {
  await mkdir(join(folder, 'node_modules'));
  await symlink(ROOT, join(folder, 'node_modules', 'mnemesh'), 'junction');
  await writeFile(join(folder, 'app.js'), APP);
  const { output } = await build({
    root: folder,
    configFile: false,
    logLevel: 'warn',
    build: {
      write: false,
      target: 'es2022',
      modulePreload: false,
      rolldownOptions: { input: join(folder, 'app.js'), external: /^yjs$/ },
    },
  });
  const chunks = output.filter((each) => each.type === 'chunk');
  let total = 0;
  for (const chunk of chunks) {
    const gzipped = gzipSync(chunk.code, { level: 9 }).length;
    total += gzipped;
    const sizes = `${String(chunk.code.length).padStart(8)} B${String(gzipped).padStart(8)} B gzip`;
    console.log(`${sizes}  ${chunk.isEntry ? 'at once' : 'later  '}  ${chunk.fileName}`);
  }
  console.log(`size: ${total} of ${LIMIT} bytes gzipped`);
  if (total > LIMIT) {
    explain(chunks);
    process.exitCode = 1;
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
