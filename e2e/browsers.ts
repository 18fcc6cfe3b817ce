/** Launching real Chromium and real Firefox: those of the system, else Playwright's own. */

import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, firefox } from '@playwright/test';
import { CHROMIUM_FLAGS, findBrowser } from '../scripts/lib/browsers.mjs';

export type BrowserName = 'chromium' | 'firefox';

export interface LaunchChoices {
  /** Let Chromium slow down hidden tabs, as it does for people. Default false. */
  readonly throttled?: boolean;
}

const NEVER_SLOWED = [
  '--disable-background-timer-throttling',
  '--disable-renderer-backgrounding',
  '--disable-backgrounding-occluded-windows',
];

/** As CHROMIUM_FLAGS: loopback addresses in ICE candidates, and no mDNS names. */
const FIREFOX_PREFS = {
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.peerconnection.ice.loopback': true,
};

function choices(name: BrowserName, { throttled = false }: LaunchChoices) {
  const executablePath = findBrowser(name);
  const own = executablePath === undefined ? {} : { executablePath };
  if (name === 'firefox') {
    // A Firefox that Playwright did not patch is driven over WebDriver BiDi, by this channel.
    const channel = executablePath === undefined ? {} : { channel: 'moz-firefox' };
    return { ...own, ...channel, firefoxUserPrefs: FIREFOX_PREFS };
  }
  if (!throttled) return { ...own, args: [...CHROMIUM_FLAGS, ...NEVER_SLOWED] };
  // Playwright itself passes these flags, so that they have to be taken out.
  return { ...own, args: [...CHROMIUM_FLAGS], ignoreDefaultArgs: NEVER_SLOWED };
}

const typeOf = (name: BrowserName) => (name === 'chromium' ? chromium : firefox);

/** A fresh headless browser; the caller closes it. */
export function launch(name: BrowserName, options: LaunchChoices = {}): Promise<Browser> {
  return typeOf(name).launch(choices(name, options));
}

/** A browser with a profile on disk, which outlives the browser process. */
export interface DurableBrowser {
  readonly context: BrowserContext;
  /** SIGKILLs the browser, as a power cut would; resolves once its processes are gone. */
  kill(): Promise<void>;
  /** Stops all its processes for so long, as a laptop's sleep does, and lets them go on. */
  sleep(ms: number): Promise<void>;
}

/** A profile folder: open a browser on it, kill it, open another. */
export interface DurableProfile {
  readonly folder: string;
  /** Starts a browser on the profile; one at a time. */
  open(): Promise<DurableBrowser>;
  /** Closes what is open and removes the folder. */
  remove(): Promise<void>;
}

/** What /proc tells of every process (Linux): its id, its parent's, and how it was started. */
function allProcesses(): { pid: number; parent: number; command: string }[] {
  const found = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      const parent = /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
      found.push({ pid: Number(name), parent: Number(parent), command });
    } catch (error) {
      // It ended between the listing and the reading.
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
  return found;
}

/** Ids of the processes that were started with `folder` in their arguments, and of all below them. */
function processesOf(folder: string): number[] {
  const all = allProcesses();
  const found = new Set<number>();
  for (const { pid, command } of all) {
    if (pid !== process.pid && command.includes(folder)) found.add(pid);
  }
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}

/** Sends `signal` to a process that may have ended meanwhile. */
function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function killAll(folder: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (let left = processesOf(folder); left.length > 0; left = processesOf(folder)) {
    if (performance.now() > deadline) throw new Error(`processes ${left} outlived SIGKILL`);
    for (const pid of left) signalTo(pid, 'SIGKILL');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A new empty profile for `name`, to test what survives the browser's own death. */
export async function createProfile(name: BrowserName): Promise<DurableProfile> {
  const folder = await mkdtemp(join(tmpdir(), `mnemesh-${name}-`));
  let open: BrowserContext | undefined;
  return {
    folder,
    async open() {
      const context = await typeOf(name).launchPersistentContext(folder, choices(name, {}));
      open = context;
      const closed = new Promise<void>((resolve) => context.once('close', () => resolve()));
      return {
        context,
        async kill() {
          await killAll(folder);
          // Playwright notices by itself; closing meanwhile would be an error.
          await closed;
          open = undefined;
        },
        async sleep(ms) {
          const pids = processesOf(folder);
          for (const pid of pids) signalTo(pid, 'SIGSTOP');
          await new Promise((resolve) => setTimeout(resolve, ms));
          for (const pid of pids) signalTo(pid, 'SIGCONT');
        },
      };
    },
    async remove() {
      await open?.close();
      await killAll(folder);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
