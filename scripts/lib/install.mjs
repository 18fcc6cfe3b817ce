/** Installs what a fresh clone lacks. Node's own modules only: this runs before any install. */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { findBrowser } from './browsers.mjs';
import { ROOT, run } from './run.mjs';

const BROWSERS = ['chromium', 'firefox'];

async function runOrExplain(command, args, env, advice) {
  const { code } = await run(command, args, { env });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}; ${advice}`);
}

/** Installs the packages of package-lock.json where they are missing or older than it. */
export async function installPackages() {
  const installed = join(ROOT, 'node_modules/.package-lock.json');
  const changed = statSync(join(ROOT, 'package-lock.json')).mtimeMs;
  if (existsSync(installed) && statSync(installed).mtimeMs >= changed) return;
  console.log('installing packages');
  // Playwright's browsers are asked for where the system has none, and not by every install.
  const env = { PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: '1' };
  // Not `npm ci`: it refuses a lock that was written where a registry lacks some platform's optional
  // binaries. Without saving, `install` takes the locked versions as they are just the same.
  const args = ['install', '--no-save', '--no-audit', '--no-fund'];
  await runOrExplain('npm', args, env, 'is the npm registry reachable?');
}

/** Whether this process may install Debian packages: it is root, on Debian itself. */
function mayInstallPackages() {
  const release = '/etc/os-release';
  const isDebian = existsSync(release) && /^ID="?debian"?$/m.test(readFileSync(release, 'utf8'));
  return isDebian && process.getuid?.() === 0;
}

/** Sees to a Chromium and a Firefox: the system's, else Debian's packages, else Playwright's own. */
export async function installBrowsers() {
  const missing = () => BROWSERS.filter((name) => findBrowser(name) === undefined);
  if (missing().length > 0 && mayInstallPackages()) {
    const packages = missing().map((name) => (name === 'firefox' ? 'firefox-esr' : name));
    console.log(`installing ${packages.join(' and ')}`);
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update', '-q'], { env });
    await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], { env });
  }
  if (missing().length === 0) return;
  const cli = join(ROOT, 'node_modules/@playwright/test/cli.js');
  const advice = 'install Chromium and Firefox, or name them in MNEMESH_CHROMIUM, MNEMESH_FIREFOX';
  await runOrExplain('node', [cli, 'install', ...missing()], {}, advice);
}
