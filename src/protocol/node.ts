/**
 * The node: one tab's protocol as a state machine without I/O (SPEC.md).
 *
 * Inputs go in with the time, effects come out; the runtime and the simulator do them. The node
 * owns the links' handshake and composes the other machines: members, liveness, overlay, broadcast
 * and rounds.
 */

import { decodeTotal, encode } from '../util/codec.ts';
import type { PeerId } from '../util/peer-id.ts';
import { jitter, type Random, sample } from '../util/random.ts';
import { Broadcast, type BroadcastEffect } from './broadcast.ts';
import type { ProtocolConfig } from './config.ts';
import type { Effect, Input } from './effects.ts';
import {
  type ByeReason,
  decodeFrame,
  encodeFrame,
  type Frame,
  type MemberEntry,
  readMemberEntries,
  writeMemberEntries,
} from './frames.ts';
import { EAGER_BYTES, MAX_SUGGESTED, PROTOCOL_VERSION } from './limits.ts';
import { type Link, Links } from './links.ts';
import type { MemberChange } from './members.ts';
import { Membership } from './membership.ts';
import { Overlay } from './overlay.ts';
import { Rounds } from './rounds.ts';

/** Channel 0 carries claims about members; the layers above use the others. */
const MEMBER_CHANNEL = 0;
/** Frames up to this go before bulk: an eager rumor with its header fits. */
const CONTROL_BYTES = EAGER_BYTES + 1_024;
const TICK_MS = 500;
/** Signaling is asked for more peers at most this often. */
const FIND_INTERVAL_MS = 15_000;
/** A member learned of by gossip dials or is dialed after this pause, the smaller id first. */
const DIAL_PAUSE_MS = 400;

export class Node {
  readonly id: PeerId;
  readonly #config: ProtocolConfig;
  readonly #random: Random;
  readonly #links: Links;
  readonly #overlay: Overlay;
  readonly #broadcast: Broadcast;
  readonly #rounds: Rounds;
  readonly #membership: Membership;
  #running = false;
  #tickDue = 0;
  #findDue = 0;
  #effects: Effect[] = [];

