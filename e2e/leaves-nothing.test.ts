/** A mesh or provider that is closed leaves nothing behind: not in its page, and not in the room. */

import type { Page } from '@playwright/test';
import type { BrowserName } from './browsers.ts';
import { expect, test } from './fixtures.ts';
import { expectLinked, expectText, joinAll } from './helpers.ts';
import type { Census } from './page/census.ts';
import { buildReactApp } from './react.ts';

const BROWSERS: readonly BrowserName[] = ['chromium', 'firefox'];

const otherThan = (name: BrowserName) => (name === 'chromium' ? 'firefox' : 'chromium');

const censusOf = (page: Page): Promise<Census> => page.evaluate(() => lab.census());

/** What an open mesh holds at any time; of its timers there are now more and now fewer. */
const withoutTimers = (census: Census): Partial<Census> => ({ ...census, timers: 0 });

/** Waits until the page holds open what it held at `before`, and gives how long that took. */
async function expectNothingLeft(page: Page, before: Census): Promise<number> {
  const startedAt = Date.now();
  await expect.poll(() => censusOf(page), { intervals: [20] }).toEqual(before);
  return Date.now() - startedAt;
}

/** Waits until `page` knows of itself alone, in its list and in presence, and holds no link. */
async function expectAlone(page: Page, document = 'notes'): Promise<void> {
  await expect
    .poll(() =>
      page.evaluate(
        (name) => [
          lab.mesh.members.map(({ self }) => self),
          lab.links(),
          lab.document(name).provider.awareness.getStates().size,
        ],
        document,
      ),
    )
    .toEqual([[true], 0, 1]);
}

