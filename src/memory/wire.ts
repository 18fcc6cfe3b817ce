/** The smallest pieces of memory in frames and on the disk: numbers, replicas, dots. */

import { verifyLen, writeVarUint } from 'lib0/encoding';
import { hexByteAt } from '../util/bytes.ts';
import {
  DecodeError,
  type Decoder,
  type Encoder,
  readHex,
  readUint,
  writeHex,
} from '../util/codec.ts';
import { BOUNDS, type Dot, REPLICA_BYTES, type ReplicaId } from './types.ts';

export const writeUint: (encoder: Encoder, value: number) => void = writeVarUint;

/** A length and `bytes`. lib0 takes a view of them, for which small arrays leave the heap for good. */
export function writeSized(encoder: Encoder, bytes: Uint8Array): void {
  writeUint(encoder, bytes.length);
  verifyLen(encoder, bytes.length);
  encoder.cbuf.set(bytes, encoder.cpos);
  encoder.cpos += bytes.length;
}

/** The 8 bytes of a replica. */
export function writeReplica(encoder: Encoder, replica: ReplicaId): void {
  writeHex(encoder, replica, REPLICA_BYTES);
}

/** What was read last: most dots that are read are of few writers, whose name is then one string. */
let recent: ReplicaId = '';

export function readReplica(decoder: Decoder): ReplicaId {
  let same = 0;
  while (same < REPLICA_BYTES && decoder.arr[decoder.pos + same] === hexByteAt(recent, same))
    same++;
  if (same < REPLICA_BYTES) recent = readHex(decoder, REPLICA_BYTES);
  else decoder.pos += REPLICA_BYTES;
  return recent;
}

/** A dot's counter or a record's time: at most `BOUNDS.counter`. */
export function readCounter(decoder: Decoder): number {
  const counter = readUint(decoder);
  if (counter > BOUNDS.counter) throw new DecodeError('counter out of bounds');
  return counter;
}

export function writeDot(encoder: Encoder, { replica, counter }: Dot): void {
  writeReplica(encoder, replica);
  writeUint(encoder, counter);
}

export function readDot(decoder: Decoder): Dot {
  return { replica: readReplica(decoder), counter: readCounter(decoder) };
}
