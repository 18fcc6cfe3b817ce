/**
 * The links of one tab: their handshake's state and whether the other side is heard
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
  /** What the other side said of itself, once it did and was accepted. */
  hello: MemberEntry | undefined;
  /** Whether the other side accepted this one. */
  accepted: boolean;
  neighbor: boolean;
  heardAt: number;
  pingedAt: number;
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

  neighbors(): ReadonlySet<PeerId> {
    return this.#neighbors;
  }

  /** Peers with an open link, accepted or not. */
  peers(): ReadonlySet<PeerId> {
    return new Set(this.#links.keys());
  }

  all(): Iterable<Link> {
    return this.#links.values();
  }

  get(peer: PeerId): Link | undefined {
    return this.#links.get(peer);
  }

  isNeighbor(peer: PeerId): boolean {
    return this.#neighbors.has(peer);
  }

  open(peer: PeerId, now: number): void {
    this.#neighbors.delete(peer);
    this.#links.set(peer, {
      peer,
      hello: undefined,
      accepted: false,
      neighbor: false,
      heardAt: now,
      pingedAt: now,
      interrupted: false,
    });
  }

  promote(link: Link): void {
    link.neighbor = true;
    this.#neighbors.add(link.peer);
  }

  close(peer: PeerId): void {
    this.#links.delete(peer);
    this.#neighbors.delete(peer);
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

  /** Links silent for so long that the other side is to be suspected. */
  *silent(now: number): Generator<Link> {
    for (const link of this.#links.values()) {
      if (now - link.heardAt >= this.#patience(link)) yield link;
    }
  }

  /** Whether a link to `peer` exists on which it is heard: proof that it lives. */
  isAudible(peer: PeerId, now: number): boolean {
    const link = this.#links.get(peer);
    return link !== undefined && now - link.heardAt < this.#patience(link);
  }

  /** Starts all silences anew, after a sleep of this tab itself. */
  excuseSilence(now: number): void {
    for (const link of this.#links.values()) link.heardAt = now;
  }

  /** A hidden tab may be frozen and answer nothing while its network path stays up. */
  #patience(link: Link): number {
    const mayBeFrozen = link.hello?.hidden === true && !link.interrupted;
    return mayBeFrozen ? this.#config.hiddenTimeout : this.#config.linkTimeout;
  }
}
