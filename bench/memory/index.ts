/**
 * `npm run bench -- memory [--repeats 9]`: what writes, reads and merges of the shared memory cost, its
 * tries, its walk, and the room that it takes, beside negentropy and Automerge on the same records in
 * the same run, where they do as much. Automerge's records are written 100 to a change.
 *
 * Times are process time, the median with least and greatest of the repeats. Building is hashing and
 * tries here, ids (by Node's own SHA-256) and sorting in negentropy, and all changes in Automerge;
 * it and the walk are measured as by the bench `reconcile`.
 */

import { parseArgs } from 'node:util';
import { cell, type Goal, line, median, printGoals } from '../lib/measure.ts';
import { automerge } from '../reconcile/automerge.ts';
import { mnemesh } from '../reconcile/mnemesh.ts';
import { negentropy } from '../reconcile/negentropy.ts';
import type { Case, Figures, Side } from '../reconcile/sides.ts';
import { measureOpening } from './heap.ts';
import { BATCH, measureAutomerge, measureMemory, type Operations } from './operations.ts';

const SMALL: Case = { records: 10_000, changed: 100 };
const LARGE: Case = { records: 100_000, changed: 1 };
const SIDES: readonly Side[] = [mnemesh, negentropy, automerge];

/** Runs the bench, prints its figures and which goals they meet. */
export async function run(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: { repeats: { type: 'string', default: '9' } },
  });
  const repeats = Math.max(1, Number(values.repeats));
  // What the others leave behind would be counted too, or taken off where it goes meanwhile.
  const opening = await measureOpening(LARGE.records);
  line('', ['mnemesh', 'negentropy', 'Automerge']);

  const walks = await measureSides(SMALL, repeats, 30);
  const builds = await measureSides(LARGE, repeats, 2);
  const times = (runs: readonly Figures[] | undefined, of: 'syncMs' | 'buildMs') =>
    (runs ?? []).map((run) => run[of]);
  const row = (label: string, all: typeof walks, of: 'syncMs' | 'buildMs') =>
    line(
      label,
      all.map((runs) => cell(times(runs, of))),
    );
  row(`build, ${SMALL.records} records, ms`, walks, 'buildMs');
  row(`build, ${LARGE.records} records, ms`, builds, 'buildMs');
  row(`walk, ${SMALL.records} records, ${SMALL.changed} changed, ms`, walks, 'syncMs');
  row(`walk, ${LARGE.records} records, ${LARGE.changed} changed, ms`, builds, 'syncMs');

  const [small, large] = [SMALL, LARGE].map(({ records }) => measureMemory(records, repeats));
  const theirs = measureAutomerge(SMALL.records, repeats);
  for (const what of ['write', 'read', 'merge'] as const) {
    const of = (operations: readonly Operations[] = []) => operations.map((each) => each[what]);
    line(`${what} in ${SMALL.records} records, us`, [cell(of(small)), '–', cell(of(theirs))]);
    line(`${what} in ${LARGE.records} records, us`, [cell(of(large)), '–', '–']);
  }
  line(`heap of ${LARGE.records} records and tries, MB`, [cell([opening.bytes / 1e6]), '–', '–']);
  line(`read and join ${LARGE.records} records, ms`, [cell([opening.openMs]), '–', '–']);

  const [walk, walkOfNegentropy, walkOfAutomerge] = walks.map((runs) =>
    median(times(runs, 'syncMs')),
  );
  const [build, buildOfNegentropy] = builds.map((runs) => median(times(runs, 'buildMs')));
  const [smallBuild, , buildOfAutomerge] = walks.map((runs) => median(times(runs, 'buildMs')));
  const write = median((small ?? []).map((each) => each.write));
  const goals: Goal[] = [
    [`a write in ${SMALL.records} records, batches of ${BATCH}, us`, write, 20],
    ['  as against Automerge', write / median(theirs.map((each) => each.write)), 1],
    [`trie of ${LARGE.records} records, ms`, build as number, 250],
    ['  as against negentropy', (build as number) / (buildOfNegentropy as number), 1],
    ['  of 10,000 as against Automerge', (smallBuild as number) / (buildOfAutomerge as number), 1],
    [`walk of ${SMALL.records}, ${SMALL.changed} changed, ms`, walk as number, 8],
    ['  as against negentropy', (walk as number) / (walkOfNegentropy as number), 1],
    ['  as against Automerge', (walk as number) / (walkOfAutomerge as number), 1],
    [`heap of ${LARGE.records} records, MB`, opening.bytes / 1e6, 80],
    [`read and join ${LARGE.records} records, ms`, opening.openMs, 2_000],
  ];
  printGoals('Goals, by the medians', goals);
  return { walks, builds, small, large, automerge: theirs, opening, goals };
}

/**
 * The runs of each side; none where the case is too large for it. What a process does for the first
 * time it also compiles, so each side runs some times before.
 */
async function measureSides(each: Case, repeats: number, before: number): Promise<Figures[][]> {
  const runs = SIDES.map((): Figures[] => []);
  for (const [at, side] of SIDES.entries()) {
    if (each.records > side.maxRecords) continue;
    for (let i = -before; i < repeats; i++) {
      const figures = await side.measure(each);
      if (i >= 0) runs[at]?.push(figures);
    }
  }
  return runs;
}
