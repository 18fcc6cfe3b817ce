/** What a tab knows of its neighbors' documents (SPEC.md D5). */

import type { ClientWalk } from '../memory/reconcile/reconcile-clients.ts';
import type { PeerId } from '../util/peer-id.ts';

/** A walk over the clients of a document with a neighbor. */
export interface OpenWalk {
  readonly walk: ClientWalk;
  /** Which one, as its messages say. */
  readonly id: number;
  /** Whether the neighbor is to be sent what it lacks. */
  wants: boolean;
  /** When its last step came or went. */
  at: number;
}

/** A neighbor that says nothing of documents for so long holds none; until then it might. */
const SILENT_NEIGHBOR_MS = 5_000;

export interface NeighborState {
  readonly since: number;
  /** Whether it ever said anything of documents. */
  heard: boolean;
  /** Whether it is known which documents differ, or that none does. */
  compared: boolean;
  /** Whether roots were found to differ, and not found equal since. */
  apart: boolean;
  /** Whether this tab took the walk on itself, and so confirms its end. */
  walking: boolean;
  /** Documents that it is not known to hold as this tab does. */
  readonly differing: Set<string>;
  /** Of those, the ones that are still to be fetched from it. */
  wanted: string[];
  /** Documents of which it is being answered what it lacks. */
  readonly answering: Set<string>;
  /** Walks over clients of documents, until each side gave what the other lacks. */
  readonly walks: Map<string, OpenWalk>;
  /** When to compare next, besides rounds. */
  dueAt: number | undefined;
  /** Comparisons in a row that left a difference, so that the next waits longer. */
  retries: number;
}

export class NeighborStates extends Map<PeerId, NeighborState> {
  /** Notes a new neighbor, to be compared with at `dueAt`. */
  add(peer: PeerId, since: number, dueAt: number): NeighborState {
    const state: NeighborState = {
      since,
      heard: false,
      compared: false,
      apart: false,
      walking: false,
      differing: new Set(),
      wanted: [],
      answering: new Set(),
      walks: new Map(),
      dueAt,
      retries: 0,
    };
    this.set(peer, state);
    return state;
  }

  /** Whether there is a neighbor with documents, and all of these hold `name`, or all, as this tab does. */
  isSynced(name: string | undefined, now: number): boolean {
    let compared = 0;
    for (const state of this.values()) {
      if (!state.compared) {
        if (state.heard || state.since + SILENT_NEIGHBOR_MS > now) return false;
        continue;
      }
      compared++;
      const { apart, differing } = state;
      if (name === undefined ? apart || differing.size > 0 : differing.has(name)) return false;
    }
    return compared > 0;
  }

  /** Neighbors that are known to hold `name` as this tab does. */
  holders(name: string): PeerId[] {
    return [...this]
      .filter(([, { compared, differing }]) => compared && !differing.has(name))
      .map(([peer]) => peer);
  }

  /** Milliseconds until a neighbor is to be compared with, or counts as silent; infinite where none. */
  nextDue(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { dueAt, heard, since } of this.values()) {
      if (dueAt !== undefined) next = Math.min(next, Math.max(0, dueAt - now));
      const silentIn = since + SILENT_NEIGHBOR_MS - now;
      if (!heard && silentIn > 0) next = Math.min(next, silentIn);
    }
    return next;
  }
}
