/** Shared memory in real browsers: what differs after an absence travels, and little else. */

import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.ts';
import { expectLinked, expectSameDigest, expectText, joinAll } from './helpers.ts';

const PATTERNS = 10_000;
/** Written on each side while one is away; 1% of all together. */
const DIFFERING = 50;
/** What a comparison of 10,000 records with 100 changed may take in both directions, beyond payloads. */
const OVERHEAD_BYTES = 9_500;

/** Observes `count` patterns from `from` on, as one change, with a confidence that tells who. */
async function observe(page: Page, from: number, count: number, confidence: number): Promise<void> {
  await page.evaluate(
    ([first, many, sure]) => {
      const patterns = lab.mesh.patterns('facts');
      lab.mesh.transact(() => {
        for (let i = first; i < first + many; i++) {
          patterns.observe(`pattern ${i}`, { confidence: sure });
        }
      });
    },
    [from, count, confidence] as const,
  );
}

test('10,000 patterns, 1% changed while one was away: the difference travels', async ({
  tab,
  signaling,
}) => {
  const pages: [Page, Page] = [await tab('chromium'), await tab('firefox')];
  const [a, b] = pages;
  await joinAll(pages, 'memory', { signaling: signaling.url });
  await observe(a, 0, PATTERNS, 0.5);
  await expect.poll(() => b.evaluate(() => lab.mesh.patterns('facts').size)).toBe(PATTERNS);
  await expectSameDigest(pages);
  for (const page of pages) await page.evaluate(() => lab.mesh.whenSynced());

  await b.evaluate(() => lab.mesh.disconnect());
  await expect.poll(() => a.evaluate(() => lab.links())).toBe(0);
  await observe(a, 0, DIFFERING, 0.9);
  await observe(b, PATTERNS / 2, DIFFERING, 0.1);
  for (const page of pages) {
    await page.evaluate(() => {
      lab.kept.changed = 0;
      const count = () => {
        lab.kept.changed = (lab.kept.changed as number) + 1;
      };
      lab.mesh.patterns('facts').addEventListener('change', count);
    });
  }
  const bytes = () =>
    a.evaluate(() => lab.mesh.stats().sent.bytes + lab.mesh.stats().received.bytes);
  const before = await bytes();
  await b.evaluate(() => lab.mesh.connect());
  await expectLinked(pages);
  await expectSameDigest(pages);
  const took = (await bytes()) - before;

  for (const page of pages) {
    expect(await page.evaluate(() => lab.kept.changed)).toBe(DIFFERING);
  }
  const read = (page: Page, id: number) =>
    page.evaluate((i) => lab.mesh.patterns('facts').get(`pattern ${i}`)?.confidence, id);
  expect(await read(b, 0)).toBe(0.9);
  expect(await read(a, PATTERNS / 2)).toBeCloseTo(0.3, 12);
  const payload = 2 * DIFFERING * (16 + 'pfacts pattern 1234'.length);
  console.log(
    `${2 * DIFFERING} of ${PATTERNS} patterns differed: ${took} bytes over the link, payload ${payload}`,
  );
  expect(took).toBeLessThanOrEqual(1.2 * (OVERHEAD_BYTES + payload));
});

test('memory is there after a reload with nobody else in the room', async ({ tab }) => {
  for (const browser of ['chromium', 'firefox'] as const) {
    const page = await tab(browser);
    await page.evaluate(() => lab.join('memory reload'));
    await page.evaluate(() => {
      lab.mesh.map('m').set('k', { kept: true });
      lab.mesh.counter('c').add(2);
    });
    for (let i = 0; i < 3; i++) {
      await page.evaluate(() => lab.mesh.flush());
      await page.reload();
      await page.waitForFunction(() => 'lab' in window);
      await page.evaluate(() => lab.join('memory reload'));
      expect(await page.evaluate(() => lab.mesh.map('m').get('k'))).toEqual({ kept: true });
      expect(await page.evaluate(() => lab.mesh.counter('c').add(1))).toBe(3 + i);
    }
  }
});

for (const browser of ['chromium', 'firefox'] as const) {
  test(`a ${browser} tab of documents takes up its room's memory, once its code can be fetched`, async ({
    tab,
    signaling,
  }) => {
    const whole = await tab(browser === 'chromium' ? 'firefox' : 'chromium');
    const slim = await tab(browser);
    const pages: [Page, Page] = [whole, slim];
    const fetched: string[] = [];
    slim.on('requestfinished', (request) => fetched.push(request.url()));
    const isFetched = () => fetched.some((url) => url.includes('everything'));
    await slim.route(/everything-/, (route) => route.abort());

    const join = (page: Page, load: 'everything' | 'documents') =>
      page.evaluate(([url, what]) => lab.join('memory on demand', { signaling: url, load: what }), [
        signaling.url,
        load,
      ] as const);
    await join(whole, 'everything');
    await whole.evaluate(() => void lab.mesh.map('m').set('k', 1));
    await join(slim, 'documents');
    await expectLinked(pages);
    await whole.evaluate(() => lab.insert('documents go on'));
    await expectText(pages, 'documents go on');
    const codes = () =>
      slim.evaluate(() => lab.events.map(({ detail }) => (detail as { code?: string }).code));
    await expect.poll(codes).toContain('not-loaded');
    expect(await slim.evaluate(() => lab.mesh.synced)).toBe(false);
    expect(isFetched()).toBe(false);

    await slim.unroute(/everything-/);
    if (browser === 'firefox') {
      // It remembers an import that failed for as long as the page lives.
      await slim.reload();
      await slim.waitForFunction(() => 'lab' in window);
      await join(slim, 'documents');
    }
    await expectSameDigest(pages);
    for (const page of pages) await page.evaluate(() => lab.mesh.whenSynced());
    await slim.evaluate(() => lab.mesh.loadEverything());
    expect(await slim.evaluate(() => lab.mesh.map('m').get('k'))).toBe(1);
  });
}
