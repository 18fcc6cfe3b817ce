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
  readHex,
  readList,
  readName,
  readPeer,
  readRest,
  readUint,
  writeHex,
  writePeer,
} from '../util/codec.ts';
import type { PeerId } from '../util/peer-id.ts';
import {
  MAX_ANNOUNCED,
  MAX_HOPS,
  MAX_INCARNATION,
  MAX_LISTED_NEIGHBORS,
  MAX_MEMBER_ENTRIES,
  MAX_ROUTE,
  MAX_SHUFFLED,
  MAX_SUGGESTED,
  PROTOCOL_VERSION,
} from './limits.ts';
import {
  type Announcement,
  BYE_REASONS,
  type ForeignHello,
  type Frame,
  type LinkList,
  MEMBER_STATUSES,
  type MemberEntry,
  RELAY_KINDS,
  SHORT_ID_BYTES,
  type ShortId,
  type ShortRumorId,
} from './wire.ts';

/** Bytes of the digest of the member table in a round. */
export const MEMBERS_DIGEST_BYTES = 8;
/** Of these, those that are of claims; the others are of link lists. */
export const CLAIMS_BYTES = 4;

/** Bytes of a replica id in a member entry. */
const REPLICA_BYTES = 8;
/** In a member entry's flags, beside its status. */
const HIDDEN_BIT = 8;
const REPLICA_BIT = 16;
const BY_BIT = 32;
const STATUS_BITS = 7;

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
  prune: 13,
  pingReq: 14,
  nack: 15,
  walk: 16,
  shuffle: 17,
  relay: 18,
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
      writeMemberEntry(encoder, frame.entry);
      encoding.writeVarUint(encoder, frame.links);
      encoding.writeVarUint(encoder, frame.size);
      return;
    case 'accept':
      return;
    case 'bye':
      encoding.writeUint8(encoder, BYE_REASONS.indexOf(frame.reason));
      return writePeers(encoder, frame.suggested);
    case 'ping':
    case 'pong':
    case 'nack':
      return encoding.writeVarUint(encoder, frame.sequence);
    case 'pingReq':
      encoding.writeVarUint(encoder, frame.sequence);
      return writePeer(encoder, frame.target);
    case 'members':
      encoding.writeUint8(encoder, (frame.asksEntries ? 1 : 0) | (frame.asksLists ? 2 : 0));
      writeList(encoder, frame.entries, writeMemberEntry);
      return writeList(encoder, frame.lists, writeLinkList);
    case 'round':
      encoding.writeVarUint(encoder, 2 * frame.size + (frame.digest.length > 0 ? 1 : 0));
      return encoding.writeUint8Array(encoder, frame.digest);
    case 'rumor':
      writePeer(encoder, frame.origin);
      encoding.writeVarUint(encoder, frame.sequence);
      encoding.writeUint8(encoder, frame.hops);
      encoding.writeVarUint(encoder, frame.channel);
      return encoding.writeUint8Array(encoder, frame.payload);
    case 'ihave':
      return writeList(encoder, frame.announced, writeAnnouncement);
    case 'graft':
      writeShortRumorId(encoder, frame);
      return encoding.writeUint8(encoder, frame.wants ? 1 : 0);
    case 'prune':
      return writeShort(encoder, frame.origin);
    case 'gone':
      return writeShortRumorId(encoder, frame);
    case 'walk':
      writePeer(encoder, frame.origin);
      encoding.writeUint8(encoder, frame.ttl);
      return writePeers(encoder, frame.path);
    case 'shuffle':
      writePeer(encoder, frame.origin);
      encoding.writeUint8(encoder, frame.ttl);
      writePeers(encoder, frame.path);
      return writePeers(encoder, frame.sample);
    case 'relay':
      encoding.writeUint8(encoder, RELAY_KINDS.indexOf(frame.kind));
      writePeer(encoder, frame.origin);
      writePeers(encoder, frame.route);
      encoding.writeUint8(encoder, frame.at);
      encoding.writeVarUint(encoder, frame.channel);
      return encoding.writeUint8Array(encoder, frame.payload);
    case 'direct':
      encoding.writeVarUint(encoder, frame.channel);
      return encoding.writeUint8Array(encoder, frame.payload);
  }
}

