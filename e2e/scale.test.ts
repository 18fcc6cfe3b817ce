/** A large memory in a real browser: it opens from IndexedDB in a moment, and takes little room. */

import { expect, test } from './fixtures.ts';

const RECORDS = 100_000;
const BATCH = 10_000;
/** Some 2 s on a quiet machine; a wall clock on a busy one tells little. */
const OPEN_LIMIT_MS = 20_000;
const HEAP_LIMIT_BYTES = 80e6;

test('a memory of 100,000 records opens from IndexedDB, whole, within 80 MB', async ({ tab }) => {
  test.setTimeout(300_000);
  const page = await tab('chromium');
  await page.evaluate(
    async ([records, batch]) => {
      await lab.join('large');
      const items = lab.mesh.map('items');
      for (let from = 0; from < records; from += batch) {
        lab.mesh.transact(() => {
          for (let i = from; i < from + batch; i++)
            items.set(`item-${i}`, `the value of record ${i}`);
        });
        await lab.mesh.flush();
      }
    },
    [RECORDS, BATCH] as const,
  );
  const written = await page.evaluate(() => lab.mesh.digest());
  await page.evaluate(() => lab.mesh.close());

  await page.reload();
  await page.waitForFunction(() => 'lab' in window);
  const devtools = await page.context().newCDPSession(page);
  const heap = async () => {
    await devtools.send('HeapProfiler.collectGarbage');
    return (await devtools.send('Runtime.getHeapUsage')).usedSize;
  };
  const cpu = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return 1_000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
  };
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  const [emptyHeap, idle] = [await heap(), await cpu()];
  const [opened, size] = await page.evaluate(async () => {
    const start = performance.now();
    await lab.join('large');
    const { size } = lab.mesh.map('items');
    return [performance.now() - start, size] as const;
  });
  const busy = (await cpu()) - idle;
  expect(size).toBe(RECORDS);
  expect(await page.evaluate(() => lab.mesh.digest())).toBe(written);
  const taken = (await heap()) - emptyHeap;
  console.log(
    `${RECORDS} records: open after ${opened.toFixed(0)} ms, of which the page's thread ran ` +
      `${busy.toFixed(0)} ms; ${(taken / 1e6).toFixed(1)} MB of heap with the trie`,
  );
  expect(opened).toBeLessThan(OPEN_LIMIT_MS);
  expect(taken).toBeLessThan(HEAP_LIMIT_BYTES);
});
