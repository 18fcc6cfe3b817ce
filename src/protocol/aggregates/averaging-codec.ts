/** The bytes of averaging exchanges (SPEC.md, section 9): what two neighbors say of their aggregates. */

import * as encoding from 'lib0/encoding';
import {
  DecodeError,
  type Decoder,
  decodeTotal,
  type Encoder,
  encode,
  readBytes,
  readFlag,
  readList,
  readUint,
} from '../../util/codec.ts';
import { readNameText, writeNameText } from '../../util/names.ts';
import type { ShortId } from '../wire.ts';
import { readShort, writeShort } from '../wire-codec.ts';

/** Aggregates that a tab takes part in, its own and those it hears of. */
export const MAX_AGGREGATES = 256;
/** Claims about extremes in one exchange: two of each side's. */
const MAX_CLAIMS = 4;
/** Greatest size of a value; larger ones could not be added up. */
export const MAX_MAGNITUDE = 1e100;
/** Sums and flows may be as much larger as a room has tabs, and more. */
const MAX_FLOW = 1e115;
/** Versions of claims stay below this. */
export const MAX_CLAIM_VERSION = 2 ** 42;
/** Age of a claim after which it is not believed any more, in milliseconds. */
export const CLAIM_MAX_AGE_MS = 300_000;
const AGE_UNIT_MS = 1_000;

/** What averaging moves about: values, and how many tabs have set one. */
export interface Mass {
  readonly value: number;
  readonly weight: number;
}

/** The latest that a tab said of its own value; the greater version holds. */
export interface Claim {
  readonly holder: ShortId;
  readonly version: number;
  /** `undefined` once the holder has none. */
  readonly value: number | undefined;
  /** Milliseconds since the holder said so. */
  readonly age: number;
}

/** One aggregate in an exchange. */
export interface ExchangeItem {
  readonly name: string;
  /** What the sender gave to the receiver so far, less what it got. */
  readonly flow: Mass;
  /** The sender's estimate of the mean over all tabs. */
  readonly estimate: Mass;
  readonly claims: readonly Claim[];
}

/** A question, or the answer with the same sequence. */
export interface Exchange {
  readonly isAnswer: boolean;
  readonly sequence: number;
  readonly items: readonly ExchangeItem[];
}

/** The bytes of one exchange. */
export function encodeExchange(exchange: Exchange): Uint8Array {
  return encode((encoder) => {
    encoding.writeUint8(encoder, exchange.isAnswer ? 1 : 0);
    encoding.writeVarUint(encoder, exchange.sequence);
    encoding.writeVarUint(encoder, exchange.items.length);
    for (const { name, flow, estimate, claims } of exchange.items) {
      writeNameText(encoder, name);
      writeMass(encoder, flow);
      writeMass(encoder, estimate);
      encoding.writeVarUint(encoder, claims.length);
      for (const claim of claims) writeClaim(encoder, claim);
    }
  });
}

/** The exchange that `bytes` hold, or `undefined` where they hold none. */
export function decodeExchange(bytes: Uint8Array): Exchange | undefined {
  return decodeTotal(bytes, (decoder) => ({
    isAnswer: readFlag(decoder),
    sequence: readUint(decoder),
    items: readList(decoder, MAX_AGGREGATES, (item) => ({
      name: readNameText(item),
      flow: readMass(item),
      estimate: readMass(item),
      claims: readList(item, MAX_CLAIMS, readClaim),
    })),
  }));
}

function writeMass(encoder: Encoder, mass: Mass): void {
  encoding.writeFloat64(encoder, mass.value);
  encoding.writeFloat64(encoder, mass.weight);
}

function readMass(decoder: Decoder): Mass {
  return { value: readNumber(decoder, MAX_FLOW), weight: readNumber(decoder, MAX_FLOW) };
}

function writeClaim(encoder: Encoder, { holder, version, value, age }: Claim): void {
  writeShort(encoder, holder);
  encoding.writeVarUint(encoder, version);
  encoding.writeVarUint(encoder, Math.round(age / AGE_UNIT_MS));
  encoding.writeUint8(encoder, value === undefined ? 0 : 1);
  if (value !== undefined) encoding.writeFloat64(encoder, value);
}

function readClaim(decoder: Decoder): Claim {
  const holder = readShort(decoder);
  const version = readUint(decoder);
  if (version >= MAX_CLAIM_VERSION) throw new DecodeError('version over its limit');
  const age = readUint(decoder) * AGE_UNIT_MS;
  const hasValue = readFlag(decoder);
  return { holder, version, age, value: hasValue ? readNumber(decoder, MAX_MAGNITUDE) : undefined };
}

function readNumber(decoder: Decoder, limit: number): number {
  const bytes = readBytes(decoder, 8);
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getFloat64(0);
  if (!(Math.abs(value) <= limit)) throw new DecodeError('a number over its limit');
  return value;
}
