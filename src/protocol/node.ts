/**
 * The node: one tab's protocol as a state machine without I/O (SPEC.md).
 *
 * Inputs go in with the time, effects come out; the runtime and the simulator do them. The node
 * composes the machines of one concern each (overlay, membership, broadcast, rounds, aggregates),
 * carries what one says to the others, and keeps one timer for all.
 */

import type { PeerId } from '../util/peer-id.ts';
import type { Random } from '../util/random.ts';
import type { Averaging, Estimate } from './aggregates/averaging.ts';
import { Plumtree } from './broadcast/plumtree.ts';
import type { ProtocolConfig } from './config.ts';
import type { Effect, Input } from './effects.ts';
import { AGGREGATES_CHANNEL, EAGER_BYTES } from './limits.ts';
import type { MemberChange } from './membership/member-table.ts';
import { Swim } from './membership/swim.ts';
import type { NeighborEnd } from './overlay/handshake.ts';
import { Overlay } from './overlay/hyparview.ts';
import { Rounds } from './rounds.ts';
import type { ByeReason, Frame, FrameOf, MemberEntry } from './wire.ts';
import { decodeFrame, encodeFrame } from './wire-codec.ts';

/** Frames up to this go before bulk: an eager rumor with its header fits. */
const CONTROL_BYTES = EAGER_BYTES + 1_024;

export class Node {
  readonly id: PeerId;
  readonly #swim: Swim;
  readonly #overlay: Overlay;
  readonly #plumtree: Plumtree;
  readonly #rounds: Rounds;
  readonly #newAveraging: (averaging: typeof Averaging) => Averaging;
  /** `undefined` where this tab takes no part in aggregates. */
  #averaging: Averaging | undefined;
  #running = false;
  /** When the timer that is set runs out. */
  #timerDue = Number.POSITIVE_INFINITY;
  #effects: Effect[] = [];
  /** The frame encoded last: the same often goes to several neighbors in a row. */
  #encoded: { readonly frame: Frame; readonly bytes: Uint8Array } | undefined;

