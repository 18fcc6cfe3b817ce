/**
 * Gossip rounds: when to compare memories, and with whom (SPEC.md, section 7).
 *
 * Push-pull anti-entropy in rounds after Demers et al. 1987. Partners come from a shuffled deck, so
 * that no neighbor waits for longer than the others: the quasirandom model (Doerr, Friedrich,
 * Sauerwald 2008) spreads as fast as independent choice. The interval doubles while nothing
 * differs and falls back to `gossipInterval` at once when something changes, so that an idle room
 * is quiet and a lost frame is found soon. Who gained something by a comparison passes it on in a
 * few eager rounds: what a tab brings that was away for long is with all within seconds.
 */

import type { PeerId } from '../util/peer-id.ts';
import { jitter, type Random, sample } from '../util/random.ts';
import type { ProtocolConfig } from './config.ts';

/** An eager round comes after this share of `gossipInterval`. */
const EAGER_SHARE = 0.25;

export class Rounds {
  readonly #config: ProtocolConfig;
  readonly #random: Random;
  #interval: number;
  /** When the next round is due. */
  #due = Number.POSITIVE_INFINITY;
  /** Neighbors that still have their turn. */
  #deck: PeerId[] = [];
  /** Rounds that are still to come in haste. */
  #eager = 0;
  /** Rounds begun. */
  count = 0;

  constructor(config: ProtocolConfig, random: Random) {
    this.#config = config;
    this.#random = random;
    this.#interval = config.gossipInterval;
  }

  get due(): number {
    return this.#due;
  }

  /** The first round comes within an interval: tabs that start together do not march in step. */
  start(now: number): void {
    this.#interval = this.#config.gossipInterval;
    this.#due = now + this.#interval * this.#random();
  }

  stop(): void {
    this.#due = Number.POSITIVE_INFINITY;
    this.#deck = [];
  }

  /** Begins a round: the neighbors to compare with. */
  begin(neighbors: ReadonlySet<PeerId>, now: number): PeerId[] {
    this.count++;
    if (--this.#eager > 0) {
      this.#due = now + this.#haste();
    } else {
      this.#due = now + jitter(this.#random, this.#interval, 0.1);
      this.#interval = Math.min(this.#config.gossipIntervalMax, this.#interval * 2);
    }
    const count = Math.min(this.#config.fanout, neighbors.size);
    const chosen = new Set<PeerId>();
    while (chosen.size < count) {
      if (this.#deck.length === 0) this.#deck = sample(this.#random, neighbors, neighbors.size);
      const peer = this.#deck.pop() as PeerId;
      if (neighbors.has(peer)) chosen.add(peer);
    }
    return [...chosen];
  }

  /**
   * Something changed or differs: the next round is at most an interval away. Where a comparison brought
   * something, neighbors may lack it too, and the next few come in haste (SPEC R5).
   */
  hasten(now: number, gained = false): void {
    this.#interval = this.#config.gossipInterval;
    if (this.#due - now > 1.1 * this.#interval) {
      this.#due = now + jitter(this.#random, this.#interval, 0.1);
    }
    if (!gained || this.#config.eagerRounds === 0) return;
    this.#eager = this.#config.eagerRounds;
    this.#due = Math.min(this.#due, now + this.#haste());
  }

  /** Where a room heals many gain something at the same time, and are not to march in step. */
  #haste(): number {
    return jitter(this.#random, EAGER_SHARE * this.#config.gossipInterval, 0.5);
  }
}
