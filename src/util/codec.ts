/**
 * Reading untrusted bytes: lib0's decoders with every bound checked.
 *
 * lib0 leaves two holes for hostile input: a byte past the end reads as `undefined`, and a varint
 * may exceed the safe integers in its last group. The readers here throw instead, and `decodeTotal`
 * turns any such throw into `undefined`.
 */

import * as decoding from 'lib0/decoding';
import type { Encoder } from 'lib0/encoding';
import * as encoding from 'lib0/encoding';
import { hexByteAt, toHex } from './bytes.ts';
import { PEER_ID_BYTES, type PeerId } from './peer-id.ts';

export type { Decoder } from 'lib0/decoding';
export type { Encoder } from 'lib0/encoding';

/** What the readers throw on bytes that are not what they should be. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

/** An encoder that is not in use. Its buffer costs more than most of what is written into one. */
let idle: Encoder | undefined;

/** The bytes that `write` wrote. */
export function encode(write: (encoder: Encoder) => void): Uint8Array {
  const encoder = idle ?? encoding.createEncoder();
  // Taken while `write` runs, which may encode something itself.
  idle = undefined;
  write(encoder);
  const bytes = encoding.toUint8Array(encoder);
  if (encoder.bufs.length === 0) {
    encoder.cpos = 0;
    idle = encoder;
  }
  return bytes;
}

/** What `read` makes of all of `bytes`; `undefined` where they end early, say too much or run over. */
export function decodeTotal<T>(
  bytes: Uint8Array,
  read: (decoder: decoding.Decoder) => T | undefined,
): T | undefined {
  const decoder = decoding.createDecoder(bytes);
  try {
    const value = read(decoder);
    return decoding.hasContent(decoder) ? undefined : value;
  } catch (thrown) {
    if (thrown instanceof DecodeError) return undefined;
    throw thrown;
  }
}

/** One byte. */
export function readByte(decoder: decoding.Decoder): number {
  const byte = decoder.arr[decoder.pos];
  if (byte === undefined) throw new DecodeError('bytes end early');
  decoder.pos++;
  return byte;
}

/** A varint within the safe integers. */
export function readUint(decoder: decoding.Decoder): number {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = readByte(decoder);
    value += (byte & 127) * scale;
    if (value > Number.MAX_SAFE_INTEGER) throw new DecodeError('integer over the safe range');
    if (byte < 128) return value;
    if (scale > 2 ** 50) throw new DecodeError('varint too long');
  }
}

/** A byte that is 0 or 1. */
export function readFlag(decoder: decoding.Decoder): boolean {
  const flag = readByte(decoder);
  if (flag > 1) throw new DecodeError('not a flag');
  return flag === 1;
}

/** Exactly `length` bytes, as a view. */
export function readBytes(decoder: decoding.Decoder, length: number): Uint8Array {
  if (decoder.pos + length > decoder.arr.length) throw new DecodeError('bytes end early');
  const view = decoder.arr.subarray(decoder.pos, decoder.pos + length);
  decoder.pos += length;
  return view;
}

/** A length, refused above `limit`, and as many bytes, as a view. */
export function readSized(decoder: decoding.Decoder, limit: number): Uint8Array {
  const length = readUint(decoder);
  if (length > limit) throw new DecodeError('bytes over their limit');
  return readBytes(decoder, length);
}

/** All that is left, as a view. */
export function readRest(decoder: decoding.Decoder): Uint8Array {
  return readBytes(decoder, decoder.arr.length - decoder.pos);
}

/** UTF-8 of at most `limit` bytes. */
export function readText(decoder: decoding.Decoder, limit: number): string {
  return new TextDecoder().decode(readSized(decoder, limit));
}

const exactText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** At most `limit` bytes that are well-formed UTF-8, so that no two byte strings are one text. */
export function readExactText(decoder: decoding.Decoder, limit: number): string {
  const bytes = readSized(decoder, limit);
  try {
    return exactText.decode(bytes);
  } catch (thrown) {
    throw new DecodeError('not UTF-8', { cause: thrown });
  }
}

/** A count, refused above `limit`, and as many items. */
export function readList<T>(
  decoder: decoding.Decoder,
  limit: number,
  readItem: (decoder: decoding.Decoder) => T,
): T[] {
  const count = readUint(decoder);
  if (count > limit) throw new DecodeError('list over its limit');
  const items: T[] = [];
  for (let i = 0; i < count; i++) items.push(readItem(decoder));
  return items;
}

/** The name at the place that a byte tells. */
export function readName<T>(decoder: decoding.Decoder, names: readonly T[]): T {
  const name = names[readByte(decoder)];
  if (name === undefined) throw new DecodeError('unknown code');
  return name;
}

/** The bytes of a lower-case hexadecimal string of twice `length` digits. */
export function writeHex(encoder: Encoder, hex: string, length: number): void {
  if (hex.length !== 2 * length) throw new RangeError(`not ${length} bytes of hex: ${hex}`);
  for (let i = 0; i < length; i++) {
    const byte = hexByteAt(hex, i);
    if (byte > 255) throw new RangeError(`not hex: ${hex}`);
    encoding.write(encoder, byte);
  }
}

/** `length` bytes, in hexadecimal. */
export function readHex(decoder: decoding.Decoder, length: number): string {
  const start = decoder.pos;
  if (start + length > decoder.arr.length) throw new DecodeError('bytes end early');
  decoder.pos += length;
  return toHex(decoder.arr, start, decoder.pos);
}

/** The 16 bytes of a peer. */
export function writePeer(encoder: Encoder, id: PeerId): void {
  writeHex(encoder, id, PEER_ID_BYTES);
}

export function readPeer(decoder: decoding.Decoder): PeerId {
  return readHex(decoder, PEER_ID_BYTES);
}
