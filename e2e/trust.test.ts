/** Secrets that differ, and neighbors that mean harm. */

import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.ts';
import { expectText, joinAll } from './helpers.ts';

const errorCodes = (page: Page) =>
  page.evaluate(() =>
    lab.events
      .filter(({ type }) => type === 'error')
      .map(({ detail }) => (detail as { code: string }).code),
  );

test('tabs with different secrets never link, and all are told why', async ({ tab, signaling }) => {
  const secrets = ['correct horse', 'wrong horse', undefined];
  const pages: Page[] = [];
  for (const [i, secret] of secrets.entries()) {
    const page = await tab(i === 1 ? 'firefox' : 'chromium');
    pages.push(page);
    await page.evaluate(
      ([url, given]) =>
        lab.join('secrets', { signaling: url, ...(given === null ? {} : { secret: given }) }),
      [signaling.url, secret ?? null] as const,
    );
  }
  for (const page of pages) {
    await expect.poll(() => errorCodes(page)).toContain('secret-mismatch');
    expect(await page.evaluate(() => lab.mesh.reason)).toContain('another secret');
    await page.evaluate(() => lab.insert('mine'));
  }
  // Long enough for any link to be made: links here take a fifth of a second.
  await pages[0]?.waitForTimeout(2_000);
  for (const page of pages) {
    expect(await page.evaluate(() => [lab.links(), lab.mesh.members.length, lab.text()])).toEqual([
      0,
      1,
      'mine',
    ]);
  }
  const told = await pages[0]?.evaluate(() => lab.events.find(({ type }) => type === 'error'));
  expect(told).toMatchObject({ detail: { message: expect.stringMatching(/secret/) } });
});

test('tabs with the same secret link, and the server sees neither room nor text', async ({
  tab,
  signaling,
}) => {
  const pages = [await tab('chromium'), await tab('firefox')];
  await joinAll(pages, 'secrets', { signaling: signaling.url, secret: 'correct horse' });
  await pages[0]?.evaluate(() => lab.insert('only for those who know'));
  await expectText(pages, 'only for those who know');
  expect(await errorCodes(pages[0] as Page)).toEqual([]);
});

test('secrets of one browser keep their memories apart on the same device', async ({
  tab,
  browsers,
}) => {
  const profile = await (await browsers('chromium')).newContext();
  const [a, b] = [await tab('chromium', { profile }), await tab('chromium', { profile })];
  await a.evaluate(() => lab.join('shared name', { secret: 'first' }));
  await a.evaluate(async () => {
    lab.insert('for the first secret');
    await lab.mesh.flush();
  });
  await b.evaluate(() => lab.join('shared name', { secret: 'second' }));
  expect(await b.evaluate(() => lab.text())).toBe('');
  await profile.close();
});

for (const victim of ['chromium', 'firefox'] as const) {
  test(`random bytes from a linked peer throw nothing in ${victim} and end in a dropped link or an error event`, async ({
    tab,
    signaling,
  }) => {
    const honest = await tab(victim);
    const bystander = await tab('chromium');
    await joinAll([honest, bystander], 'hostile', { signaling: signaling.url });
    await honest.evaluate(() => lab.insert('intact'));
    await expectText([honest, bystander], 'intact');
    const kinds = ['raw', 'rumor', 'direct', 'aggregates', 'records', 'members'] as const;
    for (const kind of kinds) {
      const attacker = await tab('chromium');
      await attacker.evaluate(
        (url) => lab.hostile.join('hostile', { signaling: url }),
        signaling.url,
      );
      await expect.poll(() => attacker.evaluate(() => lab.hostile.links)).toBe(2);
      const before = (await errorCodes(honest)).length;
      for (let seed = 0; seed < 50; seed++) {
        await attacker.evaluate(([how, s]) => lab.hostile.send(how, s), [kind, seed] as const);
      }
      await expect.poll(async () => (await errorCodes(honest)).length).toBeGreaterThan(before);
      expect(new Set(await errorCodes(honest))).toEqual(new Set(['bad-frame']));
      await attacker.close();
    }
    await honest.evaluate(() => lab.insert(' and working'));
    await expectText([honest, bystander], 'intact and working');
  });
}
