/**
 * Builds into dist/: `node scripts/build.mjs [library] [demo] [e2e]`, all of them by default.
 * The library comes with declarations whose relative imports name .js files.
 */

import { chmod, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ts from 'typescript';
import { build } from 'vite';
import { ROOT, runOrThrow } from './lib/run.mjs';

const DIST = join(ROOT, 'dist');
const LIBRARY = ['src', 'signaling-server'];

/** `text` of a declaration file with `./x.ts` in imports turned into `./x.js`. */
function withJsImports(text) {
  const ast = ts.createSourceFile('a.d.ts', text, ts.ScriptTarget.Latest, true);
  const ends = [];
  const visit = (node) => {
    const isSpecifier =
      ts.isStringLiteral(node) &&
      (ts.isImportDeclaration(node.parent) ||
        ts.isExportDeclaration(node.parent) ||
        (ts.isLiteralTypeNode(node.parent) && ts.isImportTypeNode(node.parent.parent)));
    if (isSpecifier && /^\..*\.ts$/.test(node.text)) ends.push(node.end - 1);
    ts.forEachChild(node, visit);
  };
  visit(ast);
  // From the last to the first, so that earlier positions stay true; `ends` are the closing quotes.
  for (const end of ends.reverse()) text = `${text.slice(0, end - 3)}.js${text.slice(end)}`;
  return text;
}

async function emitDeclarations() {
  await runOrThrow('node', [
    'node_modules/typescript/bin/tsc',
    '-p',
    'scripts/tsconfig.build.json',
  ]);
  for (const folder of LIBRARY) {
    for (const name of await readdir(join(DIST, folder), { recursive: true })) {
      if (!name.endsWith('.d.ts')) continue;
      const path = join(DIST, folder, name);
      await writeFile(path, withJsImports(await readFile(path, 'utf8')));
    }
  }
}

const bundle = (mode) =>
  build({ configFile: join(ROOT, 'vite.config.ts'), mode, logLevel: 'warn' });

const targets = {
  async library() {
    for (const folder of LIBRARY) await rm(join(DIST, folder), { recursive: true, force: true });
    await bundle('library');
    await bundle('vendor');
    await emitDeclarations();
    await chmod(join(DIST, 'signaling-server', 'bin.js'), 0o755);
  },
  demo: () => bundle('demo'),
  e2e: () => bundle('e2e'),
};

const wanted = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(targets);
const unknown = wanted.filter((name) => !Object.hasOwn(targets, name));
if (unknown.length > 0) {
  console.error(
    `build: no target ${unknown.join(', ')}; there are ${Object.keys(targets).join(', ')}`,
  );
  process.exit(2);
}
for (const name of wanted) {
  const started = performance.now();
  try {
    await targets[name]();
  } catch (error) {
    console.error(`build: ${name} failed\n${error.message}`);
    process.exit(1);
  }
  console.log(`built ${name} in ${Math.round(performance.now() - started)} ms`);
}
