/** Types of browsers.mjs for the browser tests. */

/** Flags for Chromium in tests. */
export const CHROMIUM_FLAGS: readonly string[];

/** Path of the system's browser; `undefined` where there is none. */
export function findBrowser(name: 'chromium' | 'firefox'): string | undefined;
