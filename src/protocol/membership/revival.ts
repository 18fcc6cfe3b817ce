/**
 * When the dead are tried again, so that a partition that healed is found (SPEC.md, M17).
 *
 * A room cut in two takes each half for dead, and nobody dials the dead: without this it stays two.
 */

import { jitter, type Random } from '../../util/random.ts';
import type { ProtocolConfig } from '../config.ts';

/** Rooms of so many try as often as `reviveInterval` says; the tabs of a larger one share that. */
const SHARING_TABS = 8;
/** Attempts are spread by this part of the time since the last death: fewer, the older it is. */
const AGE_SHARE = 0.25;

export class Revival {
  readonly #config: ProtocolConfig;
  readonly #random: Random;
  #due = Number.POSITIVE_INFINITY;

  constructor(config: ProtocolConfig, random: Random) {
    this.#config = config;
    this.#random = random;
  }

  /** When one of the dead is to be tried. */
  get due(): number {
    return this.#due;
  }

  /** There are dead, the last of them since `lastGoneAt`, in a room of `count`. */
  schedule(count: number, lastGoneAt: number, now: number): void {
    const shared = this.#config.reviveInterval * Math.max(1, count / SHARING_TABS);
    const delay = Math.max(shared, (now - lastGoneAt) * AGE_SHARE);
    this.#due = Math.min(this.#due, now + jitter(this.#random, delay, 0.5));
  }

  /** Nothing is to be tried until it is scheduled again. */
  clear(): void {
    this.#due = Number.POSITIVE_INFINITY;
  }
}
