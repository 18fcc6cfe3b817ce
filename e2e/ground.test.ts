/** The ground that browser tests stand on holds. */

import type { BrowserName } from './browsers.ts';
import { expect, test } from './fixtures.ts';

const BROWSERS: readonly BrowserName[] = ['chromium', 'firefox'];

for (const name of BROWSERS) {
  test(`${name} loads the harness page and counts what a page holds open`, async ({ tab }) => {
    const page = await tab(name);
    const counts = await page.evaluate(async () => {
      const before = lab.census();
      const channel = new BroadcastChannel('x');
      const connection = new RTCPeerConnection();
      const timer = setTimeout(() => channel.close(), 60_000);
      const during = lab.census();
      channel.close();
      connection.close();
      clearTimeout(timer);
      return { before, during, after: lab.census() };
    });
    expect(counts.after).toEqual(counts.before);
    expect(counts.during).toMatchObject({
      broadcastChannels: counts.before.broadcastChannels + 1,
      peerConnections: counts.before.peerConnections + 1,
      timers: counts.before.timers + 1,
    });
  });

  test(`an uncaught rejection in ${name} is noticed`, async ({ tab, pageErrors }) => {
    const page = await tab(name);
    await page.evaluate(() => {
      setTimeout(() => Promise.reject(new Error('planted')));
    });
    await expect.poll(() => pageErrors.length).toBe(1);
    expect(pageErrors.splice(0).join()).toContain('planted');
  });

  test(`a killed ${name} opens again on its profile`, async ({ profile, site }) => {
    const kept = await profile(name);
    const first = await kept.open();
    await (await first.context.newPage()).goto(site.url);
    await first.kill();
    const second = await kept.open();
    const page = await second.context.newPage();
    await page.goto(site.url);
    expect(await page.title()).toBe('mnemesh lab');
  });
}

test('the signaling server dies and returns on its port', async ({ signaling }) => {
  const health = signaling.url.replace('ws:', 'http:').replace(/\/?$/, '/health');
  expect((await fetch(health)).status).toBe(200);
  await signaling.kill();
  await expect(fetch(health)).rejects.toThrow();
  await signaling.start();
  expect((await fetch(health)).status).toBe(200);
});
