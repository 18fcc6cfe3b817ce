/** What IndexedDB keeps: everything, once, through reloads, and all but the last moment of a killed tab. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';
import { WebSocketServer } from 'ws';
import type { BrowserName } from './browsers.ts';
import { expect, test } from './fixtures.ts';
import { expectLinked, expectText } from './helpers.ts';

const BROWSERS: readonly BrowserName[] = ['chromium', 'firefox'];
/** Edits that may be lost with the browser are at most this old. */
const GRACE_MS = 200;
/** How often a browser is killed or a tab reloaded; MNEMESH_SOAK asks for a longer run. */
const REPETITIONS = process.env.MNEMESH_SOAK === undefined ? 3 : 30;

async function reload(page: Page): Promise<void> {
  await page.reload();
  await page.waitForFunction(() => 'lab' in window);
}

interface Size {
  readonly rows: number;
  readonly bytes: number;
}

/** Reloads `page` ten times and opens it by `reopen`; gives what it stored before and after each. */
async function sizesOverReloads(page: Page, reopen: () => Promise<void>): Promise<Size[]> {
  const sizes = [await page.evaluate(() => lab.storageSize())];
  for (let i = 0; i < 10; i++) {
    await reload(page);
    await reopen();
    sizes.push(await page.evaluate(() => lab.storageSize()));
  }
  return sizes;
}

function expectSameSize(sizes: readonly Size[], what: string): void {
  const [before, after] = [sizes[0] as Size, sizes.at(-1) as Size];
  console.log(
    `IndexedDB over ten reloads of ${what}: ${sizes.map(({ bytes }) => bytes).join(', ')} bytes in ` +
      `${sizes.map(({ rows }) => rows).join(', ')} rows`,
  );
  expect(Math.abs(after.bytes - before.bytes)).toBeLessThanOrEqual(before.bytes / 100);
  expect(after.rows).toBe(before.rows);
}

/** Opens the document with a name to it, and has everything of it written. */
async function openNamed(page: Page, room: string, signaling: string): Promise<void> {
  await page.evaluate(
    async ([name, url]) => {
      await lab.join(name, { signaling: url });
      lab.document().provider.awareness.setLocalState({ name: 'Ada', cursor: { at: 7 } });
      await lab.mesh.flush();
    },
    [room, signaling] as const,
  );
}

for (const name of BROWSERS) {
  test(`edits made in the very task that reloads the page may be lost in ${name}, but never in part`, async ({
    tab,
  }) => {
    const page = await tab(name);
    await page.evaluate(() => lab.join('last words'));
    const words: string[] = [];
    for (let i = 0; i < 4 * REPETITIONS; i++) {
      words.push(`word${i};`);
      await Promise.all([
        page.waitForEvent('load'),
        page.evaluate((word) => {
          lab.insert(word);
          location.reload();
        }, words.at(-1) as string),
      ]);
      await page.waitForFunction(() => 'lab' in window);
      await page.evaluate(() => lab.join('last words'));
      // What was there after a reload is there after all others.
      const kept = await page.evaluate(() => lab.text());
      if (!kept.endsWith(words.at(-1) as string)) words.pop();
      expect(kept).toBe(words.join(''));
    }
    console.log(`${name} kept ${words.length} of ${4 * REPETITIONS} edits of the last task`);
    expect(words.length).toBeGreaterThan(0);
  });
}

