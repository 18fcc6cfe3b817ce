/** Several Yjs updates in one byte array: a row of the log, or the payload of a rumor. */

import { writeVarUint, writeVarUint8Array } from 'lib0/encoding';
import {
  type Decoder,
  decodeTotal,
  type Encoder,
  encode,
  readList,
  readSized,
} from '../util/codec.ts';

/** Most updates in one batch, and most bytes, which a single update may be over. */
const MAX_BATCH = 65_536;
const MAX_BATCH_BYTES = 8 * 1024 * 1024;

/** `updates` cut into batches, in order. */
export function* batches(updates: readonly Uint8Array[]): Generator<Uint8Array[]> {
  let batch: Uint8Array[] = [];
  let bytes = 0;
  for (const update of updates) {
    const isFull = batch.length === MAX_BATCH || bytes + update.length > MAX_BATCH_BYTES;
    if (isFull && batch.length > 0) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(update);
    bytes += update.length;
  }
  if (batch.length > 0) yield batch;
}

export function writeUpdates(encoder: Encoder, updates: readonly Uint8Array[]): void {
  writeVarUint(encoder, updates.length);
  for (const update of updates) writeVarUint8Array(encoder, update);
}

export function readUpdates(decoder: Decoder): Uint8Array[] {
  return readList(decoder, MAX_BATCH, (d) => readSized(d, Number.MAX_SAFE_INTEGER));
}

export function packUpdates(updates: readonly Uint8Array[]): Uint8Array {
  return encode((encoder) => writeUpdates(encoder, updates));
}

/** The updates of a batch as views, or `undefined` where the bytes are none. */
export function unpackUpdates(bytes: Uint8Array): Uint8Array[] | undefined {
  return decodeTotal(bytes, readUpdates);
}
