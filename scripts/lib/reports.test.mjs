/** What `npm test` counts. */

import { describe, expect, it } from 'vitest';
import { countPlaywright, countVitest } from './reports.mjs';

const test = (status, fullName = 't') => ({ status, fullName });

describe('a report of vitest', () => {
  it('is counted test by test, with the titles of skipped ones', () => {
    const assertionResults = [test('passed'), test('failed'), test('pending', 'slow one')];
    const report = { testResults: [{ status: 'failed', assertionResults }] };
    expect(countVitest(report)).toEqual({ passed: 1, failed: 1, skipped: ['slow one'] });
  });

  it('has one failure for a file that could not be loaded', () => {
    const report = { testResults: [{ status: 'failed', assertionResults: [] }] };
    expect(countVitest(report)).toEqual({ passed: 0, failed: 1, skipped: [] });
  });
});

describe('a report of Playwright', () => {
  const spec = (status, annotations = []) => ({ title: 's', tests: [{ status, annotations }] });

  it('is counted through nested suites, with the reasons of skipped tests', () => {
    const skipped = spec('skipped', [{ type: 'skip', description: 'no traces' }]);
    const suites = [{ suites: [{ specs: [spec('expected'), skipped] }], specs: [spec('flaky')] }];
    expect(countPlaywright({ errors: [], suites })).toEqual({
      passed: 1,
      failed: 1,
      skipped: ['s: no traces'],
    });
  });

  it('has one failure for each error outside of tests', () => {
    expect(countPlaywright({ errors: [{}], suites: [] })).toMatchObject({ passed: 0, failed: 1 });
  });
});
