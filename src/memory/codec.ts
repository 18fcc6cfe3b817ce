/**
 * Deltas, records and keys as bytes (SPEC.md section 3). Readers are for untrusted bytes: they check
 * every bound and that each payload is one of its record's type, so what was read can be merged and
 * read without a doubt. Payloads are copied, so that a value does not keep its frame in memory.
 */

import { writeUint8, writeVarString } from 'lib0/encoding';
import {
  DecodeError,
  type Decoder,
  decodeTotal,
  type Encoder,
  encode,
  readExactText,
  readFlag,
  readList,
  readSized,
} from '../util/codec.ts';
import { isRecordKey, typeOf } from './keys.ts';
import { decodeTotals } from './readings/counter.ts';
import { decodeObservation } from './readings/pattern.ts';
import { elementOf, isPresencePayload } from './readings/presence.ts';
import { isRegisterPayload } from './readings/register.ts';
import { linked, valuesOf } from './record.ts';
import {
  BOUNDS,
  compareDots,
  type Delta,
  type Dot,
  type DottedRecord,
  type RecordKey,
  type Write,
} from './types.ts';
import {
  readCounter,
  readDot,
  readReplica,
  writeDot,
  writeReplica,
  writeSized,
  writeUint,
} from './wire.ts';

/** Whether `payload` is one that the type of record `key` reads. */
export function isPayloadOf(key: RecordKey, payload: Uint8Array): boolean {
  switch (typeOf(key)) {
    case 'map':
    case 'register':
    case 'episodes':
      return isRegisterPayload(payload);
    case 'counter':
      return decodeTotals(payload) !== undefined;
    case 'pattern':
      return decodeObservation(payload) !== undefined;
    case 'set':
      return isPresencePayload(payload) && elementOf(key) !== undefined;
    case 'flag':
    case 'document':
    case 'patternEpisodes':
      return isPresencePayload(payload);
    case undefined:
      return false;
  }
}

export function writeKey(encoder: Encoder, key: RecordKey): void {
  writeVarString(encoder, key);
}

export function readKey(decoder: Decoder): RecordKey {
  const key = readExactText(decoder, BOUNDS.keyBytes);
  if (!isRecordKey(key)) throw new DecodeError('not a record key');
  return key;
}

export function writeRecord(encoder: Encoder, record: DottedRecord): void {
  const values = [...valuesOf(record)];
  writeUint(encoder, values.length);
  for (const value of values) {
    writeDot(encoder, value);
    writeSized(encoder, value.payload);
  }
}

/** The record of `key`: at least one value, in ascending order of dots. */
export function readRecord(decoder: Decoder, key: RecordKey): DottedRecord {
  const values = readList(decoder, BOUNDS.dots, (each): DottedRecord => {
    const { replica, counter } = readDot(each);
    return { replica, counter, payload: readPayload(each, key), next: undefined };
  });
  for (const [index, value] of values.entries()) {
    const previous = values[index - 1];
    if (previous !== undefined && compareDots(previous, value) >= 0) {
      throw new DecodeError('dots not in order');
    }
  }
  const record = linked(values);
  if (record === undefined) throw new DecodeError('a record without values');
  return record;
}

/** `delta` as bytes. */
export function encodeDelta(delta: Delta): Uint8Array {
  return encode((encoder) => {
    writeReplica(encoder, delta.replica);
    writeUint(encoder, delta.first);
    writeDots(encoder, delta.dependencies);
    writeUint(encoder, delta.writes.length);
    for (const { key, removed, payload } of delta.writes) {
      writeKey(encoder, key);
      writeDots(encoder, removed);
      writeUint8(encoder, payload === undefined ? 0 : 1);
      if (payload !== undefined) writeSized(encoder, payload);
    }
  });
}

/** The delta that is all of `bytes`; `undefined` where they are none. */
export function decodeDelta(bytes: Uint8Array): Delta | undefined {
  return decodeTotal(bytes, readDelta);
}

function readDelta(decoder: Decoder): Delta {
  const replica = readReplica(decoder);
  const first = readCounter(decoder);
  const dependencies = readList(decoder, BOUNDS.dependencies, readDot);
  let counter = first;
  const writes = readList(decoder, BOUNDS.writes, (each) => readWrite(each, replica, counter++));
  if (writes.length === 0) throw new DecodeError('a delta without writes');
  if (counter - 1 > BOUNDS.counter) throw new DecodeError('counter out of bounds');
  if (dependencies.some((dot) => dot.replica === replica && dot.counter >= first)) {
    throw new DecodeError('a delta that depends on itself');
  }
  return { replica, first, writes, dependencies };
}

function readWrite(decoder: Decoder, replica: string, counter: number): Write {
  const key = readKey(decoder);
  const removed = readList(decoder, BOUNDS.dots, readDot);
  // A writer knows its own writes up to this one alone; anything else would not merge alike twice.
  if (removed.some((dot) => dot.replica === replica && dot.counter >= counter)) {
    throw new DecodeError('a write that removes a later one');
  }
  return { key, removed, payload: readFlag(decoder) ? readPayload(decoder, key) : undefined };
}

function readPayload(decoder: Decoder, key: RecordKey): Uint8Array {
  const payload = readSized(decoder, BOUNDS.payloadBytes);
  if (!isPayloadOf(key, payload)) throw new DecodeError('not a payload of the record');
  return payload.slice();
}

function writeDots(encoder: Encoder, dots: readonly Dot[]): void {
  writeUint(encoder, dots.length);
  for (const dot of dots) writeDot(encoder, dot);
}
