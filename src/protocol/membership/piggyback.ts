/**
 * What each neighbor is still to be told of the room (SPEC.md, M7).
 *
 * SWIM (Das, Gupta, Motivala 2002, section 4.1) lets news of members ride on its probes; here they
 * go in frames of their own, since links carry whole frames in order, and many of them in one. News
 * are kept by member: what is sent is the claim that holds when it is sent. What a neighbor told by
 * itself it is not told back.
 */

import type { PeerId } from '../../util/peer-id.ts';
import type { ProtocolConfig } from '../config.ts';

/**
 * The pause after news grows by one `newsDelay` with so many pieces, up to so many times: where much
 * changes at once, much of it changes again, and what changed twice is told once.
 */
const ITEMS_PER_DELAY = 10;
const MAX_DELAYS = 5;

/** The kinds of news about a member. */
export type NewsKind = 'claim' | 'list';

type Untold = Readonly<Record<NewsKind, Map<PeerId, number>>>;

/** What one neighbor is told at once. */
export interface News {
  readonly peer: PeerId;
  /** Members whose claim is news, and those whose link list is. */
  readonly claims: readonly PeerId[];
  readonly lists: readonly PeerId[];
}

export class Piggyback {
  readonly #times: number;
  readonly #delay: number;
  readonly #untold = new Map<PeerId, Untold>();
  #due = Number.POSITIVE_INFINITY;
  /** Nothing is told before this. */
  #notBefore = Number.NEGATIVE_INFINITY;

  /** Tells each piece of news `retransmissions` times, at most once in `newsDelay`. */
  constructor({ retransmissions, newsDelay }: ProtocolConfig) {
    this.#times = retransmissions;
    this.#delay = newsDelay;
  }

  /** When the news is to be taken; Infinity where there is none. */
  get due(): number {
    return this.#due;
  }

  neighborUp(peer: PeerId): void {
    this.#untold.set(peer, { claim: new Map(), list: new Map() });
  }

  neighborDown(peer: PeerId): void {
    this.#untold.delete(peer);
  }

  /** All neighbors are to hear of the member, save the one that told of it. */
  tell(kind: NewsKind, id: PeerId, teller: PeerId | undefined, now: number): void {
    for (const peer of this.#untold.keys()) if (peer !== teller) this.tellOne(peer, kind, id, now);
    if (teller !== undefined) this.known(teller, kind, id);
  }

  /** One neighbor is to hear of the member. */
  tellOne(peer: PeerId, kind: NewsKind, id: PeerId, now: number): void {
    const untold = this.#untold.get(peer);
    if (untold === undefined) return;
    untold[kind].set(id, this.#times);
    this.#due = Math.min(this.#due, Math.max(now, this.#notBefore));
  }

  /** The neighbor showed that it knows what is to be told of the member. */
  known(peer: PeerId, kind: NewsKind, id: PeerId): void {
    this.#untold.get(peer)?.[kind].delete(id);
  }

  /** Takes out what is to be told now, neighbor by neighbor. */
  take(now: number): News[] {
    const all: News[] = [];
    let most = 0;
    for (const { claim, list } of this.#untold.values()) {
      most = Math.max(most, claim.size + list.size);
    }
    this.#due = Number.POSITIVE_INFINITY;
    this.#notBefore =
      now + this.#delay * Math.min(MAX_DELAYS, 1 + Math.floor(most / ITEMS_PER_DELAY));
    for (const [peer, { claim, list }] of this.#untold) {
      if (claim.size === 0 && list.size === 0) continue;
      all.push({ peer, claims: this.#takeFrom(claim), lists: this.#takeFrom(list) });
    }
    return all;
  }

  #takeFrom(untold: Map<PeerId, number>): PeerId[] {
    const ids = [...untold.keys()];
    if (this.#times === 1) untold.clear();
    for (const [id, times] of untold) {
      if (times === 1) untold.delete(id);
      else untold.set(id, times - 1);
    }
    if (untold.size > 0) this.#due = this.#notBefore;
    return ids;
  }
}
