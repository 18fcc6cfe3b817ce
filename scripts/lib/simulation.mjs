/** Loads the simulator from its sources, as one bundle that Node can run at full speed. */

import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';
import { ROOT } from './run.mjs';

/** The simulator's scenarios and how to run them. */
export async function loadSimulation() {
  // Within the repository, so that packages are found; a folder a process, as several may run at once.
  const folder = join(ROOT, 'node_modules', '.cache', `mnemesh-simulation-${process.pid}`);
  await mkdir(folder, { recursive: true });
  try {
    await build({
      configFile: false,
      root: ROOT,
      logLevel: 'error',
      build: {
        outDir: folder,
        minify: false,
        target: 'node20',
        ssr: 'src/simulation/lab-entry.ts',
      },
    });
    return await import(pathToFileURL(join(folder, 'lab-entry.js')).href);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
