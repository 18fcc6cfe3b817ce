/**
 * The handshake of links (SPEC.md, section 4): both sides say hello on an open connection, and each
 * accepts the other or refuses with a reason; accepted both ways, the link is a neighbor. Who has a
 * place left accepts at once, which saves the way back.
 *
 * Whoever waits says hello again, and every hello is answered, so that a lost frame delays a link
 * and no more. Whether there is room is the overlay's to say.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { type Random, sample } from '../../util/random.ts';
import type { Effect } from '../effects.ts';
import { MAX_SUGGESTED, PROTOCOL_VERSION } from '../limits.ts';
import type { ByeReason, Frame, FrameOf, MemberEntry } from '../wire.ts';
import type { Link, LinkTable } from './link-table.ts';

/** A hello without an accept is said again after this, and one on a neighbor's link is answered as seldom. */
const HELLO_AGAIN_MS = 1_500;
/** Links whose other side was taken for dead, kept to hear whether it lives. */
const MAX_LIFELINES = 4;

/**
 * How a neighbor ended: `left` by its own word, or by closing the connection without one; `lost`
 * where the connection broke; `closed` where the link ended, for the reason told, and it lives.
 */
export type NeighborEnd = 'left' | 'lost' | 'closed';

/** What a hello tells of this tab. */
export interface HelloView {
  readonly self: MemberEntry;
  /** Members of the room, this tab included. */
  readonly size: number;
}

/** Where the machine puts what it has to say, and whom it asks. */
export interface HandshakeOutput {
  effect(effect: Effect): void;
  send(peer: PeerId, frame: Frame): void;
  /** Whether there is a place for every link in the making, whoever it is with. */
  hasPlaces(): boolean;
  /** Whether there is room for a link with whom this hello is from; may make some. */
  hasRoom(hello: FrameOf<'hello'>, now: number): boolean;
  /** Both sides accepted the link. */
  promoted(link: Link, hello: FrameOf<'hello'>, now: number): void;
  /** A link ended or is no neighbor any more; `neighbor` tells whether it was one, and how it ended. */
  ended(
    peer: PeerId,
    reason: ByeReason | 'lost',
    neighbor: NeighborEnd | undefined,
    now: number,
  ): void;
}

export class Handshake {
  readonly #view: HelloView;
  readonly #links: LinkTable;
  readonly #random: Random;
  readonly #output: HandshakeOutput;
  #due = Number.POSITIVE_INFINITY;

  constructor(view: HelloView, links: LinkTable, random: Random, output: HandshakeOutput) {
    this.#view = view;
    this.#links = links;
    this.#random = random;
    this.#output = output;
  }

