/**
 * The causal context: the set of dots that a memory has seen, whether their values live or not.
 *
 * For each replica a canonical set of intervals, whose gaps are never bridged (SPEC.md R6). A dotted
 * value that is absent while its dot is in the context was removed, so a context must hold no dot
 * whose write was not taken in.
 */

import type { Decoder, Encoder } from '../util/codec.ts';
import { DecodeError, readUint } from '../util/codec.ts';
import { type Interval, IntervalSet } from '../util/intervals.ts';
import { BOUNDS, type Dot, type ReplicaId } from './types.ts';
import { readReplica, writeReplica, writeUint } from './wire.ts';

/** Whether a dot is in some set of dots; all that a merge asks of a context. */
export interface Seen {
  has(replica: ReplicaId, counter: number): boolean;
}

/** A context that cannot be changed through this view. */
export interface ContextView extends Seen, Iterable<readonly [ReplicaId, IntervalSet]> {
  /** How many replicas have a dot in it. */
  readonly size: number;
  /** What it holds of `replica`, not to be changed; `undefined` where nothing. */
  of(replica: ReplicaId): IntervalSet | undefined;
}

export class Context implements ContextView {
  readonly #replicas = new Map<ReplicaId, IntervalSet>();

  get size(): number {
    return this.#replicas.size;
  }

  has(replica: ReplicaId, counter: number): boolean {
    return this.#replicas.get(replica)?.has(counter) === true;
  }

  of(replica: ReplicaId): IntervalSet | undefined {
    return this.#replicas.get(replica);
  }

  [Symbol.iterator](): Iterator<readonly [ReplicaId, IntervalSet]> {
    return this.#replicas.entries();
  }

  /** Adds the dots of `replica` from `start` to `end` − 1; tells whether any was new. */
  add(replica: ReplicaId, start: number, end: number): boolean {
    const held = this.#replicas.get(replica);
    if (held !== undefined) return held.add(start, end);
    const set = new IntervalSet();
    if (!set.add(start, end)) return false;
    this.#replicas.set(replica, set);
    return true;
  }

  /** Adds the dots of `replica` in `intervals`; tells whether any was new. */
  addAll(replica: ReplicaId, intervals: Iterable<Interval>): boolean {
    const held = this.#replicas.get(replica);
    if (held !== undefined) return held.addAll([...intervals]);
    const set = new IntervalSet();
    if (!set.addAll([...intervals])) return false;
    this.#replicas.set(replica, set);
    return true;
  }

  /** Forgets the dots of `replica` from `start` to `end` − 1, as if they were never seen. */
  forget(replica: ReplicaId, start: number, end: number): void {
    const held = this.#replicas.get(replica);
    held?.remove(start, end);
    if (held?.intervals === 0) this.#replicas.delete(replica);
  }

  /** Puts `intervals` in place of what it holds of `replica`; `undefined` for nothing. */
  replace(replica: ReplicaId, intervals: IntervalSet | undefined): void {
    if (intervals === undefined || intervals.intervals === 0) this.#replicas.delete(replica);
    else this.#replicas.set(replica, intervals);
  }
}

/** The replicas of which `a` and `b` do not hold the same dots. */
export function differingReplicas(a: ContextView, b: ContextView): ReplicaId[] {
  const differing: ReplicaId[] = [];
  for (const [replica, intervals] of a) {
    const others = b.of(replica);
    if (others === undefined || !intervals.equals(others)) differing.push(replica);
  }
  for (const [replica] of b) if (a.of(replica) === undefined) differing.push(replica);
  return differing;
}

/** `base`, save that of each replica in `entries` it holds what stands there. */
export function withEntries(
  base: ContextView,
  entries: ReadonlyMap<ReplicaId, IntervalSet | undefined>,
): ContextView {
  const of = (replica: ReplicaId) =>
    entries.has(replica) ? entries.get(replica) : base.of(replica);
  return {
    get size() {
      let size = 0;
      for (const _ of this) size++;
      return size;
    },
    of,
    has: (replica, counter) => of(replica)?.has(counter) === true,
    *[Symbol.iterator]() {
      for (const [replica, intervals] of base) {
        if (!entries.has(replica)) yield [replica, intervals] as const;
      }
      for (const [replica, intervals] of entries) {
        if (intervals !== undefined) yield [replica, intervals] as const;
      }
    },
  };
}

/** Whether `context` may come to hold dots of `replicas` too: a memory has `BOUNDS.replicas` at most. */
export function hasRoom(context: ContextView, replicas: Iterable<ReplicaId>): boolean {
  const added = new Set<ReplicaId>();
  for (const replica of replicas) if (context.of(replica) === undefined) added.add(replica);
  return added.size === 0 || context.size + added.size <= BOUNDS.replicas;
}

/** The replicas of which `context` has a dot. */
export function* replicasIn(context: ContextView): Generator<ReplicaId> {
  for (const [replica] of context) yield replica;
}

/** The dots of `dots` alone. */
export function seenOf(dots: Iterable<Dot>): Context {
  const context = new Context();
  for (const { replica, counter } of dots) context.add(replica, counter, counter + 1);
  return context;
}

/** Writes intervals in canonical form: count, then for each the gap before it and its length. */
export function writeIntervals(encoder: Encoder, set: IntervalSet): void {
  writeUint(encoder, set.intervals);
  let previous = 0;
  for (const [start, end] of set) {
    writeUint(encoder, start - previous);
    writeUint(encoder, end - start);
    previous = end;
  }
}

/** Intervals as `writeIntervals` writes them: at least one, canonical and within bounds. */
export function readIntervals(decoder: Decoder): IntervalSet {
  const count = readUint(decoder);
  if (count === 0 || count > BOUNDS.intervals) throw new DecodeError('intervals out of bounds');
  const set = new IntervalSet();
  let end = 0;
  for (let i = 0; i < count; i++) {
    const gap = readUint(decoder);
    const length = readUint(decoder);
    if (length === 0 || (gap === 0 && i > 0)) throw new DecodeError('intervals not canonical');
    const start = end + gap;
    end = start + length;
    if (end > BOUNDS.counter + 1) throw new DecodeError('counter out of bounds');
    set.add(start, end);
  }
  return set;
}

/** Writes a whole context: count, then by ascending id each replica and its intervals. */
export function writeContext(encoder: Encoder, context: ContextView): void {
  const replicas = [...context].sort(([a], [b]) => (a < b ? -1 : 1));
  writeUint(encoder, replicas.length);
  for (const [replica, intervals] of replicas) {
    writeReplica(encoder, replica);
    writeIntervals(encoder, intervals);
  }
}

/** A whole context as `writeContext` writes it. */
export function readContext(decoder: Decoder): Context {
  const count = readUint(decoder);
  if (count > BOUNDS.replicas) throw new DecodeError('too many replicas');
  const context = new Context();
  let previous = '';
  for (let i = 0; i < count; i++) {
    const replica = readReplica(decoder);
    if (replica <= previous) throw new DecodeError('replicas not in order');
    previous = replica;
    context.replace(replica, readIntervals(decoder));
  }
  return context;
}
