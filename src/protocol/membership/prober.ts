/**
 * Whom to probe and when, and how much this tab trusts itself (SPEC.md, M2).
 *
 * SWIM probes members in turn (Das, Gupta, Motivala 2002); here these are the neighbors, and first
 * the one that was heard least lately, since any frame answers a probe. Local health after Lifeguard
 * (Dadgar, Phillips, Currey 2018): a tab that misses what it should hear gives the others more time.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { jitter, type Random, sample } from '../../util/random.ts';
import type { ProtocolConfig } from '../config.ts';
import type { Frame, FrameOf } from '../wire.ts';
import { Probe } from './probe.ts';

/** Share of `probeTimeout` that a relay gives the target, so that its nack comes in time. */
const RELAY_SHARE = 0.7;
/** Probes at once for others; further requests are answered by nack. */
const MAX_RELAYED = 256;
/** Own probes are numbered from 1 to this, over and over, which keeps the number to one byte. */
const MAX_SEQUENCE = 127;
/** The number of pings whose answer is known by who answers. */
const UNNUMBERED = 0;

export interface ProberOutput {
  send(peer: PeerId, frame: Frame): void;
  /** Neighbors that have a link to the target and can be asked to probe it. */
  relaysTo(target: PeerId): readonly PeerId[];
  /** The neighbor answered neither this tab nor others. */
  silent(peer: PeerId, now: number): void;
}

interface Neighbor {
  heardAt: number;
  /** When it was last pinged or heard: who is asked next. */
  contactAt: number;
}

/** A probe on behalf of a neighbor. */
interface Relayed {
  readonly requester: PeerId;
  readonly sequence: number;
  readonly target: PeerId;
  readonly deadline: number;
}

export class Prober {
  readonly #config: ProtocolConfig;
  readonly #random: Random;
  readonly #output: ProberOutput;
  readonly #neighbors = new Map<PeerId, Neighbor>();
  readonly #probes = new Map<PeerId, Probe>();
  #relayed: Relayed[] = [];
  #sequence = 0;
  #health = 0;
  #turnAt = Number.POSITIVE_INFINITY;

  constructor(config: ProtocolConfig, random: Random, output: ProberOutput) {
    this.#config = config;
    this.#random = random;
    this.#output = output;
  }

  /** How far this tab distrusts itself: 0 is healthy, `healthMax` − 1 the worst. */
  get health(): number {
    return this.#health;
  }

