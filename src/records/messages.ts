/**
 * What records say beside rumors and reconciliation: in causal rooms, which writes are missed, and the
 * deltas that hold them (SPEC.md C3). Tags are above those of reconciliation, on the same channel.
 */

import { writeUint8, writeUint8Array } from 'lib0/encoding';
import { decodeDelta, encodeDelta } from '../memory/codec.ts';
import type { Delta, Dot } from '../memory/types.ts';
import { readDot, writeDot, writeUint } from '../memory/wire.ts';
import { decodeTotal, encode, readByte, readList, readRest } from '../util/codec.ts';

const MISSING = 128;
const DELTA = 129;
/** Dots that one message asks for. */
export const MAX_MISSING = 256;

export type RecordsMessage =
  /** The sender waits for these writes. */
  | { readonly type: 'missing'; readonly dots: readonly Dot[] }
  /** A delta that was asked for. */
  | { readonly type: 'delta'; readonly delta: Delta };

/** Whether the message is one of these, and not of reconciliation. */
export function isRecordsMessage(payload: Uint8Array): boolean {
  return (payload[0] ?? 0) >= MISSING;
}

export function encodeRecordsMessage(message: RecordsMessage): Uint8Array {
  return encode((encoder) => {
    if (message.type === 'delta') {
      writeUint8(encoder, DELTA);
      writeUint8Array(encoder, encodeDelta(message.delta));
      return;
    }
    writeUint8(encoder, MISSING);
    writeUint(encoder, message.dots.length);
    for (const dot of message.dots) writeDot(encoder, dot);
  });
}

/** The message that is all of `payload`; `undefined` where it is none. */
export function decodeRecordsMessage(payload: Uint8Array): RecordsMessage | undefined {
  return decodeTotal(payload, (decoder): RecordsMessage | undefined => {
    switch (readByte(decoder)) {
      case MISSING:
        return { type: 'missing', dots: readList(decoder, MAX_MISSING, readDot) };
      case DELTA: {
        const delta = decodeDelta(readRest(decoder));
        return delta && { type: 'delta', delta };
      }
      default:
        return undefined;
    }
  });
}
