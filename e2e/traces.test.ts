/** Real people's keystrokes, live over WebRTC. */

import { expect, test } from './fixtures.ts';
import { expectSameDigest, expectText, joinAll } from './helpers.ts';
import { authorsOf, readTrace, tracesFolder } from './traces.ts';

test.skip(tracesFolder === undefined, 'MNEMESH_TRACES names no folder of keystroke histories');
test.setTimeout(300_000);

test('two authors typing at once, one in Chromium and one in Firefox, end with the same text', async ({
  tab,
  signaling,
}) => {
  const trace = readTrace('friendsforever');
  const { clients, updates } = authorsOf(trace);
  const pages = [await tab('chromium'), await tab('firefox')];
  await joinAll(pages, 'friends', { signaling: signaling.url });
  const startedAt = Date.now();
  await Promise.all(
    pages.map((page, author) =>
      page.evaluate(([other, own]) => lab.playAuthor(lab.document().doc, other, own), [
        clients[1 - author] as number,
        updates[author] ?? [],
      ] as const),
    ),
  );
  await expectText(pages, trace.endContent);
  console.log(`${trace.txns.length} edits of two authors in ${Date.now() - startedAt} ms`);
  await expectSameDigest(pages);
});

test('259,778 edits reach a tab that joins late, and are there after a reload without anyone else', async ({
  tab,
  signaling,
}) => {
  const trace = readTrace('automerge-paper');
  const writer = await tab('chromium');
  await writer.evaluate((url) => lab.join('paper', { signaling: url }), signaling.url);
  const patches = trace.txns.map(({ patches }) => patches);
  const startedAt = Date.now();
  for (let from = 0; from < patches.length; from += 20_000) {
    await writer.evaluate(
      (slice) => lab.playTrace(lab.document().doc, slice),
      patches.slice(from, from + 20_000),
    );
  }
  console.log(`${patches.length} edits played in ${Date.now() - startedAt} ms`);
  await expectText([writer], trace.endContent);

  const joinedAt = Date.now();
  const late = await tab('firefox');
  await late.evaluate((url) => lab.join('paper', { signaling: url }), signaling.url);
  await expectText([late], trace.endContent);
  console.log(`a late tab held it ${Date.now() - joinedAt} ms after it was opened`);
  await expectSameDigest([writer, late]);

  await writer.evaluate(() => lab.mesh.flush());
  await late.evaluate(() => lab.mesh.flush());
  await late.goto('about:blank');
  await signaling.stop();
  await writer.reload();
  await writer.waitForFunction(() => 'lab' in window);
  const loadedIn = await writer.evaluate(async () => {
    const from = performance.now();
    await lab.join('paper', {});
    return performance.now() - from;
  });
  expect(await writer.evaluate(() => lab.text())).toBe(trace.endContent);
  console.log(`read from IndexedDB in ${loadedIn.toFixed(0)} ms`);
});
