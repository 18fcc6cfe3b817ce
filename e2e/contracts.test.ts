/** The adapters keep the contracts of their ports in real browsers, not in imitations of them. */

import { storeCases } from '../src/storage/store.contract.ts';
import { transportCases } from '../src/transport/transport.contract.ts';
import { expect, test } from './fixtures.ts';

for (const name of ['chromium', 'firefox'] as const) {
  test(`WebRTC in ${name} keeps the contract of transports`, async ({ tab }) => {
    test.setTimeout(300_000);
    const page = await tab(name);
    const before = await page.evaluate(() => lab.census());
    for (const { name: behaviour } of transportCases) {
      await test.step(behaviour, () =>
        page.evaluate((title) => lab.runTransportCase(title), behaviour),
      );
    }
    await expect.poll(() => page.evaluate(() => lab.census())).toEqual(before);
  });

  test(`IndexedDB in ${name} keeps the contract of stores`, async ({ tab }) => {
    const page = await tab(name);
    const before = await page.evaluate(() => lab.census());
    for (const { name: behaviour } of storeCases) {
      await test.step(behaviour, () =>
        page.evaluate((title) => lab.runStoreCase(title), behaviour),
      );
    }
    expect(await page.evaluate(() => lab.census())).toEqual(before);
  });
}
