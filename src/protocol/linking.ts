/**
 * Linking: how links come to be and end (SPEC.md, section 4).
 *
 * Both sides say hello on an open connection, and each accepts the other or refuses with a reason;
 * accepted both ways, the link is a neighbor. Whom to dial is the overlay's to choose.
 */

import type { PeerId } from '../util/peer-id.ts';
import { jitter, type Random, sample } from '../util/random.ts';
import type { ProtocolConfig } from './config.ts';
import type { Effect } from './effects.ts';
import type { ByeReason, Frame, MemberEntry } from './frames.ts';
import { MAX_SUGGESTED, PROTOCOL_VERSION } from './limits.ts';
import { type Link, Links } from './links.ts';
import { Overlay } from './overlay.ts';

/** A tab asks signaling for more peers at most this often. */
const FIND_INTERVAL_MS = 15_000;
/** A tab that lacks none asks at one tick in so many, times the members of the room. */
const FIND_TICKS = 30;

/** Where the machine puts what it has to say. */
export interface LinkingOutput {
  effect(effect: Effect): void;
  send(peer: PeerId, frame: Frame): void;
  /** Both sides accepted the link; `hello` is what the other side said of itself. */
  neighborUp(hello: MemberEntry, now: number): void;
  neighborDown(peer: PeerId, reason: ByeReason | 'lost', now: number): void;
}

export class Linking {
  readonly links: Links;
  readonly overlay: Overlay;
  readonly #config: ProtocolConfig;
  readonly #random: Random;
  readonly #output: LinkingOutput;
  #askDue = 0;

  constructor(config: ProtocolConfig, random: Random, output: LinkingOutput) {
    this.links = new Links(config);
    this.overlay = new Overlay(config, random);
    this.#config = config;
    this.#random = random;
    this.#output = output;
  }

  /** Begins to look for links; signaling tells of peers by itself first. */
  start(now: number): void {
    this.#askDue = now + jitter(this.#random, FIND_INTERVAL_MS);
  }

  /** Ends all links, telling why, and forgets whom to dial. */
  stop(now: number): void {
    for (const peer of this.links.peers()) this.hangUp(peer, 'leaving', now);
    this.overlay.reset();
  }

  /** A connection is open: says hello (SPEC L1). */
  linkUp(peer: PeerId, self: MemberEntry, now: number): void {
    this.#close(peer, 'lost', now); // an older link of the same peer, should there be one
    this.links.open(peer, now);
    const { id, incarnation, hidden } = self;
    const links = this.links.neighborCount;
    this.#output.send(peer, { type: 'hello', id, incarnation, hidden, links });
  }

  /** The other side speaks another version (SPEC L2). */
  foreignHello(peer: PeerId, version: number, now: number): void {
    const message = `Peer ${peer} speaks protocol ${version}, this tab ${PROTOCOL_VERSION}. The link was dropped and nothing changed; load the same version of mnemesh in all tabs.`;
    this.#output.effect({ type: 'error', code: 'version-mismatch', message });
    this.overlay.avoid(peer, now);
    this.hangUp(peer, 'version', now);
  }

  hello(link: Link, hello: Extract<Frame, { type: 'hello' }>, now: number): void {
    const { id, incarnation, hidden, links } = hello;
    if (id !== link.peer || link.hello !== undefined) {
      return this.misbehaved(link.peer, 'a hello that is not its own', now);
    }
    if (this.links.acceptedCount >= this.#config.activeMax && !this.#makeRoom(links, now)) {
      return this.hangUp(link.peer, 'full', now);
    }
    link.hello = { id, status: 'alive', incarnation, hidden };
    link.hidden = hidden;
    this.#output.send(link.peer, { type: 'accept' });
    this.#promoteIfAccepted(link, now);
  }

  accept(link: Link, now: number): void {
    if (link.accepted) return this.misbehaved(link.peer, 'a second accept', now);
    link.accepted = true;
    this.#promoteIfAccepted(link, now);
  }

  /** The other side refused or ended the link. */
  bye(peer: PeerId, reason: ByeReason, now: number): void {
    this.#output.effect({ type: 'hangUp', peer });
    this.overlay.failed(peer, now);
    this.#close(peer, reason, now);
    if (reason === 'version' || reason === 'avoided') this.overlay.avoid(peer, now);
  }

  /** A connection, open or in the making, is gone; tells whether it was a neighbor. */
  linkDown(peer: PeerId, now: number): boolean {
    this.overlay.failed(peer, now);
    return this.#close(peer, 'lost', now);
  }

  /** Tells the other side why, and ends the connection, open or in the making. */
  hangUp(peer: PeerId, reason: ByeReason, now: number): void {
    if (this.links.get(peer) !== undefined) {
      const others = [...this.links.neighbors()].filter((other) => other !== peer);
      const suggested =
        reason === 'full' || reason === 'evicted'
          ? sample(this.#random, others, MAX_SUGGESTED)
          : [];
      this.#output.send(peer, { type: 'bye', reason, suggested });
    }
    this.#output.effect({ type: 'hangUp', peer });
    this.overlay.failed(peer, now);
    this.#close(peer, reason, now);
  }

  /** Ends the link with a peer that broke the protocol, and avoids it (SPEC L9). */
  misbehaved(peer: PeerId, what: string, now: number): void {
    const message = `Peer ${peer} sent ${what}. The link was dropped and the peer is avoided for some minutes; memory is unchanged.`;
    this.#output.effect({ type: 'error', code: 'bad-frame', message });
    this.overlay.avoid(peer, now);
    this.hangUp(peer, 'avoided', now);
  }

  dialMissing(now: number): void {
    for (const peer of this.overlay.dials(this.links.peers(), now)) {
      this.#output.effect({ type: 'dial', peer });
    }
  }

  /** Gives up what takes too long, dials, and asks for peers; `members` are in the room. */
  tick(members: number, now: number): void {
    for (const peer of this.links.lost(now)) this.hangUp(peer, 'timeout', now);
    for (const peer of this.overlay.overdue(now)) this.hangUp(peer, 'timeout', now);
    this.dialMissing(now);
    // SPEC L8: also where nobody lacks links one tab or another asks, so that a split room is found.
    const isChosen = this.#random() * FIND_TICKS * members < 1;
    if (now < this.#askDue) return;
    if (!isChosen && !this.overlay.lacksCandidates(this.links.peers())) return;
    this.#askDue = now + jitter(this.#random, FIND_INTERVAL_MS);
    this.#output.effect({ type: 'find' });
  }

  /**
   * SPEC L5: a full tab lets in one that has no link yet, at the cost of a neighbor, which has had
   * time to know others (HyParView's priority join); any other is refused.
   */
  #makeRoom(links: number, now: number): boolean {
    if (links > 0) return false;
    const [evicted] = sample(this.#random, this.links.neighbors(), 1);
    if (evicted !== undefined) this.hangUp(evicted, 'evicted', now);
    return evicted !== undefined;
  }

  #promoteIfAccepted(link: Link, now: number): void {
    if (link.hello === undefined || !link.accepted) return;
    this.links.promote(link.peer);
    this.overlay.learn(link.peer, now, 0, true);
    this.overlay.linked(link.peer);
    this.#output.neighborUp(link.hello, now);
  }

  #close(peer: PeerId, reason: ByeReason | 'lost', now: number): boolean {
    const wasNeighbor = this.links.close(peer);
    if (wasNeighbor) this.#output.neighborDown(peer, reason, now);
    return wasNeighbor;
  }
}
