/**
 * Causal rooms: deltas that wait for their causes (SPEC.md section 5).
 *
 * A delta names its nearest dependencies as dots. It waits here, within bounds and in view, until the
 * context holds them all; each waits for one missing dot at a time, so an arrival wakes only those
 * that it may concern. (Lloyd et al., "Don't Settle for Eventual", SOSP 2011.)
 */

import type { Seen } from './context.ts';
import { DeltaLog, type LogLimits, sizeOf } from './delta-log.ts';
import type { Delta, Dot } from './types.ts';

/** How much may wait; beyond it what waits longest goes, and reconciliation brings it later. */
export interface WaitingLimits {
  /** Deltas. Default 4,096. */
  readonly deltas: number;
  /** Bytes, by `sizeOf`. Default 16 MiB. */
  readonly bytes: number;
}

export const WAITING_LIMITS: WaitingLimits = { deltas: 4096, bytes: 16 * 1024 * 1024 };

const LIMITLESS: LogLimits = { writes: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY };

interface Missed {
  readonly dot: Dot;
  readonly waiting: Set<Delta>;
}

export class WaitingDeltas {
  readonly #limits: WaitingLimits;
  readonly #missed = new Map<string, Missed>();
  /** By name, in the order in which they came, each with which it was. */
  readonly #deltas = new Map<string, { readonly delta: Delta; readonly place: number }>();
  #bytes = 0;
  #added = 0;

  constructor(limits: WaitingLimits = WAITING_LIMITS) {
    this.#limits = limits;
  }

  /** How many deltas wait. */
  get size(): number {
    return this.#deltas.size;
  }

  /** How many ever came to wait. */
  get added(): number {
    return this.#added;
  }

  /** Bytes that they take, by `sizeOf`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The dots that are waited for and that no waiting delta has: those to ask neighbors for. */
  missing(): Dot[] {
    const here = new DeltaLog(LIMITLESS);
    for (const { waiting } of this.#missed.values()) for (const delta of waiting) here.add(delta);
    const dots = Array.from(this.#missed.values(), ({ dot }) => dot);
    return dots.filter((dot) => here.find(dot) === undefined);
  }

  /** Takes `delta`, which lacks a cause in `seen`, and lets go of the oldest where there is too much. */
  add(delta: Delta, seen: Seen): void {
    const name = nameOf(delta.replica, delta.first);
    if (this.#deltas.has(name)) return;
    this.#deltas.set(name, { delta, place: this.#added++ });
    this.#bytes += sizeOf(delta);
    this.#waitFor(firstMissing(delta, seen) as Dot, delta);
    for (const [, { place }] of this.#deltas) {
      if (this.size <= this.#limits.deltas && this.#bytes <= this.#limits.bytes) break;
      this.evict(place + 1);
    }
  }

  /** Lets go of those that came to wait before `added` was so much. */
  evict(added: number): void {
    const gone = new Set<Delta>();
    for (const { delta, place } of this.#deltas.values()) {
      if (place >= added) break;
      gone.add(delta);
      this.#drop(delta);
    }
    if (gone.size === 0) return;
    for (const [name, { waiting }] of this.#missed) {
      for (const delta of waiting) if (gone.has(delta)) waiting.delete(delta);
      if (waiting.size === 0) this.#missed.delete(name);
    }
  }

  /** Takes out and gives those whose causes are all in `seen`. */
  release(seen: Seen): Delta[] {
    const ready: Delta[] = [];
    for (const [name, { dot, waiting }] of this.#missed) {
      if (!seen.has(dot.replica, dot.counter)) continue;
      this.#missed.delete(name);
      for (const delta of waiting) {
        const next = firstMissing(delta, seen);
        if (next !== undefined) this.#waitFor(next, delta);
        else ready.push(delta);
      }
    }
    for (const delta of ready) this.#drop(delta);
    return ready;
  }

  #drop(delta: Delta): void {
    this.#deltas.delete(nameOf(delta.replica, delta.first));
    this.#bytes -= sizeOf(delta);
  }

  #waitFor(dot: Dot, delta: Delta): void {
    const name = nameOf(dot.replica, dot.counter);
    const missed = this.#missed.get(name);
    if (missed !== undefined) missed.waiting.add(delta);
    else this.#missed.set(name, { dot, waiting: new Set([delta]) });
  }
}

/** A dependency of `delta` that `seen` lacks; `undefined` where it may apply. */
export function firstMissing(delta: Delta, seen: Seen): Dot | undefined {
  return delta.dependencies.find(({ replica, counter }) => !seen.has(replica, counter));
}

function nameOf(replica: string, counter: number): string {
  return `${replica}${counter}`;
}