for (const name of BROWSERS) {
  test(`a mesh closed in ${name} while linked leaves nothing, closed twice or thrice`, async ({
    tab,
    signaling,
  }) => {
    const page = await tab(name);
    const other = await tab(otherThan(name));
    const before = await censusOf(page);
    await joinAll([page, other], 'closing', { signaling: signaling.url });
    await page.evaluate(() => lab.insert('here'));
    await page.evaluate(() => lab.insert('there', 0, 'second'));
    await expectText([other], 'here');
    const during = await censusOf(page);
    expect(during).toMatchObject({
      webSockets: before.webSockets + 1,
      peerConnections: before.peerConnections + 1,
      databases: before.databases + 1,
    });
    expect(during.broadcastChannels).toBeGreaterThan(before.broadcastChannels);
    expect(during.listeners).toBeGreaterThan(before.listeners);

    const codes = await page.evaluate(async () => {
      const { mesh } = lab;
      const { provider } = lab.document();
      await Promise.all([provider.destroy(), provider.destroy()]);
      provider.connect();
      await Promise.all([mesh.close(), mesh.close()]);
      mesh.disconnect();
      await lab.leave();
      await mesh[Symbol.asyncDispose]();
      const codeOf = async (action: () => unknown) => {
        try {
          await action();
        } catch (error) {
          return error instanceof lab.MeshError ? error.code : String(error);
        }
        return 'none';
      };
      return [
        await codeOf(() => mesh.connect()),
        await codeOf(() => mesh.flush()),
        await codeOf(() => mesh.whenSynced()),
        await codeOf(() => provider.whenSynced()),
        mesh.status,
        mesh.members.length,
        mesh.neighbors.length,
      ];
    });
    expect(codes).toEqual(['closed', 'closed', 'closed', 'closed', 'closed', 0, 0]);
    console.log(`${name} held nothing ${await expectNothingLeft(page, before)} ms after close`);
    await expectAlone(other);
    // What the other tab did meanwhile woke nothing up again.
    await other.evaluate(() => lab.insert('!'));
    await expect.poll(() => other.evaluate(() => lab.text())).toBe('here!');
    expect(await censusOf(page)).toEqual(before);
  });

  test(`a provider destroyed in ${name} leaves its mesh to the others of that mesh`, async ({
    tab,
    signaling,
  }) => {
    const page = await tab(name);
    const other = await tab(otherThan(name));
    await joinAll([page, other], 'providers', { signaling: signaling.url });
    for (const each of [page, other]) await each.evaluate(() => lab.insert('a', 0, 'second'));
    await expect.poll(() => page.evaluate(() => lab.text('second'))).toBe('aa');
    await page.evaluate(async () => {
      const { provider } = lab.document('second');
      await provider.destroy();
      await provider.destroy();
    });
    await page.evaluate(() => lab.insert('still here'));
    await expectText([other], 'still here');
    await expectLinked([page, other]);
  });

  test(`destroy in ${name} resolves once what was typed is stored and everything freed`, async ({
    tab,
    signaling,
  }) => {
    const page = await tab(name);
    const before = await censusOf(page);
    const after = await page.evaluate(async (url) => {
      const doc = new lab.Y.Doc();
      const provider = new lab.MeshProvider('destroyed', doc, { signaling: url });
      await provider.whenLoaded;
      doc.getText('text').insert(0, 'just typed');
      await provider.destroy();
      return lab.census();
    }, signaling.url);
    expect(after).toEqual(before);
    await page.reload();
    await page.waitForFunction(() => 'lab' in window);
    await page.evaluate(() => lab.join('destroyed'));
    await expect.poll(() => page.evaluate(() => lab.text('destroyed'))).toBe('just typed');
  });

  test(`a provider destroyed before it is open leaves nothing in ${name}, however early`, async ({
    tab,
    signaling,
  }) => {
    const page = await tab(name);
    const other = await tab(otherThan(name));
    const url = signaling.url;
    await other.evaluate((to) => lab.join('early', { signaling: to }), url);
    // Loads what is loaded once for the life of a page.
    await page.evaluate(async (to) => {
      await lab.join('early', { signaling: to });
      await lab.leave();
    }, url);
    await expectAlone(other);
    const before = await censusOf(page);
    for (const delay of [undefined, 0, 1, 5, 20, 50, 100, 200, 400]) {
      for (const secret of [undefined, 'correct horse']) {
        await page.evaluate(
          async ([to, wait, key]) => {
            const doc = new lab.Y.Doc();
            const provider = new lab.MeshProvider('early', doc, { signaling: to, secret: key });
            doc.getText('text').insert(0, 'soon gone');
            if (wait !== undefined) await new Promise((resolve) => setTimeout(resolve, wait));
            const ends = [provider.destroy(), provider.destroy()];
            doc.destroy();
            await Promise.all(ends);
          },
          [url, delay, secret] as const,
        );
        await expectNothingLeft(page, before);
      }
    }
    await expectAlone(other);
  });

  test(`a mesh whose opening is aborted leaves nothing in ${name}`, async ({ tab, signaling }) => {
    const page = await tab(name);
    const before = await censusOf(page);
    for (const delay of [undefined, 0, 5, 50]) {
      const outcome = await page.evaluate(
        async ([url, wait]) => {
          const stop = new AbortController();
          const opening = lab.openMesh('aborted', { signaling: url, signal: stop.signal });
          if (wait !== undefined) await new Promise((resolve) => setTimeout(resolve, wait));
          stop.abort();
          try {
            return (await opening).status;
          } catch (error) {
            return error instanceof lab.MeshError ? error.code : String(error);
          }
        },
        [signaling.url, delay] as const,
      );
      expect(['aborted', 'closed']).toContain(outcome);
      await expectNothingLeft(page, before);
    }
  });

  test(`rooms joined and left again and again in ${name} pile nothing up`, async ({
    tab,
    signaling,
  }) => {
    const page = await tab(name);
    const other = await tab(otherThan(name));
    await joinAll([page, other], 'again', { signaling: signaling.url });
    const before = await censusOf(page);
    for (let i = 0; i < 5; i++) {
      await page.evaluate(() => lab.mesh.disconnect());
      expect(await page.evaluate(() => lab.mesh.status)).toBe('disconnected');
      await expectAlone(other);
      await page.evaluate(() => {
        lab.mesh.connect();
        lab.mesh.connect();
      });
      await expectLinked([page, other]);
    }
    await expect
      .poll(async () => withoutTimers(await censusOf(page)))
      .toEqual(withoutTimers(before));
  });

  test(`React's StrictMode in ${name} leaves one provider mounted, and none unmounted`, async ({
    tab,
    signaling,
  }) => {
    const page = await tab(name);
    const other = await tab(otherThan(name));
    const options = { signaling: signaling.url };
    await other.evaluate((given) => lab.join('strict', given), options);
    await page.addScriptTag({ content: await buildReactApp() });
    // React itself listens to the document for as long as the page lives.
    await page.evaluate(() => app.mount());
    await page.evaluate(() => app.unmount());
    const before = await censusOf(page);

    const shown = (text: string) =>
      expect.poll(() => other.evaluate(() => lab.text('strict'))).toBe(text);
    const members = () => other.evaluate(() => lab.mesh.members.length);

    // What a provider that was made once holds is what the component may hold.
    await page.evaluate((given) => {
      lab.kept.once = new lab.MeshProvider('strict', new lab.Y.Doc(), given);
    }, options);
    await expect.poll(members).toBe(2);
    await expect.poll(() => other.evaluate(() => lab.links())).toBe(1);
    const once = await censusOf(page);
    await page.evaluate(() => (lab.kept.once as { destroy(): void }).destroy());
    await expectNothingLeft(page, before);
    await expectAlone(other, 'strict');

    for (let mounts = 1; mounts <= 3; mounts++) {
      await page.evaluate((given) => app.mount('strict', given), options);
      await expect
        .poll(() => page.evaluate(() => app.effects))
        .toEqual({ run: 2 * mounts, cleaned: 2 * mounts - 1 });
      await expect.poll(members).toBe(2);
      await page.evaluate(() => app.doc.getText('text').insert(0, '<'));
      await shown('<'.repeat(mounts) + '>'.repeat(mounts - 1));
      await other.evaluate(() => lab.insert('>', undefined, 'strict'));
      await expect
        .poll(() => page.evaluate(() => app.doc.getText('text').toString()))
        .toBe('<'.repeat(mounts) + '>'.repeat(mounts));
      await expect
        .poll(async () => withoutTimers(await censusOf(page)))
        .toEqual(withoutTimers(once));
      expect(await members()).toBe(2);
      expect(await page.evaluate(() => app.provider?.mesh?.members.length)).toBe(2);
      await page.evaluate(() => app.unmount());
      expect(await page.evaluate(() => app.effects.cleaned)).toBe(2 * mounts);
      await expectNothingLeft(page, before);
      await expectAlone(other, 'strict');
    }
  });
}
