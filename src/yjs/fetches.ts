/** From whom each document is being fetched: one neighbor at a time, so that nine do not each send the same megabytes. */

import type { PeerId } from '../util/peer-id.ts';
import type { NeighborState } from './neighbor-states.ts';

/** A fetch that shows no progress for so long is given up. */
const FETCH_TIMEOUT_MS = 10_000;
/** So much earlier where the neighbor never said anything of documents: it may have none. */
const UNHEARD_MS = 9_000;

interface Fetch {
  readonly from: PeerId;
  readonly neighbor: NeighborState;
  /** Whether this tab began the exchange, and so whether it stands where both begin. */
  readonly isAsked: boolean;
  /** When it began, or was last seen to progress. */
  readonly at: number;
}

export class Fetches {
  readonly #fetches = new Map<string, Fetch>();

  get size(): number {
    return this.#fetches.size;
  }

  get(name: string): Fetch | undefined {
    return this.#fetches.get(name);
  }

  /** How many documents are being fetched from `peer`. */
  countFrom(peer: PeerId): number {
    return this.namesFrom(peer).length;
  }

  namesFrom(peer: PeerId): string[] {
    return [...this.#fetches].filter(([, { from }]) => from === peer).map(([name]) => name);
  }

  begin(name: string, from: PeerId, neighbor: NeighborState, isAsked: boolean, now: number): void {
    const at = neighbor.heard ? now : now - UNHEARD_MS;
    this.#fetches.set(name, { from, neighbor, isAsked, at });
  }

  /** Ends the fetch of `name` if it is from `peer`; whether it was. */
  end(name: string, peer: PeerId): boolean {
    return this.#fetches.get(name)?.from === peer && this.#fetches.delete(name);
  }

  /** Ends fetches that stalled, those aside whose bytes are on their way; tells from whom they were. */
  endStalled(now: number, isTransferring: (peer: PeerId) => boolean): Set<PeerId> {
    const stalled = new Set<PeerId>();
    for (const [name, fetch] of [...this.#fetches]) {
      if (fetch.at + FETCH_TIMEOUT_MS > now) continue;
      if (isTransferring(fetch.from)) {
        this.#fetches.set(name, { ...fetch, at: now });
      } else {
        this.#fetches.delete(name);
        stalled.add(fetch.from);
      }
    }
    return stalled;
  }

  /** Milliseconds until one may have stalled; infinite where none is under way. */
  nextTimeout(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { at } of this.#fetches.values()) next = Math.min(next, at + FETCH_TIMEOUT_MS - now);
    return Math.max(0, next);
  }
}
