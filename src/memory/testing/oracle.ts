/**
 * What is true of a history of shared memory, noted as it happens, and what must hold of any memory
 * at any time: nothing in its context is missing unless an operation removed it, nothing that it knows
 * to be removed is there, and counters count exactly what the context holds.
 */

import { toHex } from '../../util/bytes.ts';
import type { ContextView } from '../context.ts';
import { typeOf } from '../keys.ts';
import { decodeTotals, readCount } from '../readings/counter.ts';
import { findDot, valuesOf } from '../record.ts';
import type { Delta, Dot, DottedRecord, RecordKey, ReplicaId } from '../types.ts';

/** A memory as the oracle looks at it: a replica, a pin, or what is on a disk. */
export interface Held {
  readonly context: ContextView;
  get(key: RecordKey): DottedRecord | undefined;
  entries(): Iterable<readonly [RecordKey, DottedRecord]>;
}

interface Written {
  readonly key: RecordKey;
  readonly payload: Uint8Array | undefined;
}

/** What one replica added to one counter in one epoch, in order. */
interface Additions {
  readonly key: RecordKey;
  readonly replica: ReplicaId;
  readonly writes: { readonly counter: number; readonly amount: number }[];
}

export class Oracle {
  readonly #writes = new Map<string, Written>();
  readonly #removed = new Set<string>();
  readonly #additions = new Map<string, Additions>();

  readonly #deltas: Delta[] = [];

  /** Notes a local delta and what it added to counters, by key. */
  note(delta: Delta, amounts: ReadonlyMap<RecordKey, number>): void {
    this.#deltas.push(delta);
    for (const [index, { key, removed, payload }] of delta.writes.entries()) {
      const dot = { replica: delta.replica, counter: delta.first + index };
      this.#writes.set(nameOf(dot), { key, payload });
      this.#noteAddition(dot, key, payload, amounts.get(key) ?? 0);
      for (const gone of removed) this.#removed.add(nameOf(gone));
    }
  }

  /** What is wrong with `held`, in words. */
  judge(held: Held): string[] {
    const wrongs: string[] = [];
    const counts = this.#counts(held.context);
    for (const dot of dotsOf(held.context)) {
      const name = nameOf(dot);
      const written = this.#writes.get(name);
      if (written === undefined) {
        wrongs.push(`${name} was never written`);
        continue;
      }
      const { key, payload } = written;
      const value = findDot(held.get(key), dot);
      if (value === undefined && payload !== undefined && !this.#removed.has(name)) {
        wrongs.push(`${name} of ${key} is missing, and nothing removed it`);
      }
      if (value !== undefined && value.payload !== payload && !sameBytes(value.payload, payload)) {
        wrongs.push(`${name} of ${key} holds something else`);
      }
    }
    for (const [key, record] of held.entries()) {
      for (const value of valuesOf(record)) {
        if (!held.context.has(value.replica, value.counter)) {
          wrongs.push(`${nameOf(value)} of ${key} is held, and not in the context`);
        }
      }
      if (typeOf(key) === 'counter' && readCount(record) !== (counts.get(key) ?? 0)) {
        wrongs.push(`${key} counts ${readCount(record)} instead of ${counts.get(key) ?? 0}`);
      }
    }
    return wrongs;
  }

  /** Effects that `held` shows without their causes, and parts of deltas, in words. */
  judgeCauses({ context }: Held): string[] {
    const wrongs: string[] = [];
    for (const { replica, first, writes, dependencies } of this.#deltas) {
      const known = writes.filter((_, index) => context.has(replica, first + index)).length;
      if (known === 0) continue;
      const name = nameOf({ replica, counter: first });
      if (known < writes.length) wrongs.push(`${name} is known in part`);
      for (const dot of dependencies) {
        if (!context.has(dot.replica, dot.counter)) {
          wrongs.push(`${name} is shown without ${nameOf(dot)}`);
        }
      }
    }
    return wrongs;
  }

  #noteAddition(
    { replica, counter }: Dot,
    key: RecordKey,
    payload: Uint8Array | undefined,
    amount: number,
  ): void {
    if (typeOf(key) !== 'counter' || payload === undefined) return;
    const name = `${key} ${replica} ${decodeTotals(payload)?.epoch}`;
    const additions = this.#additions.get(name) ?? { key, replica, writes: [] };
    additions.writes.push({ counter, amount });
    this.#additions.set(name, additions);
  }

  /** What counters are to read: a replica's last write that is known tells of all before it. */
  #counts(context: ContextView): Map<RecordKey, number> {
    const counts = new Map<RecordKey, number>();
    for (const { key, replica, writes } of this.#additions.values()) {
      const last = writes.findLastIndex(({ counter }) => context.has(replica, counter));
      const sum = writes.slice(0, last + 1).reduce((total, { amount }) => total + amount, 0);
      counts.set(key, (counts.get(key) ?? 0) + sum);
    }
    return counts;
  }
}

/** Everything of a memory as text: equal exactly where the memories are. */
export function dump(held: Held): string {
  const records = [...held.entries()]
    .map(([key, record]) => `${key} ${Array.from(valuesOf(record), dumpValue).join(' ')}`)
    .sort();
  const context = [...held.context]
    .map(([replica, intervals]) => `${replica} ${JSON.stringify([...intervals])}`)
    .sort();
  return [...records, ...context].join('\n');
}

/** The names of dots that `held` knows to be gone. */
export function goneFrom(held: Held): string[] {
  const live = new Set(liveIn(held));
  return Array.from(dotsOf(held.context), nameOf).filter((name) => !live.has(name));
}

/** The names of dots that live in `held`. */
export function liveIn(held: Held): string[] {
  return [...held.entries()].flatMap(([, record]) => Array.from(valuesOf(record), nameOf));
}

/** All dots of a context. */
function* dotsOf(context: ContextView): Generator<Dot> {
  for (const [replica, intervals] of context) {
    for (const [start, end] of intervals) {
      for (let counter = start; counter < end; counter++) yield { replica, counter };
    }
  }
}

function dumpValue(value: DottedRecord): string {
  return `${nameOf(value)}:${toHex(value.payload)}`;
}

/** A dot as text. */
export function nameOf({ replica, counter }: Dot): string {
  return `${replica}/${counter}`;
}

function sameBytes(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return b !== undefined && toHex(a) === toHex(b);
}
