/**
 * The links of one tab: how far their handshake is and whether the other side is heard
 * (SPEC.md, section 4).
 *
 * A link carries the room's frames only once both sides accepted it; it is then a neighbor. Silence
 * is measured a link: any frame counts as a sign of life, and pings are sent where none comes.
 */

import type { PeerId } from '../util/peer-id.ts';
import type { ProtocolConfig } from './config.ts';
import type { MemberEntry } from './frames.ts';

export interface Link {
  readonly peer: PeerId;
  /** What the other side said of itself, once it did and this side accepted it. */
  hello: MemberEntry | undefined;
  /** Whether the other side accepted this one. */
  accepted: boolean;
  /** Whether the other side's page is hidden, as far as is known. */
  hidden: boolean;
  heardAt: number;
  pingedAt: number;
  /** Whether the other side was suspected for the silence that lasts. */
  suspected: boolean;
  /** Whether the transport reports the network path as broken. */
  interrupted: boolean;
}

export class Links {
  readonly #config: ProtocolConfig;
  readonly #links = new Map<PeerId, Link>();
  readonly #neighbors = new Set<PeerId>();

  constructor(config: ProtocolConfig) {
    this.#config = config;
  }

  get neighborCount(): number {
    return this.#neighbors.size;
  }

  /** Links that this side accepted, neighbors or soon to be. */
  get acceptedCount(): number {
    let count = 0;
    for (const { hello } of this.#links.values()) if (hello !== undefined) count++;
    return count;
  }

  neighbors(): ReadonlySet<PeerId> {
    return this.#neighbors;
  }

  /** Peers with an open link, accepted or not. */
  peers(): ReadonlySet<PeerId> {
    return new Set(this.#links.keys());
  }

  get(peer: PeerId): Link | undefined {
    return this.#links.get(peer);
  }

  isNeighbor(peer: PeerId): boolean {
    return this.#neighbors.has(peer);
  }

  open(peer: PeerId, now: number): void {
    this.#links.set(peer, {
      peer,
      hello: undefined,
      accepted: false,
      hidden: false,
      heardAt: now,
      pingedAt: now,
      suspected: false,
      interrupted: false,
    });
  }

  /** Both sides accepted: the link is a neighbor from now on. */
  promote(peer: PeerId): void {
    this.#neighbors.add(peer);
  }

  /** Tells whether it was a neighbor. */
  close(peer: PeerId): boolean {
    this.#links.delete(peer);
    return this.#neighbors.delete(peer);
  }

  /** A frame came over the link. */
  heard(link: Link, now: number): void {
    link.heardAt = now;
    link.suspected = false;
  }

  /** Links silent for `pingInterval` and not pinged for as long; they are noted as pinged. */
  *toPing(now: number): Generator<Link> {
    const { pingInterval } = this.#config;
    for (const link of this.#links.values()) {
      if (now - link.heardAt < pingInterval || now - link.pingedAt < pingInterval) continue;
      link.pingedAt = now;
      yield link;
    }
  }

  /** Neighbors that fell silent for longer than they may; each once a silence. */
  *fallenSilent(now: number): Generator<Link> {
    for (const peer of this.#neighbors) {
      const link = this.#links.get(peer) as Link;
      if (link.suspected || now - link.heardAt < this.#patience(link)) continue;
      link.suspected = true;
      yield link;
    }
  }

  /** Peers whose links are silent for so long that they are of no use, whoever else hears the peer. */
  lost(now: number): PeerId[] {
    const { suspicionTimeout } = this.#config;
    return [...this.#links.values()]
      .filter((link) => now - link.heardAt >= this.#patience(link) + suspicionTimeout)
      .map(({ peer }) => peer);
  }

  /** Whether a link to `peer` exists on which it is heard: proof that it lives. */
  isAudible(peer: PeerId, now: number): boolean {
    const link = this.#links.get(peer);
    return link !== undefined && now - link.heardAt < this.#patience(link);
  }

  /** Starts all silences anew, after a sleep of this tab itself. */
  excuse(now: number): void {
    for (const link of this.#links.values()) this.heard(link, now);
  }

  /** A hidden tab may be frozen and answer nothing while its network path stays up. */
  #patience(link: Link): number {
    const mayBeFrozen = link.hidden && !link.interrupted;
    return mayBeFrozen ? this.#config.hiddenTimeout : this.#config.linkTimeout;
  }
}
