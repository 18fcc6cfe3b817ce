/** What benches have in common: how time is taken, and how figures and goals are printed. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

const collect = runInNewContext('gc') as (options: { type: 'minor' }) => void;

/**
 * Milliseconds of process time that `body` took, and what it gave. What came before leaves garbage,
 * which is collected first; all of it would take compiled code with it.
 */
export function timed<T>(body: () => T): [result: T, ms: number] {
  collect({ type: 'minor' });
  const before = process.cpuUsage();
  const result = body();
  const { user, system } = process.cpuUsage(before);
  return [result, (user + system) / 1_000];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
}

/** A figure with as many digits as it deserves. */
export function show(value: number): string {
  if (!Number.isFinite(value)) return 'never';
  return value.toLocaleString('en', { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 });
}

/** Median, and of several values the least and the greatest. */
export function cell(values: readonly number[]): string {
  if (values.length === 0) return '–';
  if (values.length === 1) return show(median(values));
  return `${show(median(values))} (${show(Math.min(...values))}–${show(Math.max(...values))})`;
}

/** Prints one row of a table. */
export function line(label: string, cells: readonly string[]): void {
  console.log(label.padEnd(46) + cells.map((each) => each.padStart(26)).join(''));
}

/** Something that a figure is to stay within. */
export type Goal = readonly [words: string, value: number, most: number];

/** Prints goals, each as met or not. */
export function printGoals(title: string, goals: readonly Goal[]): void {
  console.log(`\n${title}`);
  for (const [words, value, most] of goals) {
    const verdict = value <= most ? 'met' : 'not met';
    console.log(
      `  ${words.padEnd(46)}${show(value).padStart(10)}   at most ${show(most)}: ${verdict}`,
    );
  }
}
