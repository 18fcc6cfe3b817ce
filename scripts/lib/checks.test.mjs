/** Each rule of the checks catches a planted violation, and lets the lawful neighbour pass. */

import { describe, expect, it } from 'vitest';
import { checkLayers } from './layers.mjs';
import { parseSource } from './sources.mjs';
import { checkTidy } from './tidy.mjs';

const parse = (files) => Object.entries(files).map(([path, text]) => parseSource(path, text));
const layers = (files) => checkLayers(parse(files)).map(({ rule, path }) => `${rule} ${path}`);
const tidy = (path, text) => checkTidy(parse({ [path]: text })).map(({ rule }) => rule);

const UTIL = { 'src/util/a.ts': 'export const a = 1;' };

describe('imports between layers', () => {
  it('let a lower layer be imported', () => {
    expect(layers({ ...UTIL, 'src/protocol/b.ts': "import { a } from '../util/a.ts';" })).toEqual(
      [],
    );
  });

  it.each([
    ['static', "import { b } from '../protocol/b.ts';"],
    ['type-only', "import type { b } from '../protocol/b.ts';"],
    ['dynamic', "const b = await import('../protocol/b.ts');"],
    ['re-exported', "export { b } from '../protocol/b.ts';"],
    ['an import type', "type B = import('../protocol/b.ts').b;"],
  ])('refuse a higher layer (%s)', (_, text) => {
    const files = { 'src/util/c.ts': text, 'src/protocol/b.ts': 'export const b = 1;' };
    expect(layers(files)).toEqual(['layer src/util/c.ts']);
  });

  it.each([
    ['src/transport/x.ts', 'src/storage/y.ts'],
    ['src/storage/x.ts', 'src/signaling/y.ts'],
    ['src/signaling/x.ts', 'src/transport/y.ts'],
    ['src/ports/x.ts', 'src/protocol/y.ts'],
    ['src/memory/x.ts', 'src/protocol/y.ts'],
    ['src/runtime/x.ts', 'src/mesh.ts'],
    ['src/mesh.ts', 'src/yjs/y.ts'],
    ['src/yjs/x.ts', 'src/simulation/y.ts'],
    ['src/index.ts', 'e2e/y.ts'],
    ['signaling-server/x.ts', 'src/signaling/websocket.ts'],
    ['demo/x.ts', 'src/mesh.ts'],
  ])('refuse %s -> %s', (from, to) => {
    const way = `${'../'.repeat(from.split('/').length - 1)}${to}`;
    const files = { [from]: `import '${way.startsWith('.') ? way : `./${way}`}';`, [to]: '' };
    expect(layers(files)).toContain(`layer ${from}`);
  });

  it('let the demo, the provider and the server import what they are built on', () => {
    const files = {
      'src/index.ts': '',
      'src/yjs/index.ts': "import '../index.ts'; import * as Y from 'yjs';",
      'src/signaling/messages.ts': '',
      'signaling-server/server.ts': "import '../src/signaling/messages.ts'; import 'ws';",
      'demo/main.ts': "import '../src/yjs/index.ts'; import 'codemirror';",
    };
    expect(layers(files)).toEqual([]);
  });

  it('let tests import anything, and code no test', () => {
    const files = {
      'src/util/a.test.ts': "import '../yjs/y.ts';",
      'src/util/testing/t.ts': "import 'vitest'; import '../../yjs/z.ts';",
      'src/yjs/y.ts': "import '../util/a.test.ts';",
      'src/yjs/z.ts': "import '../util/testing/t.ts';",
    };
    expect(layers(files)).toContain('test-import src/yjs/y.ts');
    expect(layers(files)).toContain('test-import src/yjs/z.ts');
    expect(layers(files)).not.toContain('layer src/util/testing/t.ts');
    expect(layers(files)).not.toContain('layer src/util/a.test.ts');
  });

  it('refuse a folder of src that is no layer', () => {
    expect(layers({ 'src/misc/a.ts': '' })).toEqual(['layer src/misc/a.ts']);
  });

  it('refuse a package that the layer has no use for', () => {
    expect(layers({ 'src/protocol/a.ts': "import 'ws';" })).toEqual(['package src/protocol/a.ts']);
    expect(layers({ 'src/mesh.ts': "import 'node:fs';" })).toEqual(['package src/mesh.ts']);
  });

  it.each([
    ['simple-peer/simplepeer.min.js', 'src/transport/simple-peer.ts', 'src/transport/other.ts'],
    ['idb', 'src/storage/indexeddb.ts', 'src/storage/other.ts'],
  ])('let one file alone import %s', (name, sole, other) => {
    expect(layers({ [sole]: `import '${name}';` })).toEqual([]);
    expect(layers({ [other]: `import '${name}';` })).toEqual([`sole-importer ${other}`]);
  });

  it('refuse a circle, of type-only imports too', () => {
    const files = {
      'src/util/a.ts': "import './b.ts';",
      'src/util/b.ts': "import type { C } from './c.ts';",
      'src/util/c.ts': "import type { A } from './a.ts';",
    };
    expect(layers(files)).toEqual(['cycle src/util/c.ts']);
  });

  it.each(['yjs', 'y-protocols/awareness'])('refuse %s under the main entry', (name) => {
    const files = {
      'src/index.ts': "export * from './mesh.ts';",
      'src/mesh.ts': "import './runtime/r.ts';",
      'src/runtime/r.ts': `import '${name}';`,
    };
    expect(layers(files)).toContain('entry src/runtime/r.ts');
  });
});

