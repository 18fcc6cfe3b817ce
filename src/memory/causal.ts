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

/** How much may wait; what comes beyond it is not taken, and reconciliation brings it later. */
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
  readonly #names = new Set<string>();
  #bytes = 0;

  constructor(limits: WaitingLimits = WAITING_LIMITS) {
    this.#limits = limits;
  }

  /** How many deltas wait. */
  get size(): number {
    return this.#names.size;
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

  /** Takes `delta`, which lacks a cause in `seen`; false where it is not taken for want of room. */
  add(delta: Delta, seen: Seen): boolean {
    const name = nameOf(delta.replica, delta.first);
    if (this.#names.has(name)) return true;
    const bytes = sizeOf(delta);
    if (this.size >= this.#limits.deltas || this.#bytes + bytes > this.#limits.bytes) return false;
    this.#names.add(name);
    this.#bytes += bytes;
    this.#waitFor(firstMissing(delta, seen) as Dot, delta);
    return true;
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
    for (const delta of ready) {
      this.#names.delete(nameOf(delta.replica, delta.first));
      this.#bytes -= sizeOf(delta);
    }
    return ready;
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
