/** What the reconciliation of documents needs of them, and of who runs it. */

import type { ClientEntry } from '../memory/reconcile/reconcile-clients-wire.ts';
import type { NeighborsPort } from '../memory/reconcile/reconcile-ports.ts';
import type { HeldRanges, Leaf } from './held.ts';
import type { DocumentMessage } from './messages.ts';

/** What another tab holds of the clients of which it does not hold the same; `undefined` for nothing. */
export type Differing = ReadonlyMap<number, ClientEntry | undefined>;

/** The documents, as the machine needs to know them. */
export interface ReconcileDocuments {
  root(): Uint8Array;
  /** Documents that hold anything, with their leaves. */
  leaves(): readonly Leaf[];
  /** Documents that are open or hold anything. */
  names(): string[];
  /** What of the document is held; nothing where there is none. */
  heldOf(name: string): HeldRanges;
  updateSince(name: string, vector: Uint8Array): Promise<Uint8Array>;
  /** What they lack of the clients in `theirs`; `undefined` where that is nothing. */
  updateBeyond(name: string, theirs: Differing): Promise<Uint8Array | undefined>;
  /** Takes an update of a neighbor; whether it brought news, `undefined` where it is none. */
  apply(name: string, update: Uint8Array): boolean | undefined;
}

export interface ReconcileOutput extends NeighborsPort<DocumentMessage> {
  /** What this tab was to send could not be made. */
  failed(thrown: unknown): void;
}
