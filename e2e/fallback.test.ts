/** Where IndexedDB cannot be used, or is full, the tab says so and goes on. */

import { randomBytes } from 'node:crypto';
import type { Page } from '@playwright/test';
import type { BrowserName } from './browsers.ts';
import { expect, test } from './fixtures.ts';
import { expectLinked, expectSameDigest, expectText } from './helpers.ts';
import type { StorageFault } from './page/storage.ts';

const BROWSERS: readonly BrowserName[] = ['chromium', 'firefox'];

const otherThan = (name: BrowserName) => (name === 'chromium' ? 'firefox' : 'chromium');

/** Codes of the `error` events so far. */
const errorCodes = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    lab.events
      .filter(({ type }) => type === 'error')
      .map(({ detail }) => (detail as { code: string }).code),
  );

/** How `flush` ends: `done`, or the code of its error. */
const flushed = (page: Page): Promise<string> =>
  page.evaluate(() =>
    lab.mesh.flush().then(
      () => 'done',
      (error: unknown) => (error instanceof lab.MeshError ? error.code : String(error)),
    ),
  );

/** Reloads `page` and gives the text that it shows with nobody else there. */
async function textAfterReload(page: Page, room: string): Promise<string> {
  await page.reload();
  await page.waitForFunction(() => 'lab' in window);
  await page.evaluate((name) => lab.join(name), room);
  expect(await page.evaluate(() => lab.mesh.stats().store)).toEqual({
    kind: 'indexeddb',
    durable: true,
  });
  return page.evaluate(() => lab.text());
}

const FAULTS: readonly [fault: StorageFault, words: string][] = [
  ['denied', 'that the browser denies'],
  ['absent', 'that is not there'],
  ['silent', 'that never answers'],
  ['newer', 'whose opening fails'],
];

for (const name of BROWSERS) {
  for (const [fault, words] of FAULTS) {
    test(`with IndexedDB ${words}, a ${name} tab says so and collaborates from memory`, async ({
      tab,
      signaling,
    }) => {
      const page = await tab(name);
      const other = await tab(otherThan(name));
      const options = { signaling: signaling.url };
      // The room has a store before it cannot be opened.
      await page.evaluate(async (given) => {
        await lab.join('fallback', given);
        lab.insert('stored ');
        await lab.leave();
      }, options);
      await page.evaluate((kind) => lab.breakStorage(kind), fault);
      const startedAt = Date.now();
      for (const each of [page, other]) {
        await each.evaluate((given) => lab.join('fallback', given), options);
      }
      console.log(`${name}, ${fault}: both open after ${Date.now() - startedAt} ms`);
      await expect.poll(() => errorCodes(page)).toEqual(['store-unavailable']);
      expect(await page.evaluate(() => lab.mesh.stats().store)).toEqual({
        kind: 'memory',
        durable: false,
      });
      expect(await page.evaluate(() => lab.text())).toBe('');
      await expectLinked([page, other]);
      await page.evaluate(() => lab.insert('from memory'));
      await expectText([other], 'from memory');
      await other.evaluate(() => lab.insert(', and back'));
      await expectText([page], 'from memory, and back');
      await expectSameDigest([page, other]);
      expect(await flushed(page)).toBe('done');
      expect(await errorCodes(page)).toEqual(['store-unavailable']);
      expect(await errorCodes(other)).toEqual([]);
      await page.evaluate(() => lab.leave());
    });
  }
}

const KIB = 1024;

