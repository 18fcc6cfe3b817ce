/**
 * This tab's own link list: when a new version of it is told (SPEC.md, M16).
 *
 * Links change in bursts, on joining and after crashes, and every version goes to the whole room:
 * the pause before one is told doubles while there are more, and starts short again after a calm.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { MAX_LISTED_NEIGHBORS } from '../limits.ts';
import { type LinkList, shortOf, shortsToBytes } from '../wire.ts';

const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 5_000;

export class OwnList {
  readonly #self: PeerId;
  #version = 0;
  #pause = FIRST_PAUSE_MS;
  #toldAt = Number.NEGATIVE_INFINITY;
  #due = Number.POSITIVE_INFINITY;

  constructor(self: PeerId) {
    this.#self = self;
  }

  /** When the list is to be told; Infinity while it is as told. */
  get due(): number {
    return this.#due;
  }

  /** A neighbor came or went, or someone told a list of this tab that it did not make. */
  changed(now: number): void {
    if (this.#due !== Number.POSITIVE_INFINITY) return;
    if (now - this.#toldAt > 2 * MAX_PAUSE_MS) this.#pause = FIRST_PAUSE_MS;
    this.#due = now + this.#pause;
  }

  /** Others hold `version` of this list: the next one is greater. */
  overtake(version: number): void {
    this.#version = Math.max(this.#version, version);
  }

  /** The list as it stands, not told yet. */
  draft(neighbors: Iterable<PeerId>): LinkList {
    const shorts = [...neighbors].slice(0, MAX_LISTED_NEIGHBORS).map(shortOf);
    return {
      id: shortOf(this.#self),
      version: this.#version,
      neighbors: shortsToBytes(shorts),
    };
  }

  /** The list under its next version, which counts as told. */
  next(neighbors: Iterable<PeerId>, now: number): LinkList {
    this.#version++;
    this.#toldAt = now;
    this.#pause = Math.min(MAX_PAUSE_MS, 2 * this.#pause);
    this.#due = Number.POSITIVE_INFINITY;
    return this.draft(neighbors);
  }
}
