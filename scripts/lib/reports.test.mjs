/** What `npm test` counts. */

import { describe, expect, it } from 'vitest';
import { countPlaywright, countVitest } from './reports.mjs';

const test = (status, fullName = 't') => ({ status, fullName });

describe('a report of vitest', () => {
  it('is counted test by test, with the titles of skipped ones and what failed ones said', () => {
    const failed = {
      ...test('failed', 'wrong one'),
      failureMessages: ['\u001b[31mno\u001b[39m\n'],
    };
    const assertionResults = [test('passed'), failed, test('pending', 'slow one')];
    const report = { testResults: [{ status: 'failed', assertionResults }] };
    expect(countVitest(report)).toEqual({
      passed: 1,
      failed: 1,
      skipped: ['slow one'],
      failures: ['wrong one\n        no'],
    });
  });

  it('has one failure for a file that could not be loaded', () => {
    const report = { testResults: [{ status: 'failed', name: 'a.test', assertionResults: [] }] };
    expect(countVitest(report)).toMatchObject({ passed: 0, failed: 1, skipped: [] });
    expect(countVitest(report).failures.join()).toContain('a.test');
  });
});

describe('a report of Playwright', () => {
  const results = [{}, { error: { message: 'too late' } }];
  const spec = (status, annotations = []) => ({
    title: 's',
    file: 'a.test.ts',
    line: 3,
    tests: [{ status, annotations, results }],
  });

  it('is counted through nested suites, with the reasons of skipped tests', () => {
    const skipped = spec('skipped', [{ type: 'skip', description: 'no traces' }]);
    const suites = [{ suites: [{ specs: [spec('expected'), skipped] }], specs: [spec('flaky')] }];
    expect(countPlaywright({ errors: [], suites })).toEqual({
      passed: 1,
      failed: 1,
      skipped: ['s: no traces'],
      failures: ['a.test.ts:3 › s\n        too late'],
    });
  });

  it('has one failure for each error outside of tests', () => {
    expect(countPlaywright({ errors: [{}], suites: [] })).toMatchObject({ passed: 0, failed: 1 });
  });
});
