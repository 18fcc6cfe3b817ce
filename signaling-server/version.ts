/** The version of the package that this server is part of. */

import { createRequire } from 'node:module';

/** Read by the package's own name, which works from the source, from `dist` and once installed. */
export function packageVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)('mnemesh/package.json');
  return (manifest as { readonly version: string }).version;
}
