/**
 * Checks the package as others get it: packs it, lints the tarball, installs it in a scratch app
 * outside the repository and uses it there, in Vite and a browser, in Node, and from the shell.
 * Needs a built library.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { ROOT, runOrThrow } from './lib/run.mjs';
import { checkBin, checkNode, checkTypes, checkVite, createApp } from './lib/scratch-app.mjs';

const manifest = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));

/** What may be in the tarball beside what npm always adds. */
const BELONGS = /^(dist\/(src|signaling-server|vendor)\/|(README|ARCHITECTURE|CHANGELOG)\.md$)/;
const ALWAYS = /^(package\.json|LICENSE)$/;

async function pack(folder) {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const output = await runOrThrow('npm', args);
  // npm writes warnings before the JSON where the two streams are read as one.
  const [{ filename, files }] = JSON.parse(output.slice(output.indexOf('[\n')));
  return { tarball: join(folder, filename), paths: files.map(({ path }) => path) };
}

function judgeContents(paths) {
  const strangers = paths.filter((path) => !BELONGS.test(path) && !ALWAYS.test(path));
  if (strangers.length === 0) return;
  const list = strangers.slice(0, 5).join(', ');
  throw new Error(`the tarball holds what no app needs; see "files" in package.json: ${list}`);
}

async function lint(tarball) {
  const buffer = await readFile(tarball);
  const data = buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
  const { messages } = await publint({ strict: true, pack: { tarball: data } });
  if (messages.length === 0) return;
  throw new Error(messages.map((each) => formatMessage(each, manifest)).join('\n'));
}

const attw = (tarball) =>
  runOrThrow('node', [
    join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js'),
    ...[tarball, '--profile', 'esm-only', '--no-definitely-typed'],
  ]);

const folder = await mkdtemp(join(tmpdir(), 'mnemesh-package-'));
let failures = 0;

/** Runs one check; a failure is shown and counted, and gives `undefined`. */
async function check(name, body) {
  try {
    const value = await body();
    console.log(`  ok    ${name}`);
    return value ?? true;
  } catch (error) {
    failures++;
    console.log(`  FAIL  ${name}\n${error.message}`);
    return undefined;
  }
}

try {
  const packed = await check('it packs', () => pack(folder));
  if (packed !== undefined) {
    const { tarball, paths } = packed;
    await check('the tarball holds the library alone', () => judgeContents(paths));
    await check('publint finds nothing', () => lint(tarball));
    await check('attw finds nothing', () => attw(tarball));
    const app = await check('it installs', () => createApp(folder, tarball));
    if (app !== undefined) {
      await check('its types compile in a strict app', () => checkTypes(app));
      await check('importing it in Node touches no browser global', () => checkNode(app));
      await check('a Vite app builds, serves and links two tabs without a warning', () =>
        checkVite(app),
      );
      await check('mnemesh-signaling starts, answers and stops', () => checkBin(app));
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
console.log(`package: ${failures} failures`);
process.exitCode = failures === 0 ? 0 : 1;
