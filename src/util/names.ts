/** Names of documents, topics and aggregates: well-formed UTF-8, the same bytes wherever passed on. */

import * as encoding from 'lib0/encoding';
import { DecodeError, type Decoder, type Encoder, readExactText } from './codec.ts';

/** Longest name, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 1_024;

/** Whether `name` may name something: 1 to `MAX_NAME_BYTES` bytes of well-formed UTF-8. */
export function isName(name: unknown): name is string {
  if (typeof name !== 'string' || name === '') return false;
  const bytes = new TextEncoder().encode(name);
  const isWellFormed = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) === name;
  return isWellFormed && bytes.length <= MAX_NAME_BYTES;
}

/** Writes a name, its length in front. */
export function writeNameText(encoder: Encoder, name: string): void {
  encoding.writeVarUint8Array(encoder, new TextEncoder().encode(name));
}

/** Reads a name, strictly: whoever passes it on writes the very bytes that came. */
export function readNameText(decoder: Decoder): string {
  const name = readExactText(decoder, MAX_NAME_BYTES);
  if (name === '') throw new DecodeError('an empty name');
  return name;
}
