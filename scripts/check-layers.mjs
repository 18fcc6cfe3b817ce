/** Checks how files depend on one another and the house rules; prints what breaks them. */

import { fileURLToPath } from 'node:url';
import { checkLayers } from './lib/layers.mjs';
import { readSources } from './lib/sources.mjs';
import { checkTidy } from './lib/tidy.mjs';

const sources = readSources(fileURLToPath(new URL('..', import.meta.url)));
const findings = [...checkLayers(sources), ...checkTidy(sources)];
for (const { rule, path, line, message } of findings) {
  console.error(`${path}:${line}  ${rule}  ${message}`);
}
console.log(`layers and house rules: ${sources.length} files, ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;
