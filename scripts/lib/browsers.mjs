/** Where this system keeps its browsers, and how to start them. Node's own modules only. */

import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

const CANDIDATES = {
  chromium: [
    'chromium',
    'chromium-browser',
    'google-chrome',
    'google-chrome-stable',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ],
  firefox: ['firefox-esr', 'firefox', '/Applications/Firefox.app/Contents/MacOS/firefox'],
};

/**
 * Flags for Chromium in tests. ICE candidates show loopback addresses, since two browsers of one
 * machine do not resolve each other's mDNS names where no mDNS daemon runs.
 */
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--allow-loopback-in-peer-connection',
];

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Path of the system's `chromium` or `firefox`, or of the one that MNEMESH_CHROMIUM or
 * MNEMESH_FIREFOX names; `undefined` where there is none.
 * @param {'chromium' | 'firefox'} name
 */
export function findBrowser(name) {
  const chosen = process.env[`MNEMESH_${name.toUpperCase()}`];
  if (chosen) return chosen;
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return CANDIDATES[name]
    .flatMap((each) => (isAbsolute(each) ? [each] : folders.map((folder) => join(folder, each))))
    .find(isExecutable);
}
