/**
 * The active view: room for links, and whom to let go for another (SPEC.md, section 4).
 *
 * After HyParView (Leitão, Pereira, Rodrigues 2007), where a full view drops a random neighbor for
 * each newcomer. Here there is slack between the links that a tab seeks and those that it takes, and
 * what is over goes where both sides have plenty, so that a newcomer costs nobody a link that it
 * needs.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { jitter, type Random, sample } from '../../util/random.ts';
import type { ProtocolConfig } from '../config.ts';
import type { ByeReason, FrameOf } from '../wire.ts';
import type { Link, LinkTable } from './link-table.ts';
import type { Making } from './making.ts';
import type { RoomView } from './room-view.ts';

/** At most one neighbor in this time is let go for another's sake. */
const LET_GO_MS = 1_000;
/** Where nobody could spare the link, neighbors are looked at again after this. */
const AGAIN_MS = 3_000;
/** Links under `activeMax` that are kept free for those who come. */
const SPARE_LINKS = 2;
/** A neighbor with so few links, this one included, is not let go for another's sake. */
const NEEDED_LINKS = 3;

/** Whether a link is welcome: not at all, as links are lacking here, or as there is room. */
export type Welcome = 'no' | 'lacking' | 'room';

/** Where the machine puts what it has to say. */
export interface ActiveViewOutput {
  hangUp(peer: PeerId, reason: ByeReason, now: number): void;
  /** A suspected neighbor is one no more. */
  demote(link: Link, now: number): void;
}

export class ActiveView {
  readonly #config: ProtocolConfig;
  readonly #random: Random;
  readonly #room: RoomView;
  readonly #links: LinkTable;
  readonly #making: Making;
  readonly #output: ActiveViewOutput;
  #trimDue = Number.POSITIVE_INFINITY;
  #letGoAt = Number.NEGATIVE_INFINITY;

  constructor(
    config: ProtocolConfig,
    random: Random,
    room: RoomView,
    links: LinkTable,
    making: Making,
    output: ActiveViewOutput,
  ) {
    this.#config = config;
    this.#random = random;
    this.#room = room;
    this.#links = links;
    this.#making = making;
    this.#output = output;
  }

  /** When `tick` wants to run next. */
  get due(): number {
    return this.#trimDue;
  }

  /** How much a link that this tab would dial is welcome. */
  get welcome(): Welcome {
    const taken = this.#taken;
    if (taken >= this.#config.activeMax) return 'no';
    return taken < this.#config.activeSize ? 'lacking' : 'room';
  }

  /** Whether a connection that another tab begins may become a link. */
  mayAnswer(now: number): boolean {
    // One more than there is room for, while a neighbor may be let go for one without links.
    const spare = this.#mayLetGo(now) ? 1 : 0;
    return this.#making.hasPlace && this.#taken < this.#config.activeMax + spare;
  }

  /** Whether all links in the making may become neighbors (SPEC L1). */
  get hasPlaces(): boolean {
    return this.#links.neighborCount + this.#making.size <= this.#config.activeMax;
  }

  /**
   * SPEC L5: whether whom this hello is from can be a neighbor. A full tab lets go a suspected
   * neighbor for any other, and for one that has no link at all a neighbor that has more (HyParView's
   * priority join).
   */
  hasRoom(hello: FrameOf<'hello'>, now: number): boolean {
    if (this.#links.acceptedCount < this.#config.activeMax) return true;
    const neighbors = this.#links.neighborLinks();
    const suspect = neighbors.find(({ suspected }) => suspected);
    if (suspect !== undefined) {
      this.#output.demote(suspect, now);
      return true;
    }
    if (hello.links > 0 || !this.#mayLetGo(now)) return false;
    const others = neighbors.filter(({ peer }) => this.#linksOf(peer) > NEEDED_LINKS);
    const hidden = others.filter((link) => link.hidden);
    const [evicted] = sample(this.#random, hidden.length > 0 ? hidden : others, 1);
    if (evicted === undefined) return false;
    this.#letGo(evicted, 'evicted', now);
    return true;
  }

  /** A neighbor was gained or lost. */
  changed(now: number): void {
    if (this.#links.liveCount <= this.#comfortable) this.#trimDue = Number.POSITIVE_INFINITY;
    else this.#trimDue = Math.min(this.#trimDue, now + jitter(this.#random, LET_GO_MS, 0.9));
  }

  /** SPEC L6: what is over the comfortable number is let go, one neighbor a second. */
  tick(now: number): void {
    if (now < this.#trimDue) return;
    this.#trimDue = Number.POSITIVE_INFINITY;
    this.changed(now);
    if (this.#links.liveCount <= this.#comfortable || !this.#mayLetGo(now)) return;
    const rich = this.#links
      .neighborLinks()
      .map((link) => ({ link, links: this.#linksOf(link.peer) }))
      .filter(({ links }) => links > this.#config.activeSize)
      .sort((a, b) => Number(b.link.hidden) - Number(a.link.hidden) || b.links - a.links);
    const [surplus] = rich;
    if (surplus !== undefined) this.#letGo(surplus.link, 'surplus', now);
    else this.#trimDue = now + jitter(this.#random, AGAIN_MS);
  }

  /** Neighbors that are not suspected, and links in the making. */
  get #taken(): number {
    return this.#links.liveCount + this.#making.size;
  }

  get #comfortable(): number {
    const { activeSize, activeMax } = this.#config;
    return Math.max(activeSize, activeMax - SPARE_LINKS);
  }

  #mayLetGo(now: number): boolean {
    return now - this.#letGoAt >= LET_GO_MS;
  }

  #letGo(link: Link, reason: ByeReason, now: number): void {
    this.#letGoAt = now;
    this.#output.hangUp(link.peer, reason, now);
  }

  /** Links that a neighbor has, as far as is known, this one included. */
  #linksOf(peer: PeerId): number {
    const listed = this.#room.graph.linksOf(peer);
    return listed > 0 ? listed : (this.#links.get(peer)?.hello?.links ?? 0) + 1;
  }
}
