/** What tabs say to each other over a link (SPEC.md, section 3); the bytes are in `wire-codec.ts`. */

import { fromHex, toHex } from '../util/bytes.ts';
import type { PeerId } from '../util/peer-id.ts';

/** What a member entry claims of a peer. The order is the order of precedence (SPEC M1). */
export type MemberStatus = 'alive' | 'suspect' | 'dead' | 'left';
export const MEMBER_STATUSES: readonly MemberStatus[] = ['alive', 'suspect', 'dead', 'left'];

/**
 * The first 6 bytes of a PeerId, as 12 hexadecimal digits, where a frame names many peers: enough to
 * tell the tabs of a room apart. A collision costs a detour or a repair, never memory.
 */
export type ShortId = string;
export const SHORT_ID_BYTES = 6;

export function shortOf(id: PeerId): ShortId {
  return id.slice(0, 2 * SHORT_ID_BYTES);
}

/** The short ids that lie one after another in `bytes`. */
export function shortsOf(bytes: Uint8Array): ShortId[] {
  const shorts: ShortId[] = [];
  for (let at = 0; at < bytes.length; at += SHORT_ID_BYTES) {
    shorts.push(toHex(bytes, at, at + SHORT_ID_BYTES));
  }
  return shorts;
}

/** The other way round. */
export function shortsToBytes(shorts: readonly ShortId[]): Uint8Array {
  const bytes = fromHex(shorts.join(''));
  if (bytes?.length !== shorts.length * SHORT_ID_BYTES) throw new RangeError('not short ids');
  return bytes;
}

/** One claim about one member. */
export interface MemberEntry {
  readonly id: PeerId;
  readonly status: MemberStatus;
  readonly incarnation: number;
  readonly hidden: boolean;
  /** The replica that the tab writes as, 16 hexadecimal digits, and its generation; empty where it has none. */
  readonly replica: string;
  readonly generation: number;
  /** Of a suspicion: the tab that raised or confirmed it; empty otherwise. */
  readonly by: ShortId | '';
}

/**
 * What a member says of its neighbors; the greater version holds. Lists are most of what a large room
 * tells while it forms, and are passed on far more often than read: neighbors stay as bytes.
 */
export interface LinkList {
  readonly id: ShortId;
  readonly version: number;
  /** Short ids of neighbors, one after another. */
  readonly neighbors: Uint8Array;
}

/** Why a link is refused or ended. */
export type ByeReason =
  | 'leaving'
  | 'full'
  | 'evicted'
  | 'version'
  | 'avoided'
  | 'dead'
  | 'timeout'
  | 'surplus';
export const BYE_REASONS: readonly ByeReason[] = [
  'leaving',
  'full',
  'evicted',
  'version',
  'avoided',
  'dead',
  'timeout',
  'surplus',
];

/** The name of a rumor: who first sent it, and its place in that peer's sequence. */
export interface RumorId {
  readonly origin: PeerId;
  readonly sequence: number;
}

/** The same with the origin cut short, for announcements. */
export interface ShortRumorId {
  readonly origin: ShortId;
  readonly sequence: number;
}

/** A rumor as it travels; `hops` are the links from its origin to the receiver. */
export interface Rumor extends RumorId {
  readonly hops: number;
  readonly channel: number;
  readonly payload: Uint8Array;
}

/** One rumor that the sender has and did not push; `hops` are those it would have at the receiver. */
export interface Announcement extends ShortRumorId {
  readonly hops: number;
  /** Bytes of the payload where it is large and was pushed to nobody; 0 where it is small. */
  readonly size: number;
}

/** What a relayed frame carries. */
export type RelayKind = 'signal' | 'message' | 'shuffle' | 'unroutable';
export const RELAY_KINDS: readonly RelayKind[] = ['signal', 'message', 'shuffle', 'unroutable'];

export type Frame =
  | {
      readonly type: 'hello';
      /** The sender's own claim, alive. */
      readonly entry: MemberEntry;
      /** Neighbors that the sender has. */
      readonly links: number;
      /** Members that the sender takes the room to have. */
      readonly size: number;
    }
  | { readonly type: 'accept' }
  | { readonly type: 'bye'; readonly reason: ByeReason; readonly suggested: readonly PeerId[] }
  | { readonly type: 'ping'; readonly sequence: number }
  | { readonly type: 'pong'; readonly sequence: number }
  /** Asks the receiver to probe `target` and to answer with pong or nack. */
  | { readonly type: 'pingReq'; readonly sequence: number; readonly target: PeerId }
  | { readonly type: 'nack'; readonly sequence: number }
  /** Claims and link lists; those that are a whole table ask for what is greater there, or missing here. */
  | {
      readonly type: 'members';
      readonly asksEntries: boolean;
      readonly asksLists: boolean;
      readonly entries: readonly MemberEntry[];
      readonly lists: readonly LinkList[];
    }
  | {
      readonly type: 'round';
      /** Members that the sender takes the room to have. */
      readonly size: number;
      /** Of its member table; empty where it knows a part of the room only. */
      readonly digest: Uint8Array;
    }
  | ({ readonly type: 'rumor' } & Rumor)
  | { readonly type: 'ihave'; readonly announced: readonly Announcement[] }
  /** Makes the receiver push this origin's rumors; with `wants` it is to send that one too. */
  | ({ readonly type: 'graft'; readonly wants: boolean } & ShortRumorId)
  /** Ends that the receiver pushes this origin's rumors. */
  | { readonly type: 'prune'; readonly origin: ShortId }
  | ({ readonly type: 'gone' } & ShortRumorId)
  /** A random walk that looks for a peer to link with `origin`; `path` are the tabs that it passed. */
  | {
      readonly type: 'walk';
      readonly origin: PeerId;
      readonly ttl: number;
      readonly path: readonly PeerId[];
    }
  /** A random walk that swaps samples of views (HyParView). */
  | {
      readonly type: 'shuffle';
      readonly origin: PeerId;
      readonly ttl: number;
      readonly path: readonly PeerId[];
      readonly sample: readonly PeerId[];
    }
  /** A frame by source route: `route` are the tabs after `origin`, the last one the receiver; `at` is the place of the tab that gets it now. */
  | {
      readonly type: 'relay';
      readonly kind: RelayKind;
      readonly origin: PeerId;
      readonly route: readonly PeerId[];
      readonly at: number;
      readonly channel: number;
      readonly payload: Uint8Array;
    }
  | { readonly type: 'direct'; readonly channel: number; readonly payload: Uint8Array };

export type FrameOf<T extends Frame['type']> = Extract<Frame, { type: T }>;

/** A hello of another version of the protocol; nothing but its version can be read (SPEC L2). */
export interface ForeignHello {
  readonly type: 'foreignHello';
  readonly version: number;
}
