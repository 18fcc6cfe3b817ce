/** What was done apart comes together: offline, without a server, and past lost frames. */

import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.ts';
import { expectLinked, expectSameDigest, expectText, joinAll } from './helpers.ts';

async function pair(
  tab: (name: 'chromium' | 'firefox') => Promise<Page>,
  options: Record<string, unknown>,
): Promise<[Page, Page]> {
  const pages: [Page, Page] = [await tab('chromium'), await tab('firefox')];
  await joinAll(pages, 'absence', options);
  await pages[0].evaluate(() => lab.insert('one two three four five six'));
  await expectText(pages, 'one two three four five six');
  return pages;
}

test('offline edits of both sides converge after the return', async ({ tab, signaling }) => {
  const [a, b] = await pair(tab, { signaling: signaling.url });
  await b.evaluate(() => lab.mesh.disconnect());
  await expect.poll(() => a.evaluate(() => lab.mesh.members.length)).toBe(1);
  expect(await b.evaluate(() => lab.mesh.status)).toBe('disconnected');
  await a.evaluate(() => lab.insert('A: ', 0));
  await b.evaluate(() => lab.insert(' :B'));
  await b.evaluate(() => lab.mesh.connect());
  await expectLinked([a, b]);
  await expectText([a, b], 'A: one two three four five six :B');
  await expectSameDigest([a, b]);
});

test('offline deletions alone converge after the return', async ({ tab, signaling }) => {
  const [a, b] = await pair(tab, { signaling: signaling.url });
  await b.evaluate(() => lab.mesh.disconnect());
  await expect.poll(() => a.evaluate(() => lab.links())).toBe(0);
  await a.evaluate(() => lab.remove(0, 4));
  await b.evaluate(() => lab.remove(13, 5));
  await b.evaluate(() => lab.mesh.connect());
  await expectText([a, b], 'two three five six');
  await expectSameDigest([a, b]);
});

test('a tab that was closed and edited elsewhere meanwhile comes back to all of it', async ({
  tab,
  signaling,
}) => {
  const [a, b] = await pair(tab, { signaling: signaling.url });
  await b.evaluate(() => lab.insert('!'));
  await b.evaluate(() => lab.leave());
  await a.evaluate(() => lab.remove(0, 4));
  await b.reload();
  await b.waitForFunction(() => 'lab' in window);
  await b.evaluate((url) => lab.join('absence', { signaling: url }), signaling.url);
  await expectText([a, b], 'two three four five six!');
  await expectSameDigest([a, b]);
});

test('links outlive the signaling server, edits go on, and the status tells of it', async ({
  tab,
  signaling,
}) => {
  const [a, b] = await pair(tab, { signaling: signaling.url });
  await signaling.kill();
  await expect.poll(() => a.evaluate(() => lab.mesh.reason)).toContain('next try');
  await a.evaluate(() => lab.insert('A ', 0));
  await b.evaluate(() => lab.insert(' B'));
  await b.evaluate(() => lab.remove(0, 1));
  await expectText([a, b], ' one two three four five six B');
  expect(await a.evaluate(() => [lab.links(), lab.mesh.status])).toEqual([1, 'connected']);

  // With the server back, a third tab joins, and hears of the others from it.
  await signaling.start();
  const c = await tab('chromium');
  await c.evaluate((url) => lab.join('absence', { signaling: url }), signaling.url);
  await expectText([a, b, c], ' one two three four five six B');
  await expect.poll(() => a.evaluate(() => lab.mesh.reason)).not.toContain('next try');
});

test('edits made while the server is dead and the tab offline converge once it is back', async ({
  tab,
  signaling,
}) => {
  const [a, b] = await pair(tab, { signaling: signaling.url });
  await b.evaluate(() => lab.mesh.disconnect());
  await signaling.kill();
  await a.evaluate(() => lab.insert('A ', 0));
  await b.evaluate(() => lab.insert(' B'));
  await b.evaluate(() => lab.mesh.connect());
  await expect.poll(() => b.evaluate(() => lab.mesh.reason)).toContain('next try');
  await signaling.start();
  await expectText([a, b], 'A one two three four five six B');
});

test('a frame lost between two tabs is repaired within two rounds, without reconnecting', async ({
  tab,
  signaling,
}) => {
  const gossipInterval = 1_000;
  const [a, b] = await pair(tab, { signaling: signaling.url, config: { gossipInterval } });
  await expect.poll(() => a.evaluate(() => lab.document().provider.synced)).toBe(true);
  const linksBefore = await a.evaluate(
    () => lab.events.filter((e) => e.type === 'neighbor').length,
  );
  const delays: number[] = [];
  for (let i = 0; i < 5; i++) {
    const startedAt = Date.now();
    const [roundsBefore, dropped] = await a.evaluate(async () => {
      const { rounds } = lab.mesh.stats();
      lab.dropNext(1);
      lab.insert('x');
      // The edit is told at the end of its task; nothing else is sent before that.
      await Promise.resolve().then(() => undefined);
      return [rounds, lab.traffic().dropped];
    });
    expect(dropped, 'the frame with the edit was dropped').toBe(i + 1);
    await expectText([b], `one two three four five six${'x'.repeat(i + 1)}`);
    delays.push(Date.now() - startedAt);
    const rounds = (await a.evaluate(() => lab.mesh.stats().rounds)) - roundsBefore;
    expect(rounds).toBeLessThanOrEqual(2);
    await expectSameDigest([a, b]);
  }
  console.log(`lost frames repaired after ${delays.join(', ')} ms`);
  const linksAfter = await a.evaluate(() => lab.events.filter((e) => e.type === 'neighbor').length);
  expect(linksAfter).toBe(linksBefore);
});

test('tabs of one browser find each other with no server at all', async ({ tab, browsers }) => {
  for (const name of ['chromium', 'firefox'] as const) {
    const profile = await (await browsers(name)).newContext();
    const pages = [];
    for (let i = 0; i < 3; i++) pages.push(await tab(name, { profile }));
    await joinAll(pages, 'serverless', {});
    await pages[0]?.evaluate(() => lab.insert('no server'));
    await expectText(pages, 'no server');
    await profile.close();
  }
});
