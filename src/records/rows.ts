/**
 * Records as rows of a store, under the prefix `memory` (SPEC.md R6 to R8):
 *
 * - `row`, key: the dotted values of one record
 * - `seen`, replica: what the context holds of one replica
 * - `lease`, replica: how far its counters are reserved
 * - `log`, version: which records and replicas that version wrote, of the latest versions
 * - `state`: the version, which counts the transactions that wrote, and the frontier of causal rooms
 */

import { readKey, readRecord, writeKey, writeRecord } from '../memory/codec.ts';
import { Context, readIntervals, seenOf, writeIntervals } from '../memory/context.ts';
import { isRecordKey } from '../memory/keys.ts';
import { frontierOf } from '../memory/reconcile/reconcile-records.ts';
import { valuesOf } from '../memory/record.ts';
import {
  BOUNDS,
  type DottedRecord,
  isReplicaId,
  type RecordKey,
  type ReplicaId,
} from '../memory/types.ts';
import { readDot, readReplica, writeDot, writeReplica, writeUint } from '../memory/wire.ts';
import type { StoreKey, StoreTransaction } from '../ports/store.ts';
import { type Decoder, decodeTotal, encode, readList, readUint } from '../util/codec.ts';
import type { IntervalSet } from '../util/intervals.ts';
import { SEEN } from './stored.ts';

const ROWS: StoreKey = ['memory', 'row'];
const STATE: StoreKey = ['memory', 'state'];
const NOTHING = new Uint8Array();

const LOG: StoreKey = ['memory', 'log'];

/** So many versions are in the log, unless they wrote more records than it names of one. */
const LOG_VERSIONS = 64;
const LOG_KEYS = 1_024;

/** What a store holds of records, at one instant. */
export interface DiskImage {
  /** `undefined` where nothing was ever written. */
  readonly version: number | undefined;
  readonly records: ReadonlyMap<RecordKey, DottedRecord>;
  readonly context: Context;
  readonly frontier: DottedRecord | undefined;
  /** Keys of rows that cannot be read. Where there are any, the context covers `records` alone. */
  readonly damaged: readonly StoreKey[];
}

/** Which version is stored, and its frontier. */
export interface DiskState {
  readonly version: number | undefined;
  readonly frontier: DottedRecord | undefined;
}

/** The version of what is stored; `undefined` where nothing is, or it cannot be read. */
export async function readState(rows: StoreTransaction): Promise<DiskState> {
  const bytes = await rows.get(STATE);
  const state =
    bytes &&
    decodeTotal(bytes, (decoder) => ({
      version: readUint(decoder),
      frontier: frontierOf(readList(decoder, BOUNDS.dependencies, readDot)),
    }));
  return state ?? { version: undefined, frontier: undefined };
}

export function putState(
  rows: StoreTransaction,
  version: number,
  frontier: DottedRecord | undefined,
): Promise<void> {
  const dots = [...valuesOf(frontier)];
  const bytes = encode((encoder) => {
    writeUint(encoder, version);
    writeUint(encoder, dots.length);
    for (const dot of dots) writeDot(encoder, dot);
  });
  return rows.put(STATE, bytes);
}

/** Writes a record's row, or takes it away where the record holds nothing. */
export function putRecord(
  rows: StoreTransaction,
  key: RecordKey,
  record: DottedRecord | undefined,
): Promise<void> {
  if (record === undefined) return rows.delete([...ROWS, key]);
  return rows.put(
    [...ROWS, key],
    encode((encoder) => writeRecord(encoder, record)),
  );
}

/** Writes what is held of a replica. */
export function putSeen(
  rows: StoreTransaction,
  replica: ReplicaId,
  intervals: IntervalSet | undefined,
): Promise<void> {
  if (intervals === undefined) return rows.delete([...SEEN, replica]);
  return rows.put(
    [...SEEN, replica],
    encode((encoder) => writeIntervals(encoder, intervals)),
  );
}

/** What some records and replicas are on the disk, at one instant. */
export interface DiskChanges {
  readonly records: ReadonlyMap<RecordKey, DottedRecord | undefined>;
  readonly seen: ReadonlyMap<ReplicaId, IntervalSet | undefined>;
}

