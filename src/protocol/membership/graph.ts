/**
 * The graph of the room: who is linked with whom, by the lists that members gossip (SPEC.md, M16).
 *
 * An edge from one member to another means that the first lists the second. Links are two-way, but
 * only what a member says of itself while it lives is known to hold: the list of one that died names
 * neighbors that have long dropped it.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { type LinkList, type ShortId, shortsOf } from '../wire.ts';

/** The part of a member table that a graph reads. */
export interface GraphMembers {
  /** The member of that short id. */
  resolve(short: ShortId): PeerId | undefined;
  /** Whether the member is in the room. */
  isPresent(id: PeerId): boolean;
  /** Whether it is suspected to be dead. */
  isSuspect(id: PeerId): boolean;
  /** Whether it is by what is claimed, were it in reach or not. */
  isClaimed(id: PeerId): boolean;
}

interface Told {
  readonly list: LinkList;
  /** Its neighbors, once someone asked for them and all were known. */
  ids?: readonly PeerId[];
}

export class Graph {
  readonly #members: GraphMembers;
  readonly #lists = new Map<PeerId, Told>();
  #version = 0;

  constructor(members: GraphMembers) {
    this.#members = members;
  }

  /** Changes whenever an edge does, or who is suspect. */
  get version(): number {
    return this.#version;
  }

  /** Present members that `id` lists as its neighbors. */
  neighborsOf(id: PeerId): readonly PeerId[] {
    return this.#listed(id).filter((neighbor) => this.#members.isPresent(neighbor));
  }

  isSuspect(id: PeerId): boolean {
    return this.#members.isSuspect(id);
  }

  /** Neighbors that `id` lists, those included of whom this tab knows nothing. */
  linksOf(id: PeerId): number {
    const told = this.#lists.get(id);
    if (told === undefined) return 0;
    let count = 0;
    for (const short of shortsOf(told.list.neighbors)) {
      const neighbor = this.#members.resolve(short);
      if (neighbor === undefined || this.#members.isPresent(neighbor)) count++;
    }
    return count;
  }

  /** The list as the member told it. */
  listOf(id: PeerId): LinkList | undefined {
    return this.#lists.get(id)?.list;
  }

  /** Takes the list that `id` told. */
  set(id: PeerId, list: LinkList): void {
    this.#lists.set(id, { list });
    this.#version++;
  }

  /** The member is forgotten. */
  forget(id: PeerId): void {
    if (this.#lists.delete(id)) this.#version++;
  }

  /** A member came or went, and the edges to it with it, or is suspect or no longer. */
  statusChanged(): void {
    this.#version++;
  }

  /** All that edges connect with `from`, itself included, of those claimed to be in the room. */
  reachableFrom(from: PeerId): ReadonlySet<PeerId> {
    const reached = new Set([from]);
    // A set is walked in the order of insertion, what is added meanwhile included.
    for (const id of reached) {
      for (const neighbor of this.#listed(id)) {
        if (this.#members.isClaimed(neighbor)) reached.add(neighbor);
      }
    }
    return reached;
  }

  #listed(id: PeerId): readonly PeerId[] {
    const told = this.#lists.get(id);
    if (told?.ids !== undefined || told === undefined) return told?.ids ?? [];
    const found: PeerId[] = [];
    const shorts = shortsOf(told.list.neighbors);
    for (const short of shorts) {
      const neighbor = this.#members.resolve(short);
      if (neighbor !== undefined) found.push(neighbor);
    }
    if (found.length === shorts.length) told.ids = found;
    return found;
  }
}
