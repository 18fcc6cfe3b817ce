/**
 * One record as a set of dotted values, and the one merge of all memory.
 *
 * A dotted value is kept if both sides hold it, or if one holds it and the other's context has not
 * seen its dot (the optimized observed-remove set: Bieniusa et al., 2012; dotted stores: Almeida,
 * Shoker, Baquero, "Delta State Replicated Data Types", 2018). Records are immutable lists, so a
 * snapshot of one is a reference to it.
 */

import { equalBytes } from '../util/bytes.ts';
import type { Seen } from './context.ts';
import {
  compareDots,
  type Dot,
  type DottedRecord,
  type RecordKey,
  type ReplicaId,
} from './types.ts';

/** The dotted values of `record` in order of dots. */
export function* valuesOf(record: DottedRecord | undefined): Generator<DottedRecord> {
  for (let each = record; each !== undefined; each = each.next) yield each;
}

/** Who wrote what `records` hold. */
export function* writersOf(
  records: ReadonlyMap<RecordKey, DottedRecord | undefined>,
): Generator<ReplicaId> {
  for (const record of records.values()) {
    for (const { replica } of valuesOf(record)) yield replica;
  }
}

/** Whether two records hold the same values. */
export function isEqualRecord(a: DottedRecord | undefined, b: DottedRecord | undefined): boolean {
  let [mine, other] = [a, b];
  for (; mine !== undefined && other !== undefined; mine = mine.next, other = other.next) {
    if (mine === other) return true;
    if (mine.replica !== other.replica || mine.counter !== other.counter) return false;
    if (!equalBytes(mine.payload, other.payload)) return false;
  }
  return mine === other;
}

/** Whether `record` holds `dot`, and with what. */
export function findDot(record: DottedRecord | undefined, dot: Dot): DottedRecord | undefined {
  for (let each = record; each !== undefined; each = each.next) {
    if (each.counter === dot.counter && each.replica === dot.replica) return each;
  }
  return undefined;
}

/**
 * The one merge. `mine` and `theirs` are the same record at two memories, and each context tells what
 * its memory has seen. Where the result is `mine`, it is that very object.
 */
export function mergeRecords(
  mine: DottedRecord | undefined,
  seenByMine: Seen,
  theirs: DottedRecord | undefined,
  seenByTheirs: Seen,
): DottedRecord | undefined {
  const kept: DottedRecord[] = [];
  let [left, right] = [mine, theirs];
  while (left !== undefined || right !== undefined) {
    const order = left === undefined ? 1 : right === undefined ? -1 : compareDots(left, right);
    if (order === 0) {
      kept.push(sameDot(left as DottedRecord, right as DottedRecord));
      left = left?.next;
      right = right?.next;
    } else if (order < 0) {
      const { replica, counter } = left as DottedRecord;
      if (!seenByTheirs.has(replica, counter)) kept.push(left as DottedRecord);
      left = left?.next;
    } else {
      const { replica, counter } = right as DottedRecord;
      if (!seenByMine.has(replica, counter)) kept.push(right as DottedRecord);
      right = right?.next;
    }
  }
  return linked(kept);
}

/** `record` without the values that `isGone` tells of. */
export function without(
  record: DottedRecord | undefined,
  isGone: (value: DottedRecord) => boolean,
): DottedRecord | undefined {
  const kept: DottedRecord[] = [];
  for (let each = record; each !== undefined; each = each.next) if (!isGone(each)) kept.push(each);
  return linked(kept);
}

/** `record` with one more dotted value, whose dot it does not hold. */
export function withValue(
  record: DottedRecord | undefined,
  { replica, counter }: Dot,
  payload: Uint8Array,
): DottedRecord {
  if (record === undefined) return { replica, counter, payload, next: undefined };
  const added: DottedRecord = { replica, counter, payload, next: undefined };
  const values = [...valuesOf(record)];
  const at = values.findIndex((value) => compareDots(value, added) > 0);
  values.splice(at < 0 ? values.length : at, 0, added);
  return linked(values) as DottedRecord;
}

/** The list of `values`, which are in order of dots; what can be kept of their own links is kept. */
export function linked(values: readonly DottedRecord[]): DottedRecord | undefined {
  let list: DottedRecord | undefined;
  for (let i = values.length - 1; i >= 0; i--) {
    const { replica, counter, payload, next } = values[i] as DottedRecord;
    list = next === list ? (values[i] as DottedRecord) : { replica, counter, payload, next: list };
  }
  return list;
}

/**
 * One of two values with one dot. They differ only where a replica id was used twice (SPEC.md R9); the
 * greater bytes win then, so that all memories choose alike.
 */
function sameDot(mine: DottedRecord, theirs: DottedRecord): DottedRecord {
  if (mine.payload === theirs.payload) return mine;
  return compareBytes(theirs.payload, mine.payload) > 0 ? theirs : mine;
}

/** −, 0 or + by the first byte that differs, then by length. */
function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
