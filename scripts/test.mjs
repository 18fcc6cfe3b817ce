/**
 * `npm test`: installs what is missing, then runs every check, and counts.
 * `npm test -- unit` runs one step; a step that needs a build gets one.
 *
 * The last line is `N passed, N failed`, with `, N skipped` where tests were skipped. Each test
 * counts as one; so does each step that is no test run of its own. The exit code is 1 on a failure.
 */

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { installBrowsers, installPackages } from './lib/install.mjs';
import { countPlaywright, countVitest } from './lib/reports.mjs';
import { ROOT, run } from './lib/run.mjs';

const RESULTS = join(ROOT, 'test-results');
const UNIT_REPORT = join(RESULTS, 'unit.json');
const E2E_REPORT = join(RESULTS, 'e2e.json');

/** Runs a script of node_modules or of this folder by node; gives its exit code. */
const script = async (path, ...args) => (await run('node', [path, ...args])).code;

/** The outcome of a step that is one check: it passed or failed as a whole. */
const whole = (code) => ({
  passed: code === 0 ? 1 : 0,
  failed: code === 0 ? 0 : 1,
  skipped: [],
  failures: [],
});

/** The outcome of a test run by its report; a run that failed has at least one failure. */
function reported(code, path, count) {
  if (!existsSync(path)) return { ...whole(1), note: 'it wrote no report' };
  const counts = count(JSON.parse(readFileSync(path, 'utf8')));
  if (code !== 0 && counts.failed === 0) return { ...counts, failed: 1, note: 'see its output' };
  return counts;
}

const steps = [
  { name: 'types', run: async () => whole(await script('node_modules/typescript/bin/tsc')) },
  {
    name: 'lint',
    run: async () => whole(await script('node_modules/@biomejs/biome/bin/biome', 'check', '.')),
  },
  { name: 'layers', run: async () => whole(await script('scripts/check-layers.mjs')) },
  {
    name: 'unit',
    async run() {
      const reporters = ['--reporter=default', '--reporter=json'];
      const output = `--outputFile.json=${UNIT_REPORT}`;
      const code = await script('node_modules/vitest/vitest.mjs', 'run', ...reporters, output);
      return reported(code, UNIT_REPORT, countVitest);
    },
  },
  { name: 'build', run: async () => whole(await script('scripts/build.mjs')) },
  {
    name: 'size',
    needsBuild: true,
    needsBrowsers: true,
    run: async () => whole(await script('scripts/check-size.mjs')),
  },
  {
    name: 'package',
    needsBuild: true,
    needsBrowsers: true,
    run: async () => whole(await script('scripts/check-package.mjs')),
  },
  {
    name: 'e2e',
    needsBuild: true,
    needsBrowsers: true,
    async run() {
      const cli = 'node_modules/@playwright/test/cli.js';
      const code = await script(cli, 'test', '--config', 'e2e/playwright.config.ts');
      return reported(code, E2E_REPORT, countPlaywright);
    },
  },
];

/** The steps that the command line asks for, with the build where one of them needs it. */
function choose(names) {
  const unknown = names.filter((name) => !steps.some((step) => step.name === name));
  if (unknown.length > 0) {
    console.error(
      `no step ${unknown.join(', ')}; there are ${steps.map((s) => s.name).join(', ')}`,
    );
    process.exit(2);
  }
  const wanted = (step) => names.length === 0 || names.includes(step.name);
  const needsBuild = steps.some((step) => wanted(step) && step.needsBuild);
  return steps.filter((step) => wanted(step) || (needsBuild && step.name === 'build'));
}

/** Why the browsers are not there, or `undefined` where they are. */
async function missingBrowsers() {
  try {
    await installBrowsers();
    return undefined;
  } catch (error) {
    console.error(error.message);
    return 'not run: no browsers';
  }
}

const chosen = choose(process.argv.slice(2));
await installPackages();
const noBrowsers = chosen.some((step) => step.needsBrowsers) ? await missingBrowsers() : undefined;
rmSync(RESULTS, { recursive: true, force: true });
mkdirSync(RESULTS, { recursive: true });

const outcomes = new Map();

/** Why `step` cannot run, or `undefined` where it can. */
function obstacle(step) {
  if (step.needsBuild && outcomes.get('build').failed > 0) return 'not run: the build failed';
  return step.needsBrowsers ? noBrowsers : undefined;
}

for (const step of chosen) {
  console.log(`\n== ${step.name}`);
  const started = performance.now();
  const note = obstacle(step);
  const outcome = note === undefined ? await step.run() : { ...whole(1), note };
  outcomes.set(step.name, { ...outcome, seconds: (performance.now() - started) / 1000 });
}

console.log('\n== summary');
const total = { passed: 0, failed: 0, skipped: 0 };
for (const [name, { passed, failed, skipped, failures, seconds, note }] of outcomes) {
  total.passed += passed;
  total.failed += failed;
  total.skipped += skipped.length;
  const counts = `${passed} passed, ${failed} failed${note ? ` (${note})` : ''}`;
  console.log(
    `${failed > 0 ? 'FAIL' : 'ok  '}  ${name.padEnd(8)}${seconds.toFixed(1)} s  ${counts}`,
  );
  for (const test of failures) console.log(`      failed: ${test}`);
  for (const test of skipped) console.log(`      skipped: ${test}`);
}
const skippedPart = total.skipped > 0 ? `, ${total.skipped} skipped` : '';
console.log(`${total.passed} passed, ${total.failed} failed${skippedPart}`);
process.exitCode = total.failed > 0 ? 1 : 0;
