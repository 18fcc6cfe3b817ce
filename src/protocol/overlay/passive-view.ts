/**
 * The passive view: peers that may be dialed, when, and those that are avoided (SPEC.md, section 4).
 *
 * HyParView's passive view (Leitão, Pereira, Rodrigues 2007), with what browsers need besides: a
 * peer that failed is dialed again later each time, with jitter.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { jitter, type Random, sample } from '../../util/random.ts';

const BACKOFF_FIRST_MS = 500;
const BACKOFF_MAX_MS = 30_000;
/** Failures in a row after which a peer that is no member is forgotten. */
const MAX_FAILURES = 3;
/** How long a peer that broke the protocol is not linked with. */
const AVOID_MS = 300_000;
const MAX_AVOIDED = 256;

interface Candidate {
  /** Not dialed before this time. */
  notBefore: number;
  failures: number;
}

export class PassiveView {
  readonly #capacity: number;
  readonly #random: Random;
  /** Those told of last at the end. */
  readonly #candidates = new Map<PeerId, Candidate>();
  readonly #avoided = new Map<PeerId, number>();

  constructor(capacity: number, random: Random) {
    this.#capacity = capacity;
    this.#random = random;
  }

  get size(): number {
    return this.#candidates.size;
  }

  /** All of them, those told of last coming first. */
  peers(): PeerId[] {
    return [...this.#candidates.keys()].reverse();
  }

  /** A peer that could be dialed, `delay` from now at the earliest; what is known against it stands. */
  learn(peer: PeerId, now: number, delay = 0): void {
    if (this.isAvoided(peer, now)) return;
    const known = this.#candidates.get(peer);
    if (known === undefined) return this.#add(peer, { notBefore: now + delay, failures: 0 });
    this.#candidates.delete(peer);
    this.#candidates.set(peer, known);
  }

  /** When the peer may be dialed: at once where nothing is known against it. */
  notBefore(peer: PeerId): number {
    return this.#avoided.get(peer) ?? this.#candidates.get(peer)?.notBefore ?? 0;
  }

  has(peer: PeerId): boolean {
    return this.#candidates.has(peer);
  }

  /** The peer left or died; it is not dialed any more. */
  forget(peer: PeerId): void {
    this.#candidates.delete(peer);
  }

  /** A link with the peer stands. */
  linked(peer: PeerId): void {
    const candidate = this.#candidates.get(peer);
    if (candidate !== undefined) candidate.failures = 0;
  }

  /** A dial failed, was refused, or a link ended: try again later, each time later. */
  failed(peer: PeerId, isMember: boolean, now: number): void {
    const known = this.#candidates.get(peer);
    const failures = (known?.failures ?? 0) + 1;
    if (failures >= MAX_FAILURES && !isMember) {
      this.#candidates.delete(peer);
      return;
    }
    const backoff = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** failures);
    const notBefore = now + jitter(this.#random, backoff, 0.5);
    if (known === undefined) this.#add(peer, { notBefore, failures });
    else Object.assign(known, { notBefore, failures });
  }

  /** Not linked with again for some minutes. */
  avoid(peer: PeerId, now: number): void {
    this.#avoided.set(peer, now + AVOID_MS);
    this.#candidates.delete(peer);
    if (this.#avoided.size > MAX_AVOIDED) {
      const [oldest] = this.#avoided.keys();
      if (oldest !== undefined) this.#avoided.delete(oldest);
    }
  }

  isAvoided(peer: PeerId, now: number): boolean {
    const until = this.#avoided.get(peer);
    if (until === undefined) return false;
    if (until > now) return true;
    this.#avoided.delete(peer);
    return false;
  }

  /** Forgets peers and back-offs, for a fresh start after a pause; the avoided stay so. */
  reset(): void {
    this.#candidates.clear();
  }

  #add(peer: PeerId, candidate: Candidate): void {
    if (this.#candidates.size >= this.#capacity) {
      const [dropped] = sample(this.#random, this.#candidates.keys(), 1);
      if (dropped !== undefined) this.#candidates.delete(dropped);
    }
    this.#candidates.set(peer, candidate);
  }
}
