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
const ITEMS_PER_DELAY = 4;
const MAX_DELAYS = 10;
/** Lists of others wait for so many `newsDelay`s, and in a room that is slower so many times longer. */
const LIST_DELAYS = 5;

/** The kinds of news: a claim about a member, this tab's own link list, the list of another. */
export type NewsKind = 'claim' | 'links' | 'list';

type Untold = Readonly<Record<NewsKind, Map<PeerId, number>>>;

/** What one neighbor is told at once. */
export interface News {
  readonly peer: PeerId;
  /** Members whose claim is news, and those whose link list is. */
  readonly claims: readonly PeerId[];
  readonly lists: readonly PeerId[];
}

/** When news may go: it is due by `due`, and nothing before `notBefore`. */
interface Turn {
  due: number;
  notBefore: number;
}

export class Piggyback {
  /**
   * Whether each tab knows its neighbors alone (SPEC M15): then it tells of itself to all of them, and
   * what it claims of another to that one, which may refute it.
   */
  isPartial = false;
  readonly #self: PeerId;
  readonly #times: number;
  readonly #delay: number;
  readonly #untold = new Map<PeerId, Untold>();
  /** Of claims and this tab's own list. */
  readonly #prompt: Turn = { due: Number.POSITIVE_INFINITY, notBefore: Number.NEGATIVE_INFINITY };
  /** Of the lists of others, which are many and not urgent. */
  readonly #slow: Turn = { due: Number.POSITIVE_INFINITY, notBefore: Number.NEGATIVE_INFINITY };

  /** Tells each piece of news `retransmissions` times, at most once in `newsDelay`. */
  constructor(self: PeerId, { retransmissions, newsDelay }: ProtocolConfig) {
    this.#self = self;
    this.#times = retransmissions;
    this.#delay = newsDelay;
  }

  /** When news is to be taken; Infinity where there is none. */
  get due(): number {
    return Math.min(this.#prompt.due, this.#slow.due);
  }

  /** Whether there is any that is not to wait long. */
  get isPrompt(): boolean {
    return this.#prompt.due !== Number.POSITIVE_INFINITY;
  }

  neighborUp(peer: PeerId): void {
    this.#untold.set(peer, { claim: new Map(), links: new Map(), list: new Map() });
  }

  neighborDown(peer: PeerId): void {
    this.#untold.delete(peer);
  }

  /** All neighbors are to hear of the member, save the one that told of it. */
  tell(kind: NewsKind, id: PeerId, teller: PeerId | undefined, now: number): void {
    if (this.isPartial && id !== this.#self) {
      if (kind === 'claim' && teller !== id) this.tellOne(id, kind, id, now);
    } else {
      for (const peer of this.#untold.keys()) {
        if (peer !== teller) this.tellOne(peer, kind, id, now);
      }
    }
    if (teller !== undefined) this.known(teller, kind, id);
  }

  /** One neighbor is to hear of the member. */
  tellOne(peer: PeerId, kind: NewsKind, id: PeerId, now: number): void {
    const untold = this.#untold.get(peer);
    if (untold === undefined) return;
    untold[kind].set(id, this.#times);
    const turn = kind === 'list' ? this.#slow : this.#prompt;
    turn.due = Math.min(turn.due, Math.max(now, turn.notBefore));
  }

  /** The neighbor showed that it knows what is to be told of the member. */
  known(peer: PeerId, kind: NewsKind, id: PeerId): void {
    this.#untold.get(peer)?.[kind].delete(id);
  }

  /**
   * Takes out what is to be told now, neighbor by neighbor; all that is prompt where `isUrgent`.
   * @param pace how much slower than a small one the room tells lists, 1 or more.
   */
  take(now: number, pace: number, isUrgent: boolean): News[] {
    const isPrompt = isUrgent || this.#prompt.due <= now;
    const isSlow = this.#slow.due <= now;
    if (isPrompt) this.#rest(this.#prompt, now + this.#delay * this.#delays());
    if (isSlow) this.#rest(this.#slow, now + this.#delay * LIST_DELAYS * pace);
    const all: News[] = [];
    for (const [peer, { claim, links, list }] of this.#untold) {
      const claims = isPrompt ? this.#takeFrom(claim, this.#prompt) : [];
      const lists = isPrompt ? this.#takeFrom(links, this.#prompt) : [];
      if (isSlow) lists.push(...this.#takeFrom(list, this.#slow));
      if (claims.length > 0 || lists.length > 0) all.push({ peer, claims, lists });
    }
    return all;
  }

  /** Times `newsDelay` that are to pass after this. */
  #delays(): number {
    let most = 0;
    for (const { claim } of this.#untold.values()) most = Math.max(most, claim.size);
    return Math.min(MAX_DELAYS, 1 + Math.floor(most / ITEMS_PER_DELAY));
  }

  #rest(turn: Turn, notBefore: number): void {
    turn.due = Number.POSITIVE_INFINITY;
    turn.notBefore = notBefore;
  }

  #takeFrom(untold: Map<PeerId, number>, turn: Turn): PeerId[] {
    if (untold.size === 0) return [];
    const ids = [...untold.keys()];
    if (this.#times === 1) untold.clear();
    for (const [id, times] of untold) {
      if (times === 1) untold.delete(id);
      else untold.set(id, times - 1);
    }
    if (untold.size > 0) turn.due = turn.notBefore;
    return ids;
  }
}
