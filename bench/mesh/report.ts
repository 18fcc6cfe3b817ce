/** The table of a bench: median and spread of each figure for both libraries, and their ratio. */

import { cell, median } from '../lib/measure.ts';
import type { Figures, Size, Writing } from './measure.ts';
import { SIDES, type SideName } from './sides.ts';

/** The figures of every run, by library. */
export type Runs = Readonly<Record<SideName, readonly Figures[]>>;

interface Row {
  readonly label: string;
  /** One figure of a run, or several of a kind. */
  readonly of: (figures: Figures) => number | readonly number[];
}

const CONTENT: Row['of'] = ({ last }) => last.map(({ contentMs }) => contentMs);
const LINKS: Row['of'] = ({ last }) => last.map(({ linksMs }) => linksMs);

const WRITING: readonly { readonly label: string; readonly of: (writing: Writing) => number }[] = [
  { label: 'payload messages an edit', of: ({ payloads }) => payloads },
  { label: 'payload messages, worst edit', of: ({ payloadsMax }) => payloadsMax },
  { label: 'all messages an edit', of: ({ messages }) => messages },
  { label: '  without those of an idle room', of: ({ ownMessages }) => ownMessages },
  { label: 'all bytes an edit', of: ({ bytes }) => bytes },
  { label: '  without those of an idle room', of: ({ ownBytes }) => ownBytes },
  { label: 'last delivery p50, ms', of: ({ lastP50 }) => lastP50 },
  { label: 'last delivery max, ms', of: ({ lastMax }) => lastMax },
  { label: 'edits lost', of: ({ lost }) => lost },
];

const writingRows = (name: 'first' | 'rotating' | 'oneWriter' | 'paced'): Row[] =>
  WRITING.map(({ label, of }) => ({ label, of: (figures) => of(figures[name]) }));

const SECTIONS: readonly (readonly [title: string, rows: readonly Row[]])[] = [
  [
    'Tabs join one by one; each last one joins a room that has settled',
    [
      { label: 'room formed without it after, ms', of: ({ formingMs }) => formingMs },
      { label: 'it holds the content after, ms', of: CONTENT },
      { label: 'it has all its links after, ms', of: LINKS },
      { label: 'links a tab, most at any time', of: ({ linksMax }) => linksMax },
      { label: 'links a tab, median in the end', of: ({ linksMedian }) => linksMedian },
    ],
  ],
  [
    'Nobody writes (all tabs together)',
    [
      { label: 'messages a second', of: ({ idle }) => idle.messages },
      { label: 'bytes a second', of: ({ idle }) => idle.bytes },
    ],
  ],
  ['The first edit of each tab, one as soon as the other has arrived', writingRows('first')],
  ['Writers take turns, one edit as soon as the other has arrived', writingRows('rotating')],
  ['One tab writes, one edit as soon as the other has arrived', writingRows('oneWriter')],
  ['Writers take turns, one edit a second', writingRows('paced')],
];

const line = (label: string, cells: readonly string[]): void =>
  console.log(label.padEnd(36) + cells.map((each) => each.padStart(26)).join(''));

/** Prints every figure: median and, of several runs, the least and the greatest. */
export function printReport({ tabs, joins }: Size, runs: Runs): void {
  const repeats = Math.max(...SIDES.map((side) => runs[side].length));
  console.log(
    `\n${tabs} tabs in one Chromium; median (least–most) of ${repeats} runs each, each with ${joins} last tabs\n`,
  );
  line('', [...SIDES, 'ratio']);
  for (const [title, rows] of SECTIONS) {
    console.log(`\n${title}`);
    for (const { label, of } of rows) {
      const values = SIDES.map((side) => runs[side].flatMap(of));
      const [own = Number.NaN, other = Number.NaN] = values.map(median);
      const ratio = own / other;
      line(`  ${label}`, [...values.map(cell), Number.isFinite(ratio) ? ratio.toFixed(3) : '–']);
    }
  }
  if (SIDES.every((side) => runs[side].length > 0)) printGoals(runs);
}

/** What mnemesh is to reach in a room of 32 tabs, by the medians of a report. */
function printGoals(runs: Runs): void {
  const own = (of: Row['of']) => median(runs.mnemesh.flatMap(of));
  const ratio = (of: Row['of']) => own(of) / median(runs['y-webrtc'].flatMap(of));
  const goals: [words: string, value: number, most: number][] = [
    ['payload messages an edit, in turns', own(({ rotating }) => rotating.payloads), 45],
    ['payload messages an edit, one tab', own(({ oneWriter }) => oneWriter.payloads), 45],
    ['bytes an edit, in turns', own(({ rotating }) => rotating.bytes), 5_000],
    ['bytes an edit, one tab', own(({ oneWriter }) => oneWriter.bytes), 5_000],
    ['last delivery p50, in turns, ratio', ratio(({ rotating }) => rotating.lastP50), 1],
    ['last delivery p50, one tab, ratio', ratio(({ oneWriter }) => oneWriter.lastP50), 1],
    ['last tab holds the content, ratio', ratio(CONTENT), 1],
    ['last tab has all its links, ratio', ratio(LINKS), 0.25],
    ['links a tab, in any run', Math.max(...runs.mnemesh.map(({ linksMax }) => linksMax)), 12],
  ];
  console.log('\nGoals for 32 tabs');
  for (const [words, value, most] of goals) {
    const verdict = value <= most ? 'met' : 'not met';
    console.log(
      `  ${words.padEnd(36)}${value.toFixed(2).padStart(10)}   at most ${most}: ${verdict}`,
    );
  }
}