  /** When `tick` is to be called next. */
  get due(): number {
    let due = this.#turnAt;
    for (const probe of this.#probes.values()) due = Math.min(due, probe.due);
    for (const { deadline } of this.#relayed) due = Math.min(due, deadline);
    return due;
  }

  get neighbors(): Iterable<PeerId> {
    return this.#neighbors.keys();
  }

  get neighborCount(): number {
    return this.#neighbors.size;
  }

  isNeighbor(peer: PeerId): boolean {
    return this.#neighbors.has(peer);
  }

  /** When the neighbor was last heard; `-Infinity` where it is none. */
  heardAt(peer: PeerId): number {
    return this.#neighbors.get(peer)?.heardAt ?? Number.NEGATIVE_INFINITY;
  }

  neighborUp(peer: PeerId, now: number): void {
    if (this.#neighbors.size === 0) this.#turnAt = now + this.#turnDelay();
    this.#neighbors.set(peer, { heardAt: now, contactAt: now });
  }

  neighborDown(peer: PeerId): void {
    this.#neighbors.delete(peer);
    this.#probes.delete(peer);
    this.#relayed = this.#relayed.filter(
      ({ requester, target }) => requester !== peer && target !== peer,
    );
    if (this.#neighbors.size === 0) this.#turnAt = Number.POSITIVE_INFINITY;
  }

  /** A frame came from the neighbor: an answer to whatever it was asked. */
  heard(peer: PeerId, now: number): void {
    const neighbor = this.#neighbors.get(peer);
    if (neighbor === undefined) return;
    neighbor.heardAt = now;
    neighbor.contactAt = now;
    if (this.#probes.size > 0) this.#answered(peer);
    if (this.#relayed.length === 0) return;
    this.#relayed = this.#relayed.filter(({ requester, sequence, target }) => {
      if (target === peer) this.#output.send(requester, { type: 'pong', sequence });
      return target !== peer;
    });
  }

  /** Probes the neighbor out of turn, unless that is under way. */
  probe(target: PeerId, now: number): void {
    const neighbor = this.#neighbors.get(target);
    if (neighbor === undefined || this.#probes.has(target)) return;
    neighbor.contactAt = now;
    this.#sequence = (this.#sequence % MAX_SEQUENCE) + 1;
    const timeout = this.#config.probeTimeout * (1 + this.#health);
    this.#probes.set(target, new Probe(target, this.#sequence, timeout, now));
    this.#output.send(target, { type: 'ping', sequence: this.#sequence });
  }

  /** Probes all that were not heard for an interval: where one is silent many may be. */
  probeUnheard(now: number): void {
    for (const [peer, { heardAt }] of this.#neighbors) {
      if (now - heardAt >= this.#config.probeInterval) this.probe(peer, now);
    }
  }

  onFrame(peer: PeerId, frame: FrameOf<'ping' | 'pong' | 'pingReq' | 'nack'>, now: number): void {
    const { sequence } = frame;
    switch (frame.type) {
      case 'ping':
        return this.#output.send(peer, { type: 'pong', sequence });
      case 'pong': {
        // Of the peer itself it was an answer already; of a relay it names the probe that it answers.
        const probe = this.#probeOf(sequence);
        if (probe?.owing.has(peer)) this.#answered(probe.target);
        return;
      }
      case 'nack':
        return this.#probeOf(sequence)?.nack(peer);
      case 'pingReq':
        return this.#relay(peer, frame, now);
    }
  }

  /** All probes have their time anew: this tab itself slept, and trusts itself less. */
  excuse(now: number): void {
    this.#worsen(1);
    for (const probe of this.#probes.values()) probe.excuse(now);
    this.#relayed = [];
  }

  tick(now: number): void {
    for (const probe of [...this.#probes.values()]) if (probe.due <= now) this.#step(probe, now);
    this.#relayed = this.#relayed.filter(({ requester, sequence, deadline }) => {
      if (deadline <= now) this.#output.send(requester, { type: 'nack', sequence });
      return deadline > now;
    });
    if (this.#turnAt > now) return;
    this.#turnAt = now + this.#turnDelay();
    this.#probeNext(now);
  }

  #step(probe: Probe, now: number): void {
    const { target, sequence } = probe;
    if (probe.step(now) === 'failed') {
      this.#probes.delete(target);
      this.#judgeSelf(probe, now);
      return this.#output.silent(target, now);
    }
    // Asked again directly too: where frames may be lost, one lost frame proves nothing.
    this.#output.send(target, { type: 'ping', sequence });
    const relays = this.#output
      .relaysTo(target)
      .filter((relay) => !this.#probes.has(relay) && this.#neighbors.has(relay));
    for (const relay of sample(this.#random, relays, this.#config.indirectProbes)) {
      probe.asked(relay);
      this.#output.send(relay, { type: 'pingReq', sequence, target });
    }
    this.probeUnheard(now);
  }

  /** SPEC M10: what this tab should have heard and did not tells against itself. */
  #judgeSelf(probe: Probe, now: number): void {
    const since = now - this.#config.probeTimeout * (1 + this.#health);
    const isHeard = (peer: PeerId) => this.heardAt(peer) >= since;
    const missed = [...probe.owing].filter(isHeard).length;
    if (missed > 0) return this.#worsen(missed);
    const others = [...this.#neighbors.keys()].filter((peer) => peer !== probe.target);
    if (others.length > 0 && !others.some(isHeard)) this.#worsen(1);
  }

  #worsen(by: number): void {
    this.#health = Math.min(this.#config.healthMax - 1, this.#health + by);
  }

  #answered(peer: PeerId): void {
    if (this.#probes.delete(peer)) this.#health = Math.max(0, this.#health - 1);
  }

  #probeOf(sequence: number): Probe | undefined {
    for (const probe of this.#probes.values()) if (probe.sequence === sequence) return probe;
    return undefined;
  }

  #relay(requester: PeerId, { sequence, target }: FrameOf<'pingReq'>, now: number): void {
    if (!this.#neighbors.has(target) || this.#relayed.length >= MAX_RELAYED) {
      return this.#output.send(requester, { type: 'nack', sequence });
    }
    const deadline = now + this.#config.probeTimeout * RELAY_SHARE;
    this.#relayed.push({ requester, sequence, target, deadline });
    this.#output.send(target, { type: 'ping', sequence: UNNUMBERED });
  }

  /** Probes who was neither heard nor asked for the longest time, if that is long at all. */
  #probeNext(now: number): void {
    let next: PeerId | undefined;
    let oldest = now - this.#config.probeInterval / 2;
    for (const [peer, { contactAt }] of this.#neighbors) {
      if (contactAt > oldest || this.#probes.has(peer)) continue;
      next = peer;
      oldest = contactAt;
    }
    if (next !== undefined) this.probe(next, now);
  }

  #turnDelay(): number {
    return jitter(this.#random, this.#config.probeInterval * (1 + this.#health), 0.1);
  }
}
