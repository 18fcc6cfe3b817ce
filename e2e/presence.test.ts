/** Who is here: members and cursors follow tabs that come, close and die. */

import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.ts';
import { expectLinked, joinAll } from './helpers.ts';

/** Names in the awareness of document `notes`, this tab's own included. */
const names = (page: Page) =>
  page.evaluate(() =>
    [...lab.document().provider.awareness.getStates().values()]
      .map((state) => (state as { name?: string }).name)
      .filter((name) => name !== undefined)
      .sort(),
  );

async function setName(page: Page, name: string): Promise<void> {
  await page.evaluate(
    (own) => lab.document().provider.awareness.setLocalStateField('name', own),
    name,
  );
}

/** Milliseconds until every page has lost the one that went, from its list and its cursors. */
async function untilGone(pages: readonly Page[], left: readonly string[]): Promise<number> {
  const startedAt = Date.now();
  await Promise.all(
    pages.map((page) =>
      page.waitForFunction(
        (count) =>
          lab.mesh.members.length === count &&
          [...lab.document().provider.awareness.getStates().values()].filter(
            (state) => (state as { name?: string }).name !== undefined,
          ).length === count,
        left.length,
        { polling: 10, timeout: 30_000 },
      ),
    ),
  );
  const took = Date.now() - startedAt;
  for (const page of pages) expect(await names(page)).toEqual(left);
  return took;
}

test('names and cursors of all show to all, also to one who joins later', async ({
  tab,
  signaling,
}) => {
  const pages = [await tab('chromium'), await tab('firefox')];
  await joinAll(pages, 'presence', { signaling: signaling.url });
  for (const [i, page] of pages.entries()) await setName(page, `tab ${i}`);
  for (const page of pages) await expect.poll(() => names(page)).toEqual(['tab 0', 'tab 1']);
  const late = await tab('chromium');
  await late.evaluate((url) => lab.join('presence', { signaling: url }), signaling.url);
  await expect.poll(() => names(late)).toEqual(['tab 0', 'tab 1']);
});

test('presence comes back with a tab that was offline', async ({ tab, signaling }) => {
  const pages = [await tab('chromium'), await tab('firefox')];
  await joinAll(pages, 'presence', { signaling: signaling.url });
  for (const [i, page] of pages.entries()) await setName(page, `tab ${i}`);
  for (const page of pages) await expect.poll(() => names(page)).toEqual(['tab 0', 'tab 1']);
  await pages[1]?.evaluate(() => lab.mesh.disconnect());
  await expect.poll(() => names(pages[0] as Page)).toEqual(['tab 0']);
  await expect.poll(() => names(pages[1] as Page)).toEqual(['tab 1']);
  await pages[1]?.evaluate(() => lab.mesh.connect());
  await expectLinked(pages);
  for (const page of pages) await expect.poll(() => names(page)).toEqual(['tab 0', 'tab 1']);
});

for (const leaver of ['chromium', 'firefox'] as const) {
  test(`a ${leaver} tab that closes is gone from every other within a second`, async ({
    tab,
    signaling,
  }) => {
    const stay = [await tab('chromium'), await tab('firefox'), await tab('chromium')];
    for (const how of ['close', 'reload', 'navigate', 'api'] as const) {
      const leaving = await tab(leaver);
      const joining = how === 'close' ? [...stay, leaving] : [leaving];
      await Promise.all(
        joining.map((page) =>
          page.evaluate((url) => lab.join('leaving', { signaling: url }), signaling.url),
        ),
      );
      for (const [i, page] of stay.entries()) await setName(page, `stay ${i}`);
      await setName(leaving, 'zoe');
      await expectLinked([...stay, leaving]);
      for (const page of stay) {
        await expect.poll(() => names(page)).toEqual(['stay 0', 'stay 1', 'stay 2', 'zoe']);
      }
      const gone = untilGone(stay, ['stay 0', 'stay 1', 'stay 2']);
      if (how === 'close') await leaving.close();
      else if (how === 'reload') await leaving.reload();
      else if (how === 'navigate') await leaving.goto('about:blank');
      else await leaving.evaluate(() => lab.leave());
      const took = await gone;
      console.log(`a ${leaver} tab gone by ${how}: all others knew after ${took} ms`);
      expect(took).toBeLessThan(1_000);
    }
  });

  test(`a ${leaver} that is killed is gone from every other within ten seconds`, async ({
    tab,
    signaling,
    profile,
    site,
  }) => {
    const stay = [await tab('chromium'), await tab('firefox')];
    const doomed = await (await profile(leaver)).open();
    const leaving = await doomed.context.newPage();
    await leaving.goto(site.url);
    await leaving.waitForFunction(() => 'lab' in window);
    await joinAll([...stay, leaving], 'killing', { signaling: signaling.url });
    for (const [i, page] of stay.entries()) await setName(page, `stay ${i}`);
    await setName(leaving, 'zoe');
    for (const page of stay) {
      await expect.poll(() => names(page)).toEqual(['stay 0', 'stay 1', 'zoe']);
    }
    const gone = untilGone(stay, ['stay 0', 'stay 1']);
    await doomed.kill();
    const took = await gone;
    console.log(`a killed ${leaver}: all others knew after ${took} ms`);
    expect(took).toBeLessThan(10_000);
  });
}
