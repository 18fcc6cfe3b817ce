/**
 * Record keys: type letter, collection name, U+0000, entry, as one string (SPEC.md section 1).
 *
 * The part up to and with U+0000 names the collection, so the records of a collection share it. A
 * key's UTF-8 is its canonical form.
 */

import { MeshError } from '../util/errors.ts';
import { BOUNDS, type RecordKey } from './types.ts';

/** The letter of each type of record, which begins its keys. */
export const TYPES = {
  map: 'm',
  register: 'r',
  set: 's',
  flag: 'f',
  counter: 'c',
  pattern: 'p',
  /** The episodes of one pattern: a set, whose name is the collection's, U+0001, the pattern's id. */
  patternEpisodes: 'o',
  /** An app's log of episodes: a map that is only added to. */
  episodes: 'e',
  /** Presence dots of Yjs documents, by name. */
  document: 'd',
} as const;

export type RecordType = keyof typeof TYPES;

/** The part of record keys that a collection's records share. */
export type CollectionKey = string;

const TYPE_OF = new Map<string, RecordType>();
for (const [type, letter] of Object.entries(TYPES)) TYPE_OF.set(letter, type as RecordType);

const END = '\u0000';
const ID = '\u0001';
const utf8 = new TextEncoder();

/**
 * The key of the collection `name` of `type`.
 * @throws MeshError `bad-argument` where the name is empty, over `BOUNDS.nameBytes` in UTF-8, not
 * well-formed, or holds U+0000 or U+0001.
 */
export function collectionKey(type: RecordType, name: string): CollectionKey {
  if (typeof name !== 'string' || name === '' || !isText(name, BOUNDS.nameBytes)) {
    throw badKey(`The name of a ${type}`, `1 to ${BOUNDS.nameBytes} bytes of well-formed text`);
  }
  if (name.includes(END) || name.includes(ID)) {
    throw badKey(`The name of a ${type}`, 'text without U+0000 and U+0001');
  }
  return `${TYPES[type]}${name}${END}`;
}

/**
 * The key of the episodes of pattern `id` in the collection `name` of patterns.
 * @throws MeshError `bad-argument` as `collectionKey` and `recordKey` do, and where the id holds U+0000.
 */
export function patternEpisodesKey(name: string, id: string): CollectionKey {
  const patterns = collectionKey('pattern', name);
  if (recordKey(patterns, id).indexOf(END, patterns.length) >= 0) {
    throw badKey("A pattern's id", 'text without U+0000');
  }
  return `${TYPES.patternEpisodes}${name}${ID}${id}${END}`;
}

/**
 * The key of `entry` in `collection`.
 * @throws MeshError `bad-argument` where the entry is no well-formed text of at most
 * `BOUNDS.entryBytes` in UTF-8.
 */
export function recordKey(collection: CollectionKey, entry: string): RecordKey {
  if (typeof entry !== 'string' || !isText(entry, BOUNDS.entryBytes)) {
    throw badKey('A key', `at most ${BOUNDS.entryBytes} bytes of well-formed text`);
  }
  return collection + entry;
}

/** The collection that `key` belongs to. */
export function collectionOf(key: RecordKey): CollectionKey {
  return key.slice(0, key.indexOf(END) + 1);
}

/** The entry that `key` names within its collection. */
export function entryOf(key: RecordKey): string {
  return key.slice(key.indexOf(END) + 1);
}

/** The type of the record; `undefined` where the key begins with no type's letter. */
export function typeOf(key: RecordKey): RecordType | undefined {
  return TYPE_OF.get(key.charAt(0));
}

/** The collection's name. */
export function nameOf(collection: CollectionKey): string {
  return collection.slice(1, collection.indexOf(END));
}

/** Whether `key`, which is well-formed text, is one that the functions above could have made. */
export function isRecordKey(key: string): boolean {
  const type = typeOf(key);
  const end = key.indexOf(END);
  if (type === undefined || end < 2) return false;
  const name = key.slice(1, end);
  const at = name.indexOf(ID);
  if (!isText(key.slice(end + 1), BOUNDS.entryBytes)) return false;
  if (type !== 'patternEpisodes') return at < 0 && isText(name, BOUNDS.nameBytes);
  return (
    at > 0 &&
    isText(name.slice(0, at), BOUNDS.nameBytes) &&
    isText(name.slice(at + 1), BOUNDS.entryBytes)
  );
}

/** Whether `text` is well-formed UTF-16 of at most `limit` bytes in UTF-8. */
function isText(text: string, limit: number): boolean {
  // Three bytes a code unit are the most that UTF-8 takes, so most texts need not be encoded.
  if (text.length * 3 > limit && (text.length > limit || utf8.encode(text).length > limit)) {
    return false;
  }
  return isWellFormed(text);
}

/** Whether `text` has no surrogate without its other half, which UTF-8 cannot write. */
export function isWellFormed(text: string): boolean {
  // The first is much faster, and says enough of most texts.
  return !/[\ud800-\udfff]/.test(text) || !/\p{Surrogate}/u.test(text);
}

function badKey(what: string, expected: string): MeshError {
  return new MeshError('bad-argument', `${what} is to be ${expected}. Nothing changed.`);
}