  constructor(id: PeerId, config: ProtocolConfig, random: Random, hidden: boolean, now: number) {
    this.id = id;
    this.#config = config;
    this.#random = random;
    this.#links = new Links(config);
    this.#overlay = new Overlay(config, random);
    this.#broadcast = new Broadcast(id);
    this.#rounds = new Rounds(config, random);
    this.#membership = new Membership({ id, hidden }, config, now, {
      claim: (entries, at) => this.#claim(entries, at),
      changed: (change, at) => this.#memberChanged(change, at),
    });
  }

  /** Members in the room, this tab included. */
  get members(): MemberEntry[] {
    return [...this.#membership.present()];
  }

  /** Peers with a link that both sides accepted. */
  get neighbors(): PeerId[] {
    return [...this.#links.neighbors()];
  }

  /** Whether a connection that `peer` begins should be answered. */
  wouldAnswer(peer: PeerId, now: number): boolean {
    return this.#running && !this.#overlay.isAvoided(peer, now);
  }

  /** Whether a large rumor is on its way here, so that a difference may vanish by itself. */
  get fetching(): boolean {
    return this.#broadcast.fetching;
  }

  /** Counters since construction. */
  get counts(): Readonly<{ received: number; duplicates: number; rounds: number }> {
    return { ...this.#broadcast.counts, rounds: this.#rounds.count };
  }

  /** Takes one input at the monotonic time `now` in milliseconds; returns what is to be done, in order. */
  handle(input: Input, now: number): Effect[] {
    if (input.type === 'start') this.#start(now);
    else if (this.#running) this.#dispatch(input, now);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #dispatch(input: Exclude<Input, { type: 'start' }>, now: number): void {
    switch (input.type) {
      case 'stop':
        return this.#stop(now);
      case 'candidates':
        for (const peer of input.peers) {
          if (peer !== this.id) this.#overlay.learn(peer, now, 0, false);
        }
        return this.#dialMissing(now);
      case 'incoming':
        return this.#overlay.incoming(input.peer, now);
      case 'linkUp':
        return this.#linkUp(input.peer, now);
      case 'linkDown':
        return this.#linkDown(input.peer, now);
      case 'interrupted': {
        const link = this.#links.get(input.peer);
        if (link !== undefined) link.interrupted = input.broken;
        return;
      }
      case 'frame':
        return this.#frame(input.peer, input.bytes, now);
      case 'timer':
        if (input.name === 'tick') return this.#tick(now);
        if (input.name === 'round') return this.#round();
        return this.#announce(now);
      case 'broadcast':
        return this.#publish(input.channel, input.payload, now);
      case 'direct':
        if (this.#links.isNeighbor(input.peer)) {
          const { channel, payload } = input;
          this.#send(input.peer, { type: 'direct', channel, payload });
        }
        return;
      case 'visibility':
        this.#membership.setHidden(input.hidden, now);
        if (!input.hidden) this.#hasten();
        return;
      case 'activity':
        return this.#hasten();
      case 'misbehaved':
        return this.#misbehaved(input.peer, input.what, now);
    }
  }

  #start(now: number): void {
    if (this.#running) return;
    this.#running = true;
    this.#membership.join(now);
    this.#tickDue = now + TICK_MS;
    this.#findDue = now + jitter(this.#random, FIND_INTERVAL_MS);
    this.#setTimer('tick', TICK_MS);
    this.#setTimer('round', this.#rounds.nextDelay());
    this.#setTimer('announce', jitter(this.#random, this.#config.announceInterval));
  }

  #stop(now: number): void {
    this.#membership.leave(now);
    for (const { peer } of [...this.#links.all()]) this.#hangUp(peer, 'leaving', now);
    this.#membership.forgetOthers(now);
    this.#overlay.reset();
    this.#effects.push({ type: 'cancelTimers' });
    this.#running = false;
  }

  // Links: hello, accept, and their end (SPEC L1 to L6).

  #linkUp(peer: PeerId, now: number): void {
    this.#links.open(peer, now);
    const { incarnation, hidden } = this.#membership.self;
    const links = this.#links.neighborCount;
    const version = PROTOCOL_VERSION;
    this.#send(peer, { type: 'hello', version, id: this.id, incarnation, hidden, links });
  }

  #hello(link: Link, hello: Extract<Frame, { type: 'hello' }>, now: number): void {
    if (hello.version !== PROTOCOL_VERSION) {
      const message = `Peer ${link.peer} speaks protocol ${hello.version}, this tab ${PROTOCOL_VERSION}. The link was dropped and nothing changed; load the same version of mnemesh in all tabs.`;
      this.#effects.push({ type: 'error', code: 'version-mismatch', message });
      this.#overlay.avoid(link.peer, now);
      return this.#hangUp(link.peer, 'version', now);
    }
    if (hello.id !== link.peer || link.hello !== undefined) {
      return this.#misbehaved(link.peer, 'a hello that is not its own', now);
    }
    if (this.#links.neighborCount >= this.#config.activeMax) {
      // A peer without any link is let in, at the cost of one that surely has others (HyParView's
      // priority join); any other is refused, with peers that may have room.
      if (hello.links > 0) return this.#hangUp(link.peer, 'full', now);
      const [evicted] = sample(this.#random, this.#links.neighbors(), 1);
      if (evicted !== undefined) this.#hangUp(evicted, 'evicted', now);
    }
    const { id, incarnation, hidden } = hello;
    link.hello = { id, status: 'alive', incarnation, hidden };
    this.#send(link.peer, { type: 'accept' });
    this.#neighborUpIfAccepted(link, now);
  }

  #neighborUpIfAccepted(link: Link, now: number): void {
    if (link.hello === undefined || !link.accepted) return;
    const { peer } = link;
    const isFirst = this.#links.neighborCount === 0;
    this.#links.promote(link);
    this.#overlay.learn(peer, now, 0, true);
    this.#overlay.linked(peer);
    this.#membership.hear([link.hello], now);
    this.#send(peer, { type: 'members', entries: this.#membership.entries(), reply: false });
    this.#effects.push({ type: 'neighborUp', peer });
    if (isFirst) this.#claim([this.#membership.self], now);
    this.#hasten();
    this.#effects.push({ type: 'compare', peer });
  }

  #linkDown(peer: PeerId, now: number): void {
    const link = this.#links.get(peer);
    this.#overlay.failed(peer, now);
    if (link === undefined) return this.#dialMissing(now);
    this.#closeLink(link, 'lost', now);
    this.#membership.suspect(peer, now);
  }

  /** Tells the other side why, and ends the connection. */
  #hangUp(peer: PeerId, reason: ByeReason, now: number): void {
    const link = this.#links.get(peer);
    if (link !== undefined) {
      const suggested =
        reason === 'full' || reason === 'evicted'
          ? sample(this.#random, this.#links.neighbors(), MAX_SUGGESTED).filter((id) => id !== peer)
          : [];
      this.#send(peer, { type: 'bye', reason, suggested });
    }
    this.#effects.push({ type: 'hangUp', peer });
    this.#overlay.failed(peer, now);
    if (link !== undefined) this.#closeLink(link, reason, now);
  }

  #closeLink(link: Link, reason: ByeReason | 'lost', now: number): void {
    this.#links.close(link.peer);
    if (!link.neighbor) return;
    this.#broadcastEffects(this.#broadcast.linkDown(link.peer, now), now);
    this.#effects.push({ type: 'neighborDown', peer: link.peer, reason });
  }

  #bye(link: Link, reason: ByeReason, suggested: readonly PeerId[], now: number): void {
    const { peer } = link;
    this.#effects.push({ type: 'hangUp', peer });
    this.#overlay.failed(peer, now);
    this.#closeLink(link, reason, now);
    if (reason === 'leaving') this.#membership.left(peer, now);
    if (reason === 'version' || reason === 'avoided') this.#overlay.avoid(peer, now);
    for (const other of suggested) {
      if (other !== this.id) this.#overlay.learn(other, now, 0, false);
    }
    this.#dialMissing(now);
  }

  #misbehaved(peer: PeerId, what: string, now: number): void {
    const message = `Peer ${peer} sent ${what}. The link was dropped and the peer is avoided for some minutes; memory is unchanged.`;
    this.#effects.push({ type: 'error', code: 'bad-frame', message });
    this.#overlay.avoid(peer, now);
    this.#hangUp(peer, 'avoided', now);
  }

  // Frames.

  #frame(peer: PeerId, bytes: Uint8Array, now: number): void {
    const link = this.#links.get(peer);
    if (link === undefined) return;
    const frame = decodeFrame(bytes);
    if (frame === undefined) return this.#misbehaved(peer, 'a frame that cannot be read', now);
    link.heardAt = now;
    this.#membership.heardFrom(peer, now);
    switch (frame.type) {
      case 'hello':
        return this.#hello(link, frame, now);
      case 'accept':
        link.accepted = true;
        return this.#neighborUpIfAccepted(link, now);
      case 'bye':
        return this.#bye(link, frame.reason, frame.suggested, now);
      case 'ping':
        return this.#send(peer, { type: 'pong' });
      case 'pong':
        return;
      default:
        if (!link.neighbor)
          return this.#misbehaved(peer, `${frame.type} before it was accepted`, now);
        return this.#neighborFrame(peer, frame, now);
    }
  }

  #neighborFrame(
    peer: PeerId,
    frame: Exclude<Frame, { type: 'hello' | 'accept' | 'bye' | 'ping' | 'pong' }>,
    now: number,
  ): void {
    switch (frame.type) {
      case 'members':
        this.#membership.learn(frame.entries, now);
        if (frame.reply) {
          this.#send(peer, { type: 'members', entries: this.#membership.entries(), reply: false });
        }
        return;
      case 'round': {
        const mine = this.#membership.digest();
        if (mine.every((byte, i) => byte === frame.membersDigest[i])) return;
        return this.#send(peer, {
          type: 'members',
          entries: this.#membership.entries(),
          reply: true,
        });
      }
      case 'rumor':
        if (frame.origin === this.id) return;
        this.#membership.heardFrom(frame.origin, now);
        return this.#broadcastEffects(
          this.#broadcast.onRumor(peer, frame, this.#links.neighbors(), now),
          now,
        );
      case 'ihave':
        return this.#broadcastEffects(this.#broadcast.onIHave(peer, frame.announced, now), now);
      case 'graft':
        return this.#broadcastEffects(this.#broadcast.onGraft(peer, frame), now);
      case 'gone':
        return this.#broadcastEffects(this.#broadcast.onGone(peer, frame, now), now);
      case 'direct': {
        const { channel, payload } = frame;
        this.#effects.push({ type: 'direct', channel, peer, payload });
        return;
      }
    }
  }

  // Time.

  #tick(now: number): void {
    // A timer that comes late tells of this tab's own sleep; silence then proves nothing (Lifeguard).
    if (now - this.#tickDue > this.#config.pingInterval) {
      this.#links.excuseSilence(now);
      this.#membership.excuseSuspects(now);
    }
    this.#tickDue = now + TICK_MS;
    this.#setTimer('tick', TICK_MS);

    for (const { peer } of this.#links.toPing(now)) this.#send(peer, { type: 'ping' });
    for (const { peer } of this.#links.silent(now)) this.#membership.suspect(peer, now);
    const isAudible = (peer: PeerId) => this.#links.isAudible(peer, now);
    for (const { id } of this.#membership.tick(isAudible, now)) {
      if (this.#links.get(id) !== undefined) this.#hangUp(id, 'dead', now);
    }
    this.#broadcastEffects(this.#broadcast.tick(now), now);
    for (const peer of this.#overlay.overdue(now)) this.#hangUp(peer, 'timeout', now);
    this.#dialMissing(now);
    if (now >= this.#findDue && this.#overlay.lacksCandidates(this.#links.peers())) {
      this.#findDue = now + jitter(this.#random, FIND_INTERVAL_MS);
      this.#effects.push({ type: 'find' });
    }
  }

  #round(): void {
    this.#setTimer('round', this.#rounds.nextDelay());
    for (const peer of this.#rounds.begin(this.#links.neighbors())) {
      this.#send(peer, { type: 'round', membersDigest: this.#membership.digest() });
      this.#effects.push({ type: 'compare', peer });
    }
  }

  #hasten(): void {
    if (this.#rounds.hasten()) this.#setTimer('round', this.#rounds.nextDelay());
  }

  #announce(now: number): void {
    this.#setTimer('announce', jitter(this.#random, this.#config.announceInterval));
    if (this.#links.neighborCount > 0) this.#claim([this.#membership.self], now);
  }

  #dialMissing(now: number): void {
    for (const peer of this.#overlay.dials(this.#links.peers(), now)) {
      this.#effects.push({ type: 'dial', peer });
    }
  }

  // Out.

  #claim(entries: readonly MemberEntry[], now: number): void {
    this.#publish(
      MEMBER_CHANNEL,
      encode((e) => writeMemberEntries(e, entries)),
      now,
    );
  }

  #memberChanged(change: MemberChange, now: number): void {
    this.#effects.push({ type: 'member', change });
    const { id, status } = change.entry;
    if (status === 'dead' || status === 'left') {
      this.#overlay.forget(id);
    } else {
      const pause = this.id < id ? DIAL_PAUSE_MS : 3 * DIAL_PAUSE_MS;
      this.#overlay.learn(id, now, jitter(this.#random, pause, 0.5), true);
    }
  }

  #publish(channel: number, payload: Uint8Array, now: number): void {
    const neighbors = this.#links.neighbors();
    this.#broadcastEffects(this.#broadcast.publish(channel, payload, neighbors, now), now);
  }

  #broadcastEffects(effects: readonly BroadcastEffect[], now: number): void {
    for (const effect of effects) {
      if (effect.type === 'send') {
        this.#send(effect.to, effect.frame);
        continue;
      }
      const { origin, channel, payload } = effect.rumor;
      if (channel !== MEMBER_CHANNEL) {
        this.#effects.push({ type: 'deliver', channel, origin, payload });
        continue;
      }
      const entries = decodeTotal(payload, readMemberEntries);
      if (entries === undefined)
        this.#misbehaved(effect.from, 'a member rumor that cannot be read', now);
      else this.#membership.hear(entries, now);
    }
  }

  #send(peer: PeerId, frame: Frame): void {
    const bytes = encodeFrame(frame);
    const lane = bytes.length <= CONTROL_BYTES ? 'control' : 'bulk';
    this.#effects.push({ type: 'send', peer, bytes, lane });
  }

  #setTimer(name: 'tick' | 'round' | 'announce', delay: number): void {
    this.#effects.push({ type: 'timer', name, delay });
  }
}