for (const name of BROWSERS) {
  test(`ten reloads leave the size of IndexedDB as it was in ${name}`, async ({
    tab,
    signaling,
  }) => {
    const page = await tab(name);
    await openNamed(page, 'reloads', signaling.url);
    await page.evaluate(() => lab.scribble(lab.document().doc.getText('text'), 5_000, 1));
    const text = await page.evaluate(() => lab.text());
    await page.evaluate(() => lab.mesh.flush());
    const sizes = await sizesOverReloads(page, () => openNamed(page, 'reloads', signaling.url));
    expectSameSize(sizes, `one ${name} tab`);
    expect(await page.evaluate(() => lab.text())).toBe(text);
    const { usage } = await page.evaluate(() => navigator.storage.estimate());
    console.log(`${name} itself estimates ${usage} bytes for ${text.length} characters`);
  });

  for (const partner of ['its own profile', 'another browser'] as const) {
    test(`ten reloads leave it as it was while a tab of ${partner} is linked with ${name}`, async ({
      tab,
      browsers,
      signaling,
    }) => {
      const profile = await (await browsers(name)).newContext();
      const page = await tab(name, { profile });
      const other =
        partner === 'its own profile'
          ? await tab(name, { profile })
          : await tab(name === 'chromium' ? 'firefox' : 'chromium');
      for (const each of [page, other]) await openNamed(each, 'reloads', signaling.url);
      await expectLinked([page, other]);
      await Promise.all(
        [page, other].map((each, seed) =>
          each.evaluate((n) => lab.scribble(lab.document().doc.getText('text'), 2_500, n), seed),
        ),
      );
      const settle = async () => {
        await expectLinked([page, other]);
        for (const each of [page, other]) {
          await expect.poll(() => each.evaluate(() => lab.mesh.synced)).toBe(true);
          await each.evaluate(() => lab.mesh.flush());
        }
      };
      await settle();
      const sizes = await sizesOverReloads(page, async () => {
        await openNamed(page, 'reloads', signaling.url);
        await settle();
      });
      expectSameSize(sizes, `a ${name} tab linked with one of ${partner}`);
      await expectText([other], await page.evaluate(() => lab.text()));
      await profile.close();
    });
  }
}

/** What a page that types numbers tells of them. */
class Recording {
  /** Numbers with the time each was typed, in order. */
  readonly typed: { readonly number: number; readonly at: number }[] = [];
  readonly #server = new WebSocketServer({ host: '127.0.0.1', port: 0 });

