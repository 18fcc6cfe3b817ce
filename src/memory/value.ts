/**
 * Values of the app as bytes: lib0's `any` encoding with canonical choices (SPEC.md section 2).
 *
 * What lib0 leaves open is settled here: properties in order of their UTF-16 code units, −0 as 0, one
 * NaN, `undefined` properties left out. lib0's own decoder trusts its input (it reads past the end,
 * nests without end and sets prototypes), so reading is done here.
 */

import * as lib0 from 'lib0/encoding';
import { writeBigInt64, writeUint8, writeVarString, writeVarUint8Array } from 'lib0/encoding';
import {
  DecodeError,
  type Decoder,
  decodeTotal,
  type Encoder,
  encode,
  readByte,
  readBytes,
  readExactText,
  readSized,
  readUint,
} from '../util/codec.ts';
import { MeshError } from '../util/errors.ts';
import { isWellFormed } from './keys.ts';
import { BOUNDS } from './types.ts';

/** What a record can hold: JSON, bytes and 64-bit integers. */
export type Value =
  | null
  | boolean
  | number
  | string
  | bigint
  | Uint8Array
  | readonly Value[]
  | { readonly [property: string]: Value | undefined };

const TAG = {
  bytes: 116,
  array: 117,
  object: 118,
  string: 119,
  true: 120,
  false: 121,
  bigint: 122,
  float64: 123,
  float32: 124,
  integer: 125,
  null: 126,
} as const;

const CANONICAL_NAN = 0x7ff8000000000000n;

/**
 * Writes `value`. Equal values have equal bytes.
 * @throws MeshError `bad-argument` where it is, or holds, anything but JSON types, Uint8Array and
 * bigint within 64 bits, or is nested deeper than `BOUNDS.depth`.
 */
export function writeValue(encoder: Encoder, value: unknown, depth = 0): void {
  if (depth > BOUNDS.depth) throw badValue(`is nested deeper than ${BOUNDS.depth} levels`);
  switch (typeof value) {
    case 'number':
      return writeNumber(encoder, value);
    case 'string':
      if (!isWellFormed(value)) throw badValue('holds text with half of a surrogate pair');
      return lib0.writeAny(encoder, value);
    case 'boolean':
      return lib0.writeAny(encoder, value);
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) throw badValue('holds a bigint of over 64 bits');
      return lib0.writeAny(encoder, value);
    case 'object':
      if (value === null) return lib0.writeAny(encoder, null);
      return writeObject(encoder, value, depth);
    default:
      throw badValue(`is or holds a ${typeof value}`);
  }
}

/**
 * The bytes of `value`.
 * @throws MeshError as `writeValue` does, and `value-too-large` above `BOUNDS.payloadBytes`.
 */
export function encodeValue(value: unknown): Uint8Array {
  const bytes = encode((encoder) => writeValue(encoder, value));
  checkSize(bytes.length);
  return bytes;
}

/** @throws MeshError `value-too-large` where a payload of `bytes` bytes is over the bound. */
export function checkSize(bytes: number): void {
  if (bytes <= BOUNDS.payloadBytes) return;
  throw new MeshError(
    'value-too-large',
    `A value takes ${bytes} bytes, more than ${BOUNDS.payloadBytes}. Nothing changed; keep large content in a document, or in parts.`,
  );
}

/** Reads one value of untrusted bytes. */
export function readValue(decoder: Decoder, depth = 0): Value {
  if (depth > BOUNDS.depth) throw new DecodeError('value nested too deep');
  const tag = readByte(decoder);
  switch (tag) {
    case TAG.null:
      return null;
    case TAG.true:
      return true;
    case TAG.false:
      return false;
    case TAG.integer:
      return readInteger(decoder);
    case TAG.float32:
      return dataView(decoder, 4).getFloat32(0);
    case TAG.float64:
      return dataView(decoder, 8).getFloat64(0);
    case TAG.bigint:
      return dataView(decoder, 8).getBigInt64(0);
    case TAG.string:
      return readExactText(decoder, BOUNDS.payloadBytes);
    case TAG.bytes:
      return readSized(decoder, BOUNDS.payloadBytes).slice();
    case TAG.array: {
      const items: Value[] = [];
      for (let left = readUint(decoder); left > 0; left--) {
        items.push(readValue(decoder, depth + 1));
      }
      return items;
    }
    case TAG.object:
      return readObject(decoder, depth);
    default:
      throw new DecodeError('no tag of a value');
  }
}

/** The value that is all of `bytes`; `undefined` where they are none. */
export function decodeValue(bytes: Uint8Array): Value | undefined {
  return decodeTotal(bytes, readValue);
}

function writeNumber(encoder: Encoder, value: number): void {
  if (Number.isNaN(value)) {
    writeUint8(encoder, TAG.float64);
    writeBigInt64(encoder, CANONICAL_NAN);
  } else {
    lib0.writeAny(encoder, value === 0 ? 0 : value);
  }
}

function writeObject(encoder: Encoder, value: object, depth: number): void {
  if (value instanceof Uint8Array) {
    writeUint8(encoder, TAG.bytes);
    writeVarUint8Array(encoder, value);
    return;
  }
  if (Array.isArray(value)) {
    writeUint8(encoder, TAG.array);
    lib0.writeVarUint(encoder, value.length);
    // By index: an empty slot is `undefined`, and refused as that.
    for (let i = 0; i < value.length; i++) writeValue(encoder, value[i], depth + 1);
    return;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype as object) !== null) {
    throw badValue('holds an object that is neither plain, an array nor a Uint8Array');
  }
  const properties = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  writeUint8(encoder, TAG.object);
  lib0.writeVarUint(encoder, properties.length);
  for (const [name, each] of properties) {
    if (!isWellFormed(name)) throw badValue('holds a property with half of a surrogate pair');
    writeVarString(encoder, name);
    writeValue(encoder, each, depth + 1);
  }
}

function readObject(decoder: Decoder, depth: number): Value {
  const object: Record<string, Value> = {};
  for (let left = readUint(decoder); left > 0; left--) {
    const name = readExactText(decoder, BOUNDS.payloadBytes);
    const value = readValue(decoder, depth + 1);
    // An assignment to `__proto__` would set the prototype.
    if (name === '__proto__') {
      Object.defineProperty(object, name, {
        value,
        configurable: true,
        enumerable: true,
        writable: true,
      });
    } else {
      object[name] = value;
    }
  }
  return object;
}

/** lib0's signed varint: 6 bits and a sign in the first byte, 7 in each further. */
function readInteger(decoder: Decoder): number {
  const first = readByte(decoder);
  let magnitude = first & 63;
  if (first >= 128) {
    magnitude += readUint(decoder) * 64;
    if (magnitude > Number.MAX_SAFE_INTEGER) throw new DecodeError('integer over the safe range');
  }
  return (first & 64) === 0 || magnitude === 0 ? magnitude : -magnitude;
}

function dataView(decoder: Decoder, length: number): DataView {
  const bytes = readBytes(decoder, length);
  return new DataView(bytes.buffer, bytes.byteOffset, length);
}

function badValue(why: string): MeshError {
  return new MeshError(
    'bad-argument',
    `The value ${why}. Values are JSON types, Uint8Array and 64-bit bigint. Nothing changed.`,
  );
}
