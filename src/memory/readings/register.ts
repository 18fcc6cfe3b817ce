/**
 * Registers, and the entries of maps: a value with a time. A write replaces every value that its
 * writer sees; those that stand side by side were written at once, unseen by each other.
 *
 * The reading is the latest by (time, replica, counter). A time is no clock: it is one more than the
 * greatest in the same record, so a page whose clock is wrong wins nothing (Lamport, 1978).
 */

import { type Decoder, decodeTotal, encode, readRest } from '../../util/codec.ts';
import { valuesOf } from '../record.ts';
import type { Writer } from '../transaction.ts';
import { BOUNDS, type DottedRecord, type RecordKey } from '../types.ts';
import { checkSize, decodeValue, type Value, writeValue } from '../value.ts';
import { readCounter, writeUint } from '../wire.ts';

/** The value of the record; `undefined` where it holds none. */
export function readRegister(record: DottedRecord | undefined): Value | undefined {
  const latest = byTime(record).at(-1);
  return latest === undefined ? undefined : decodeValue(latest.bytes);
}

/**
 * All values that stand side by side, the one that is read first; more than one where tabs wrote at
 * once. Equal values of different writers stand there as often as they were written.
 */
export function readConflicts(record: DottedRecord | undefined): Value[] {
  return byTime(record)
    .reverse()
    .map(({ bytes }) => decodeValue(bytes) as Value);
}

/**
 * Writes `value` in place of all that the record holds.
 * @throws MeshError as `encodeValue` does.
 */
export function writeRegister(writer: Writer, key: RecordKey, value: unknown): void {
  const latest = byTime(writer.get(key)).at(-1)?.time ?? 0;
  const payload = encode((encoder) => {
    writeUint(encoder, Math.min(latest + 1, BOUNDS.counter));
    writeValue(encoder, value);
  });
  checkSize(payload.length);
  writer.put(key, payload);
}

/** Whether `payload` is a time and a value. */
export function isRegisterPayload(payload: Uint8Array): boolean {
  const timed = decodeTotal(payload, readTimed);
  return timed !== undefined && decodeValue(timed.bytes) !== undefined;
}

interface Timed {
  readonly time: number;
  /** The encoded value. */
  readonly bytes: Uint8Array;
}

function readTimed(decoder: Decoder): Timed {
  return { time: readCounter(decoder), bytes: readRest(decoder) };
}

/** By ascending time, and for one time by dot. */
function byTime(record: DottedRecord | undefined): Timed[] {
  const all: Timed[] = [];
  for (const { payload } of valuesOf(record)) {
    const timed = decodeTotal(payload, readTimed);
    if (timed !== undefined) all.push(timed);
  }
  // The sort is stable, and the values of a record are in order of dots.
  return all.sort((a, b) => a.time - b.time);
}
