/**
 * How kinds of memory attach to a mesh: Yjs documents today, through `mnemesh/yjs`, so that the
 * main entry never loads yjs.
 *
 * An extension owns one channel. It gets that channel's rumors and direct frames, and where it holds
 * memory it answers for its part of the room's digest, and compares it with a neighbor when the rounds
 * say so. What does not concern it, it leaves out.
 */

import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import type { MemberEntry } from '../protocol/wire.ts';
import type { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { Random } from '../util/random.ts';

/** Channels in use; aggregates have `AGGREGATES_CHANNEL` of the protocol. */
export const DOCUMENTS_CHANNEL = 1;
export const TOPICS_CHANNEL = 2;
export const MEMORY_CHANNEL = 4;

/** What an extension may ask of its mesh. */
export interface ExtensionHost {
  readonly id: PeerId;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  neighbors(): readonly PeerId[];
  /** Whether the peer is in the room, as far as this tab knows. */
  isPresent(peer: PeerId): boolean;
  /** Tells the room which replica this tab writes as: a later session supersedes those before. */
  identity(replica: string, generation: number): void;
  /** Tells every tab of the room. */
  broadcast(payload: Uint8Array): void;
  /** Tells one neighbor; false where it is none. */
  send(peer: PeerId, payload: Uint8Array): boolean;
  /** Whether there is a way to the tab: a link, or other tabs. */
  canReach(peer: PeerId): boolean;
  /** Tells one tab over other tabs, where they know a way. */
  relay(peer: PeerId, payload: Uint8Array): void;
  /** Bytes that wait on the link with the peer or come over it; 0 where there is none. */
  bytesUnderWay(peer: PeerId): number;
  /** Whether something large is on its way to or from the peer, so that comparing now would mislead. */
  isTransferring(peer: PeerId): boolean;
  /** Memory changed or differs: rounds come soon, and in haste where a comparison brought something. */
  activity(gained?: boolean): void;
  /** The peer sent what breaks the extension's protocol; its link is dropped. */
  misbehaved(peer: PeerId, what: string): void;
  /** The comparison state changed: `isSynced` may differ now. */
  syncedChanged(): void;
  error(error: MeshError): void;
}

export interface Extension {
  readonly channel: number;
  neighborUp?(peer: PeerId): void;
  neighborDown?(peer: PeerId): void;
  /** The mesh leaves the room, and the links end when this returns: tell what is not told yet. */
  leaving?(): void;
  /** Something became known of a member. */
  memberSeen?(entry: MemberEntry): void;
  /** The peer left or died. */
  memberGone?(peer: PeerId): void;
  /** A rumor, once each. */
  deliver(origin: PeerId, payload: Uint8Array): void;
  /** A direct frame of a neighbor. */
  direct(peer: PeerId, payload: Uint8Array): void;
  /** What a tab sent to this one over other tabs; `from` is their claim. */
  routed?(from: PeerId, payload: Uint8Array): void;
  /** Compare memory with this neighbor now. */
  compare?(peer: PeerId): void;
  /** 32 bytes, equal where memories of this kind are equal; none where nothing was ever in it. */
  digest?(): Uint8Array;
  /** Whether every present neighbor was found to hold the same, and there is one. */
  isSynced?(): boolean;
  /** Resolves once all applied writes are in the store; rejects with the store's error. */
  flush?(): Promise<void>;
  /** The store was emptied or cut off under the mesh; it can be written again. */
  storeLost?(): void;
  /** `flush` that never rejects: a failure is told as an error event. */
  settle?(): Promise<void>;
  /** Lets go of everything after a last `settle`; never rejects. */
  close?(): Promise<void>;
}

/** Where a mesh keeps what extensions need; shared by name, so that two copies of the code agree. */
export const ATTACH: unique symbol = Symbol.for('mnemesh.attach') as never;

/** A mesh as extensions see it. */
export interface Extensible {
  /** The extension of a channel, made at the first call. */
  [ATTACH]<T extends Extension>(channel: number, create: (host: ExtensionHost) => T): T;
}
