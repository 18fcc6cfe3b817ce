/**
 * The ground of every browser test. `import { expect, test } from './fixtures.ts'`, then:
 *
 *     test('text typed in one shows in the other', async ({ tab, signaling }) => {
 *       const [a, b] = [await tab('chromium'), await tab('firefox')];
 *       for (const page of [a, b]) {
 *         await page.evaluate((url) => lab.join('room', { signaling: url }), signaling.url);
 *       }
 *       await a.evaluate(() => lab.insert('hello'));
 *       await expect.poll(() => b.evaluate(() => lab.text())).toBe('hello');
 *     });
 */

import { type Browser, type BrowserContext, test as base, type Page } from '@playwright/test';
import {
  type BrowserName,
  createProfile,
  type DurableProfile,
  type LaunchChoices,
  launch,
} from './browsers.ts';
import { type PageServer, type SignalingProcess, servePage, startSignaling } from './server.ts';

export interface TabChoices extends LaunchChoices {
  /** Another tab of this context, sharing its storage. Default: a fresh context. */
  readonly profile?: BrowserContext;
  /** What to open. Default: the harness page, with `lab` on its window. */
  readonly url?: string;
}

interface TestFixtures {
  /** Opens a tab; it is closed after the test. */
  tab(browser: BrowserName, choices?: TabChoices): Promise<Page>;
  /** A profile on disk whose browser can be killed; it is removed after the test. */
  profile(browser: BrowserName): Promise<DurableProfile>;
  /** A signaling server of this test alone. */
  signaling: SignalingProcess;
  /**
   * Uncaught errors and unhandled rejections of all tabs so far. What is left of them at the end
   * fails the test, so a test that provokes some takes them out.
   */
  pageErrors: string[];
}

interface WorkerFixtures {
  /** Browsers shared by all tests, started when first asked for. */
  browsers(name: BrowserName, choices?: LaunchChoices): Promise<Browser>;
  /** Serves the harness page. */
  site: PageServer;
}

/** Firefox's own remarks on lost connections arrive as page errors; nothing in the page threw. */
const REMARKS =
  /^(Firefox can.t establish a connection|WebRTC: ICE failed|The connection to wss?:)/;

// Playwright reads a fixture's needs from its first argument's pattern, hence the empty ones.
export const test = base.extend<TestFixtures, WorkerFixtures>({
  browsers: [
    async ({}, use) => {
      const running = new Map<string, Promise<Browser>>();
      await use((name, choices = {}) => {
        const key = `${name} ${choices.throttled === true}`;
        const browser = running.get(key) ?? launch(name, choices);
        running.set(key, browser);
        return browser;
      });
      for (const browser of running.values()) await (await browser).close();
    },
    { scope: 'worker' },
  ],

  site: [
    async ({}, use) => {
      const site = await servePage('e2e');
      await use(site);
      await site.close();
    },
    { scope: 'worker' },
  ],

  signaling: async ({}, use) => {
    const signaling = await startSignaling();
    await use(signaling);
    await signaling.stop();
  },

  pageErrors: async ({}, use) => {
    const errors: string[] = [];
    await use(errors);
    if (errors.length > 0) throw new Error(`errors in pages:\n${errors.join('\n')}`);
  },

  tab: async ({ browsers, pageErrors, site }, use) => {
    const contexts: BrowserContext[] = [];
    await use(async (name, { profile, url = site.url, ...choices } = {}) => {
      let context = profile;
      if (context === undefined) {
        context = await (await browsers(name, choices)).newContext();
        contexts.push(context);
      }
      const page = await context.newPage();
      page.on('pageerror', ({ message, stack }) => {
        if (!REMARKS.test(message)) pageErrors.push(`${name}: ${message} ${stack ?? ''}`);
      });
      page.on('crash', () => pageErrors.push(`${name}: the tab crashed`));
      await page.goto(url);
      if (url === site.url) await page.waitForFunction(() => 'lab' in window);
      return page;
    });
    for (const context of contexts) await context.close();
  },

  profile: async ({}, use) => {
    const profiles: DurableProfile[] = [];
    await use(async (name) => {
      const profile = await createProfile(name);
      profiles.push(profile);
      return profile;
    });
    for (const profile of profiles) await profile.remove();
  },
});

export { expect } from '@playwright/test';
