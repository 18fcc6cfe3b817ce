/**
 * Gossip rounds: when to compare memories, and with whom (SPEC.md, section 7).
 *
 * Push-pull anti-entropy in rounds after Demers et al. 1987. The interval doubles while nothing
 * differs and falls back to `gossipInterval` at once when something changes, so that an idle room
 * is quiet and a lost frame is found within two rounds.
 */

import type { PeerId } from '../util/peer-id.ts';
import { jitter, type Random, sample } from '../util/random.ts';
import type { ProtocolConfig } from './config.ts';

export class Rounds {
  readonly #config: ProtocolConfig;
  readonly #random: Random;
  /** Of the round that is due, and of the one after it. */
  #pending: number;
  #interval: number;
  /** Rounds begun. */
  count = 0;

  constructor(config: ProtocolConfig, random: Random) {
    this.#config = config;
    this.#random = random;
    this.#pending = config.gossipInterval;
    this.#interval = config.gossipInterval;
  }

  /** Begins a round: the neighbors to compare with. */
  begin(neighbors: Iterable<PeerId>): PeerId[] {
    this.count++;
    return sample(this.#random, neighbors, this.#config.fanout);
  }

  /** Milliseconds until the next round; each call without `hasten` between doubles them. */
  nextDelay(): number {
    this.#pending = this.#interval;
    this.#interval = Math.min(this.#config.gossipIntervalMax, this.#interval * 2);
    return jitter(this.#random, this.#pending, 0.1);
  }

  /** Something changed or differs; true where the pending round is further off than it may be. */
  hasten(): boolean {
    this.#interval = this.#config.gossipInterval;
    return this.#pending > this.#interval;
  }
}
