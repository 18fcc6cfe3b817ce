/** Counts in the JSON reports of the test runners. Node's own modules only. */

/**
 * @typedef {object} Counts
 * @property {number} passed
 * @property {number} failed
 * @property {string[]} skipped each skipped test, with the reason
 */

/**
 * Counts a report of vitest. A file that could not be loaded counts as one failure; a skipped
 * test's reason is its note, or else its title.
 * @returns {Counts}
 */
export function countVitest(report) {
  const counts = { passed: 0, failed: 0, skipped: [] };
  for (const file of report.testResults) {
    if (file.status === 'failed' && !file.assertionResults.some((t) => t.status === 'failed')) {
      counts.failed++;
    }
    for (const test of file.assertionResults) {
      if (test.status === 'passed') counts.passed++;
      else if (test.status === 'failed') counts.failed++;
      else counts.skipped.push(test.fullName);
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
  const counts = { passed: 0, failed: report.errors.length, skipped: [] };
  const visit = (suite) => {
    for (const child of suite.suites ?? []) visit(child);
    for (const spec of suite.specs ?? []) {
      for (const { status, annotations } of spec.tests) {
        if (status === 'expected') counts.passed++;
        else if (status !== 'skipped') counts.failed++;
        else {
          const reason = annotations.find(({ type }) => type === 'skip')?.description;
          counts.skipped.push(`${spec.title}: ${reason ?? 'no reason given'}`);
        }
      }
    }
  };
  for (const suite of report.suites) visit(suite);
  return counts;
}
