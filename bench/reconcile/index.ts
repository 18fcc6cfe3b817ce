/**
 * `npm run bench -- reconcile`: two memories that differ a little become equal, beside negentropy
 * (nostr-tools, nip77), Automerge's sync and y-protocols on the same records in the same run.
 *
 * Bytes are of all messages both ways. What a peer lacks is payload: mnemesh's column leaves keys and
 * values of changed records out, negentropy finds ids and sends no values, and Automerge and
 * y-protocols cannot be told apart from theirs, so their columns have it. CPU is process time, of both
 * sides together, the median of the repeats; building is of one side.
 */

import { median } from '../lib/measure.ts';
import { automerge } from './automerge.ts';
import { mnemesh } from './mnemesh.ts';
import { negentropy } from './negentropy.ts';
import type { Case, Figures, Side } from './sides.ts';
import { yProtocols } from './y-protocols.ts';

const REPEATS = 3;

const CASES: readonly Case[] = [
  { records: 10_000, changed: 0 },
  { records: 10_000, changed: 10 },
  { records: 10_000, changed: 100 },
  { records: 100_000, changed: 1 },
  { records: 100_000, changed: 1_000 },
];

/** Memories of a million records, with `--large`: they take gigabytes, and minutes. */
const LARGE: readonly Case[] = [
  { records: 1_000_000, changed: 0 },
  { records: 1_000_000, changed: 1 },
];

const SIDES: readonly Side[] = [mnemesh, negentropy, automerge, yProtocols];

/** Runs the bench; `--quick` leaves out cases of 100,000 records, `--large` adds such of 1,000,000. */
export async function run(args: readonly string[]): Promise<Figures[]> {
  const cases = args.includes('--large') ? [...CASES, ...LARGE] : CASES;
  const figures: Figures[] = [];
  for (const each of cases) {
    if (each.records > 10_000 && args.includes('--quick')) continue;
    console.log(`\n${each.records} records, ${each.changed} changed, half on each side`);
    console.log('                 bytes  messages  sync CPU ms  build CPU ms');
    for (const side of SIDES) {
      if (each.records > side.maxRecords) continue;
      const repeats: Figures[] = [];
      for (let i = 0; i < REPEATS; i++) repeats.push(await side.measure(each));
      const first = repeats[0] as Figures;
      const syncMs = median(repeats.map((run) => run.syncMs));
      const buildMs = median(repeats.map((run) => run.buildMs));
      figures.push({ ...first, syncMs, buildMs });
      console.log(
        `${side.name.padEnd(12)}${String(first.bytes).padStart(10)}${String(first.messages).padStart(10)}` +
          `${syncMs.toFixed(1).padStart(13)}${buildMs.toFixed(0).padStart(14)}`,
      );
    }
  }
  return figures;
}
