/**
 * The links of one tab, and how far each has come (SPEC.md, section 4).
 *
 * An open connection is `open` until both sides accepted it; it is then a `neighbor` and carries the
 * room's frames. One whose other side was taken for dead while the connection stood is a `lifeline`.
 */

import type { PeerId } from '../../util/peer-id.ts';
import type { FrameOf } from '../wire.ts';
import { Budget } from './budget.ts';

export type LinkState = 'open' | 'neighbor' | 'lifeline';

/** What one neighbor may make this tab pass on: a burst, and so many milliseconds for one more. */
const PASSED_FRAMES = 128;
const PASSED_FRAME_MS = 20;
const PASSED_BYTES = 512 * 1024;
const PASSED_BYTE_MS = 1 / 128;

export interface Link {
  readonly peer: PeerId;
  state: LinkState;
  /** What the other side said of itself, once it did and this side accepted it. */
  hello: FrameOf<'hello'> | undefined;
  /** Whether this side accepted before the other said hello. */
  promised: boolean;
  /** Whether the other side accepted this one. */
  accepted: boolean;
  /** Whether the other side's page is hidden, as far as is known. */
  hidden: boolean;
  /** Whether the other side is suspected: such a neighbor does not count where links are sought. */
  suspected: boolean;
  /** When this side last said hello. */
  helloAt: number;
  /** Walks, shuffles and relayed frames that the other side may have passed on. */
  readonly passedFrames: Budget;
  readonly passedBytes: Budget;
}

export class LinkTable {
  readonly #links = new Map<PeerId, Link>();
  readonly #neighbors = new Set<PeerId>();

  get neighborCount(): number {
    return this.#neighbors.size;
  }

  /** Neighbors that are not suspected. */
  get liveCount(): number {
    let count = 0;
    for (const peer of this.#neighbors) if (!this.#of(peer).suspected) count++;
    return count;
  }

  /** Links that this side accepted, neighbors or soon to be. */
  get acceptedCount(): number {
    let count = 0;
    for (const { hello, promised } of this.#links.values())
      if (hello !== undefined || promised) count++;
    return count;
  }

  get lifelineCount(): number {
    let count = 0;
    for (const { state } of this.#links.values()) if (state === 'lifeline') count++;
    return count;
  }

  neighbors(): ReadonlySet<PeerId> {
    return this.#neighbors;
  }

  /** The links of the neighbors. */
  neighborLinks(): Link[] {
    return [...this.#neighbors].map((peer) => this.#of(peer));
  }

  /** All links: open, neighbors and lifelines. */
  links(): IterableIterator<Link> {
    return this.#links.values();
  }

  get(peer: PeerId): Link | undefined {
    return this.#links.get(peer);
  }

  isNeighbor(peer: PeerId): boolean {
    return this.#neighbors.has(peer);
  }

  /** Whether the peer is a neighbor that can be relied on. */
  isLive(peer: PeerId): boolean {
    return this.#neighbors.has(peer) && !this.#of(peer).suspected;
  }

  open(peer: PeerId): Link {
    const link: Link = {
      peer,
      state: 'open',
      hello: undefined,
      promised: false,
      accepted: false,
      hidden: false,
      suspected: false,
      helloAt: Number.NEGATIVE_INFINITY,
      passedFrames: new Budget(PASSED_FRAMES, PASSED_FRAME_MS),
      passedBytes: new Budget(PASSED_BYTES, PASSED_BYTE_MS),
    };
    this.#links.set(peer, link);
    return link;
  }

  /** Both sides accepted: the link is a neighbor from now on. */
  promote(link: Link): void {
    link.state = 'neighbor';
    this.#neighbors.add(link.peer);
  }

  /** No neighbor any more, while the connection is kept; what was agreed on it is void. */
  demote(link: Link, state: 'open' | 'lifeline'): void {
    link.state = state;
    link.hello = undefined;
    link.promised = link.accepted = false;
    link.suspected = false;
    this.#neighbors.delete(link.peer);
  }

  /** Tells whether it was a neighbor. */
  close(peer: PeerId): boolean {
    this.#links.delete(peer);
    return this.#neighbors.delete(peer);
  }

  #of(peer: PeerId): Link {
    return this.#links.get(peer) as Link;
  }
}
