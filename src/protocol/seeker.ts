/**
 * Seeking links: when and how a tab that lacks links looks for them (SPEC.md, section 4).
 *
 * Signaling gives the first; random walks give the others; where these bring nothing, members and
 * candidates are dialed and signaling is asked again, each time later.
 */

import type { PeerId } from '../util/peer-id.ts';
import { jitter, type Random, sample } from '../util/random.ts';
import type { ProtocolConfig } from './config.ts';
import type { LinkTable } from './link-table.ts';
import type { Making } from './making.ts';
import type { PassiveView } from './passive-view.ts';
import type { RoomView } from './room-view.ts';

/** Candidates that a tab without links dials at once, and any other where walks bring nothing. */
const DIALS_AT_FIRST = 3;
const AGAIN_FIRST_MS = 1_000;
const AGAIN_MAX_MS = 30_000;
/** A tab that lacks links asks signaling for more peers at most this often, without any link at most so often. */
const FIND_INTERVAL_MS = 15_000;
const FIND_LONELY_MS = 2_000;
/** Others ask by chance, one in the room in `FIND_INTERVAL_MS`, but each at least so often. */
const FIND_CHANCE_MAX_MS = 1_800_000;
/** For so long after its first link a tab is new to the room, and the one that dials. */
const NEW_MS = 2_000;
/** Pauses before a member of a small room is dialed, so that the two sides seldom dial at once. */
const PAUSE_NEW_MS = 50;
const PAUSE_MS = 800;

/** What the seeker makes happen. */
export interface SeekerOutput {
  /** Dials, unless that cannot be. */
  dial(peer: PeerId, now: number): void;
  /** Sends random walks. */
  walk(count: number): void;
  /** Asks signaling for peers. */
  find(): void;
}

export class Seeker {
  readonly #config: ProtocolConfig;
  readonly #random: Random;
  readonly #room: RoomView;
  readonly #links: LinkTable;
  readonly #passive: PassiveView;
  readonly #making: Making;
  readonly #output: SeekerOutput;
  /** Attempts since something changed. */
  #round = 0;
  #seekDue = Number.POSITIVE_INFINITY;
  #chanceDue = Number.POSITIVE_INFINITY;
  #findAfter = 0;
  #linkedSince = Number.POSITIVE_INFINITY;
  /** Members that the latest new neighbor took the room to have. */
  #sizeHint = 0;
  /** Whether signaling was asked by chance, so that one stranger that it tells of is dialed. */
  #isCurious = false;

  constructor(
    config: ProtocolConfig,
    random: Random,
    room: RoomView,
    links: LinkTable,
    passive: PassiveView,
    making: Making,
    output: SeekerOutput,
  ) {
    this.#config = config;
    this.#random = random;
    this.#room = room;
    this.#links = links;
    this.#passive = passive;
    this.#making = making;
    this.#output = output;
  }

