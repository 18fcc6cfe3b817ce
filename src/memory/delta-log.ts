/**
 * Recent deltas by dot, so that one that went missing can be had without a walk (SPEC.md C3).
 *
 * Bounded by writes and by bytes; what came first goes first.
 */

import type { Delta, Dot, ReplicaId } from './types.ts';

/** How much a log keeps. */
export interface LogLimits {
  /** Writes, over all deltas. Default 16,384. */
  readonly writes: number;
  /** Bytes, by `sizeOf`. Default 8 MiB. */
  readonly bytes: number;
}

/** What a dot object takes. */
const DOT_BYTES = 32;

export const LOG_LIMITS: LogLimits = { writes: 16_384, bytes: 8 * 1024 * 1024 };

export class DeltaLog {
  readonly #limits: LogLimits;
  /** In the order in which they came. */
  readonly #queue = new Set<Delta>();
  /** By replica, in ascending order of `first`. */
  readonly #replicas = new Map<ReplicaId, Delta[]>();
  #writes = 0;
  #bytes = 0;

  constructor(limits: LogLimits = LOG_LIMITS) {
    this.#limits = limits;
  }

  /** Bytes that it keeps, by `sizeOf`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps `delta`, and lets the oldest go where there is too much; one with its dots is kept once. */
  add(delta: Delta): void {
    const deltas = this.#replicas.get(delta.replica);
    if (deltas === undefined) {
      this.#replicas.set(delta.replica, [delta]);
    } else {
      const at = firstAfter(deltas, delta.first);
      if (covers(deltas[at - 1], delta.first)) return;
      deltas.splice(at, 0, delta);
    }
    this.#queue.add(delta);
    this.#writes += delta.writes.length;
    this.#bytes += sizeOf(delta);
    for (const oldest of this.#queue) {
      if (this.#writes <= this.#limits.writes && this.#bytes <= this.#limits.bytes) break;
      this.#drop(oldest);
    }
  }

  /** The delta that has `dot`; `undefined` where it is not kept. */
  find({ replica, counter }: Dot): Delta | undefined {
    const deltas = this.#replicas.get(replica);
    const delta = deltas?.[firstAfter(deltas, counter) - 1];
    return covers(delta, counter) ? delta : undefined;
  }

  /** Lets go of the deltas of `replica` that have a dot from `counter` on. */
  forget(replica: ReplicaId, counter: number): void {
    const deltas = this.#replicas.get(replica) ?? [];
    for (const delta of [...deltas]) {
      if (delta.first + delta.writes.length > counter) this.#drop(delta);
    }
  }

  #drop(delta: Delta): void {
    this.#queue.delete(delta);
    this.#writes -= delta.writes.length;
    this.#bytes -= sizeOf(delta);
    const deltas = this.#replicas.get(delta.replica) as Delta[];
    deltas.splice(firstAfter(deltas, delta.first) - 1, 1);
    if (deltas.length === 0) this.#replicas.delete(delta.replica);
  }
}

/** About how many bytes `delta` takes in memory. */
export function sizeOf({ writes, dependencies }: Delta): number {
  let bytes = dependencies.length * DOT_BYTES;
  for (const { key, removed, payload } of writes) {
    bytes += key.length + removed.length * DOT_BYTES + (payload?.length ?? 0);
  }
  return bytes;
}

function covers(delta: Delta | undefined, counter: number): delta is Delta {
  return (
    delta !== undefined && delta.first <= counter && counter < delta.first + delta.writes.length
  );
}

/** Index of the first delta whose first counter is above `counter`. */
function firstAfter(deltas: readonly Delta[], counter: number): number {
  let low = 0;
  let high = deltas.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((deltas[middle] as Delta).first <= counter) low = middle + 1;
    else high = middle;
  }
  return low;
}
