/**
 * What is hashed of the memory: record keys, records, and a replica's part of the context.
 *
 * Each hash is SHA-256 over a byte that says what it is of, then canonical bytes, so equal hashes mean
 * equal content and no hash of one kind passes for another (SPEC.md section 6). Domain bytes from
 * 16 on are these; the trie has those below.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { writeUint8, writeVarUint8Array } from 'lib0/encoding';
import { fromHex } from '../util/bytes.ts';
import { encode } from '../util/codec.ts';
import type { IntervalSet } from '../util/intervals.ts';
import { writeIntervals } from './context.ts';
import type { DottedRecord, RecordKey, ReplicaId } from './types.ts';
import { writeDot } from './wire.ts';

const KEY_DOMAIN = 16;
const RECORD_DOMAIN = 17;
const REPLICA_DOMAIN = 18;
const ENTRY_DOMAIN = 19;

const utf8 = new TextEncoder();

/** H(record key): where the record hangs in the trie of records. 32 bytes. */
export function hashKey(key: RecordKey): Uint8Array {
  return hashOf(KEY_DOMAIN, utf8.encode(key));
}

/** H(dots and payloads) of a record: with `hashKey`, its item in the trie. 32 bytes. */
export function hashRecord(record: DottedRecord): Uint8Array {
  return sha256(
    encode((encoder) => {
      writeUint8(encoder, RECORD_DOMAIN);
      for (let each: DottedRecord | undefined = record; each !== undefined; each = each.next) {
        writeDot(encoder, each);
        writeVarUint8Array(encoder, each.payload);
      }
    }),
  );
}

/** H(replica): where a replica's part of the context hangs in the trie of contexts. 32 bytes. */
export function hashReplica(replica: ReplicaId): Uint8Array {
  return hashOf(REPLICA_DOMAIN, fromHex(replica) as Uint8Array);
}

/** H(a replica's intervals), canonical: its item in the trie of contexts. 32 bytes. */
export function hashEntry(intervals: IntervalSet): Uint8Array {
  return sha256(
    encode((encoder) => {
      writeUint8(encoder, ENTRY_DOMAIN);
      writeIntervals(encoder, intervals);
    }),
  );
}

function hashOf(domain: number, bytes: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + bytes.length);
  input[0] = domain;
  input.set(bytes, 1);
  return sha256(input);
}