/** Notes what a version writes, so that other tabs need not read all to find it. */
export function putLog(
  rows: StoreTransaction,
  version: number,
  keys: readonly RecordKey[],
  replicas: readonly ReplicaId[],
): Promise<unknown> {
  const outdated = rows.delete([...LOG, version - LOG_VERSIONS]);
  if (keys.length + replicas.length > LOG_KEYS) return outdated;
  const bytes = encode((encoder) => {
    writeUint(encoder, keys.length);
    for (const key of keys) writeKey(encoder, key);
    writeUint(encoder, replicas.length);
    for (const replica of replicas) writeReplica(encoder, replica);
  });
  return Promise.all([outdated, rows.put([...LOG, version], bytes)]);
}

/**
 * What versions after `since`, up to `version`, wrote, and those of `keys` and `replicas`; `undefined`
 * where the log does not tell, and `readImage` does.
 */
export async function readChanges(
  rows: StoreTransaction,
  since: number,
  version: number,
  keys: Iterable<RecordKey>,
  replicas: Iterable<ReplicaId>,
): Promise<DiskChanges | undefined> {
  if (since >= version || version - since > LOG_VERSIONS) return undefined;
  const log = await rows.scan(LOG, [...LOG, since]);
  const entries = log.map(({ value }) => decodeTotal(value, readLogEntry));
  if (log.length !== version - since || entries.includes(undefined)) return undefined;
  const names = [...new Set([...keys, ...entries.flatMap((entry) => entry?.keys ?? [])])];
  const writers = [...new Set([...replicas, ...entries.flatMap((entry) => entry?.replicas ?? [])])];
  const [stored, seen] = await Promise.all([
    Promise.all(names.map((key) => rows.get([...ROWS, key]))),
    Promise.all(writers.map((replica) => rows.get([...SEEN, replica]))),
  ]);
  const records = stored.map((bytes, i) =>
    decodeTotal(bytes ?? NOTHING, (decoder) => readRecord(decoder, names[i] as RecordKey)),
  );
  const intervals = seen.map((bytes) => decodeTotal(bytes ?? NOTHING, readIntervals));
  const isDamaged = (bytes: readonly unknown[], read: readonly unknown[]) =>
    bytes.some((each, i) => each !== undefined && read[i] === undefined);
  if (isDamaged(stored, records) || isDamaged(seen, intervals)) return undefined;
  return {
    records: new Map(names.map((key, i) => [key, records[i]])),
    seen: new Map(writers.map((replica, i) => [replica, intervals[i]])),
  };
}

function readLogEntry(decoder: Decoder): { keys: RecordKey[]; replicas: ReplicaId[] } {
  return {
    keys: readList(decoder, LOG_KEYS, readKey),
    replicas: readList(decoder, LOG_KEYS, readReplica),
  };
}

/** All that is stored. Never the context without its rows: it would say that they were removed. */
export async function readImage(rows: StoreTransaction): Promise<DiskImage> {
  const [{ version, frontier }, stored, seen] = await Promise.all([
    readState(rows),
    rows.scan(ROWS),
    rows.scan(SEEN),
  ]);
  const damaged: StoreKey[] = [];
  const records = new Map<RecordKey, DottedRecord>();
  for (const { key, value } of stored) {
    const name = String(key[2]);
    const record = isRecordKey(name)
      ? decodeTotal(value, (decoder) => readRecord(decoder, name))
      : undefined;
    if (record === undefined) damaged.push(key);
    else records.set(name, record);
  }
  const context = new Context();
  for (const { key, value } of seen) {
    const replica = String(key[2]);
    const intervals = decodeTotal(value, readIntervals);
    if (isReplicaId(replica) && intervals !== undefined) context.replace(replica, intervals);
    else damaged.push(key);
  }
  if (damaged.length === 0) return { version, records, context, frontier, damaged };
  const dots = [...records.values()].flatMap((record) => [...valuesOf(record)]);
  return { version, records, context: seenOf(dots), frontier, damaged };
}
