/** The demo, as people use it. */

import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.ts';
import { type PageServer, servePage } from './server.ts';

let site: PageServer;
test.beforeAll(async () => {
  site = await servePage('demo');
});
test.afterAll(() => site.close());

const editor = (page: Page) => page.locator('.cm-content');

/** Renames this person, by the panel that the faces open. */
async function rename(page: Page, name: string): Promise<void> {
  await page.locator('#people-button').click();
  await page.locator('#name').fill(name);
  await page.locator('#name').press('Enter');
  await page.keyboard.press('Escape');
}

test('people in Chromium and Firefox write one page, see each other, and work offline', async ({
  tab,
  signaling,
}) => {
  const url = `${site.url}?signaling=${encodeURIComponent(signaling.url)}#room=demo-test`;
  const [ada, bob] = [await tab('chromium', { url }), await tab('firefox', { url })];
  for (const page of [ada, bob])
    await expect(page.locator('#connection-label')).toHaveText(/connected/i);
  await rename(ada, 'Ada');
  await rename(bob, 'Bob');
  await editor(ada).click();
  await ada.keyboard.type('# Notes of today');
  await expect(editor(bob)).toContainText('Notes of today');
  await expect(bob.locator('#preview h1')).toHaveText('Notes of today');
  await expect(bob.locator('.caret')).toContainText('Ada');
  for (const page of [ada, bob]) {
    await page.locator('#people-button').click();
    await expect(page.locator('#people-list')).toContainText('Ada');
    await expect(page.locator('#people-list')).toContainText('Bob');
    await page.keyboard.press('Escape');
    await expect(page.locator('#saved')).toContainText(/saved/i);
    await expect(page.locator('#synced')).toContainText(/sync/i);
  }

  await bob.locator('#connection-button').click();
  await bob.locator('#offline').check();
  await expect(bob.locator('#connection-label')).toHaveText(/offline/i);
  await bob.keyboard.press('Escape');
  await expect(ada.locator('.caret')).toHaveCount(0);
  await editor(bob).click();
  await bob.keyboard.press('Control+End');
  await bob.keyboard.type(' and of tomorrow');
  await expect(editor(ada)).not.toContainText('tomorrow');
  await bob.locator('#connection-button').click();
  await bob.locator('#offline').uncheck();
  await expect(editor(ada)).toContainText('Notes of today and of tomorrow');

  await bob.close();
  await expect(ada.locator('.caret')).toHaveCount(0, { timeout: 1_000 });
  await ada.reload();
  await expect(editor(ada)).toContainText('Notes of today and of tomorrow');
});

test('the demo opens a room right away and puts it into the address, for others to join', async ({
  tab,
}) => {
  const page = await tab('chromium', { url: `${site.url}?signaling=` });
  await expect.poll(() => new URL(page.url()).hash).toMatch(/^#room=/);
  await expect(editor(page)).toBeVisible();
  expect(
    await page.evaluate(() => (globalThis as unknown as { mesh: { id: string } }).mesh.id),
  ).toMatch(/^[0-9a-f]{32}$/);
});

test('names and Markdown of others run no script', async ({ tab, signaling }) => {
  const url = `${site.url}?signaling=${encodeURIComponent(signaling.url)}#room=demo-xss`;
  const [good, bad] = [await tab('chromium', { url }), await tab('chromium', { url })];
  for (const page of [good, bad])
    await expect(page.locator('#connection-label')).toHaveText(/connected/i);
  await good.evaluate(() => {
    (globalThis as Record<string, unknown>).alert = () => {
      throw new Error('a script of another ran');
    };
  });
  await rename(bad, '<img src=x onerror=alert(1)>');
  await editor(bad).click();
  await bad.keyboard.type('<img src=x onerror=alert(2)> [link](javascript:alert(3)) end');
  await expect(good.locator('#preview')).toContainText('end');
  await expect(
    good.locator('#preview img, #preview [onerror], #preview a[href^="javascript"]'),
  ).toHaveCount(0);
  await good.locator('#people-button').click();
  await expect(good.locator('#people-list')).toContainText('<img src=x');
  await expect(good.locator('#people-list img')).toHaveCount(0);
});
