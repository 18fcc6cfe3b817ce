/**
 * The wire codec of links: one frame in, one frame out (SPEC.md, section 3).
 *
 * Encoding is lib0's: variable-length unsigned integers and byte arrays. Decoding is total: any
 * bytes give a frame or `undefined`, and nothing is allocated by a number that the sender claims.
 */

import * as encoding from 'lib0/encoding';
import {
  DecodeError,
  type Decoder,
  decodeTotal,
  type Encoder,
  encode,
  readByte,
  readBytes,
  readFlag,
  readList,
  readName,
  readPeer,
  readRest,
  readUint,
  writePeer,
} from '../util/codec.ts';
import type { PeerId } from '../util/peer-id.ts';
import {
  MAX_ANNOUNCED,
  MAX_INCARNATION,
  MAX_MEMBER_ENTRIES,
  MAX_SUGGESTED,
  PROTOCOL_VERSION,
} from './limits.ts';

/** What a member entry claims of a peer. The order is the order of precedence (SPEC M1). */
export type MemberStatus = 'alive' | 'suspect' | 'dead' | 'left';
export const MEMBER_STATUSES: readonly MemberStatus[] = ['alive', 'suspect', 'dead', 'left'];

/** One claim about one member. */
export interface MemberEntry {
  readonly id: PeerId;
  readonly status: MemberStatus;
  readonly incarnation: number;
  readonly hidden: boolean;
}

/** Why a link is refused or ended. */
export type ByeReason = 'leaving' | 'full' | 'evicted' | 'version' | 'avoided' | 'dead' | 'timeout';
export const BYE_REASONS: readonly ByeReason[] = [
  'leaving',
  'full',
  'evicted',
  'version',
  'avoided',
  'dead',
  'timeout',
];

/** The name of a rumor: who first sent it, and its place in that peer's sequence. */
export interface RumorId {
  readonly origin: PeerId;
  readonly sequence: number;
}

export type Frame =
  | {
      readonly type: 'hello';
      readonly id: PeerId;
      readonly incarnation: number;
      readonly hidden: boolean;
      readonly links: number;
    }
  | { readonly type: 'accept' }
  | { readonly type: 'bye'; readonly reason: ByeReason; readonly suggested: readonly PeerId[] }
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
  | { readonly type: 'members'; readonly entries: readonly MemberEntry[]; readonly reply: boolean }
  | { readonly type: 'round'; readonly membersDigest: Uint8Array }
  | ({ readonly type: 'rumor'; readonly channel: number; readonly payload: Uint8Array } & RumorId)
  | { readonly type: 'ihave'; readonly announced: readonly (RumorId & { readonly size: number })[] }
  | ({ readonly type: 'graft' } & RumorId)
  | ({ readonly type: 'gone' } & RumorId)
  | { readonly type: 'direct'; readonly channel: number; readonly payload: Uint8Array };

/** A hello of another version of the protocol; nothing but its version can be read (SPEC L2). */
export interface ForeignHello {
  readonly type: 'foreignHello';
  readonly version: number;
}

/** Bytes of the digest of the member table in a round. */
export const MEMBERS_DIGEST_BYTES = 8;

/** Set in a member entry's status byte where its tab is hidden. */
const HIDDEN_BIT = 8;

const TAGS: Readonly<Record<Frame['type'], number>> = {
  hello: 1,
  accept: 2,
  bye: 3,
  ping: 4,
  pong: 5,
  members: 6,
  round: 7,
  rumor: 8,
  ihave: 9,
  graft: 10,
  gone: 11,
  direct: 12,
};
const TYPES = new Map(Object.entries(TAGS).map(([type, tag]) => [tag, type as Frame['type']]));

/** The bytes of one frame. */
export function encodeFrame(frame: Frame): Uint8Array {
  return encode((encoder) => writeFrame(encoder, frame));
}

