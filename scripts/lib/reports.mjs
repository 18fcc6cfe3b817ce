/** Counts in the JSON reports of the test runners. Node's own modules only. */

import { stripVTControlCharacters } from 'node:util';

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {string[]} skipped each skipped test, with the reason
 * @property {string[]} failures each failed test, with the beginning of what it said
 */

const FAILURE_LINES = 12;

/** A failed test as the summary shows it: who reads the end of a long log alone finds it there. */
function failure(name, message) {
  const lines = stripVTControlCharacters(message ?? '')
    .trim()
    .split('\n');
  return [name, ...lines.slice(0, FAILURE_LINES)].join('\n        ');
}

/**
 * Counts a report of vitest. A file that could not be loaded counts as one failure; a skipped
 * test's reason is its note, or else its title.
 * @returns {Counts}
 */
export function countVitest(report) {
  const counts = { passed: 0, failed: 0, skipped: [], failures: [] };
  for (const file of report.testResults) {
    if (file.status === 'failed' && !file.assertionResults.some((t) => t.status === 'failed')) {
      counts.failed++;
      counts.failures.push(failure(file.name, file.message));
    }
    for (const test of file.assertionResults) {
      if (test.status === 'passed') counts.passed++;
      else if (test.status === 'failed') {
        counts.failed++;
        counts.failures.push(failure(test.fullName, test.failureMessages?.join('\n')));
      } else counts.skipped.push(test.fullName);
    }
  }
  return counts;
}

/**
 * Counts a report of Playwright. Errors outside of tests count as one failure each; a test that
 * passed only when tried again is a failure.
 * @returns {Counts}
 */
export function countPlaywright(report) {
  const counts = { passed: 0, failed: report.errors.length, skipped: [], failures: [] };
  for (const { message } of report.errors) counts.failures.push(failure('outside tests', message));
  const visit = (suite) => {
    for (const child of suite.suites ?? []) visit(child);
    for (const spec of suite.specs ?? []) {
      for (const { status, annotations, results } of spec.tests) {
        if (status === 'expected') counts.passed++;
        else if (status !== 'skipped') {
          counts.failed++;
          const said = results.find(({ error }) => error !== undefined)?.error.message;
          counts.failures.push(failure(`${spec.file}:${spec.line} › ${spec.title}`, said));
        } else {
          const reason = annotations.find(({ type }) => type === 'skip')?.description;
          counts.skipped.push(`${spec.title}: ${reason ?? 'no reason given'}`);
        }
      }
    }
  };
  for (const suite of report.suites) visit(suite);
  return counts;
}
