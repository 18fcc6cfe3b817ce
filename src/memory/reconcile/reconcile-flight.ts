/**
 * Tells what is lost from what is on its way (SPEC.md W10).
 *
 * While tabs write, no two of them hold the same, and nothing is wrong. What one has had for a while and
 * the other lacks still is lost. Contexts show it: a dot is in them once its write was taken in.
 */

import { equalBytes } from '../../util/bytes.ts';
import type { IntervalSet } from '../../util/intervals.ts';
import { type ContextEntry, hashReplica } from '../leaf.ts';
import type { Trie } from '../trie/trie.ts';
import type { ReplicaId } from '../types.ts';
import type { SentEntry } from './reconcile-wire.ts';

/** What was had for so long, and is lacked by a neighbor, is not on its way any more. */
export const FLIGHT_MS = 1_000;
/** Contexts are kept so far apart. */
const STEP_MS = 250;
/** With more writers lately than these, contexts are better walked. */
const MAX_WRITERS = 64;

/** What a side says of its context. */
export interface Told {
  /** Of those who wrote lately. */
  readonly entries: readonly SentEntry[];
  /** Of the same, as they were `FLIGHT_MS` ago. */
  readonly aged: readonly SentEntry[];
  readonly rest: Uint8Array;
}

export class FlightRecorder {
  /** Contexts of the last while, the oldest first. */
  readonly #kept: { readonly at: number; readonly contexts: Trie<ContextEntry> }[] = [];
  #changedAt = Number.NEGATIVE_INFINITY;

  /** Notes the context as it is at `now`; to be called as long as anything changes. */
  note(now: number, contexts: () => Trie<ContextEntry>): void {
    this.#changedAt = now;
    const last = this.#kept.at(-1);
    if (last === undefined || now - last.at >= STEP_MS) this.keep(now, contexts());
  }

  /** Keeps the context of `now`. */
  keep(now: number, contexts: Trie<ContextEntry>): void {
    this.#kept.push({ at: now, contexts });
    while ((this.#kept[1]?.at ?? now) <= now - FLIGHT_MS) this.#kept.shift();
  }

  /** What to say of the context `current`: who wrote lately, and of `others`. */
  tell(now: number, current: Trie<ContextEntry>, others: Iterable<ReplicaId>): Told | undefined {
    const aged = this.#aged(now, current);
    const writers = aged && writersSince(aged, current);
    if (aged === undefined || writers === undefined) return undefined;
    for (const replica of others) writers.add(replica);
    if (writers.size > MAX_WRITERS) return undefined;
    return {
      entries: Array.from(writers, (replica) => entryOf(current, replica)),
      aged: Array.from(writers, (replica) => entryOf(aged, replica)),
      rest: restOf(current, writers),
    };
  }

  /**
   * Whether one side lacks something that the other had for a while; `unsure` where they did not speak of
   * all who wrote lately.
   */
  judge(now: number, current: Trie<ContextEntry>, told: Told): 'lost' | 'flying' | 'unsure' {
    const theirs = new Map(told.entries.map(({ replica, intervals }) => [replica, intervals]));
    const aged = this.#aged(now, current);
    const writers = aged && writersSince(aged, current);
    if (aged === undefined || writers === undefined) return 'lost';
    for (const replica of writers) if (!theirs.has(replica)) return 'unsure';
    if (!equalBytes(restOf(current, theirs.keys()), told.rest)) return 'lost';
    for (const [replica, intervals] of theirs) {
      if (!includes(intervals, entryOf(aged, replica).intervals)) return 'lost';
    }
    for (const { replica, intervals } of told.aged) {
      if (!includes(entryOf(current, replica).intervals, intervals)) return 'lost';
    }
    return 'flying';
  }

  /** The context as it was; `undefined` where that is not known. */
  #aged(now: number, current: Trie<ContextEntry>): Trie<ContextEntry> | undefined {
    const since = now - FLIGHT_MS;
    if (this.#changedAt <= since) return current;
    return this.#kept.findLast(({ at }) => at <= since)?.contexts;
  }
}

/** Of whom `current` holds something else than `aged`; `undefined` where they are many. */
function writersSince(
  aged: Trie<ContextEntry>,
  current: Trie<ContextEntry>,
): Set<ReplicaId> | undefined {
  const writers = new Set<ReplicaId>();
  for (const { mine, other } of aged.differences(current)) {
    const entry = mine ?? other;
    if (entry !== undefined) writers.add(entry.replica);
    if (writers.size > MAX_WRITERS) return undefined;
  }
  return writers;
}

function restOf(contexts: Trie<ContextEntry>, without: Iterable<ReplicaId>): Uint8Array {
  const rest = contexts.snapshot();
  for (const replica of without) rest.delete(hashReplica(replica));
  return rest.root();
}

function entryOf(contexts: Trie<ContextEntry>, replica: ReplicaId): SentEntry {
  return { replica, intervals: contexts.get(hashReplica(replica))?.intervals };
}

function includes(set: IntervalSet | undefined, part: IntervalSet | undefined): boolean {
  for (const [start, end] of part ?? []) if (set?.covers(start, end) !== true) return false;
  return true;
}
