/** A room of real tabs, each in a context of its own of one Chromium, that the bench drives. */

import type { Browser, Page } from '@playwright/test';
import { launch } from '../../e2e/browsers.ts';
import { Arrivals } from './arrivals.ts';
import { countSends, MARK } from './count-sends.ts';
import type { TabRecord } from './page/tab.ts';
import { type Server, type SideName, startSignaling } from './sides.ts';

/** What all tabs together have sent since they were opened. */
export interface Totals {
  /** When the tabs were asked, on average: a busy machine asks them over some seconds. */
  readonly atMs: number;
  readonly messages: number;
  readonly bytes: number;
  /** Messages that carried each edit, by the edit's number. */
  readonly payloads: ReadonlyMap<number, number>;
}

/** Links that have not changed for so long are taken to stay. */
const SETTLED_AFTER_MS = 5_000;
/** How long the links of a room may go on changing before the bench goes on regardless. */
const SETTLING_MS = 120_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class Room {
  readonly #browser: Browser;
  readonly #signaling: Server;
  readonly #arrivals: Arrivals;
  readonly #side: SideName;
  readonly #site: string;
  readonly #pages: Page[] = [];
  /** For each edit: in how many tabs it is to arrive, those apart that join after it was made. */
  readonly #awaited: number[] = [];
  /** Tabs in the room, and tabs that ever joined. */
  #joined = 0;
  #joins = 0;

  private constructor(
    side: SideName,
    site: string,
    browser: Browser,
    signaling: Server,
    arrivals: Arrivals,
  ) {
    this.#side = side;
    this.#site = site;
    this.#browser = browser;
    this.#signaling = signaling;
    this.#arrivals = arrivals;
  }

  /** Opens so many tabs of `side`, loaded and idle; none has joined. */
  static async open(side: SideName, tabs: number, site: string): Promise<Room> {
    const browser = await launch('chromium');
    const [signaling, arrivals] = [await startSignaling(side), await Arrivals.listen()];
    const room = new Room(side, site, browser, signaling, arrivals);
    for (let i = 0; i < tabs; i++) await room.#open();
    return room;
  }

  async close(): Promise<void> {
    this.#arrivals.close();
    await this.#browser.close();
    await this.#signaling.close();
  }

  /** Lets the next tab join. */
  async join(): Promise<void> {
    const where = [`bench ${this.#side}`, this.#signaling.url, this.#arrivals.url] as const;
    this.#joins++;
    await this.#page(this.#joined++).evaluate(
      ([name, signaling, teller]) => tab.join(name, signaling, teller),
      where,
    );
  }

  /** Closes the tab that joined last, and opens a new one in its place, which has not joined. */
  async replaceLast(): Promise<void> {
    await this.#page(this.#joined - 1)
      .context()
      .close();
    this.#pages.splice(--this.#joined, 1);
    await this.#open();
  }

  /** Makes one edit in tab `writer`; its number. */
  async write(writer: number): Promise<number> {
    const index = this.#awaited.push(this.#joined - 1 - this.#joins) - 1;
    await this.#page(writer).evaluate((i) => tab.write(i), index);
    return index;
  }

  /**
   * Waits until an edit has arrived in all other tabs that were there and that joined since; false
   * after `timeoutMs`.
   */
  arrival(index: number, timeoutMs: number): Promise<boolean> {
    const count = (this.#awaited[index] ?? Number.NaN) + this.#joins;
    return this.#arrivals.wait(index, count, timeoutMs);
  }

  /** Waits until no tab's number of links changes any more; false where they go on changing. */
  async settle(): Promise<boolean> {
    for (const deadline = Date.now() + SETTLING_MS; Date.now() < deadline; await pause(500)) {
      const changes = (await this.records()).map(({ links }) => links.at(-1)?.[0] ?? 0);
      if (Math.max(...changes) < Date.now() - SETTLED_AFTER_MS) return true;
    }
    return false;
  }

  /** What each tab that joined saw, in the order of joining. */
  records(): Promise<TabRecord[]> {
    const joined = this.#pages.slice(0, this.#joined);
    return Promise.all(joined.map((page) => page.evaluate(() => tab.record())));
  }

  /** What all tabs have sent so far. */
  async totals(): Promise<Totals> {
    const all = await Promise.all(
      this.#pages.map((page) => page.evaluate(() => ({ ...sends, at: Date.now() }))),
    );
    const payloads = new Map<number, number>();
    for (const counts of all) {
      for (const [index, messages] of Object.entries(counts.payloads)) {
        payloads.set(Number(index), (payloads.get(Number(index)) ?? 0) + messages);
      }
    }
    return {
      atMs: all.reduce((sum, { at }) => sum + at / all.length, 0),
      messages: all.reduce((sum, { messages }) => sum + messages, 0),
      bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
      payloads,
    };
  }

  async #open(): Promise<void> {
    const context = await this.#browser.newContext();
    await context.addInitScript(countSends, MARK);
    const page = await context.newPage();
    page.on('pageerror', (error) =>
      console.error(`${this.#side}: ${error.stack ?? error.message}`),
    );
    await page.goto(`${this.#site}${this.#side}/${this.#side}.html`);
    await page.waitForFunction(() => 'tab' in window);
    this.#pages.push(page);
  }

  #page(index: number): Page {
    const page = this.#pages[index];
    if (page === undefined) throw new Error(`there is no tab ${index}`);
    return page;
  }
}