  get due(): number {
    return Math.min(this.#seekDue, this.#chanceDue);
  }

  start(now: number): void {
    this.#round = 0;
    this.#sizeHint = 0;
    this.#linkedSince = Number.POSITIVE_INFINITY;
    this.#findAfter = now + jitter(this.#random, FIND_LONELY_MS);
    this.#seekDue = this.#findAfter;
    this.#chanceDue = now + jitter(this.#random, FIND_INTERVAL_MS);
  }

  stop(): void {
    this.#seekDue = this.#chanceDue = Number.POSITIVE_INFINITY;
  }

  /** A link came to stand with one that takes the room to have `size` members. */
  gained(size: number, now: number): void {
    this.#linkedSince = Math.min(this.#linkedSince, now);
    this.#sizeHint = size;
    this.#round = 0;
    this.#seekAt(now);
  }

  /** A link ended, or is in doubt. */
  lost(now: number): void {
    this.#round = 0;
    // Where one link breaks many may, for everybody at the same time.
    this.#seekAt(now + jitter(this.#random, 100, 1));
  }

  /** A dial came to nothing. */
  failed(now: number): void {
    if (this.#links.liveCount === 0) this.#seekAt(now + jitter(this.#random, 200, 0.5));
    else if (this.#missing > 0) this.#seekAt(this.#later(now));
  }

  /** Candidates are known that were not. */
  learned(peers: readonly PeerId[], now: number): void {
    if (this.#links.liveCount === 0 || this.#round > 0) this.#seekAt(now);
    else if (this.#missing <= 0 && this.#room.isPartial) this.#meet(peers, now);
    else if (this.#missing <= 0 || this.#isSmall) this.#seekAt(now);
  }

  /** A member that was not known, or not present, is. */
  memberCame(now: number): void {
    if (this.#isSmall) this.#seekAt(now);
  }

  tick(now: number): void {
    if (now >= this.#chanceDue) {
      const everyone = FIND_INTERVAL_MS * Math.max(1, this.#room.size);
      this.#chanceDue = now + jitter(this.#random, Math.min(everyone, FIND_CHANCE_MAX_MS), 0.5);
      if (this.#room.size > 1) {
        this.#isCurious = true;
        this.#output.find();
      }
    }
    if (now >= this.#seekDue) this.#seek(now);
  }

  /** Links that are lacking, suspected ones counted as such, those in the making not. */
  get #missing(): number {
    return this.#config.activeSize - this.#links.liveCount - this.#making.size;
  }

  /** Whether everybody can be linked with everybody. */
  get #isSmall(): boolean {
    return Math.max(this.#room.size, this.#sizeHint) <= this.#config.activeSize + 1;
  }

  #seekAt(at: number): void {
    this.#seekDue = Math.min(this.#seekDue, at);
  }

  #seek(now: number): void {
    this.#seekDue = Number.POSITIVE_INFINITY;
    const isLonely = this.#links.liveCount === 0;
    const isStuck = this.#round > 0;
    if (this.#missing <= 0) return this.#seekStranger(now);
    if (this.#isSmall) this.#dialMembers(now);
    if (isLonely || isStuck || this.#isSmall) this.#dialSome(this.#strangers(isLonely), now);
    if (isStuck && !this.#isSmall) this.#dialSome(this.#membersWithRoom(now), now);
    if (!this.#isSmall) this.#output.walk(this.#missing);
    if (this.#isSmall && this.#isComplete) return;
    if (isLonely || isStuck) this.#find(isLonely, now);
    this.#seekAt(this.#later(now));
    this.#round++;
  }

  /** When to try again where nothing else happens. */
  #later(now: number): number {
    const pause = Math.min(AGAIN_MAX_MS, AGAIN_FIRST_MS * 2 ** this.#round);
    return now + jitter(this.#random, pause, 0.5);
  }

  /** Whether all members known are linked, there are some, and no candidate is left. */
  get #isComplete(): boolean {
    const { liveCount } = this.#links;
    return (
      liveCount > 0 && liveCount + 1 >= this.#room.count && this.#strangers(false).length === 0
    );
  }

  /** In a small room: all members without a link, each after a pause. */
  #dialMembers(now: number): void {
    const self = this.#room.self.id;
    for (const { id } of this.#room.present()) {
      if (id === self || this.#links.get(id) !== undefined) continue;
      if (!this.#passive.has(id)) this.#passive.learn(id, now, this.#pause(id, now));
      const notBefore = this.#passive.notBefore(id);
      if (notBefore <= now) this.#output.dial(id, now);
      else this.#seekAt(notBefore);
    }
  }

  #pause(id: PeerId, now: number): number {
    const pause = now - this.#linkedSince < NEW_MS ? PAUSE_NEW_MS : PAUSE_MS;
    return jitter(this.#random, this.#room.self.id < id ? pause : 3 * pause, 0.5);
  }

  /** Candidates that are not known as members; with `all`, those too. */
  #strangers(all: boolean): PeerId[] {
    return [...this.#passive.peers()].filter(
      (peer) => this.#links.get(peer) === undefined && (all || !this.#room.isPresent(peer)),
    );
  }

  /** Members that are known to have few links, or of whom nothing is known; visible ones first. */
  #membersWithRoom(now: number): PeerId[] {
    if (this.#room.isPartial) return this.#strangers(true);
    const { activeSize } = this.#config;
    const { graph } = this.#room;
    return [...this.#room.present()]
      .filter(({ id }) => this.#making.canDial(id, now))
      .filter(({ id }) => graph.neighborsOf(id).length <= activeSize)
      .sort((a, b) => Number(a.hidden) - Number(b.hidden))
      .map(({ id }) => id);
  }

  #dialSome(peers: readonly PeerId[], now: number): void {
    const ready = peers.filter((peer) => this.#making.canDial(peer, now));
    const count = Math.min(this.#missing, DIALS_AT_FIRST - this.#making.size);
    for (const peer of sample(this.#random, ready, count)) this.#output.dial(peer, now);
  }

  /**
   * SPEC L8: with a full view one stranger at a time is still dialed, so that two groups of tabs that
   * each have all the links they seek find together.
   */
  #seekStranger(now: number): void {
    if (this.#room.isPartial || this.#making.size > 0) return;
    if (this.#links.neighborCount >= this.#config.activeMax) return;
    const strangers = this.#strangers(false);
    for (const peer of strangers)
      this.#seekAt(Math.max(now, this.#passive.notBefore(peer)) + AGAIN_FIRST_MS);
    const ready = strangers.filter((peer) => this.#making.canDial(peer, now));
    for (const peer of sample(this.#random, ready, 1)) this.#output.dial(peer, now);
  }

  /** The same where nobody knows all members: after a question by chance alone. */
  #meet(peers: readonly PeerId[], now: number): void {
    if (!this.#isCurious || this.#links.neighborCount >= this.#config.activeMax) return;
    this.#isCurious = false;
    for (const peer of sample(this.#random, peers, 1)) this.#output.dial(peer, now);
  }

  #find(isLonely: boolean, now: number): void {
    if (now < this.#findAfter) return;
    const lonely = Math.min(FIND_INTERVAL_MS, FIND_LONELY_MS * 2 ** this.#round);
    this.#findAfter = now + jitter(this.#random, isLonely ? lonely : FIND_INTERVAL_MS);
    this.#output.find();
  }
}
