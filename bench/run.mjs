/**
 * `npm run bench -- NAME [--json FILE] [options of the bench]`: runs one benchmark and prints its figures.
 *
 * NAME is a module of this folder, NAME.ts or NAME/index.ts. It exports `run(args)`, which is given
 * the rest of the command line, prints its figures for people, and resolves with the same figures
 * in a form that JSON can carry.
 *
 * The module is bundled first, so that TypeScript runs at full speed on every supported Node.
 */

import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'vite';
import { ROOT, run as runProgram } from '../scripts/lib/run.mjs';

const FOLDER = join(ROOT, 'bench');
const OUT = join(ROOT, 'dist/bench');

/** Path of each bench's module, by its name. */
function findBenches() {
  const benches = new Map();
  for (const entry of readdirSync(FOLDER, { recursive: true })) {
    const name = /^(\w[\w-]*)([/\\]index)?\.ts$/.exec(entry)?.[1];
    if (name !== undefined) benches.set(name, join(FOLDER, entry));
  }
  return benches;
}

/** Modules find files beside them by `import.meta.url`: bundled ones shall too. */
const ownUrls = () => ({
  name: 'own-urls',
  transform: (code, id) =>
    code.includes('import.meta.url')
      ? code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(id).href))
      : undefined,
});

async function load(name, path) {
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'warn',
    plugins: [ownUrls()],
    build: {
      ssr: path,
      outDir: OUT,
      emptyOutDir: false,
      target: 'node20',
      rolldownOptions: { output: { entryFileNames: `${name}.js`, codeSplitting: false } },
    },
  });
  return import(pathToFileURL(join(OUT, `${name}.js`)).href);
}

/** What the figures were measured on. */
async function circumstances() {
  const { code, output } = await runProgram('git', ['describe', '--always', '--dirty'], {
    capture: true,
  });
  return {
    commit: code === 0 ? output.trim() : 'unknown',
    date: new Date().toISOString(),
    node: process.version,
    cpus: cpus().map(({ model }) => model),
  };
}

const args = process.argv.slice(2);
const at = args.indexOf('--json');
const [, file] = at < 0 ? [] : args.splice(at, 2);
const name = args.shift();

const benches = findBenches();
const path = benches.get(name);
if (path === undefined || (at >= 0 && file === undefined)) {
  console.error(
    `npm run bench -- NAME [--json FILE] [options of the bench]; NAME is ${[...benches.keys()].join(', ')}`,
  );
  process.exit(2);
}
const bench = await load(name, path);
const figures = await bench.run(args);
if (file !== undefined) {
  await writeFile(
    file,
    `${JSON.stringify({ name, ...(await circumstances()), figures }, null, 2)}\n`,
  );
}
