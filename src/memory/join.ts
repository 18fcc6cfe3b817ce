/**
 * The other side of a join, and what a join of two snapshots gives (SPEC.md R1 to R3).
 */

import type { IntervalSet } from '../util/intervals.ts';
import type { ContextView } from './context.ts';
import { mergeRecords } from './record.ts';
import type { Pin } from './store.ts';
import type { DottedRecord, RecordKey, ReplicaId } from './types.ts';

/** Another memory at one instant, as far as it is known here. */
export interface MemorySide {
  /** Its context of that instant. */
  readonly context: ContextView;
  /** Its records of that instant; `undefined` where it is known to hold nothing. */
  readonly records: ReadonlyMap<RecordKey, DottedRecord | undefined>;
  /** In causal rooms: its frontier of that instant. */
  readonly frontier?: DottedRecord | undefined;
}

/** The keys that a join has to look at: those in which the sides differed, and `touched`. */
export function* sideKeys(side: MemorySide, touched: Iterable<RecordKey>): Generator<RecordKey> {
  yield* side.records.keys();
  for (const key of touched) if (!side.records.has(key)) yield key;
}

/** Their record of `key`: as they sent it, or where that is not needed, the same as in `pin`. */
export function theirRecord(
  side: MemorySide,
  key: RecordKey,
  pin: Pin | undefined,
): DottedRecord | undefined {
  return side.records.has(key) ? side.records.get(key) : pin?.get(key);
}

/** In what the join of two snapshots differs from the own one. */
export interface PinnedJoin {
  readonly records: ReadonlyMap<RecordKey, DottedRecord | undefined>;
  readonly replicas: ReadonlyMap<ReplicaId, IntervalSet>;
}

/** In what `pin` ⊔ `side` differs from `pin`. Both sides come to the same join. */
export function joinedPin(pin: Pin, side: MemorySide): PinnedJoin {
  const records = new Map<RecordKey, DottedRecord | undefined>();
  for (const [key, theirs] of side.records) {
    const mine = pin.get(key);
    const merged = mergeRecords(mine, pin.context, theirs, side.context);
    if (merged !== mine) records.set(key, merged);
  }
  const replicas = new Map<ReplicaId, IntervalSet>();
  for (const [replica, theirs] of side.context) {
    const joined = pin.context.of(replica)?.copy();
    if (joined === undefined) replicas.set(replica, theirs);
    else if (joined.addAll([...theirs])) replicas.set(replica, joined);
  }
  return { records, replicas };
}
