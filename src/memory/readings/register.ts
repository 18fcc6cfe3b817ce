/**
 * Registers, and the entries of maps: a value with a time. A write replaces every value that its
 * writer sees; those that stand side by side were written at once, unseen by each other.
 *
 * The reading is the latest by (time, replica, counter). A time is no clock: it is one more than the
 * greatest in the same record, so a page whose clock is wrong wins nothing (Lamport, 1978).
 */

import { createDecoder } from 'lib0/decoding';
import { decodeTotal, encode } from '../../util/codec.ts';
import { valuesOf } from '../record.ts';
import type { Writer } from '../transaction.ts';
import { BOUNDS, type DottedRecord, type RecordKey } from '../types.ts';
import { checkSize, readValue, type Value, writeValue } from '../value.ts';
import { readCounter, writeUint } from '../wire.ts';

/** The value of the record; `undefined` where it holds none. */
export function readRegister(record: DottedRecord | undefined): Value | undefined {
  const read = latest(record);
  return read && valueIn(read.payload);
}

/**
 * All values that stand side by side, the one that is read first; more than one where tabs wrote at
 * once. Equal values of different writers stand there as often as they were written.
 */
export function readConflicts(record: DottedRecord | undefined): Value[] {
  // The sort is stable, and the values of a record are in order of dots.
  const all = [...valuesOf(record)].sort((a, b) => timeOf(a.payload) - timeOf(b.payload));
  return all.reverse().map(({ payload }) => valueIn(payload) as Value);
}

/**
 * Writes `value` in place of all that the record holds.
 * @throws MeshError as `encodeValue` does.
 */
export function writeRegister(writer: Writer, key: RecordKey, value: unknown): void {
  const read = latest(writer.get(key));
  const time = read === undefined ? 1 : Math.min(timeOf(read.payload) + 1, BOUNDS.counter);
  const payload = encode((encoder) => {
    writeUint(encoder, time);
    writeValue(encoder, value);
  });
  checkSize(payload.length);
  writer.put(key, payload);
}

/** Whether `payload` is a time and a value. */
export function isRegisterPayload(payload: Uint8Array): boolean {
  return valueIn(payload) !== undefined;
}

/** What is read of a record: the latest by time, and for one time by dot. */
function latest(record: DottedRecord | undefined): DottedRecord | undefined {
  let best = record;
  for (let each = record?.next; each !== undefined; each = each.next) {
    if (timeOf(each.payload) >= timeOf((best as DottedRecord).payload)) best = each;
  }
  return best;
}

/** The time that a payload begins with. */
function timeOf(payload: Uint8Array): number {
  return readCounter(createDecoder(payload));
}

/** The value that comes after it; `undefined` where there is none. */
function valueIn(payload: Uint8Array): Value | undefined {
  return decodeTotal(payload, (decoder) => {
    readCounter(decoder);
    return readValue(decoder);
  });
}
