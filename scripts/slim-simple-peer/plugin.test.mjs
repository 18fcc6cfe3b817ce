/** The simple-peer of the package: its source as it is, on what browsers give. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import ts from 'typescript';
import { build } from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../lib/run.mjs';

const require = createRequire(import.meta.url);

/** Every name that `code` takes from outside, by TypeScript's own scopes. */
function freeNames(code) {
  // Read as TypeScript, since in a .js file the types that its comments name would count too.
  const ast = ts.createSourceFile('built.ts', code, ts.ScriptTarget.ES2022, true);
  const options = { noLib: true, target: ts.ScriptTarget.ES2022 };
  const program = ts.createProgram(['built.ts'], options, {
    ...ts.createCompilerHost(options),
    getSourceFile: (name) => (name === 'built.ts' ? ast : undefined),
  });
  const unknown =
    /^(?:Cannot find name|No value exists in scope for the shorthand property) '(\w+)'/;
  const names = program
    .getSemanticDiagnostics(ast)
    .map(({ messageText }) => unknown.exec(ts.flattenDiagnosticMessageText(messageText, ''))?.[1]);
  return [...new Set(names)].filter((name) => name !== undefined).sort();
}

describe('names from outside', () => {
  it('are found wherever code reads them, and not where it declares them', () => {
    const code = `
      const Buffer = 1; use(Buffer, { process }, typeof window, x.global);
      function f(global) { return global; }
      class A extends stream.Duplex { process() { return \`\${setImmediate}\`; } }`;
    expect(freeNames(code)).toEqual(['process', 'setImmediate', 'stream', 'use', 'window', 'x']);
  });
});

describe('the simple-peer that the package brings along', () => {
  let chunk;
  let Peer;
  beforeAll(async () => {
    const { output } = (
      await build({
        configFile: `${ROOT}vite.config.ts`,
        mode: 'vendor',
        logLevel: 'warn',
        build: { write: false },
      })
    )[0];
    expect(output).toHaveLength(1);
    chunk = output[0];
    ({ default: Peer } = await import(`data:text/javascript,${encodeURIComponent(chunk.code)}`));
  });

  it('is made of simple-peer, the two packages that stay real, and the shims', () => {
    const modules = Object.keys(chunk.modules).filter((id) => !id.startsWith('\0'));
    const own = modules
      .filter((id) => id.includes('/scripts/slim-simple-peer/'))
      .map((id) => basename(id));
    const packages = modules.filter((id) => id.includes('/node_modules/'));
    expect(own.length + packages.length).toBe(modules.length);
    expect(own.sort()).toEqual([
      'buffer.cjs',
      'debug.cjs',
      'queue-microtask.cjs',
      'randombytes.cjs',
      'readable-stream.cjs',
    ]);
    expect(packages.map((id) => id.split('/node_modules/').at(-1)).sort()).toEqual([
      'err-code/index.js',
      'get-browser-rtc/index.js',
      'simple-peer/index.js',
    ]);
    expect(chunk.imports).toEqual([]);
  });

  it('takes nothing from outside but what every browser has', () => {
    // Of Node's: no process, no Buffer, no global.
    const language = ['Array', 'ArrayBuffer', 'Error', 'JSON', 'Map', 'Number', 'Object'];
    const platform = ['clearInterval', 'console', 'crypto', 'queueMicrotask', 'setInterval'];
    const all = [...language, 'TypeError', 'Uint8Array', ...platform, 'setTimeout', 'window'];
    expect(freeNames(chunk.code)).toEqual(all);
  });

  it('names the licence, the authors and the version of all that is in it', () => {
    const licence = readFileSync(require.resolve('simple-peer/LICENSE'), 'utf8');
    const [notice] = chunk.code.split('*/');
    expect(notice).toMatch(/^\/\*!/);
    for (const name of ['simple-peer', 'get-browser-rtc', 'err-code']) {
      const { version } = require(`${name}/package.json`);
      expect(notice).toContain(`${name} ${version} (MIT), `);
    }
    const words = (text) => text.split(/[\s*]+/).join(' ');
    expect(words(notice)).toContain(words(licence).trim());
  });

  it('gives the browser the ICE servers that it is told, none among them, and no others', () => {
    const configs = [];
    class RTCPeerConnection {
      constructor(config) {
        configs.push(config);
      }
      close() {
        this.closed = true;
      }
    }
    for (const iceServers of [[], [{ urls: 'stun:stun.example' }]]) {
      const peer = new Peer({ config: { iceServers }, wrtc: { RTCPeerConnection } });
      expect(configs.pop().iceServers).toEqual(iceServers);
      peer.destroy();
    }
  });
});
