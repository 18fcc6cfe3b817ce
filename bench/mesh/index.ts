/**
 * mnemesh and y-webrtc side by side: as many tabs, the same edits, all that goes over data channels.
 *
 *     npm run bench -- mesh [--tabs 32] [--joins 3] [--edits 64] [--paced 16] [--repeats 3] [--only mnemesh]
 *
 * The libraries take turns, each run in a fresh Chromium, so that what else the machine does hits
 * both alike.
 */

import { parseArgs } from 'node:util';
import { type Figures, measure } from './measure.ts';
import { printReport } from './report.ts';
import { buildSides, SIDES, type SideName, servePages } from './sides.ts';

/** A whole number from `least` on, as an option gives it. */
function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new Error(`--${name} must be a whole number from ${least} on, not ${text}`);
}

/** Runs the bench and prints both sides. */
export async function run(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      tabs: { type: 'string', default: '32' },
      joins: { type: 'string', default: '3' },
      edits: { type: 'string', default: '64' },
      paced: { type: 'string', default: '16' },
      repeats: { type: 'string', default: '3' },
      only: { type: 'string' },
    },
  });
  const size = {
    tabs: wholeNumber('tabs', values.tabs, 3),
    joins: wholeNumber('joins', values.joins, 1),
    edits: wholeNumber('edits', values.edits, 1),
    pacedEdits: wholeNumber('paced', values.paced, 1),
  };
  const repeats = wholeNumber('repeats', values.repeats, 1);
  const sides = SIDES.filter((side) => values.only === undefined || values.only === side);
  if (sides.length === 0) throw new Error(`--only must be one of ${SIDES.join(', ')}`);

  await buildSides();
  const pages = await servePages();
  const runs: Record<SideName, Figures[]> = { mnemesh: [], 'y-webrtc': [] };
  try {
    for (let i = 0; i < repeats; i++) {
      for (const side of i % 2 === 0 ? sides : sides.toReversed()) {
        console.error(`run ${i + 1} of ${repeats}: ${side}`);
        await measure(side, size, pages.url).then(
          (figures) => runs[side].push(figures),
          (error: Error) => console.error(`run given up: ${error.message}`),
        );
      }
    }
  } finally {
    await pages.close();
  }
  printReport(size, runs);
  return { size, runs };
}
