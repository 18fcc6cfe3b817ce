/**
 * The overlay: whom to link with, and the ways to those without a link (SPEC.md, section 4).
 *
 * A partial view after HyParView (Leitão, Pereira, Rodrigues 2007): an active view of symmetric
 * links, filled by random walks, and a passive view to fall back on. In a small room everyone is
 * linked with everyone. This composes the machines of one concern each.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { jitter, type Random } from '../../util/random.ts';
import type { ProtocolConfig } from '../config.ts';
import type { Effect } from '../effects.ts';
import type {
  ByeReason,
  ForeignHello,
  Frame,
  FrameOf,
  MemberEntry,
  MemberStatus,
  RelayKind,
} from '../wire.ts';
import { ActiveView } from './active-view.ts';
import { Handshake, type NeighborEnd } from './handshake.ts';
import { type Link, LinkTable } from './link-table.ts';
import { Making } from './making.ts';
import { PassiveView } from './passive-view.ts';
import { Relays } from './relays.ts';
import type { RoomView } from './room-view.ts';
import { Routes } from './routes.ts';
import { Seeker } from './seeker.ts';
import { Walks } from './walks.ts';

/** Frames that the overlay keeps to itself. */
type OverlayFrame = FrameOf<'hello' | 'accept' | 'bye' | 'walk' | 'shuffle' | 'relay'>;

/** Where the machine puts what it has to say. */
export interface OverlayOutput {
  effect(effect: Effect): void;
  send(peer: PeerId, frame: Frame): void;
  /** Both sides accepted the link; `hello` is what the other side said of itself. */
  neighborUp(hello: FrameOf<'hello'>, now: number): void;
  /** `reason` is the bye's, or `lost` without one; `how` is for the membership. */
  neighborDown(peer: PeerId, reason: ByeReason | 'lost', how: NeighborEnd, now: number): void;
}

export class Overlay {
  readonly #config: ProtocolConfig;
  readonly #random: Random;
  readonly #room: RoomView;
  readonly #output: OverlayOutput;
  readonly #links = new LinkTable();
  readonly #passive: PassiveView;
  readonly #making: Making;
  readonly #active: ActiveView;
  readonly #handshake: Handshake;
  readonly #routes: Routes;
  readonly #relays: Relays;
  readonly #walks: Walks;
  readonly #seeker: Seeker;
  #lifelinesDue = Number.POSITIVE_INFINITY;
  #shuffleDue = Number.POSITIVE_INFINITY;