  /** A connection is open: says hello (SPEC L1). */
  linkUp(peer: PeerId, now: number): void {
    // An older link of the same peer, should there be one.
    if (this.#links.get(peer) !== undefined) this.linkDown(peer, false, now);
    const link = this.#links.open(peer);
    this.#sayHello(link, now);
    if (!this.#output.hasPlaces()) return;
    link.promised = true;
    this.#output.send(peer, { type: 'accept' });
  }

  /** A connection, open or in the making, is gone; `byPeer` where the other side closed it. */
  linkDown(peer: PeerId, byPeer: boolean, now: number): void {
    this.#end(peer, 'lost', byPeer ? 'left' : 'lost', now);
  }

  onHello(link: Link, hello: FrameOf<'hello'>, now: number): void {
    if (link.state === 'neighbor') {
      // The other side began anew, or did not get this side's accept.
      if (now - link.helloAt >= HELLO_AGAIN_MS) this.#sayHello(link, now);
      return this.#output.send(link.peer, { type: 'accept' });
    }
    const isFirst = link.hello === undefined;
    if (isFirst && !link.promised && !this.#output.hasRoom(hello, now)) {
      return this.hangUp(link.peer, 'full', now);
    }
    link.hello = hello;
    link.hidden = hello.entry.hidden;
    if (!isFirst || !link.promised) this.#output.send(link.peer, { type: 'accept' });
    this.#promoteIfAccepted(link, now);
  }

  onAccept(link: Link, now: number): void {
    if (link.state === 'neighbor') return;
    link.accepted = true;
    this.#promoteIfAccepted(link, now);
  }

  /** The other side refused or ended the link, or takes this tab for dead. */
  onBye(link: Link, reason: ByeReason, now: number): void {
    if (reason !== 'dead') this.#output.effect({ type: 'hangUp', peer: link.peer });
    this.#end(link.peer, reason, reason === 'leaving' ? 'left' : 'closed', now);
    if (reason === 'dead') this.#sayHello(this.#links.open(link.peer), now);
  }

  /** The other side speaks another version (SPEC L2). */
  onForeignHello(peer: PeerId, version: number, now: number): void {
    const message = `Peer ${peer} speaks protocol ${version}, this tab ${PROTOCOL_VERSION}. The link was dropped; load the same version of mnemesh in all tabs.`;
    this.#output.effect({ type: 'error', code: 'version-mismatch', message });
    this.hangUp(peer, 'version', now);
  }

  /** Tells the other side why, and ends the connection, open or in the making. */
  hangUp(peer: PeerId, reason: ByeReason, now: number): void {
    if (this.#links.get(peer) !== undefined) {
      const others = [...this.#links.neighbors()].filter((other) => other !== peer);
      const isSent = reason === 'full' || reason === 'evicted';
      const suggested = isSent ? sample(this.#random, others, MAX_SUGGESTED) : [];
      this.#output.send(peer, { type: 'bye', reason, suggested });
    }
    this.#output.effect({ type: 'hangUp', peer });
    this.#end(peer, reason, 'closed', now);
  }

  /**
   * The other side was declared dead while the connection stands: no neighbor any more, but kept as
   * a lifeline where there are not too many, since a healed network may carry it again (SPEC L12).
   */
  demote(link: Link, now: number): void {
    if (this.#links.lifelineCount >= MAX_LIFELINES) return this.hangUp(link.peer, 'dead', now);
    this.#output.send(link.peer, { type: 'bye', reason: 'dead', suggested: [] });
    this.#links.demote(link, 'lifeline');
    this.#output.ended(link.peer, 'dead', 'closed', now);
  }

  /** A lifeline is heard: its other side lives, and the handshake begins anew (SPEC L12). */
  revive(link: Link, now: number): void {
    this.#links.demote(link, 'open');
    this.#sayHello(link, now);
  }

  /** When a hello may have to be said again. */
  get due(): number {
    return this.#due;
  }

  /** The room was left. */
  reset(): void {
    this.#due = Number.POSITIVE_INFINITY;
  }

  /** Says hello again on links that wait for an accept. */
  tick(now: number): void {
    if (now < this.#due) return;
    this.#due = Number.POSITIVE_INFINITY;
    for (const link of this.#links.links()) {
      if (link.state !== 'open') continue;
      if (link.helloAt + HELLO_AGAIN_MS <= now) this.#sayHello(link, now);
      else this.#due = Math.min(this.#due, link.helloAt + HELLO_AGAIN_MS);
    }
  }

  #sayHello(link: Link, now: number): void {
    link.helloAt = now;
    if (link.state === 'open') this.#due = Math.min(this.#due, now + HELLO_AGAIN_MS);
    const { self: entry, size } = this.#view;
    const links = this.#links.neighborCount;
    this.#output.send(link.peer, { type: 'hello', entry, links, size });
  }

  #promoteIfAccepted(link: Link, now: number): void {
    const { hello, accepted } = link;
    if (hello === undefined || !accepted) return;
    this.#links.promote(link);
    this.#output.promoted(link, hello, now);
  }

  #end(peer: PeerId, reason: ByeReason | 'lost', how: NeighborEnd, now: number): void {
    const wasNeighbor = this.#links.close(peer);
    this.#output.ended(peer, reason, wasNeighbor ? how : undefined, now);
  }
}
