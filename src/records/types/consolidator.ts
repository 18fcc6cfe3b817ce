/**
 * The consolidator that is there when an app brings none: words that recur over episodes.
 *
 * It is a plain count with no model behind it, deterministic, and the same wherever it runs.
 */

import type { Episode } from './episodes.ts';

/** What one agent found over its episodes. */
export interface Finding {
  /** The pattern, by the name that every agent gives it. */
  readonly id: string;
  /** Ids of the episodes that speak for it. (A lone text would be an iterable of its characters.) */
  readonly episodes?: readonly string[] | ReadonlySet<string> | undefined;
  /** How sure, from 0 to 1. */
  readonly confidence: number;
  /** How much speaks for that; default: the number of episodes, or 1 where there are none. */
  readonly support?: number;
}

/** Finds patterns in episodes. */
export type Consolidator<T> = (
  episodes: readonly Episode<T>[],
) => Iterable<Finding> | Promise<Iterable<Finding>>;

/** Shorter words say little of what a text is about. */
const MIN_LETTERS = 4;
const MAX_PATTERNS = 64;

/**
 * A pattern for each word of four letters or more that two episodes or more share, the most shared 64.
 * Its confidence is by Laplace's rule of succession, (n + 1) / (all + 2), of n episodes among all.
 */
export function sharedWords<T>(episodes: readonly Episode<T>[]): Finding[] {
  const found = new Map<string, Set<string>>();
  for (const { id, content } of episodes) {
    for (const word of textOf(content)
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []) {
      if (word.length < MIN_LETTERS) continue;
      const ids = found.get(word);
      if (ids === undefined) found.set(word, new Set([id]));
      else ids.add(id);
    }
  }
  return [...found]
    .filter(([, ids]) => ids.size > 1)
    .sort(([a, left], [b, right]) => right.size - left.size || (a < b ? -1 : 1))
    .slice(0, MAX_PATTERNS)
    .map(([id, ids]) => ({
      ...{ id, episodes: ids, support: ids.size },
      confidence: (ids.size + 1) / (episodes.length + 2),
    }));
}

/** All text in a value, without the names of properties. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  if (typeof content !== 'object' || content === null || content instanceof Uint8Array) return '';
  return Object.values(content).map(textOf).join(' ');
}
