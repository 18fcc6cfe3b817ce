/** What the reconciliation machine needs of its memory, and of who runs it. */

import type { PeerId } from '../../util/peer-id.ts';
import type { MemorySide } from '../join.ts';
import type { Refused } from '../replica.ts';
import type { MemorySnapshot } from '../trie/trie-memory.ts';

/** The memory, as the machine needs it. */
export interface ReconcileMemory {
  /** Whether a memory is taken whole or not at all (causal rooms). */
  readonly isCausal: boolean;
  snapshot(): MemorySnapshot;
  /** Takes values and their dots alone, or tells why it does not. */
  take(side: MemorySide): Refused | undefined;
  /**
   * Joins with `side`, which is whole as against `pin`, or tells why it does not. `joined` is what `pin`
   * comes to by it.
   */
  join(pin: MemorySnapshot, side: MemorySide, joined: MemorySnapshot): Refused | undefined;
}

/** What a machine that reconciles with neighbors by messages needs of who runs it. */
export interface NeighborsPort<Message> {
  send(to: PeerId, message: Message): void;
  /** Whether something large is under way to or from the neighbor. */
  isTransferring(peer: PeerId): boolean;
  /** Milliseconds, monotonic. */
  now(): number;
  /** Fresh random bytes. */
  random(bytes: number): Uint8Array;
  /** Calls `check` after so many milliseconds; a later call replaces it. */
  wake(delay: number): void;
  /** What is known of neighbors changed. */
  changed(): void;
  /** Memories differ, so rounds should come soon, and in haste where this side `gained` something. */
  differs(gained?: boolean): void;
  /** The neighbor breaks the protocol: its link is to be dropped. */
  misbehaved(peer: PeerId, what: string): void;
}

export interface ReconcileOutput extends NeighborsPort<Uint8Array> {
  /** By what the neighbor says, somebody else writes with this replica's id: it is to move (R9). */
  twin(peer: PeerId): void;
}
