/**
 * A replica id that someone else uses too, as in a profile restored from a copy (SPEC.md R9).
 *
 * It shows where own dots come from outside that this memory never let out, or with another content.
 */

import { equalBytes } from '../util/bytes.ts';
import type { ContextView } from './context.ts';
import type { DeltaLog } from './delta-log.ts';
import { typeOf } from './keys.ts';
import { rebased } from './readings/counter.ts';
import { valuesOf, without, withValue } from './record.ts';
import type { RecordStore } from './store.ts';
import type { Delta, Dot, DottedRecord, RecordKey, ReplicaId } from './types.ts';

/** Which dots a memory knows to be its own. */
export interface OwnDots {
  readonly id: ReplicaId;
  /** The first counter that is this session's. */
  readonly since: number;
  /** From here on nothing left this tab. */
  readonly published: number;
  /** The next counter to use. */
  readonly next: number;
  readonly log: DeltaLog;
}

/** What a value that moves to another id is written as. */
export interface Move {
  readonly key: RecordKey;
  readonly removed: readonly Dot[];
  readonly payload: Uint8Array;
}

/** Whether `delta` shows that someone else writes with the own id. */
export function isTwinsDelta(delta: Delta, own: OwnDots): boolean {
  const { replica, first, writes, dependencies } = delta;
  if (replica === own.id) {
    const isOther = writes.some(({ key, payload }, index) =>
      isTwins({ replica, counter: first + index }, key, payload, own),
    );
    if (isOther) return true;
  }
  const isUnpublished = (dot: Dot) => dot.replica === own.id && dot.counter >= own.published;
  return (
    dependencies.some(isUnpublished) || writes.some((write) => write.removed.some(isUnpublished))
  );
}

/** Whether records and context of another memory show that someone else writes with the own id. */
export function isTwinsSide(
  records: ReadonlyMap<RecordKey, DottedRecord | undefined>,
  context: ContextView | undefined,
  own: OwnDots,
): boolean {
  if ((context?.of(own.id)?.end() ?? 0) > own.published) return true;
  for (const [key, record] of records) {
    for (const value of valuesOf(record)) {
      if (value.replica === own.id && isTwins(value, key, value.payload, own)) return true;
    }
  }
  return false;
}

/**
 * Takes the own values from counter `from` on out of `store`, puts back the totals in `bases` from before
 * it, and gives what to write instead, in epoch 0.
 */
export function rewritten(
  store: RecordStore,
  own: OwnDots,
  from: number,
  bases: ReadonlyMap<RecordKey, DottedRecord>,
): Move[] {
  const isMoving = (value: DottedRecord) =>
    value.replica === own.id && value.counter >= from && value.counter < own.next;
  const moves: Move[] = [];
  for (const [key, record] of [...store.entries()]) {
    const values = [...valuesOf(record)].filter(isMoving);
    // The types leave one value of a session in a record.
    const value = values.at(-1);
    if (value === undefined) continue;
    const kept = bases.get(key);
    const base = kept !== undefined && kept.counter < from ? kept : undefined;
    const rest = without(record, isMoving);
    store.put(key, base === undefined ? rest : withValue(rest, base, base.payload));
    moves.push({
      key,
      removed: values.filter(({ counter }) => counter < own.published),
      payload: typeOf(key) === 'counter' ? rebased(value.payload, base?.payload, 0) : value.payload,
    });
  }
  return moves;
}

/** Whether an own dot that came from outside is not the write that this memory made with it. */
function isTwins(dot: Dot, key: RecordKey, payload: Uint8Array | undefined, own: OwnDots): boolean {
  if (dot.counter >= own.published) return true;
  if (dot.counter < own.since) return false;
  const delta = own.log.find(dot);
  const write = delta?.writes[dot.counter - delta.first];
  if (write === undefined) return false;
  if (write.key !== key) return true;
  if (write.payload === undefined || payload === undefined) return write.payload !== payload;
  return !equalBytes(write.payload, payload);
}
