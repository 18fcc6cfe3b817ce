/**
 * Link lists and what follows from them: the graph, and who is out of reach (SPEC.md, M14, M16).
 */

import type { PeerId } from '../../util/peer-id.ts';
import type { LinkList } from '../wire.ts';
import { Graph, type GraphMembers } from './graph.ts';
import { MAX_JUMP } from './member-table.ts';
import { OwnList } from './own-list.ts';
import { Reach } from './reach.ts';

/** The part of a member table that link lists need. */
export interface ListedMembers extends GraphMembers {
  setListVersion(id: PeerId, version: number): void;
}

/** What becomes of a list that was told: it is news, is known, or this tab knows better. */
export type ListOutcome = 'news' | 'known' | 'old' | 'refused';

export class Topology {
  readonly graph: Graph;
  readonly reach = new Reach();
  readonly #self: PeerId;
  readonly #members: ListedMembers;
  readonly #own: OwnList;

  constructor(self: PeerId, members: ListedMembers, now: number) {
    this.#self = self;
    this.#members = members;
    this.#own = new OwnList(self);
    this.graph = new Graph(members);
    this.graph.set(self, this.#own.draft([]));
    this.reach.graphChanged(now);
  }

  /** When the list is to be told, or the graph to be walked. */
  get due(): number {
    return Math.min(this.#own.due, this.reach.due);
  }

  /** When this tab's own list is to be told. */
  get listDue(): number {
    return this.#own.due;
  }

  /** This tab's neighbors are others now. */
  linksChanged(neighbors: Iterable<PeerId>, now: number): void {
    this.#own.changed(now);
    this.graph.set(this.#self, this.#own.draft(neighbors));
    this.reach.graphChanged(now);
  }

  /** A member came or went. */
  presenceChanged(now: number): void {
    this.graph.statusChanged();
    this.reach.graphChanged(now);
  }

  /** This tab's own list under its next version, to be told. */
  renew(neighbors: Iterable<PeerId>, now: number): void {
    const list = this.#own.next(neighbors, now);
    this.graph.set(this.#self, list);
    this.#members.setListVersion(this.#self, list.version);
  }

  /** Takes the list of member `owner`, told by a neighbor. */
  take(owner: PeerId, list: LinkList, teller: PeerId, now: number): ListOutcome {
    const known = this.graph.listOf(owner)?.version ?? 0;
    if (list.version > known + MAX_JUMP && teller !== owner) return 'refused';
    if (owner === this.#self) {
      // Only this tab makes this list: it goes on above what another made of it.
      if (list.version <= known) return list.version === known ? 'known' : 'old';
      this.#own.overtake(list.version);
      this.#own.changed(now);
      return 'refused';
    }
    if (list.version <= known) return list.version === known ? 'known' : 'old';
    // The bytes were a view of the frame that they came in.
    this.graph.set(owner, { ...list, neighbors: list.neighbors.slice() });
    this.#members.setListVersion(owner, list.version);
    this.reach.renew(owner, now);
    this.reach.graphChanged(now);
    return 'news';
  }

  /** The list of a member as it is told; `undefined` where it told none yet. */
  listOf(id: PeerId): LinkList | undefined {
    const list = this.graph.listOf(id);
    return list?.version === 0 ? undefined : list;
  }

  forget(id: PeerId): void {
    this.graph.forget(id);
    this.reach.forget(id);
  }
}
