/** A room larger than the links of one tab. */

import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.ts';
import { expectSameDigest, spread } from './helpers.ts';

test('sixteen tabs form one mesh of bounded degree, converge, and survive the loss of half', async ({
  tab,
  signaling,
}) => {
  test.setTimeout(180_000);
  const pages: Page[] = [];
  for (let i = 0; i < 16; i++) pages.push(await tab(i % 8 === 7 ? 'firefox' : 'chromium'));
  const startedAt = Date.now();
  await Promise.all(
    pages.map((page) =>
      page.evaluate((url) => lab.join('sixteen', { signaling: url }), signaling.url),
    ),
  );
  const expectMembers = async (those: readonly Page[]) => {
    for (const page of those) {
      await expect
        .poll(() => page.evaluate(() => lab.mesh.members.length), { timeout: 30_000 })
        .toBe(those.length);
    }
  };
  await expectMembers(pages);
  console.log(`sixteen tabs that join at once know each other after ${Date.now() - startedAt} ms`);

  for (const [i, page] of pages.entries()) await page.evaluate((n) => lab.insert(`<${n}>`, 0), i);
  await expectSameDigest(pages);
  const links = await Promise.all(pages.map((page) => page.evaluate(() => lab.links())));
  console.log(`links a tab: ${[...links].sort((a, b) => a - b).join(' ')}`);
  expect(Math.max(...links)).toBeLessThanOrEqual(12);

  for (const page of pages) await page.evaluate(() => lab.typing.watch('notes'));
  for (let i = 0; i < 10; i++) {
    await pages[i]?.evaluate((key) => lab.typing.mark('notes', key), `mark ${i}`);
  }
  const delays: number[] = [];
  for (const [i, page] of pages.entries()) {
    const due = i < 10 ? 9 : 10;
    await page.waitForFunction((count) => lab.typing.delays.length >= count, due);
    delays.push(...(await page.evaluate(() => lab.typing.delays)));
  }
  console.log(`an edit's way to each of sixteen tabs: ${spread(delays)}`);

  const [gone, left] = [pages.slice(0, 8), pages.slice(8)];
  await Promise.all(gone.map((page) => page.close()));
  await expectMembers(left);
  await left[0]?.evaluate(() => lab.insert('still one room', 0));
  await expectSameDigest(left);
  for (const page of left) {
    expect(await page.evaluate(() => lab.text().startsWith('still one room'))).toBe(true);
  }
});
