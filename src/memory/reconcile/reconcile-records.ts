/** Records as they are sent between memories, and made of it again. */

import { equalBytes } from '../../util/bytes.ts';
import { type ContextView, seenOf } from '../context.ts';
import type { MemorySide } from '../join.ts';
import type { RecordEntry } from '../leaf.ts';
import { findDot, linked, valuesOf } from '../record.ts';
import type { MemorySnapshot } from '../trie/trie-memory.ts';
import { compareDots, type Dot, type DottedRecord, type RecordKey } from '../types.ts';
import type { Recent } from './reconcile-messages.ts';
import type { SentEntry, SentRecord, SentValue } from './reconcile-wire.ts';

const NOTHING = new Uint8Array();

/** `record` to be sent, without the payloads that the other side `has`, and about how many bytes it takes. */
export function sentRecord(
  key: RecordKey,
  record: DottedRecord | undefined,
  has: (dot: Dot) => boolean,
): { record: SentRecord; bytes: number } {
  const values: SentValue[] = [];
  let bytes = key.length + 2;
  for (const value of valuesOf(record)) {
    const { replica, counter, payload } = value;
    const isKnown = has(value);
    values.push({ replica, counter, payload: isKnown ? undefined : payload });
    bytes += 5 + (isKnown ? 0 : payload.length);
  }
  return { record: { key, values }, bytes };
}

/**
 * Their record, made of what they sent and of `mine`. A value without payload that this side does not
 * hold was removed here, and is left out. `flawed` where a dot is not in the contexts that must have it.
 */
export function recordFrom(
  { values }: SentRecord,
  mine: DottedRecord | undefined,
  myContext: ContextView,
  theirContext: ContextView,
): DottedRecord | undefined | 'flawed' {
  const kept: DottedRecord[] = [];
  for (const value of values) {
    const { replica, counter } = value;
    if (!theirContext.has(replica, counter)) return 'flawed';
    const payload = value.payload ?? findDot(mine, value)?.payload;
    if (payload !== undefined) kept.push({ replica, counter, payload, next: undefined });
    else if (!myContext.has(replica, counter)) return 'flawed';
  }
  return linked(kept);
}

/** Whether `record` has the very dots of `sent`, and the payloads that it names. */
export function isSameRecord(record: DottedRecord | undefined, sent: SentRecord): boolean {
  const dots = [...valuesOf(record)];
  return (
    dots.length === sent.values.length &&
    dots.every((dot, i) => {
      const value = sent.values[i] as SentValue;
      const isSame = value.payload === undefined || equalBytes(value.payload, dot.payload);
      return isSame && compareDots(dot, value) === 0;
    })
  );
}

/** What of records that came can be taken at once: values, and of the context their dots alone (R1). */
export function additionsOf(records: readonly SentRecord[]): MemorySide | undefined {
  const taken = new Map<RecordKey, DottedRecord | undefined>();
  const dots: Dot[] = [];
  for (const { key, values } of records) {
    const added: DottedRecord[] = [];
    for (const { replica, counter, payload } of values) {
      if (payload !== undefined) added.push({ replica, counter, payload, next: undefined });
    }
    if (added.length === 0) continue;
    dots.push(...added);
    taken.set(key, linked(added));
  }
  return taken.size === 0 ? undefined : { context: seenOf(dots), records: taken };
}

/** A frontier as it was sent. */
export function frontierOf(dots: readonly Dot[]): DottedRecord | undefined {
  const values = dots.map(({ replica, counter }) => ({
    replica,
    counter,
    payload: NOTHING,
    next: undefined,
  }));
  return linked(values.sort(compareDots));
}

/** The other side of a join, where all of it is known: what differs from `mine`. */
export function sideOf(
  mine: MemorySnapshot,
  theirs: MemorySnapshot,
  frontier: readonly Dot[],
): MemorySide {
  const records = new Map<RecordKey, DottedRecord | undefined>();
  for (const difference of mine.records.differences(theirs.records)) {
    const { key } = (difference.mine ?? difference.other) as RecordEntry;
    records.set(key, difference.other?.record);
  }
  return { context: theirs.context, records, frontier: frontierOf(frontier) };
}

/**
 * What `now` holds otherwise than `base`, which both sides have: whole records and parts of the context,
 * without payloads that are in `base` or in `theirs`. `undefined` where that takes more than `limit` bytes.
 */
export function changesOf(
  base: MemorySnapshot,
  now: MemorySnapshot,
  limit: number,
  theirs?: MemorySnapshot,
): { entries: SentEntry[]; records: SentRecord[] } | undefined {
  let room = limit;
  const entries: SentEntry[] = [];
  for (const { mine, other } of base.contexts.differences(now.contexts)) {
    const replica = (other ?? mine)?.replica as string;
    const intervals = other?.intervals;
    room -= 9 + 4 * (intervals?.intervals ?? 0);
    if (room < 0) return undefined;
    entries.push({ replica, intervals });
  }
  const records: SentRecord[] = [];
  for (const { mine, other } of base.records.differences(now.records)) {
    const key = (other ?? mine)?.key as RecordKey;
    const known = [mine?.record, theirs?.get(key)];
    const sent = sentRecord(key, other?.record, (dot) =>
      known.some((record) => findDot(record, dot) !== undefined),
    );
    room -= sent.bytes;
    if (room < 0) return undefined;
    records.push(sent.record);
  }
  return { entries, records };
}

/** The memory that `changesOf` told of, over the same `base`; `undefined` where it does not fit. */
export function changedMemory(
  base: MemorySnapshot,
  { entries, records }: Pick<Recent, 'entries' | 'records'>,
  mine?: MemorySnapshot,
): MemorySnapshot | undefined {
  const changed = new Map<RecordKey, DottedRecord | undefined>();
  for (const { key, values } of records) {
    const known = [base.get(key), mine?.get(key)];
    const kept: DottedRecord[] = [];
    for (const value of values) {
      const held = known.map((record) => findDot(record, value)).find((found) => found);
      const payload = value.payload ?? held?.payload;
      if (payload === undefined) return undefined;
      kept.push({ replica: value.replica, counter: value.counter, payload, next: undefined });
    }
    changed.set(key, linked(kept));
  }
  const memory = base.replaced(
    changed,
    new Map(entries.map(({ replica, intervals }) => [replica, intervals])),
  );
  const isSeen = (dot: Dot) => memory.context.has(dot.replica, dot.counter);
  return records.every(({ values }) => values.every(isSeen)) ? memory : undefined;
}