  constructor() {
    this.#server.on('connection', (socket) => {
      socket.on('message', (data) => {
        const [number, at] = String(data).split(' ').map(Number) as [number, number];
        this.typed.push({ number, at });
      });
      // A killed browser says nothing more; that is what the tests are about.
      socket.on('error', () => socket.terminate());
    });
  }

  /** Where pages tell it; resolves once it listens. */
  async url(): Promise<string> {
    if (this.#server.address() === null) await once(this.#server, 'listening');
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  close(): void {
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
  }
}

/** The numbers in a text, which must be 1, 2 and so on without a gap; the last of them, 0 for none. */
function lastOfGapless(text: string): number {
  const words = text.split(' ').slice(0, -1);
  expect(words).toEqual(words.map((_, i) => String(i + 1)));
  expect(text).toBe(words.map((word) => `${word} `).join(''));
  return words.length;
}

/** Types on from what the page shows, for a random time once it is going. */
async function typeForAWhile(page: Page, recording: Recording): Promise<void> {
  const first = lastOfGapless(await page.evaluate(() => lab.text())) + 1;
  recording.typed.length = 0;
  await page.evaluate(
    ([from, url]) => lab.typeNumbers(lab.document().doc.getText('text'), from, url),
    [first, await recording.url()] as const,
  );
  await expect.poll(() => recording.typed.length).toBeGreaterThan(0);
  // The moment of death is what is random here, so a fixed time would test less.
  await page.waitForTimeout(500 + Math.random() * 2_500);
}

/** Holds the text against what was typed before `endedAt`, and tells what of it is lost. */
function expectKept(text: string, recording: Recording, endedAt: number, how: string): void {
  const last = lastOfGapless(text);
  const lost = recording.typed.filter(({ number }) => number > last);
  const ages = lost.map(({ at }) => endedAt - at);
  console.log(
    `${how}: ${recording.typed.length} typed, the last ${Math.max(0, ...ages)} ms of them lost`,
  );
  expect(recording.typed.filter(({ at }) => at < endedAt - GRACE_MS).length).toBeGreaterThan(0);
  expect(ages.filter((age) => age > GRACE_MS)).toEqual([]);
}

test.describe('typing that ends at once', () => {
  test.setTimeout(60_000 + REPETITIONS * 20_000);
  let recording: Recording;
  test.beforeEach(() => {
    recording = new Recording();
  });
  test.afterEach(() => recording.close());

  for (const name of BROWSERS) {
    test(`a ${name} that is killed in mid-typing loses at most its last ${GRACE_MS} ms`, async ({
      profile,
      site,
      pageErrors,
    }) => {
      const kept = await profile(name);
      const open = async () => {
        const opened = await kept.open();
        const page = await opened.context.newPage();
        page.on('pageerror', (error) =>
          pageErrors.push(`${name}: ${error.stack ?? error.message}`),
        );
        await page.goto(site.url);
        await page.waitForFunction(() => 'lab' in window);
        await page.evaluate(() => lab.join('killed'));
        return { opened, page };
      };
      let { opened, page } = await open();
      for (let i = 1; i <= REPETITIONS; i++) {
        await typeForAWhile(page, recording);
        const killedAt = Date.now();
        await opened.kill();
        ({ opened, page } = await open());
        const text = await page.evaluate(() => lab.text());
        expectKept(text, recording, killedAt, `${name} killed, time ${i}`);
        const errors = await page.evaluate(() => lab.events.filter(({ type }) => type === 'error'));
        expect(errors).toEqual([]);
      }
    });

    test(`a ${name} tab that is reloaded in mid-typing loses at most its last ${GRACE_MS} ms`, async ({
      tab,
    }) => {
      const page = await tab(name);
      await page.evaluate(() => lab.join('reloaded'));
      for (let i = 1; i <= REPETITIONS; i++) {
        await typeForAWhile(page, recording);
        const endedAt = Date.now();
        await reload(page);
        await page.evaluate(() => lab.join('reloaded'));
        const text = await page.evaluate(() => lab.text());
        expectKept(text, recording, endedAt, `${name} reloaded, time ${i}`);
      }
    });
  }
});

for (const name of BROWSERS) {
  for (const linked of [true, false]) {
    test(`two ${linked ? 'linked' : 'unlinked'} ${name} tabs of one profile lose and double nothing`, async ({
      tab,
      browsers,
    }) => {
      const profile = await (await browsers(name)).newContext();
      const pages = [await tab(name, { profile }), await tab(name, { profile })];
      const join = async () => {
        for (const page of pages) await page.evaluate(() => lab.join('shared'));
        if (linked) await expectLinked(pages);
        else for (const page of pages) await page.evaluate(() => lab.mesh.disconnect());
      };
      const expectAll = async (due: readonly string[]) => {
        for (const page of pages) {
          const words = (await page.evaluate(() => lab.text())).split(' ').slice(0, -1);
          expect(words.toSorted()).toEqual(due.toSorted());
        }
        await expectText(pages, (await pages[0]?.evaluate(() => lab.text())) ?? '');
      };
      const due: string[] = [];
      await join();
      const rounds = process.env.MNEMESH_SOAK === undefined ? ['p', 'q'] : ['p', 'q', 'r', 's'];
      for (const round of rounds) {
        // Many words, so that the log that both write to is compacted under their hands.
        const count = 1_000;
        await Promise.all(
          pages.map((page, i) =>
            page.evaluate(
              ([prefix, n]) => lab.typeWords(lab.document().doc.getText('text'), prefix, n),
              [`${round}${i}-`, count] as const,
            ),
          ),
        );
        for (const i of pages.keys()) {
          for (let n = 0; n < count; n++) due.push(`${round}${i}-${n}`);
        }
        await Promise.all(pages.map((page) => page.evaluate(() => lab.mesh.flush())));
        if (round === rounds.at(-1)) break;
        await Promise.all(pages.map(reload));
        await join();
        await expectAll(due);
      }
      // The last round ends with both tabs closed right after `flush`.
      await Promise.all(pages.map((page) => page.close()));
      pages.splice(0, 2, await tab(name, { profile }));
      await pages[0]?.evaluate(() => lab.join('shared'));
      await expectAll(due);
      await profile.close();
    });
  }
}