/** Two tabs of which the first cannot write; `free` gives it room again. */
async function goesOnWhileFull(
  [page, other]: readonly [Page, Page],
  room: string,
  free: () => Promise<unknown>,
): Promise<void> {
  // Browsers compress what they store; this is as long after it.
  const large = randomBytes(4 * 1024 * KIB).toString('latin1');
  await page.evaluate((text) => lab.insert(text, 0, 'large'), large);
  await expect.poll(() => errorCodes(page)).toContain('store-quota');
  await expect
    .poll(() => other.evaluate(() => lab.length('large')), { timeout: 30_000 })
    .toBe(large.length);
  await page.evaluate(() => lab.insert(' while full'));
  await expectText([other], 'before while full');
  await other.evaluate(() => lab.insert(', both ways'));
  await expectText([page], 'before while full, both ways');
  await expectSameDigest([page, other]);
  expect(await flushed(page)).toBe('store-quota');
  // An outage is told once, however often writing is tried.
  const codes = await errorCodes(page);
  expect(codes.length).toBeLessThanOrEqual(2);
  expect(new Set(codes)).toEqual(new Set(['store-quota']));

  await free();
  await expect.poll(() => flushed(page), { timeout: 30_000 }).toBe('done');
  await other.close();
  expect(await textAfterReload(page, room)).toBe('before while full, both ways');
  await page.evaluate(() => lab.document('large').provider.whenLoaded);
  expect((await page.evaluate(() => lab.text('large'))) === large).toBe(true);
}

/** Links two tabs in `room`, something of which is stored. */
async function linkWithStored(pages: readonly [Page, Page], room: string, url: string) {
  for (const page of pages) {
    await page.evaluate(([name, signaling]) => lab.join(name, { signaling }), [room, url] as const);
    await page.evaluate(() => lab.document('large').provider.whenLoaded);
  }
  await expectLinked(pages);
  await pages[0].evaluate(() => lab.insert('before'));
  await expectText(pages, 'before');
  await pages[0].evaluate(() => lab.mesh.flush());
}

test('a full quota in Chromium is told, stops nothing, and is made up for when there is room', async ({
  tab,
  signaling,
  site,
}) => {
  const pages = [await tab('chromium'), await tab('firefox')] as const;
  const devtools = await pages[0].context().newCDPSession(pages[0]);
  const origin = new URL(site.url).origin;
  // Before anything is stored, since Chromium remembers for a while how much room it found.
  await devtools.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1024 * KIB });
  await linkWithStored(pages, 'quota', signaling.url);
  await goesOnWhileFull(pages, 'quota', () =>
    devtools.send('Storage.overrideQuotaForOrigin', { origin }),
  );
});

for (const name of BROWSERS) {
  test(`a disk that is full in ${name} is told, stops nothing, and is made up for when there is room`, async ({
    tab,
    signaling,
  }) => {
    const pages = [await tab(name), await tab(otherThan(name))] as const;
    await linkWithStored(pages, 'full', signaling.url);
    await pages[0].evaluate(() => {
      lab.kept.free = lab.fillStorage();
    });
    await goesOnWhileFull(pages, 'full', () =>
      pages[0].evaluate(() => (lab.kept.free as () => void)()),
    );
  });

  test(`site data cleared in ${name} while the tab is open are written again`, async ({
    tab,
    browsers,
  }) => {
    const profile = await (await browsers(name)).newContext();
    const page = await tab(name, { profile });
    await storeAndClear(page, await tab(name, { profile }));
    await page.evaluate(() => lab.insert(', and written again'));
    await page.evaluate(() => lab.mesh.flush());
    expect(await textAfterReload(page, 'cleared')).toBe('kept in memory, and written again');
    await profile.close();
  });

  test(`site data cleared in ${name} are written again and told of, also where nobody types any more`, async ({
    tab,
    browsers,
  }) => {
    const profile = await (await browsers(name)).newContext();
    const page = await tab(name, { profile });
    await storeAndClear(page, await tab(name, { profile }));
    await expect
      .poll(() => page.evaluate(() => lab.events.some(({ type }) => type === 'error')))
      .toBe(true);
    // The loss was told; what is rewritten follows within moments, and `flush` waits for it.
    await page.waitForTimeout(500);
    await page.evaluate(() => lab.mesh.flush());
    expect(await textAfterReload(page, 'cleared')).toBe('kept in memory');
    await profile.close();
  });
}

/** Stores a text by `page`, and clears the site's data by another tab of the same profile. */
async function storeAndClear(page: Page, clearing: Page): Promise<void> {
  await page.evaluate(() => lab.join('cleared'));
  await page.evaluate(() => lab.insert('kept in memory'));
  await page.evaluate(() => lab.mesh.flush());
  await clearing.evaluate(() => lab.deleteStorage());
}