/** The frame that `bytes` hold, or `undefined` where they hold none. Payloads are views of `bytes`. */
export function decodeFrame(bytes: Uint8Array): Frame | ForeignHello | undefined {
  return decodeTotal<Frame | ForeignHello>(bytes, (decoder) => {
    const type = TYPES.get(readByte(decoder));
    switch (type) {
      case undefined:
        return undefined;
      case 'hello': {
        const version = readUint(decoder);
        if (version !== PROTOCOL_VERSION) {
          readRest(decoder);
          return { type: 'foreignHello', version };
        }
        const entry = readMemberEntry(decoder);
        if (entry.status !== 'alive') throw new DecodeError('a hello of one who is not alive');
        return { type, entry, links: readUint(decoder), size: readUint(decoder) };
      }
      case 'accept':
        return { type };
      case 'bye':
        return {
          type,
          reason: readName(decoder, BYE_REASONS),
          suggested: readList(decoder, MAX_SUGGESTED, readPeer),
        };
      case 'ping':
      case 'pong':
      case 'nack':
        return { type, sequence: readUint(decoder) };
      case 'pingReq':
        return { type, sequence: readUint(decoder), target: readPeer(decoder) };
      case 'members': {
        const asks = readByte(decoder);
        if (asks > 3) throw new DecodeError('unknown flags');
        return {
          type,
          asksEntries: (asks & 1) !== 0,
          asksLists: (asks & 2) !== 0,
          entries: readList(decoder, MAX_MEMBER_ENTRIES, readMemberEntry),
          lists: readList(decoder, MAX_MEMBER_ENTRIES, readLinkList),
        };
      }
      case 'round': {
        const both = readUint(decoder);
        const digest = readBytes(decoder, both % 2 === 1 ? MEMBERS_DIGEST_BYTES : 0);
        return { type, size: Math.floor(both / 2), digest };
      }
      case 'rumor':
        return {
          type,
          origin: readPeer(decoder),
          sequence: readUint(decoder),
          hops: readHops(decoder),
          channel: readUint(decoder),
          payload: readRest(decoder),
        };
      case 'ihave':
        return { type, announced: readList(decoder, MAX_ANNOUNCED, readAnnouncement) };
      case 'graft':
        return { type, ...readShortRumorId(decoder), wants: readFlag(decoder) };
      case 'prune':
        return { type, origin: readShort(decoder) };
      case 'gone':
        return { type, ...readShortRumorId(decoder) };
      case 'walk':
        return {
          type,
          origin: readPeer(decoder),
          ttl: readByte(decoder),
          path: readList(decoder, MAX_ROUTE, readPeer),
        };
      case 'shuffle':
        return {
          type,
          origin: readPeer(decoder),
          ttl: readByte(decoder),
          path: readList(decoder, MAX_ROUTE, readPeer),
          sample: readList(decoder, MAX_SHUFFLED, readPeer),
        };
      case 'relay': {
        const kind = readName(decoder, RELAY_KINDS);
        const origin = readPeer(decoder);
        const route = readList(decoder, MAX_ROUTE, readPeer);
        const at = readByte(decoder);
        if (at >= route.length) throw new DecodeError('a place outside the route');
        const channel = readUint(decoder);
        return { type, kind, origin, route, at, channel, payload: readRest(decoder) };
      }
      case 'direct':
        return { type, channel: readUint(decoder), payload: readRest(decoder) };
    }
  });
}

/** Encodes one claim about a member. */
export function writeMemberEntry(encoder: Encoder, entry: MemberEntry): void {
  writePeer(encoder, entry.id);
  encoding.writeUint8(
    encoder,
    MEMBER_STATUSES.indexOf(entry.status) |
      (entry.hidden ? HIDDEN_BIT : 0) |
      (entry.replica === '' ? 0 : REPLICA_BIT) |
      (entry.by === '' ? 0 : BY_BIT),
  );
  encoding.writeVarUint(encoder, entry.incarnation);
  if (entry.replica !== '') {
    writeHex(encoder, entry.replica, REPLICA_BYTES);
    encoding.writeVarUint(encoder, entry.generation);
  }
  if (entry.by !== '') writeShort(encoder, entry.by);
}

