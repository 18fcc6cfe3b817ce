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
const LIMIT = 55_000;

const APP = `
import { openMesh } from 'mnemesh';
import { MeshProvider } from 'mnemesh/yjs';
globalThis.app = { openMesh, MeshProvider };
`;

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
  let total = 0;
  for (const chunk of output.filter((each) => each.type === 'chunk')) {
    const gzipped = gzipSync(chunk.code, { level: 9 }).length;
    total += gzipped;
    const sizes = `${String(chunk.code.length).padStart(8)} B${String(gzipped).padStart(8)} B gzip`;
    console.log(`${sizes}  ${chunk.isEntry ? 'at once' : 'later  '}  ${chunk.fileName}`);
  }
  console.log(`size: ${total} of ${LIMIT} bytes gzipped`);
  process.exitCode = total > LIMIT ? 1 : 0;
} finally {
  await rm(folder, { recursive: true, force: true });
}