  constructor(id: PeerId, config: ProtocolConfig, random: Random, hidden: boolean, now: number) {
    this.id = id;
    const send = (peer: PeerId, frame: Frame) => this.#send(peer, frame);
    this.#swim = new Swim({ id, hidden }, config, random, now, {
      send,
      changed: (change, at) => this.#memberChanged(change, at),
      suspected: (peer, suspected, at) => this.#overlay.suspected(peer, suspected, at),
      dead: (peer, at) => this.#overlay.dead(peer, at),
      dial: (peer, at) => this.#overlay.knock(peer, at),
    });
    this.#overlay = new Overlay(config, random, this.#swim, {
      send,
      effect: (effect) => this.#effects.push(effect),
      neighborUp: (hello, at) => this.#neighborUp(hello, at),
      neighborDown: (peer, reason, how, at) => this.#neighborDown(peer, reason, how, at),
    });
    this.#plumtree = new Plumtree(id, config, random, {
      send,
      deliver: (_from, { channel, origin, payload }) =>
        this.#effects.push({ type: 'deliver', channel, origin, payload }),
    });
    this.#rounds = new Rounds(config, random);
    this.#newAveraging = (averaging) =>
      new averaging(id, config, random, {
        send: (peer, payload) =>
          send(peer, { type: 'direct', channel: AGGREGATES_CHANNEL, payload }),
        changed: (name) => this.#effects.push({ type: 'aggregate', name }),
        size: () => this.#swim.size,
      });
  }

  /** Members in the room that are known, this tab included. */
  get members(): MemberEntry[] {
    return [...this.#swim.present()];
  }

  /** Members of the room: those known, or an estimate where the room is too large to know all. */
  get size(): number {
    return this.#swim.size;
  }

  /** Whether the peer is in the room, as far as is known. */
  isPresent(peer: PeerId): boolean {
    return this.#swim.isPresent(peer);
  }

  /** Peers with a link that both sides accepted. */
  get neighbors(): PeerId[] {
    return [...this.#overlay.neighbors()];
  }

  isNeighbor(peer: PeerId): boolean {
    return this.#overlay.isNeighbor(peer);
  }

  /** Whether a connection that `peer` begins should be answered. */
  wouldAnswer(peer: PeerId, now: number): boolean {
    return this.#running && peer !== this.id && this.#overlay.wouldAnswer(peer, now);
  }

  /** Whether something can be sent to `peer` over other tabs. */
  canRoute(peer: PeerId, now: number): boolean {
    return this.#running && this.#overlay.canRoute(peer, now);
  }

  /** Neighbors that owe this tab a large rumor, so that a difference may vanish by itself. */
  asked(now: number): Iterable<{ peer: PeerId; waited: number }> {
    return this.#plumtree.asked(now);
  }

  /** What is known of an aggregate. */
  estimate(name: string): Estimate | undefined {
    return this.#averaging?.estimate(name);
  }

  /** Counters since construction. */
  get counts(): Readonly<{ received: number; duplicates: number; rounds: number }> {
    return { ...this.#plumtree.counts, rounds: this.#rounds.count };
  }

  /** Takes one input at the monotonic time `now` in milliseconds; returns what is to be done, in order. */
  handle(input: Input, now: number): Effect[] {
    if (input.type === 'start') this.#start(now);
    else if (input.type === 'joinAggregates') this.#joinAggregates(input.averaging, now);
    else if (this.#running) this.#dispatch(input, now);
    // Out of the room it still matters for joining it again what this tab is and has set.
    else if (input.type === 'visibility') this.#swim.setHidden(input.hidden, now);
    else if (input.type === 'aggregate') this.#averaging?.set(input.name, input.value, now);
    else if (input.type === 'identity') {
      this.#swim.setIdentity(input.replica, input.generation, now);
    }
    return this.#finish(now);
  }

  #dispatch(input: Exclude<Input, { type: 'start' | 'joinAggregates' }>, now: number): void {
    switch (input.type) {
      case 'stop':
        return this.#stop(now);
      case 'candidates':
        if (input.total !== undefined) this.#swim.hintSize(input.total, now);
        return this.#overlay.candidates(input.peers, now);
      case 'knocked':
        return this.#overlay.knocked(input.peer, now);
      case 'incoming':
        return this.#overlay.incoming(input.peer, now);
      case 'linkUp':
        return this.#overlay.linkUp(input.peer, now);
      case 'linkDown':
        return this.#overlay.linkDown(input.peer, input.byPeer, now);
      case 'interrupted':
        return this.#swim.interrupted(input.peer, input.broken, now);
      case 'frame':
        return this.#frame(input.peer, input.bytes, now);
      case 'timer':
        // It may run out a little early, when nothing is due yet, and is set again.
        this.#timerDue = Number.POSITIVE_INFINITY;
        return;
      case 'broadcast':
        return this.#plumtree.publish(input.channel, input.payload, now);
      case 'direct':
        if (this.#overlay.isNeighbor(input.peer)) {
          const { channel, payload } = input;
          this.#send(input.peer, { type: 'direct', channel, payload });
        }
        return;
      case 'relay':
        return this.#overlay.relay(input.kind, input.to, input.channel, input.payload, now);
      case 'aggregate':
        this.#averaging?.set(input.name, input.value, now);
        return;
      case 'identity':
        return this.#swim.setIdentity(input.replica, input.generation, now);
      case 'visibility':
        this.#swim.setHidden(input.hidden, now);
        if (!input.hidden) this.#rounds.hasten(now);
        return;
      case 'activity':
        return this.#rounds.hasten(now, input.gained);
      case 'misbehaved':
        return this.#overlay.misbehaved(input.peer, input.what, now);
    }
  }

  #joinAggregates(averaging: typeof Averaging, now: number): void {
    this.#averaging = this.#newAveraging(averaging);
    for (const peer of this.#overlay.neighbors()) this.#averaging.neighborUp(peer, now);
  }

  #start(now: number): void {
    if (this.#running) return;
    this.#running = true;
    this.#swim.join(now);
    this.#overlay.start(now);
    this.#rounds.start(now);
  }

  #stop(now: number): void {
    this.#swim.leave(now);
    this.#overlay.stop(now);
    this.#swim.forgetOthers(now);
    this.#plumtree.letGo();
    this.#rounds.stop();
    this.#averaging?.forgetOthers(now);
    this.#effects.push({ type: 'cancelTimers' });
    this.#timerDue = Number.POSITIVE_INFINITY;
    this.#running = false;
  }

  // Links.

  #neighborUp(hello: FrameOf<'hello'>, now: number): void {
    const peer = hello.entry.id;
    this.#swim.neighborUp(hello.entry, hello.size, now);
    this.#plumtree.neighborUp(peer);
    this.#averaging?.neighborUp(peer, now);
    this.#effects.push({ type: 'neighborUp', peer });
    this.#rounds.hasten(now);
    this.#effects.push({ type: 'compare', peer });
  }

  #neighborDown(peer: PeerId, reason: ByeReason | 'lost', how: NeighborEnd, now: number): void {
    this.#plumtree.neighborDown(peer, now);
    this.#averaging?.neighborDown(peer, now);
    this.#effects.push({ type: 'neighborDown', peer, reason });
    this.#swim.neighborDown(peer, how, now);
  }

  #memberChanged(change: MemberChange, now: number): void {
    this.#effects.push({ type: 'member', change });
    const { id, status } = change.entry;
    if (status === 'dead' || status === 'left') this.#averaging?.memberGone(id, now);
    this.#overlay.memberChanged(change.entry, change.before, now);
  }

  // Frames.

  #frame(peer: PeerId, bytes: Uint8Array, now: number): void {
    this.#swim.heard(peer, now);
    const frame = this.#overlay.receive(peer, decodeFrame(bytes), now);
    switch (frame?.type) {
      case undefined:
        return;
      case 'members':
      case 'ping':
      case 'pong':
      case 'pingReq':
      case 'nack':
      case 'round':
        return this.#swim.onFrame(peer, frame, now);
      case 'rumor':
      case 'ihave':
      case 'graft':
      case 'prune':
      case 'gone':
        return this.#plumtree.onFrame(peer, frame, now);
      case 'direct':
        return this.#direct(peer, frame, now);
    }
  }

  #direct(peer: PeerId, { channel, payload }: FrameOf<'direct'>, now: number): void {
    if (channel !== AGGREGATES_CHANNEL) {
      this.#effects.push({ type: 'direct', channel, peer, payload });
    } else if (this.#averaging?.onPayload(peer, payload, now) === false) {
      this.#overlay.misbehaved(peer, 'an exchange of aggregates that cannot be read', now);
    }
  }

  // Time.

  /**
   * Does what is due, whatever the input was: timers of a hidden page come late, and its messages do
   * not (SPEC M9). Sets the timer where something is due earlier than it runs out.
   */
  #finish(now: number): Effect[] {
    if (this.#running) {
      let due = this.#due;
      if (due <= now) {
        this.#tick(now, now - due);
        due = this.#due;
      }
      if (now >= this.#timerDue) this.#timerDue = Number.POSITIVE_INFINITY;
      if (due < this.#timerDue) {
        this.#timerDue = due;
        this.#effects.push({ type: 'timer', name: 'tick', delay: Math.max(0, due - now) });
      }
    }
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  get #due(): number {
    return Math.min(
      this.#swim.due,
      this.#overlay.due,
      this.#plumtree.due,
      this.#rounds.due,
      this.#averaging?.due ?? Number.POSITIVE_INFINITY,
    );
  }

  #tick(now: number, late: number): void {
    this.#swim.tick(now, late);
    this.#overlay.tick(now);
    this.#plumtree.tick(now, late);
    this.#averaging?.tick(now);
    if (this.#rounds.due <= now) this.#round(now);
  }

  #round(now: number): void {
    for (const peer of this.#rounds.begin(this.#overlay.neighbors(), now)) {
      this.#send(peer, this.#swim.round());
      this.#effects.push({ type: 'compare', peer });
    }
  }

  #send(peer: PeerId, frame: Frame): void {
    if (this.#encoded?.frame !== frame) this.#encoded = { frame, bytes: encodeFrame(frame) };
    const { bytes } = this.#encoded;
    const lane = bytes.length <= CONTROL_BYTES ? 'control' : 'bulk';
    this.#effects.push({ type: 'send', peer, bytes, lane });
  }
}
