/**
 * One config for all that Vite builds here, by mode, and for vitest.
 *
 * - `vite build --mode library`: the package, dist/src and dist/signaling-server, mirroring the sources
 * - `vite build --mode vendor`: simple-peer, which the package brings along, dist/vendor
 * - `vite build --mode demo`: the demo page, dist/demo
 * - `vite build --mode e2e`: the page that browser tests drive, dist/e2e
 */

import { isAbsolute } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UserConfig } from 'vite';
import { defineConfig } from 'vitest/config';
import {
  licenceNotice,
  SIMPLE_PEER,
  SIMPLE_PEER_SOURCE,
  slimSimplePeer,
} from './scripts/slim-simple-peer/plugin.ts';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Whether `id` names an installed package or a part of Node, and not a file of this repository. */
const isOutside = (id: string): boolean => !id.startsWith('.') && !isAbsolute(id);

/** The package as apps install it: one module a source file, dependencies left to them or in vendor. */
const library: UserConfig = {
  root,
  publicDir: false,
  build: {
    outDir: 'dist',
    // scripts/build.mjs empties what belongs to the library; dist/demo and dist/e2e stay.
    emptyOutDir: false,
    target: 'es2022',
    minify: false,
    sourcemap: true,
    reportCompressedSize: false,
    lib: {
      entry: {
        'src/index': 'src/index.ts',
        'src/yjs/index': 'src/yjs/index.ts',
        'src/simulation/index': 'src/simulation/index.ts',
        'signaling-server/index': 'signaling-server/index.ts',
        'signaling-server/bin': 'signaling-server/bin.ts',
      },
      formats: ['es'],
    },
    rolldownOptions: {
      external: isOutside,
      output: {
        preserveModules: true,
        preserveModulesRoot: root,
        entryFileNames: '[name].js',
        // As its one importer, dist/src/transport/simple-peer.js, finds it.
        paths: { [SIMPLE_PEER]: '../../vendor/simple-peer.js' },
      },
    },
  },
};

/** A simple-peer that apps bundle without polyfills; one module, loaded at the first dial. */
const vendor: UserConfig = {
  root,
  publicDir: false,
  plugins: [slimSimplePeer()],
  build: {
    outDir: 'dist/vendor',
    emptyOutDir: true,
    target: 'es2022',
    minify: false,
    reportCompressedSize: false,
    lib: { entry: { 'simple-peer': SIMPLE_PEER_SOURCE }, formats: ['es'] },
    rolldownOptions: { output: { entryFileNames: '[name].js', banner: licenceNotice() } },
  },
};

/** A page whose sources are in `folder`, built to dist/`name`; it works under any base path. */
const page = (folder: string, name: string): UserConfig => ({
  root: `${root}${folder}`,
  base: './',
  plugins: [slimSimplePeer()],
  build: {
    outDir: `${root}dist/${name}`,
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: true,
    reportCompressedSize: false,
    // The editor and the library are one page's worth of code; splitting it would gain nothing.
    chunkSizeWarningLimit: 2048,
  },
});

const modes: Readonly<Record<string, UserConfig>> = {
  library,
  vendor,
  demo: page('demo', 'demo'),
  e2e: page('e2e/page', 'e2e'),
};

export default defineConfig(({ mode }) => ({
  ...modes[mode],
  test: {
    root,
    environment: 'node',
    setupFiles: ['scripts/soak-runs.mjs'],
    // Ten times what the slowest test takes here, and as long as it wants in a soak.
    testTimeout: process.env.MNEMESH_SOAK === undefined ? 60_000 : 3_600_000,
    include: ['{src,signaling-server,demo,examples,scripts}/**/*.test.{ts,mjs}'],
  },
}));
