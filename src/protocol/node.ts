/**
 * The node: one tab's protocol as a state machine without I/O (SPEC.md).
 *
 * Inputs go in with the time, effects come out; the runtime and the simulator do them. The node
 * composes the other machines (linking, membership, broadcast and rounds) and carries what one says
 * to the others.
 */

import { equalBytes } from '../util/bytes.ts';
import { decodeTotal, encode } from '../util/codec.ts';
import type { PeerId } from '../util/peer-id.ts';
import { jitter, type Random } from '../util/random.ts';
import { Broadcast, type BroadcastEffect, type Rumor } from './broadcast.ts';
import type { ProtocolConfig } from './config.ts';
import type { Effect, Input, TimerName } from './effects.ts';
import {
  type ByeReason,
  decodeFrame,
  encodeFrame,
  type Frame,
  type MemberEntry,
  readMemberEntries,
  writeMemberEntries,
} from './frames.ts';
import { EAGER_BYTES } from './limits.ts';
import { Linking } from './linking.ts';
import type { MemberChange } from './members.ts';
import { Membership } from './membership.ts';
import { Rounds } from './rounds.ts';

/** Channel 0 carries claims about members; the layers above use the others. */
const MEMBER_CHANNEL = 0;
/** Frames up to this go before bulk: an eager rumor with its header fits. */
const CONTROL_BYTES = EAGER_BYTES + 1_024;
const TICK_MS = 500;
/** A member learned of by gossip dials or is dialed after this pause, the smaller id first. */
const DIAL_PAUSE_MS = 400;

export class Node {
  readonly id: PeerId;
  readonly #config: ProtocolConfig;
  readonly #random: Random;
  readonly #linking: Linking;
  readonly #broadcast: Broadcast;
  readonly #rounds: Rounds;
  readonly #membership: Membership;
  #running = false;
  #tickDue = 0;
  #effects: Effect[] = [];

