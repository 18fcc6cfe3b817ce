/** The smallest pieces of memory in frames and on the disk: numbers, replicas, dots. */

import { writeUint32BigEndian, writeVarUint } from 'lib0/encoding';
import { toHex } from '../util/bytes.ts';
import { DecodeError, type Decoder, type Encoder, readBytes, readUint } from '../util/codec.ts';
import { BOUNDS, type Dot, REPLICA_BYTES, type ReplicaId } from './types.ts';

export const writeUint: (encoder: Encoder, value: number) => void = writeVarUint;

/** The 8 bytes of a replica. */
export function writeReplica(encoder: Encoder, replica: ReplicaId): void {
  writeUint32BigEndian(encoder, Number.parseInt(replica.slice(0, 8), 16));
  writeUint32BigEndian(encoder, Number.parseInt(replica.slice(8), 16));
}

export function readReplica(decoder: Decoder): ReplicaId {
  return toHex(readBytes(decoder, REPLICA_BYTES));
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
