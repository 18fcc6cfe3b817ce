/**
 * Records that hold no more than that they are there: elements of sets (add-wins), flags
 * (enable-wins), and documents that exist. A write replaces all dots that its writer sees; the
 * reading is whether any dot is left, so who adds at the same time as another removes prevails.
 */

import { type CollectionKey, entryOf, recordKey } from '../keys.ts';
import type { Writer } from '../transaction.ts';
import type { RecordKey } from '../types.ts';
import { decodeValue, encodeValue, type Value } from '../value.ts';

const NOTHING = new Uint8Array();

/** Makes the record present. One that is present is written anew, which outlives a removal at once. */
export function makePresent(writer: Writer, key: RecordKey): void {
  writer.put(key, NOTHING);
}

/** Whether `payload` is that of a presence: empty. */
export function isPresencePayload(payload: Uint8Array): boolean {
  return payload.length === 0;
}

/**
 * The key of the element `value` in the set `set`: its canonical bytes, a character each, so equal
 * values are one element.
 * @throws MeshError `bad-argument` where it is no value, or over `BOUNDS.entryBytes`.
 */
export function elementKey(set: CollectionKey, value: unknown): RecordKey {
  let entry = '';
  for (const byte of encodeValue(value)) entry += String.fromCharCode(byte);
  return recordKey(set, entry);
}

/** The element that `key` names; `undefined` where its entry is not a value in canonical form. */
export function elementOf(key: RecordKey): Value | undefined {
  const entry = entryOf(key);
  const bytes = Uint8Array.from(entry, (character) => character.charCodeAt(0));
  const value = decodeValue(bytes);
  if (value === undefined) return undefined;
  return elementKey('', value) === entry ? value : undefined;
}