  constructor(id: PeerId, config: ProtocolConfig, random: Random, hidden: boolean, now: number) {
    this.id = id;
    this.#config = config;
    this.#random = random;
    this.#linking = new Linking(config, random, {
      effect: (effect) => this.#effects.push(effect),
      send: (peer, frame) => this.#send(peer, frame),
      neighborUp: (hello, at) => this.#neighborUp(hello, at),
      neighborDown: (peer, reason, at) => this.#neighborDown(peer, reason, at),
    });
    this.#broadcast = new Broadcast(id);
    this.#rounds = new Rounds(config, random);
    this.#membership = new Membership({ id, hidden }, config, now, {
      claim: (entries, at) => this.#claim(entries, at),
      changed: (change, at) => this.#memberChanged(change, at),
      isAudible: (peer, at) => this.#linking.links.isAudible(peer, at),
    });
  }

  /** Members in the room, this tab included. */
  get members(): MemberEntry[] {
    return [...this.#membership.present()];
  }

  /** Peers with a link that both sides accepted. */
  get neighbors(): PeerId[] {
    return [...this.#linking.links.neighbors()];
  }

  /** Whether a connection that `peer` begins should be answered. */
  wouldAnswer(peer: PeerId, now: number): boolean {
    return this.#running && peer !== this.id && this.#linking.overlay.mayAnswer(peer, now);
  }

  /** Neighbors that owe this tab a large rumor, so that a difference may vanish by itself. */
  asked(now: number): Iterable<{ peer: PeerId; waited: number }> {
    return this.#broadcast.asked(now);
  }

  /** Counters since construction. */
  get counts(): Readonly<{ received: number; duplicates: number; rounds: number }> {
    return { ...this.#broadcast.counts, rounds: this.#rounds.count };
  }

  /** Takes one input at the monotonic time `now` in milliseconds; returns what is to be done, in order. */
  handle(input: Input, now: number): Effect[] {
    if (input.type === 'start') this.#start(now);
    else if (this.#running) this.#dispatch(input, now);
    // Out of the room it still matters for joining it again whether the page is hidden.
    else if (input.type === 'visibility') this.#membership.setHidden(input.hidden, now);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #dispatch(input: Exclude<Input, { type: 'start' }>, now: number): void {
    switch (input.type) {
      case 'stop':
        return this.#stop(now);
      case 'candidates':
        this.#learn(input.peers, now);
        return this.#linking.dialMissing(now);
      case 'incoming':
        return this.#linking.overlay.incoming(input.peer, now);
      case 'linkUp':
        return this.#linking.linkUp(input.peer, this.#membership.self, now);
      case 'linkDown':
        if (this.#linking.linkDown(input.peer, now)) {
          // SPEC M4: a page torn down may not get its good-bye out, but its connection is closed.
          if (input.byPeer) this.#membership.left(input.peer, now);
          else this.#membership.suspect(input.peer, now);
        }
        return this.#linking.dialMissing(now);
      case 'interrupted': {
        const link = this.#linking.links.get(input.peer);
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
        if (this.#linking.links.isNeighbor(input.peer)) {
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
        return this.#linking.misbehaved(input.peer, input.what, now);
    }
  }

  #start(now: number): void {
    if (this.#running) return;
    this.#running = true;
    this.#membership.join(now);
    this.#linking.start(now);
    this.#tickDue = now + TICK_MS;
    this.#setTimer('tick', TICK_MS);
    this.#setTimer('round', this.#rounds.nextDelay());
    this.#setTimer('announce', jitter(this.#random, this.#config.announceInterval));
  }

  #stop(now: number): void {
    this.#membership.leave(now);
    this.#linking.stop(now);
    this.#membership.forgetOthers(now);
    this.#broadcast.letGo();
    this.#effects.push({ type: 'cancelTimers' });
    this.#running = false;
  }

  // Links.

  #neighborUp(hello: MemberEntry, now: number): void {
    const peer = hello.id;
    this.#membership.merge([hello], now);
    this.#sendMembers(peer, false);
    this.#effects.push({ type: 'neighborUp', peer });
    if (this.#linking.links.neighborCount === 1) this.#claim([this.#membership.self], now);
    this.#hasten();
    this.#effects.push({ type: 'compare', peer });
  }

  #neighborDown(peer: PeerId, reason: ByeReason | 'lost', now: number): void {
    this.#broadcastEffects(this.#broadcast.linkDown(peer, now), now);
    this.#effects.push({ type: 'neighborDown', peer, reason });
  }

  /** Peers that signaling or a neighbor told of. */
  #learn(peers: readonly PeerId[], now: number): void {
    for (const peer of peers) {
      if (peer === this.id) continue;
      this.#linking.overlay.learn(peer, now, 0, this.#membership.isPresent(peer));
    }
  }

  // Frames.

  #frame(peer: PeerId, bytes: Uint8Array, now: number): void {
    const { links } = this.#linking;
    const link = links.get(peer);
    if (link === undefined) return;
    const frame = decodeFrame(bytes);
    if (frame === undefined) {
      return this.#linking.misbehaved(peer, 'a frame that cannot be read', now);
    }
    links.heard(link, now);
    this.#membership.heardFrom(peer, now);
    switch (frame.type) {
      case 'foreignHello':
        return this.#linking.foreignHello(peer, frame.version, now);
      case 'hello':
        return this.#linking.hello(link, frame, now);
      case 'accept':
        return this.#linking.accept(link, now);
      case 'bye':
        this.#linking.bye(peer, frame.reason, now);
        if (frame.reason === 'leaving') this.#membership.left(peer, now);
        this.#learn(frame.suggested, now);
        return this.#linking.dialMissing(now);
      case 'ping':
        return this.#send(peer, { type: 'pong' });
      case 'pong':
        return;
      default:
        if (links.isNeighbor(peer)) return this.#neighborFrame(peer, frame, now);
        return this.#linking.misbehaved(peer, `${frame.type} before it was accepted`, now);
    }
  }

  #neighborFrame(
    peer: PeerId,
    frame: Exclude<Frame, { type: 'hello' | 'accept' | 'bye' | 'ping' | 'pong' }>,
    now: number,
  ): void {
    switch (frame.type) {
      case 'members':
        this.#membership.merge(frame.entries, now);
        if (frame.reply) this.#sendMembers(peer, false);
        return;
      case 'round':
        if (equalBytes(this.#membership.digest(), frame.membersDigest)) return;
        return this.#sendMembers(peer, true);
      case 'rumor':
        return this.#rumor(peer, frame, now);
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

  #rumor(peer: PeerId, rumor: Rumor, now: number): void {
    if (rumor.origin === this.id) return;
    // Checked before it is passed on: whoever forwards what cannot be read is taken to have made it.
    if (
      rumor.channel === MEMBER_CHANNEL &&
      decodeTotal(rumor.payload, readMemberEntries) === undefined
    ) {
      return this.#linking.misbehaved(peer, 'a member rumor that cannot be read', now);
    }
    this.#membership.heardFrom(rumor.origin, now);
    const neighbors = this.#linking.links.neighbors();
    this.#broadcastEffects(this.#broadcast.onRumor(peer, rumor, neighbors, now), now);
  }

  // Time.

  #tick(now: number): void {
    const { links } = this.#linking;
    // A timer that comes late tells of this tab's own sleep; silence then proves nothing (Lifeguard).
    if (now - this.#tickDue > this.#config.pingInterval) {
      links.excuse(now);
      this.#membership.excuse(now);
    }
    this.#tickDue = now + TICK_MS;
    this.#setTimer('tick', TICK_MS);

    for (const { peer } of links.toPing(now)) this.#send(peer, { type: 'ping' });
    for (const { peer } of links.fallenSilent(now)) this.#membership.suspect(peer, now);
    for (const { id } of this.#membership.tick(now)) {
      if (links.get(id) !== undefined) this.#linking.hangUp(id, 'dead', now);
    }
    this.#broadcastEffects(this.#broadcast.tick(now), now);
    this.#linking.tick(this.members.length, now);
  }

  #round(): void {
    this.#setTimer('round', this.#rounds.nextDelay());
    for (const peer of this.#rounds.begin(this.#linking.links.neighbors())) {
      this.#send(peer, { type: 'round', membersDigest: this.#membership.digest() });
      this.#effects.push({ type: 'compare', peer });
    }
  }

  #hasten(): void {
    if (this.#rounds.hasten()) this.#setTimer('round', this.#rounds.nextDelay());
  }

  #announce(now: number): void {
    this.#setTimer('announce', jitter(this.#random, this.#config.announceInterval));
    if (this.#linking.links.neighborCount > 0) this.#claim([this.#membership.self], now);
  }

  // Members.

  #claim(entries: readonly MemberEntry[], now: number): void {
    const payload = encode((encoder) => writeMemberEntries(encoder, entries));
    this.#publish(MEMBER_CHANNEL, payload, now);
  }

  #sendMembers(peer: PeerId, reply: boolean): void {
    this.#send(peer, { type: 'members', entries: this.#membership.entries(), reply });
  }

  #memberChanged(change: MemberChange, now: number): void {
    this.#effects.push({ type: 'member', change });
    const { id, status, hidden } = change.entry;
    const { links, overlay } = this.#linking;
    if (status === 'dead' || status === 'left') return overlay.forget(id);
    const link = links.get(id);
    if (link !== undefined) link.hidden = hidden;
    const pause = this.id < id ? DIAL_PAUSE_MS : 3 * DIAL_PAUSE_MS;
    overlay.learn(id, now, jitter(this.#random, pause, 0.5), true);
  }

  // Out.

  #publish(channel: number, payload: Uint8Array, now: number): void {
    const neighbors = this.#linking.links.neighbors();
    this.#broadcastEffects(this.#broadcast.publish(channel, payload, neighbors, now), now);
  }

  #broadcastEffects(effects: readonly BroadcastEffect[], now: number): void {
    for (const effect of effects) {
      if (effect.type === 'send') {
        this.#send(effect.to, effect.frame);
        continue;
      }
      const { origin, channel, payload } = effect.rumor;
      if (channel === MEMBER_CHANNEL) {
        this.#membership.hear(decodeTotal(payload, readMemberEntries) ?? [], now);
      } else {
        this.#effects.push({ type: 'deliver', channel, origin, payload });
      }
    }
  }

  #send(peer: PeerId, frame: Frame): void {
    const bytes = encodeFrame(frame);
    const lane = bytes.length <= CONTROL_BYTES ? 'control' : 'bulk';
    this.#effects.push({ type: 'send', peer, bytes, lane });
  }

  #setTimer(name: TimerName, delay: number): void {
    this.#effects.push({ type: 'timer', name, delay });
  }
}