function writeFrame(encoder: Encoder, frame: Frame): void {
  encoding.writeUint8(encoder, TAGS[frame.type]);
  switch (frame.type) {
    case 'hello':
      encoding.writeVarUint(encoder, PROTOCOL_VERSION);
      writePeer(encoder, frame.id);
      encoding.writeVarUint(encoder, frame.incarnation);
      encoding.writeUint8(encoder, frame.hidden ? 1 : 0);
      encoding.writeVarUint(encoder, frame.links);
      break;
    case 'accept':
    case 'ping':
    case 'pong':
      break;
    case 'bye':
      encoding.writeUint8(encoder, BYE_REASONS.indexOf(frame.reason));
      encoding.writeVarUint(encoder, frame.suggested.length);
      for (const id of frame.suggested) writePeer(encoder, id);
      break;
    case 'members':
      encoding.writeUint8(encoder, frame.reply ? 1 : 0);
      writeMemberEntries(encoder, frame.entries);
      break;
    case 'round':
      encoding.writeUint8Array(encoder, frame.membersDigest);
      break;
    case 'rumor':
      writeRumorId(encoder, frame);
      encoding.writeVarUint(encoder, frame.channel);
      encoding.writeUint8Array(encoder, frame.payload);
      break;
    case 'ihave':
      encoding.writeVarUint(encoder, frame.announced.length);
      for (const announced of frame.announced) {
        writeRumorId(encoder, announced);
        encoding.writeVarUint(encoder, announced.size);
      }
      break;
    case 'graft':
    case 'gone':
      writeRumorId(encoder, frame);
      break;
    case 'direct':
      encoding.writeVarUint(encoder, frame.channel);
      encoding.writeUint8Array(encoder, frame.payload);
      break;
  }
}

/** The frame that `bytes` hold, or `undefined` where they hold none. Payloads are views of `bytes`. */
export function decodeFrame(bytes: Uint8Array): Frame | ForeignHello | undefined {
  return decodeTotal<Frame | ForeignHello>(bytes, (decoder) => {
    const type = TYPES.get(readByte(decoder));
    switch (type) {
      case 'hello': {
        const version = readUint(decoder);
        if (version !== PROTOCOL_VERSION) {
          readRest(decoder);
          return { type: 'foreignHello', version };
        }
        return {
          type,
          id: readPeer(decoder),
          incarnation: readIncarnation(decoder),
          hidden: readFlag(decoder),
          links: readUint(decoder),
        };
      }
      case 'accept':
      case 'ping':
      case 'pong':
        return { type };
      case 'bye':
        return {
          type,
          reason: readName(decoder, BYE_REASONS),
          suggested: readList(decoder, MAX_SUGGESTED, readPeer),
        };
      case 'members':
        return { type, reply: readFlag(decoder), entries: readMemberEntries(decoder) };
      case 'round':
        return { type, membersDigest: readBytes(decoder, MEMBERS_DIGEST_BYTES) };
      case 'rumor':
        return {
          type,
          ...readRumorId(decoder),
          channel: readUint(decoder),
          payload: readRest(decoder),
        };
      case 'ihave':
        return {
          type,
          announced: readList(decoder, MAX_ANNOUNCED, (d) => ({
            ...readRumorId(d),
            size: readUint(d),
          })),
        };
      case 'graft':
      case 'gone':
        return { type, ...readRumorId(decoder) };
      case 'direct':
        return {
          type,
          channel: readUint(decoder),
          payload: readRest(decoder),
        };
      case undefined:
        return undefined;
    }
  });
}

/** Encodes claims about members; also the payload of rumors on the member channel. */
export function writeMemberEntries(encoder: Encoder, entries: readonly MemberEntry[]): void {
  encoding.writeVarUint(encoder, entries.length);
  for (const entry of entries) {
    writePeer(encoder, entry.id);
    encoding.writeUint8(
      encoder,
      MEMBER_STATUSES.indexOf(entry.status) | (entry.hidden ? HIDDEN_BIT : 0),
    );
    encoding.writeVarUint(encoder, entry.incarnation);
  }
}

export function readMemberEntries(decoder: Decoder): MemberEntry[] {
  return readList(decoder, MAX_MEMBER_ENTRIES, (d) => {
    const id = readPeer(d);
    const flags = readByte(d);
    const status = MEMBER_STATUSES[flags & ~HIDDEN_BIT];
    if (status === undefined) throw new DecodeError('unknown member status');
    return { id, status, hidden: (flags & HIDDEN_BIT) !== 0, incarnation: readIncarnation(d) };
  });
}

function readIncarnation(decoder: Decoder): number {
  const incarnation = readUint(decoder);
  if (incarnation > MAX_INCARNATION) throw new DecodeError('incarnation over its limit');
  return incarnation;
}

function writeRumorId(encoder: Encoder, id: RumorId): void {
  writePeer(encoder, id.origin);
  encoding.writeVarUint(encoder, id.sequence);
}

function readRumorId(decoder: Decoder): RumorId {
  return { origin: readPeer(decoder), sequence: readUint(decoder) };
}
