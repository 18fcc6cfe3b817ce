/**
 * What the tries of a memory hold: records, and what the context has of each replica (SPEC.md section 6).
 *
 * Where an item hangs is a hash of its name. What it holds is hashed with the bucket that it is in, as
 * it is where it is short: most records are, and so they are hashed once and not twice.
 */

import type { IntervalSet } from '../util/intervals.ts';
import { type Hasher, hasher, type Packed } from './hasher.ts';
import type { TrieItem } from './trie/trie-nodes.ts';
import type { DottedRecord, RecordKey, ReplicaId } from './types.ts';

const KEY_DOMAIN = 16;
const RECORD_DOMAIN = 17;
const REPLICA_DOMAIN = 18;
const ENTRY_DOMAIN = 19;

/** What takes more is hashed by itself: about so many bytes of a record, intervals of an entry. */
const SHORT_BYTES = 96;
const SHORT_INTERVALS = 8;
/** What a dot and a length take. */
const DOT_BYTES = 12;

/** H(record key): where the record hangs in the trie of records. */
export function hashKey(key: RecordKey): Packed {
  hasher.of(KEY_DOMAIN).text(key);
  return hasher.hash();
}

/** H(replica): where a replica's part of the context hangs in the trie of contexts. */
export function hashReplica(replica: ReplicaId): Packed {
  hasher.of(REPLICA_DOMAIN).replica(replica);
  return hasher.hash();
}

/** An item that is hashed as it is, or by the hash of what it holds where that is long. */
abstract class Entry implements TrieItem {
  abstract readonly path: Packed;
  #hash: Packed | undefined;

  write(to: Hasher): void {
    if (this.#hash === undefined) return this.writeAll(to);
    // No content begins so.
    to.byte(0);
    to.codes(this.#hash);
  }

  /** What it holds is long. */
  protected shorten(domain: number): void {
    this.writeAll(hasher.of(domain));
    this.#hash = hasher.hash();
  }

  protected abstract writeAll(to: Hasher): void;
}

/** A record with its key. */
export class RecordEntry extends Entry {
  readonly path: Packed;
  readonly key: RecordKey;
  readonly record: DottedRecord;

  constructor(key: RecordKey, record: DottedRecord) {
    super();
    this.path = hashKey(key);
    this.key = key;
    this.record = record;
    let bytes = key.length;
    for (let each: DottedRecord | undefined = record; each !== undefined; each = each.next) {
      bytes += DOT_BYTES + each.payload.length;
    }
    if (bytes > SHORT_BYTES) this.shorten(RECORD_DOMAIN);
  }

  protected writeAll(to: Hasher): void {
    to.text(this.key);
    let values = 0;
    for (let each: DottedRecord | undefined = this.record; each; each = each.next) values++;
    to.uint(values);
    for (let each: DottedRecord | undefined = this.record; each; each = each.next) {
      to.replica(each.replica);
      to.uint(each.counter);
      to.uint(each.payload.length);
      to.bytes(each.payload);
    }
  }
}

/** What a context holds of a replica; not to be changed. */
export class ContextEntry extends Entry {
  readonly path: Packed;
  readonly replica: ReplicaId;
  readonly intervals: IntervalSet;

  constructor(replica: ReplicaId, intervals: IntervalSet) {
    super();
    this.path = hashReplica(replica);
    this.replica = replica;
    this.intervals = intervals;
    if (intervals.intervals > SHORT_INTERVALS) this.shorten(ENTRY_DOMAIN);
  }

  protected writeAll(to: Hasher): void {
    to.uint(this.intervals.intervals);
    to.replica(this.replica);
    let previous = 0;
    for (const [start, end] of this.intervals) {
      to.uint(start - previous);
      to.uint(end - start);
      previous = end;
    }
  }
}
