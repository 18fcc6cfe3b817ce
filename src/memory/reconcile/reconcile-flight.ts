/**
 * Tells what is lost from what is on its way (SPEC.md W10).
 *
 * While tabs write, no two of them hold the same, and nothing is wrong. What one has had for a while and
 * the other lacks still is lost. Contexts show it: a dot is in them once its write was taken in.
 */

import { equalBytes } from '../../util/bytes.ts';
import type { IntervalSet } from '../../util/intervals.ts';
import { hashReplica } from '../leaf.ts';
import type { Trie } from '../trie/trie.ts';
import type { ContextEntry } from '../trie/trie-memory.ts';
import type { ReplicaId } from '../types.ts';
import type { SentEntry } from './reconcile-wire.ts';

/** What was had for so long, and is lacked by a neighbor, is not on its way any more. */
export const FLIGHT_MS = 2_000;
/** Contexts are kept so far apart. */
const STEP_MS = 500;
/** With more writers lately than these, contexts are better walked. */
const MAX_WRITERS = 64;

/** What a side says of its context. */
export interface Told {
  readonly entries: readonly SentEntry[];
  readonly rest: Uint8Array;
}

export class FlightRecorder {
  /** Contexts of the last while, the oldest first. */
  readonly #kept: { readonly at: number; readonly contexts: Trie<ContextEntry> }[] = [];

  /** Notes the context as it is at `now`; to be called as long as anything changes. */
  note(now: number, contexts: () => Trie<ContextEntry>): void {
    const last = this.#kept.at(-1);
    if (last !== undefined && now - last.at < STEP_MS) return;
    this.#kept.push({ at: now, contexts: contexts() });
    while ((this.#kept[1]?.at ?? now) <= now - FLIGHT_MS) this.#kept.shift();
  }

  /** What to say of the context `current`: who wrote lately, and of `others`. */
  tell(now: number, current: Trie<ContextEntry>, others: Iterable<ReplicaId>): Told | undefined {
    const writers = this.#writers(now, current);
    if (writers === undefined) return undefined;
    for (const replica of others) writers.add(replica);
    if (writers.size > MAX_WRITERS) return undefined;
    const entries = Array.from(writers, (replica) => ({
      replica,
      intervals: current.get(hashReplica(replica))?.value.intervals,
    }));
    return { entries, rest: restOf(current, writers) };
  }

  /**
   * Whether the other side lacks something that was had here for a while; `unsure` where it did not speak
   * of all who wrote lately.
   */
  judge(now: number, current: Trie<ContextEntry>, told: Told): 'lost' | 'flying' | 'unsure' {
    const theirs = new Map(told.entries.map(({ replica, intervals }) => [replica, intervals]));
    const writers = this.#writers(now, current);
    if (writers === undefined) return 'lost';
    for (const replica of writers) if (!theirs.has(replica)) return 'unsure';
    if (!equalBytes(restOf(current, theirs.keys()), told.rest)) return 'lost';
    const aged = this.#aged(now) as Trie<ContextEntry>;
    for (const [replica, intervals] of theirs) {
      const had = aged.get(hashReplica(replica))?.value.intervals;
      if (had !== undefined && !includes(intervals, had)) return 'lost';
    }
    return 'flying';
  }

  #aged(now: number): Trie<ContextEntry> | undefined {
    const oldest = this.#kept[0];
    return oldest !== undefined && oldest.at <= now - FLIGHT_MS ? oldest.contexts : undefined;
  }

  /** Who wrote lately, by what is known here; `undefined` where not enough is. */
  #writers(now: number, current: Trie<ContextEntry>): Set<ReplicaId> | undefined {
    const aged = this.#aged(now);
    if (aged === undefined) return undefined;
    const writers = new Set<ReplicaId>();
    for (const { mine, other } of aged.differences(current)) {
      const entry = mine ?? other;
      if (entry !== undefined) writers.add(entry.value.replica);
      if (writers.size > MAX_WRITERS) return undefined;
    }
    return writers;
  }
}

function restOf(contexts: Trie<ContextEntry>, without: Iterable<ReplicaId>): Uint8Array {
  const rest = contexts.snapshot();
  for (const replica of without) rest.delete(hashReplica(replica));
  return rest.root();
}

function includes(set: IntervalSet | undefined, part: IntervalSet): boolean {
  for (const [start, end] of part) if (set?.covers(start, end) !== true) return false;
  return true;
}