  constructor(config: ProtocolConfig, random: Random, room: RoomView, output: OverlayOutput) {
    const self = room.self.id;
    const links = this.#links;
    this.#config = config;
    this.#random = random;
    this.#room = room;
    this.#output = output;
    this.#passive = new PassiveView(config.passiveSize, random);
    this.#making = new Making(self, config, links, this.#passive);
    this.#routes = new Routes(self, links, room.graph);
    this.#active = new ActiveView(config, random, room, links, this.#making, {
      hangUp: (peer, reason, now) => this.#handshake.hangUp(peer, reason, now),
      demote: (link, now) => this.#handshake.demote(link, now),
    });
    this.#handshake = new Handshake(room, links, random, {
      effect: (effect) => output.effect(effect),
      send: (peer, frame) => output.send(peer, frame),
      hasPlaces: () => this.#active.hasPlaces,
      hasRoom: (hello, now) => this.#active.hasRoom(hello, now),
      promoted: (link, hello, now) => this.#promoted(link, hello, now),
      ended: (peer, reason, how, now) => this.#ended(peer, reason, how, now),
    });
    this.#relays = new Relays(self, links, this.#routes, {
      effect: (effect) => output.effect(effect),
      send: (peer, frame) => output.send(peer, frame),
      shuffled: (peers, now) => this.candidates(peers, now),
    });
    this.#walks = new Walks(self, config, random, links, this.#routes, {
      send: (peer, frame) => output.send(peer, frame),
      welcome: (peer, now) => (this.#making.canDial(peer, now) ? this.#active.welcome : 'no'),
      dial: (origin, now) => this.#dial(origin, now),
      passive: () => this.#passive.peers(),
      learned: (peers, now) => this.candidates(peers, now),
      answer: (origin, path, peers) => this.#relays.answerShuffle(origin, path, peers),
    });
    this.#seeker = new Seeker(config, random, room, links, this.#passive, this.#making, {
      dial: (peer, now) => this.#dial(peer, now),
      walk: (count) => this.#walks.begin(count),
      find: () => output.effect({ type: 'find' }),
    });
  }

  /** Peers with a link that both sides accepted. */
  neighbors(): ReadonlySet<PeerId> {
    return this.#links.neighbors();
  }

  isNeighbor(peer: PeerId): boolean {
    return this.#links.isNeighbor(peer);
  }

  /** Whether a connection that `peer` begins should be answered (SPEC L7). */
  wouldAnswer(peer: PeerId, now: number): boolean {
    if (this.#passive.isAvoided(peer, now)) return false;
    if (this.#making.has(peer) || this.#links.get(peer) !== undefined) return true;
    return this.#active.mayAnswer(now);
  }

  /** Whether something can be sent to `peer` over the mesh. */
  canRoute(peer: PeerId, now: number): boolean {
    return this.#routes.to(peer, now) !== undefined;
  }

  /** When `tick` wants to run next. */
  get due(): number {
    return Math.min(
      this.#making.due,
      this.#handshake.due,
      this.#active.due,
      this.#seeker.due,
      this.#lifelinesDue,
      this.#shuffleDue,
    );
  }

  /** Begins to look for links; signaling tells of peers by itself first. */
  start(now: number): void {
    this.#seeker.start(now);
    this.#lifelinesDue = now + jitter(this.#random, this.#config.reviveInterval);
    this.#shuffleDue = now + jitter(this.#random, this.#config.shuffleInterval);
  }

  /** Ends all links, telling why, and forgets whom to dial. */
  stop(now: number): void {
    const peers = [...this.#links.links()].map(({ peer }) => peer);
    for (const peer of new Set([...peers, ...this.#making.peers()])) {
      this.#handshake.hangUp(peer, 'leaving', now);
    }
    this.#handshake.reset();
    this.#making.clear();
    this.#passive.reset();
    this.#routes.reset();
    this.#seeker.stop();
    this.#lifelinesDue = this.#shuffleDue = Number.POSITIVE_INFINITY;
  }

  // From the runtime.

  /** Signaling, or another tab, told of peers in the room. */
  candidates(peers: readonly PeerId[], now: number): void {
    const strangers = peers.filter(
      (peer) => peer !== this.#room.self.id && this.#links.get(peer) === undefined,
    );
    for (const peer of strangers) this.#passive.learn(peer, now);
    if (strangers.length > 0) this.#seeker.learned(strangers, now);
  }

  /** A peer asks to be dialed, since it takes this tab for dead, or may be taken so (SPEC L13). */
  knocked(peer: PeerId, now: number): void {
    const link = this.#links.get(peer);
    if (link?.state === 'lifeline') this.#revive(link, now);
    else if (this.#active.welcome !== 'no') this.#dial(peer, now);
  }

  /** The other side began a connection that this side answers. */
  incoming(peer: PeerId, now: number): void {
    this.#making.add(peer, now);
  }

  linkUp(peer: PeerId, now: number): void {
    this.#handshake.linkUp(peer, now);
    this.#making.add(peer, now);
  }

  /** A connection, open or in the making, ended without `hangUp`; `byPeer` where the other side closed it. */
  linkDown(peer: PeerId, byPeer: boolean, now: number): void {
    this.#handshake.linkDown(peer, byPeer, now);
  }

  /** Sends something by source route; effect `unroutable` where that fails, now or later. */
  relay(kind: RelayKind, to: PeerId, channel: number, payload: Uint8Array, now: number): void {
    this.#relays.send(kind, to, channel, payload, now);
  }

  // From links.

  /**
   * Takes what came over the connection with `peer`; `undefined` is bytes that are no frame. Returns
   * the frame where it is a neighbor's and for the layers above.
   */
  receive(
    peer: PeerId,
    frame: Frame | ForeignHello | undefined,
    now: number,
  ): Exclude<Frame, OverlayFrame> | undefined {
    const link = this.#links.get(peer);
    if (link === undefined) return undefined;
    if (frame === undefined) this.misbehaved(peer, 'a frame that cannot be read', now);
    else if (frame.type === 'foreignHello') {
      this.#handshake.onForeignHello(peer, frame.version, now);
    } else {
      if (link.state === 'lifeline') this.#revive(link, now);
      return this.#take(link, frame, now);
    }
    return undefined;
  }

  #take(link: Link, frame: Frame, now: number): Exclude<Frame, OverlayFrame> | undefined {
    // SPEC L3: what is for neighbors alone is ignored where the link is none.
    const isNeighbor = link.state === 'neighbor';
    switch (frame.type) {
      case 'hello':
        if (frame.entry.id === link.peer) this.#handshake.onHello(link, frame, now);
        else this.misbehaved(link.peer, 'a hello that is not its own', now);
        return undefined;
      case 'accept':
        this.#handshake.onAccept(link, now);
        return undefined;
      case 'bye':
        this.#bye(link, frame, now);
        return undefined;
      case 'walk':
        if (isNeighbor) this.#walks.onWalk(link, frame, now);
        return undefined;
      case 'shuffle':
        if (isNeighbor) this.#walks.onShuffle(link, frame, now);
        return undefined;
      case 'relay':
        if (isNeighbor) this.#relays.onRelay(link, frame, now);
        return undefined;
      case 'ping':
        if (isNeighbor) return frame;
        this.#output.send(link.peer, { type: 'pong', sequence: frame.sequence });
        return undefined;
      default:
        return isNeighbor ? frame : undefined;
    }
  }

  /** Ends the link with a peer that broke the protocol, and avoids it (SPEC L9). */
  misbehaved(peer: PeerId, what: string, now: number): void {
    const message = `Peer ${peer} sent ${what}. The link was dropped, the peer avoided for 5 minutes; memory is unchanged.`;
    this.#output.effect({ type: 'error', code: 'bad-frame', message });
    this.#handshake.hangUp(peer, 'avoided', now);
  }

  // From the membership.

  /** What is known of a member changed; `before` is its status until now. */
  memberChanged(entry: MemberEntry, before: MemberStatus | undefined, now: number): void {
    const { id, status, hidden } = entry;
    if (status === 'dead' || status === 'left') return this.#passive.forget(id);
    const link = this.#links.get(id);
    if (link !== undefined) link.hidden = hidden;
    else if (before !== 'alive' && before !== 'suspect') this.#seeker.memberCame(now);
  }

  /** A neighbor is suspected, or no longer: others are sought in its place meanwhile. */
  suspected(peer: PeerId, suspected: boolean, now: number): void {
    const link = this.#links.get(peer);
    if (link?.state !== 'neighbor' || link.suspected === suspected) return;
    link.suspected = suspected;
    this.#linksChanged(now);
    if (suspected) this.#seeker.lost(now);
  }

  /** A neighbor was declared dead: its link is kept as a lifeline at most (SPEC L12). */
  dead(peer: PeerId, now: number): void {
    const link = this.#links.get(peer);
    if (link?.state === 'neighbor') this.#handshake.demote(link, now);
  }

  /** One that is dead, or that nobody is linked with, is asked whether it lives (SPEC L13). */
  knock(peer: PeerId, now: number): void {
    const link = this.#links.get(peer);
    if (link?.state === 'lifeline') this.#output.send(peer, { type: 'ping', sequence: 0 });
    else if (link === undefined && !this.#making.has(peer) && !this.#passive.isAvoided(peer, now)) {
      this.#output.effect({ type: 'knock', peer });
    }
  }

  // Time.

  /** Does what is due at `now`. */
  tick(now: number): void {
    for (const peer of this.#making.overdue(now)) {
      this.#routes.unanswered(peer, now);
      this.#handshake.hangUp(peer, 'timeout', now);
    }
    this.#handshake.tick(now);
    this.#active.tick(now);
    if (now >= this.#lifelinesDue) {
      this.#lifelinesDue = now + jitter(this.#random, this.#config.reviveInterval, 0.5);
      for (const { peer, state } of this.#links.links()) {
        if (state === 'lifeline') this.#output.send(peer, { type: 'ping', sequence: 0 });
      }
    }
    if (now >= this.#shuffleDue) {
      this.#shuffleDue = now + jitter(this.#random, this.#config.shuffleInterval);
      // With full membership the member table is the passive view.
      if (this.#room.isPartial) this.#walks.shuffle();
    }
    this.#seeker.tick(now);
  }

  // What becomes of links.

  #dial(peer: PeerId, now: number): void {
    if (this.#making.dial(peer, now)) this.#output.effect({ type: 'dial', peer });
  }

  #revive(link: Link, now: number): void {
    this.#handshake.revive(link, now);
    this.#making.add(link.peer, now);
  }

  #promoted(link: Link, hello: FrameOf<'hello'>, now: number): void {
    this.#making.delete(link.peer);
    this.#passive.linked(link.peer);
    this.#linksChanged(now);
    this.#output.neighborUp(hello, now);
    this.#seeker.gained(hello.size, now);
  }

  #bye(link: Link, { reason, suggested }: FrameOf<'bye'>, now: number): void {
    this.#handshake.onBye(link, reason, now);
    if (reason === 'dead') this.#making.add(link.peer, now);
    this.candidates(suggested, now);
  }

  #ended(
    peer: PeerId,
    reason: ByeReason | 'lost',
    neighbor: NeighborEnd | undefined,
    now: number,
  ): void {
    this.#making.delete(peer);
    if (reason === 'avoided' || reason === 'version') this.#passive.avoid(peer, now);
    else if (neighbor === 'left') this.#passive.forget(peer);
    else this.#passive.failed(peer, this.#room.isPresent(peer), now);
    if (neighbor === undefined) return this.#seeker.failed(now);
    this.#linksChanged(now);
    this.#output.neighborDown(peer, reason, neighbor, now);
    this.#seeker.lost(now);
  }

  #linksChanged(now: number): void {
    this.#routes.linksChanged();
    this.#active.changed(now);
  }
}
