/** What the reconciliation of documents needs of them, and of who runs it. */

import type { ClientEntry } from '../memory/reconcile/reconcile-clients-wire.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { HeldRanges, Leaf } from './held.ts';
import type { DocumentMessage } from './messages.ts';

/** What another tab holds of the clients of which it does not hold the same; `undefined` for nothing. */
export type Differing = ReadonlyMap<number, ClientEntry | undefined>;

/** The documents, as the machine needs to know them. */
export interface ReconcileDocuments {
  root(): Uint8Array;
  /** Documents that hold anything, with their leaves. */
  leaves(): readonly Leaf[];
  /** What of the document is held; nothing where there is none. */
  heldOf(name: string): HeldRanges;
  updateSince(name: string, vector: Uint8Array): Promise<Uint8Array>;
  /** What they lack of the clients in `theirs`; `undefined` where that is nothing. */
  updateBeyond(name: string, theirs: Differing): Promise<Uint8Array | undefined>;
  /** Takes an update of a neighbor; whether it brought news, `undefined` where it is none. */
  apply(name: string, update: Uint8Array): boolean | undefined;
}

export interface ReconcileOutput {
  send(to: PeerId, message: DocumentMessage): void;
  isTransferring(peer: PeerId): boolean;
  now(): number;
  /** Fresh random bytes. */
  random(bytes: number): Uint8Array;
  /** Calls `check` after so many milliseconds; a later call replaces it. */
  wake(delay: number): void;
  /** What is known of neighbors changed. */
  changed(): void;
  /** Memories differ, so rounds should come soon. */
  differs(): void;
  misbehaved(peer: PeerId, what: string): void;
  failed(thrown: unknown): void;
}