function readMemberEntry(decoder: Decoder): MemberEntry {
  const id = readPeer(decoder);
  const flags = readByte(decoder);
  const status = MEMBER_STATUSES[flags & STATUS_BITS];
  if (status === undefined || flags > 63) throw new DecodeError('unknown member flags');
  const incarnation = readUint(decoder);
  if (incarnation > MAX_INCARNATION) throw new DecodeError('incarnation over its limit');
  const hasReplica = (flags & REPLICA_BIT) !== 0;
  return {
    id,
    status,
    incarnation,
    hidden: (flags & HIDDEN_BIT) !== 0,
    replica: hasReplica ? readHex(decoder, REPLICA_BYTES) : '',
    generation: hasReplica ? readUint(decoder) : 0,
    by: (flags & BY_BIT) === 0 ? '' : readShort(decoder),
  };
}

function writeLinkList(encoder: Encoder, list: LinkList): void {
  writeShort(encoder, list.id);
  encoding.writeVarUint(encoder, list.version);
  encoding.writeVarUint(encoder, list.neighbors.length / SHORT_ID_BYTES);
  encoding.writeUint8Array(encoder, list.neighbors);
}

function readLinkList(decoder: Decoder): LinkList {
  const id = readShort(decoder);
  const version = readUint(decoder);
  if (version > MAX_INCARNATION) throw new DecodeError('version over its limit');
  const count = readUint(decoder);
  if (count > MAX_LISTED_NEIGHBORS) throw new DecodeError('list over its limit');
  return { id, version, neighbors: readBytes(decoder, count * SHORT_ID_BYTES) };
}

/** Hops and whether a size follows share one number: most rumors are small. */
function writeAnnouncement(encoder: Encoder, announced: Announcement): void {
  writeShortRumorId(encoder, announced);
  encoding.writeVarUint(encoder, announced.hops * 2 + (announced.size > 0 ? 1 : 0));
  if (announced.size > 0) encoding.writeVarUint(encoder, announced.size);
}

function readAnnouncement(decoder: Decoder): Announcement {
  const id = readShortRumorId(decoder);
  const both = readUint(decoder);
  const hops = Math.floor(both / 2);
  if (hops > MAX_HOPS) throw new DecodeError('hops over their limit');
  const size = both % 2 === 1 ? readUint(decoder) : 0;
  if (both % 2 === 1 && size === 0) throw new DecodeError('a size of nothing');
  return { ...id, hops, size };
}

function readHops(decoder: Decoder): number {
  const hops = readByte(decoder);
  if (hops > MAX_HOPS) throw new DecodeError('hops over their limit');
  return hops;
}

/** Writes the first bytes of a peer id. */
export function writeShortRumorId(encoder: Encoder, id: ShortRumorId): void {
  writeShort(encoder, id.origin);
  encoding.writeVarUint(encoder, id.sequence);
}

function readShortRumorId(decoder: Decoder): ShortRumorId {
  return { origin: readShort(decoder), sequence: readUint(decoder) };
}

/** Writes the first bytes of a peer id. */
export function writeShort(encoder: Encoder, id: ShortId): void {
  writeHex(encoder, id, SHORT_ID_BYTES);
}

/** Reads the first bytes of a peer id. */
export function readShort(decoder: Decoder): ShortId {
  return readHex(decoder, SHORT_ID_BYTES);
}

function writePeers(encoder: Encoder, peers: readonly PeerId[]): void {
  writeList(encoder, peers, writePeer);
}

function writeList<T>(
  encoder: Encoder,
  items: readonly T[],
  write: (encoder: Encoder, item: T) => void,
): void {
  encoding.writeVarUint(encoder, items.length);
  for (const item of items) write(encoder, item);
}
