/** A device that sleeps and wakes, as laptops do: all of its browser stands still. */

import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.ts';
import { expectLinked, expectSameDigest, expectText, joinAll } from './helpers.ts';

const linksSeen = (page: Page) =>
  page.evaluate(() => lab.events.filter(({ type }) => type === 'neighbor').length);

for (const sleeper of ['chromium', 'firefox'] as const) {
  test(`a ${sleeper} that sleeps for five seconds keeps its link and misses nothing`, async ({
    tab,
    signaling,
    profile,
    site,
  }) => {
    const awake = await tab('chromium');
    const device = await (await profile(sleeper)).open();
    const asleep = await device.context.newPage();
    await asleep.goto(site.url);
    await asleep.waitForFunction(() => 'lab' in window);
    await joinAll([awake, asleep], 'sleep', { signaling: signaling.url });
    const before = await linksSeen(awake);
    const sleep = device.sleep(5_000);
    await awake.evaluate(() => lab.insert('typed meanwhile'));
    await sleep;
    await expectText([awake, asleep], 'typed meanwhile');
    await expectSameDigest([awake, asleep]);
    expect(await linksSeen(awake)).toBe(before);
    for (const page of [awake, asleep]) {
      await expect
        .poll(() => page.evaluate(() => lab.mesh.members.map(({ status }) => status)))
        .toEqual(['alive', 'alive']);
    }
  });

  test(`a ${sleeper} that sleeps for long is dropped, comes back by itself and misses nothing`, async ({
    tab,
    signaling,
    profile,
    site,
  }) => {
    const awake = [await tab('chromium'), await tab('firefox')];
    const device = await (await profile(sleeper)).open();
    const asleep = await device.context.newPage();
    await asleep.goto(site.url);
    await asleep.waitForFunction(() => 'lab' in window);
    await joinAll([...awake, asleep], 'sleep', { signaling: signaling.url });
    await asleep.evaluate(() => lab.insert('before; '));
    await expectText(awake, 'before; ');
    const sleep = device.sleep(20_000);
    for (const page of awake) {
      await expect.poll(() => page.evaluate(() => lab.mesh.members.length)).toBe(awake.length);
    }
    await awake[0]?.evaluate(() => lab.insert('meanwhile; '));
    await sleep;
    const wokeAt = Date.now();
    await expectLinked([...awake, asleep]);
    await expectText([asleep], 'before; meanwhile; ');
    console.log(`a ${sleeper} that slept 20 s was back after ${Date.now() - wokeAt} ms`);
    await asleep.evaluate(() => lab.insert('after'));
    await expectText([...awake, asleep], 'before; meanwhile; after');
    await expectSameDigest([...awake, asleep]);
  });
}
