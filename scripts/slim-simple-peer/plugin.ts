/**
 * Builds simple-peer from its source for browsers, without the polyfills of Node's modules that fill
 * four fifths of its own bundle: it needs so little of them that the files beside this one serve it.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { normalizePath, type Plugin } from 'vite';

/** How src/transport/simple-peer.ts, the one importer, names simple-peer. */
export const SIMPLE_PEER = 'simple-peer/simplepeer.min.js';

const { resolve } = createRequire(import.meta.url);
/** Path of simple-peer's one source file. */
export const SIMPLE_PEER_SOURCE = normalizePath(resolve('simple-peer'));

/** The packages that have a shim here, by its file's name. Others are bundled as they are. */
const SHIMMED = new Set(['buffer', 'debug', 'queue-microtask', 'randombytes', 'readable-stream']);

/** Puts simple-peer's source, on shims, in the place of its bundle. The dev server keeps the bundle. */
export function slimSimplePeer(): Plugin {
  return {
    name: 'slim-simple-peer',
    apply: 'build',
    // Before Vite would put a stub in the place of Node's `buffer`.
    enforce: 'pre',
    resolveId(id, importer) {
      if (id === SIMPLE_PEER) return SIMPLE_PEER_SOURCE;
      if (importer !== SIMPLE_PEER_SOURCE || !SHIMMED.has(id)) return undefined;
      return normalizePath(fileURLToPath(new URL(`${id}.cjs`, import.meta.url)));
    },
  };
}

/** What a file that holds simple-peer has to say of its licences, as a legal comment. */
export function licenceNotice(): string {
  const fromSimplePeer = createRequire(SIMPLE_PEER_SOURCE);
  const packages = ['simple-peer', 'get-browser-rtc', 'err-code'].map((name) => {
    const path = fromSimplePeer.resolve(`${name}/package.json`);
    const { version, author, license } = JSON.parse(readFileSync(path, 'utf8'));
    return `${name} ${version} (${license}), ${author.name ?? author}`;
  });
  const text = readFileSync(resolve('simple-peer/LICENSE'), 'utf8').trim();
  const lines = [...packages, '', ...text.split('\n')];
  return `/*!\n${lines.map((line) => ` * ${line}`.trimEnd()).join('\n')}\n */`;
}
