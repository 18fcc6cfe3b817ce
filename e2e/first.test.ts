import { expect, test } from './fixtures.ts';

test('text typed in Chromium shows in Firefox and back', async ({ tab, signaling }) => {
  const a = await tab('chromium');
  const b = await tab('firefox');
  for (const page of [a, b]) {
    await page.evaluate((url) => lab.join('room', { signaling: url }), signaling.url);
  }
  await a.evaluate(() => lab.insert('hello'));
  await expect.poll(() => b.evaluate(() => lab.text())).toBe('hello');
  await b.evaluate(() => lab.insert(' world'));
  await expect.poll(() => a.evaluate(() => lab.text())).toBe('hello world');
  const t0 = Date.now();
  await expect.poll(() => a.evaluate(() => lab.document().provider.synced)).toBe(true);
  console.log('synced after', Date.now() - t0);
  console.log(JSON.stringify(await a.evaluate(() => [lab.mesh.stats(), lab.mesh.reason, lab.events])));
  console.log(await a.evaluate(() => lab.mesh.digest()), await b.evaluate(() => lab.mesh.digest()));
  for (const closing of [b]) {
    await closing.close();
  }
  const t = Date.now();
  await expect.poll(() => a.evaluate(() => lab.mesh.members.length), { intervals: [20] }).toBe(1);
  console.log('closed seen after', Date.now() - t);
});
