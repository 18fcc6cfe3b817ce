/**
 * The overlay: whom to link with (SPEC.md, section 4).
 *
 * A partial view in the manner of HyParView (Leitão, Pereira, Rodrigues 2007): an active view of
 * links, a passive view of peers to dial when links are lost. In a room of at most `activeSize` + 1
 * everyone is linked with everyone. Dials are limited at once and by a budget, and back off with
 * jitter, since browsers stop making connections after some hundreds.
 */

import type { PeerId } from '../util/peer-id.ts';
import { jitter, type Random, sample } from '../util/random.ts';
import type { ProtocolConfig } from './config.ts';

/** Dials that may be made in a burst, and the time in which one more is earned. */
const DIAL_BURST = 24;
const DIAL_REFILL_MS = 2_000;
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
  /** Known as a member of the room, so kept however often dialing fails. */
  member: boolean;
}

export class Overlay {
  readonly #config: ProtocolConfig;
  readonly #random: Random;
  readonly #candidates = new Map<PeerId, Candidate>();
  /** Dials under way, with the time by which each must be a link. */
  readonly #dialing = new Map<PeerId, number>();
  readonly #avoided = new Map<PeerId, number>();
  #budget = DIAL_BURST;
  #budgetAt = 0;

  constructor(config: ProtocolConfig, random: Random) {
    this.#config = config;
    this.#random = random;
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

  /** A peer that could be dialed, at the earliest after `delay`; an earlier time stands. */
  learn(peer: PeerId, now: number, delay: number, member: boolean): void {
    if (this.#isAvoided(peer, now)) return;
    const known = this.#candidates.get(peer);
    if (known !== undefined) {
      known.member ||= member;
      if (known.failures === 0) known.notBefore = Math.min(known.notBefore, now + delay);
      return;
    }
    if (this.#candidates.size >= this.#config.passiveSize) {
      const [dropped] = sample(this.#random, this.#candidates.keys(), 1);
      if (dropped !== undefined) this.#candidates.delete(dropped);
    }
    this.#candidates.set(peer, { notBefore: now + delay, failures: 0, member });
  }

  /** The peer left or died; it is not dialed any more. */
  forget(peer: PeerId): void {
    this.#candidates.delete(peer);
  }

  /** A link with `peer` stands. */
  linked(peer: PeerId): void {
    this.#dialing.delete(peer);
    const candidate = this.#candidates.get(peer);
    if (candidate !== undefined) candidate.failures = 0;
  }

  /** A dial failed, was refused, or a link was lost: try again later, each time later. */
  failed(peer: PeerId, now: number): void {
    this.#dialing.delete(peer);
    const candidate = this.#candidates.get(peer);
    if (candidate === undefined) return;
    candidate.failures++;
    if (candidate.failures >= MAX_FAILURES && !candidate.member) {
      this.#candidates.delete(peer);
      return;
    }
    const backoff = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** candidate.failures);
    candidate.notBefore = now + jitter(this.#random, backoff, 0.5);
  }

  /** Whether a connection that `peer` begins should be answered (SPEC L7). */
  mayAnswer(peer: PeerId, now: number): boolean {
    if (this.#isAvoided(peer, now)) return false;
    return this.#dialing.has(peer) || this.#dialing.size < 2 * this.#config.dialsAtOnce;
  }

  /** The other side began a connection; it counts as a dial under way. */
  incoming(peer: PeerId, now: number): void {
    this.#dialing.set(peer, now + this.#config.dialTimeout);
  }

  /** Peers to dial now, each noted as being dialed. */
  dials(links: ReadonlySet<PeerId>, now: number): PeerId[] {
    const { activeSize, activeMax, dialsAtOnce } = this.#config;
    const taken = this.#taken(links);
    // SPEC L8: with a full view one stranger at a time is still dialed, so that two groups of tabs
    // that each have all the links they seek find together.
    const isFull = taken >= activeSize;
    if (isFull && (taken >= activeMax || this.#dialing.size > 0)) return [];
    const slots = Math.min(dialsAtOnce - this.#dialing.size, this.#spendable(now));
    if (slots <= 0) return [];
    const ready = [...this.#candidates].filter(
      ([peer, { notBefore, member }]) =>
        notBefore <= now && !(isFull && member) && !links.has(peer) && !this.#dialing.has(peer),
    );
    const want = Math.min(slots, isFull ? 1 : activeSize - taken);
    const chosen = sample(this.#random, ready, want).map(([peer]) => peer);
    this.#budget -= chosen.length;
    for (const peer of chosen) this.#dialing.set(peer, now + this.#config.dialTimeout);
    return chosen;
  }

  /** Dials that took too long, no longer noted; the caller hangs them up. */
  overdue(now: number): PeerId[] {
    const late = [...this.#dialing].filter(([, by]) => by <= now).map(([peer]) => peer);
    for (const peer of late) this.failed(peer, now);
    return late;
  }

  /** Whether links are wanted and nobody is left to dial, so that signaling should be asked. */
  lacksCandidates(links: ReadonlySet<PeerId>): boolean {
    if (this.#taken(links) >= this.#config.activeSize) return false;
    for (const peer of this.#candidates.keys()) {
      if (!links.has(peer) && !this.#dialing.has(peer)) return false;
    }
    return true;
  }

  /** Forgets dials under way and back-offs, for a fresh start after a pause. */
  reset(): void {
    this.#dialing.clear();
    this.#candidates.clear();
  }

  #isAvoided(peer: PeerId, now: number): boolean {
    const until = this.#avoided.get(peer);
    if (until === undefined) return false;
    if (until > now) return true;
    this.#avoided.delete(peer);
    return false;
  }

  /** Links there are and links in the making; one that is open and not accepted yet is both. */
  #taken(links: ReadonlySet<PeerId>): number {
    let count = links.size;
    for (const peer of this.#dialing.keys()) if (!links.has(peer)) count++;
    return count;
  }

  #spendable(now: number): number {
    const earned = Math.floor((now - this.#budgetAt) / DIAL_REFILL_MS);
    if (earned > 0) {
      this.#budget = Math.min(DIAL_BURST, this.#budget + earned);
      this.#budgetAt = now;
    }
    return this.#budget;
  }
}
