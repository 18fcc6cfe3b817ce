/**
 * Spanning trees of the broadcast, one an origin, each tab knowing its own place in them (Plumtree:
 * Leitão, Pereira, Rodrigues 2007; SPEC.md, section 6).
 *
 * Plumtree keeps one tree for all, which is short only for the writer that it grew around: with
 * writers in turn its ways are twice as long and two in five payloads arrive for nothing. A tree an
 * origin is a shortest one for every writer.
 */

import type { PeerId } from '../../util/peer-id.ts';
import type { ShortId } from '../wire.ts';

/** A tab's place in the tree of one origin. */
export class Tree {
  readonly origin: ShortId;
  /** Neighbor that this tab has the origin's rumors from; `undefined` where it waits for one to announce. */
  parent: PeerId | undefined;
  /** Links from the origin to this tab, at the last rumor or as the parent announced. */
  hops = 0;
  /** Neighbors that asked for the origin's rumors; few, so a list. */
  readonly children: PeerId[] = [];
  /** Neighbor to turn to where the parent is lost, with the hops it announced. */
  alternate: PeerId | undefined;
  alternateHops = 0;
  /** The last parent that did not deliver in time; not made parent again for a shorter way until it delivers something. */
  failed: PeerId | undefined;
  /** Greatest sequence heard of. */
  latest = 0;
  /** Number of the newest link over which the origin was made known; those after it are not settled. */
  settled = 0;
  /** Neighbors on older links that are to be told at once all the same: they said that they have no parent, or want none here. */
  readonly unsettled: PeerId[] = [];

  constructor(origin: ShortId) {
    this.origin = origin;
  }

  addChild(peer: PeerId): void {
    add(this.children, peer);
    remove(this.unsettled, peer);
  }

  /** A neighbor wants no pushes: it is told of the next rumor at once. */
  removeChild(peer: PeerId): void {
    remove(this.children, peer);
    add(this.unsettled, peer);
  }

  /** Makes a neighbor the parent; `hops` are the links from the origin by way of it. */
  follow(peer: PeerId, hops: number): void {
    this.parent = peer;
    this.hops = hops;
    remove(this.children, peer);
    if (this.failed === peer) this.failed = undefined;
    if (this.alternate === peer) this.alternate = undefined;
  }

  /** Forgets a neighbor; true where it was the parent. */
  lose(peer: PeerId): boolean {
    remove(this.children, peer);
    remove(this.unsettled, peer);
    if (this.failed === peer) this.failed = undefined;
    if (this.alternate === peer) this.alternate = undefined;
    if (this.parent !== peer) return false;
    this.parent = undefined;
    return true;
  }

  /** Notes a neighbor that has the origin's rumors too, where it is nearer to the origin than the one noted. */
  noteAlternate(peer: PeerId, hops: number): void {
    if (
      this.alternate === undefined ||
      this.alternate === peer ||
      hops < this.alternateHops ||
      (hops === this.alternateHops && peer < this.alternate)
    ) {
      this.alternate = peer;
      this.alternateHops = hops;
    }
  }

  /**
   * Whether a neighbor that announced `hops` comes before this tab in the order of hops, then of ids.
   * Turning only to those before oneself makes no circle, as long as their hops stay what they were.
   */
  isUpstream(self: PeerId, peer: PeerId, hops: number): boolean {
    return hops <= this.hops || (hops === this.hops + 1 && peer < self);
  }
}

function add(peers: PeerId[], peer: PeerId): void {
  if (!peers.includes(peer)) peers.push(peer);
}

function remove(peers: PeerId[], peer: PeerId): void {
  const at = peers.indexOf(peer);
  if (at >= 0) peers.splice(at, 1);
}

/** The trees of the origins heard of late. */
export class Trees implements Iterable<Tree> {
  readonly #max: number;
  /** In the order of last use. */
  readonly #trees = new Map<ShortId, Tree>();

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#trees.size;
  }

  get(origin: ShortId): Tree | undefined {
    return this.#trees.get(origin);
  }

  /** The tree of `origin`, made where there is none, as the one used last; the one used longest ago may go. */
  use(origin: ShortId): Tree {
    let tree = this.#trees.get(origin);
    if (tree === undefined) tree = new Tree(origin);
    else this.#trees.delete(origin);
    this.#trees.set(origin, tree);
    if (this.#trees.size > this.#max) {
      const [oldest] = this.#trees.keys();
      if (oldest !== undefined) this.#trees.delete(oldest);
    }
    return tree;
  }

  clear(): void {
    this.#trees.clear();
  }

  [Symbol.iterator](): Iterator<Tree> {
    return this.#trees.values();
  }
}