describe('pure layers', () => {
  const pure = (text, path = 'src/protocol/a.ts') => layers({ [path]: text });

  it.each([
    'Date.now();',
    'new Date();',
    'performance.now();',
    'Math.random();',
    'const { random } = Math;',
    'setTimeout(go, 1);',
    'setInterval(go, 1);',
    'queueMicrotask(go);',
    'crypto.getRandomValues(bytes);',
    'globalThis.crypto;',
    'const timers = { setTimeout };',
    'const now = performance.now;',
  ])('refuse `%s`', (text) => {
    expect(pure(text)).toEqual(['pure src/protocol/a.ts']);
  });

  it.each([
    'Math.floor(1.5);',
    '// Date.now() is not used here',
    "const name = 'performance';",
    'clock.performance; const x = { crypto: 1, Date: 2 };',
    'function f(crypto) { return crypto.subtle; }',
    'interface Options { readonly self: boolean; setTimeout(): void }',
  ])('let `%s` pass', (text) => {
    expect(pure(text)).toEqual([]);
  });

  it('leave tests and other layers alone', () => {
    expect(pure('Date.now();', 'src/protocol/a.test.ts')).toEqual([]);
    expect(pure('Date.now();', 'src/runtime/a.ts')).toEqual([]);
  });
});

describe('house rules', () => {
  const later = ['TO', 'DO'].join('');

  it('refuse a file over 400 lines, tests excepted', () => {
    const long = 'export {};\n'.repeat(401);
    expect(tidy('src/a.ts', long)).toEqual(['lines']);
    expect(tidy('demo/style.css', '\n'.repeat(401))).toEqual(['lines']);
    expect(tidy('src/a.test.ts', long)).toEqual([]);
    expect(tidy('src/a.ts', 'export {};\n'.repeat(400))).toEqual([]);
  });

  it.each([
    ['swallowed', 'try { go(); } catch {}'],
    ['swallowed', 'try { go(); } catch (error) { /* never mind */ }'],
    ['swallowed', 'go().catch(() => {});'],
    ['swallowed', 'go().catch(() => undefined);'],
    ['swallowed', 'go().then(done, function () {});'],
    ['later', `// ${later}: more`],
    ['muted', ['// @ts-', 'ignore'].join('')],
    ['muted', ['// biome-', 'ignore lint: no'].join('')],
    ['left-out', "it.skip('x', () => go());"],
    ['left-out', "test.describe.only('x', () => go());"],
    ['left-out', "it.skipIf(slow)('x', () => go('MNEMESH_TRACES'));"],
    ['left-out', "test.skip(!folder, 'no folder');"],
    ['empty-test', 'expect(true).toBe(true);'],
  ])('%s: `%s`', (rule, text) => {
    expect(tidy('src/a.test.ts', text)).toEqual([rule]);
  });

  it.each([
    'try { go(); } catch { fallBack(); }',
    'go().catch(report);',
    "it.skipIf(!folder)('replays (set MNEMESH_TRACES)', () => go());",
    "test.skip(!folder, 'MNEMESH_TRACES is not set');",
    'stream.skip(3);',
  ])('let `%s` pass', (text) => {
    expect(tidy('src/a.test.ts', text)).toEqual([]);
  });
});
