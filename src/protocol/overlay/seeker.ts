/**
 * Seeking links: when and how a tab that lacks links looks for them (SPEC.md, section 4).
 *
 * Who is new dials those that signaling tells of, one for each link; random walks give what is lacking
 * then and later; where these bring nothing, members and candidates are dialed and signaling is asked
 * again, each time later.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { jitter, type Random, sample } from '../../util/random.ts';
import type { ProtocolConfig } from '../config.ts';
import type { LinkTable } from './link-table.ts';
import type { Making } from './making.ts';
import type { PassiveView } from './passive-view.ts';
import type { RoomView } from './room-view.ts';

/** With fewer links a tab does not rely on walks alone. */
const FEW_LINKS = 3;
/** Candidates dialed at once by a tab that is not new, or whose first dials brought nothing. */
const DIALS_AT_ONCE = 3;
const AGAIN_FIRST_MS = 1_000;
const AGAIN_MAX_MS = 30_000;
/** A tab that lacks links asks signaling for more peers at most this often, without any link at most so often. */
const FIND_INTERVAL_MS = 15_000;
const FIND_LONELY_MS = 2_000;
/** In so long a walk ends and the link that it brings is being made. */
const WALK_MS = 1_000;
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

/** Tabs of the largest room in which everybody is linked with everybody (SPEC L6). */
export const everyone = ({ activeSize, activeMax }: ProtocolConfig): number =>
  (activeSize + activeMax) >> 1;

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
  /** Walks that were sent may still bring links until then. */
  #walkAfter = 0;
  /** Members when the question by chance was planned. */
  #chanceSize = 1;
  /** When this tab is new to the room no more; not known before its first link. */
  #newUntil = Number.POSITIVE_INFINITY;
  /** Members that the latest new neighbor took the room to have; not known before the first. */
  #sizeHint = Number.POSITIVE_INFINITY;
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
    this.#sizeHint = this.#newUntil = Number.POSITIVE_INFINITY;
    this.#walkAfter = 0;
    this.#chanceSize = 1;
    this.#findAfter = now + jitter(this.#random, FIND_LONELY_MS);
    this.#seekDue = this.#findAfter;
    this.#chanceDue = now + jitter(this.#random, FIND_INTERVAL_MS);
  }

  stop(): void {
    this.#seekDue = this.#chanceDue = Number.POSITIVE_INFINITY;
  }

  /** A link came to stand with one that takes the room to have `size` members. */
  gained(size: number, now: number): void {
    this.#newUntil = Math.min(this.#newUntil, now + NEW_MS);
    this.#sizeHint = size;
    this.#round = 0;
    this.#seekAt(this.#isSmall ? now : Math.max(now, this.#walkAfter));
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
    else if (this.#missing > 0)
      this.#seekAt(this.#isNew(now) ? Math.max(now, this.#walkAfter) : this.#later(now));
  }

  /** Candidates are known that were not. */
  learned(peers: readonly PeerId[], now: number): void {
    const isPoor = this.#links.liveCount < FEW_LINKS;
    if (this.#missing > 0 && (isPoor || this.#round > 0)) this.#seekAt(now);
    else if (this.#missing <= 0 && this.#room.isPartial) this.#meet(peers, now);
    else if (this.#missing <= 0 || this.#isSmall) this.#seekAt(now);
  }

  /** A member that was not known, or not present, is. */
  memberCame(now: number): void {
    if (this.#isSmall) this.#seekAt(now);
  }

  tick(now: number): void {
    if (now >= this.#chanceDue) this.#askByChance(now);
    if (now >= this.#seekDue) this.#seek(now);
  }

  #askByChance(now: number): void {
    const { size } = this.#room;
    // The room may have grown since this was planned.
    if (size > 1 && this.#random() * size < this.#chanceSize) {
      this.#isCurious = true;
      this.#output.find();
    }
    this.#chanceSize = Math.max(1, size);
    const everyone = Math.min(FIND_CHANCE_MAX_MS, FIND_INTERVAL_MS * this.#chanceSize);
    this.#chanceDue = now + jitter(this.#random, everyone, 0.5);
  }

  /** Links that are lacking, suspected ones counted as such, those in the making not. */
  get #missing(): number {
    const sought = this.#isSmall ? everyone(this.#config) - 1 : this.#config.activeSize;
    return sought - this.#links.liveCount - this.#making.size;
  }

  /** Whether everybody can be linked with everybody. */
  get #isSmall(): boolean {
    return Math.max(this.#room.size, this.#sizeHint) <= everyone(this.#config);
  }

  /** Whether this tab has just come into the room, or is about to. */
  #isNew(now: number): boolean {
    return now < this.#newUntil;
  }

  #seekAt(at: number): void {
    this.#seekDue = Math.min(this.#seekDue, at);
  }

  #seek(now: number): void {
    this.#seekDue = Number.POSITIVE_INFINITY;
    // With few links left, what is linked with this tab may be an island: signaling knows others.
    const isPoor = this.#links.liveCount < FEW_LINKS;
    const isStuck = this.#round > 0;
    if (this.#missing <= 0) return this.#seekStranger(now);
    if (this.#isSmall) this.#dialMembers(now);
    if (isPoor || isStuck || this.#isSmall)
      this.#dialSome(this.#candidates(isPoor || isStuck), now);
    if (isStuck && !this.#isSmall) this.#dialSome(this.#membersWithRoom(now), now);
    if (!this.#isSmall) this.#walk(now);
    if (this.#isSmall && this.#isComplete) return;
    if (isPoor || isStuck) this.#find(isPoor, now);
    this.#seekAt(this.#later(now));
    this.#round++;
  }

  #walk(now: number): void {
    if (now < this.#walkAfter || this.#links.liveCount === 0) return;
    this.#walkAfter = now + jitter(this.#random, WALK_MS);
    this.#output.walk(this.#missing);
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
      liveCount > 0 && liveCount + 1 >= this.#room.count && this.#candidates(false).length === 0
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
    const pause = this.#isNew(now) ? PAUSE_NEW_MS : PAUSE_MS;
    return jitter(this.#random, this.#room.self.id < id ? pause : 3 * pause, 0.5);
  }

  /** Candidates that are not known as members, with `all` those too; the latest told of first. */
  #candidates(all: boolean): PeerId[] {
    return this.#passive
      .peers()
      .filter(
        (peer) => this.#links.get(peer) === undefined && (all || !this.#room.isPresent(peer)),
      );
  }

  /** Members that are known to have few links, or of whom nothing is known; visible ones first. */
  #membersWithRoom(now: number): PeerId[] {
    if (this.#room.isPartial) return [];
    const { activeSize } = this.#config;
    const { graph } = this.#room;
    const open = [...this.#room.present()]
      .filter(({ id }) => this.#making.canDial(id, now))
      .filter(({ id }) => graph.neighborsOf(id).length <= activeSize);
    return sample(this.#random, open, DIALS_AT_ONCE * 2)
      .sort((a, b) => Number(a.hidden) - Number(b.hidden))
      .map(({ id }) => id);
  }

  #dialSome(peers: readonly PeerId[], now: number): void {
    const ready = peers.filter((peer) => this.#making.canDial(peer, now));
    // Links that wait for one another come twice as late.
    const isFirst = this.#round === 0 && this.#isNew(now);
    // What was dialed before and is not answered yet may never be.
    const under = this.#round > 0 ? 0 : this.#making.size;
    const count = isFirst ? this.#missing : Math.min(this.#missing, DIALS_AT_ONCE - under);
    for (const peer of ready.slice(0, Math.max(0, count))) this.#output.dial(peer, now);
  }

  /**
   * SPEC L8: with a full view one stranger at a time is still dialed, so that two groups of tabs that
   * each have all the links they seek find together.
   */
  #seekStranger(now: number): void {
    if (this.#room.isPartial || this.#making.size > 0) return;
    if (this.#links.neighborCount >= this.#config.activeMax) return;
    // Who is new has not heard yet of all members: a stranger may be one.
    if (this.#isNew(now)) return this.#seekAt(this.#newUntil);
    const strangers = this.#candidates(false);
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

  #find(isPoor: boolean, now: number): void {
    if (now < this.#findAfter) return;
    const soon = Math.min(FIND_INTERVAL_MS, FIND_LONELY_MS * 2 ** this.#round);
    this.#findAfter = now + jitter(this.#random, isPoor ? soon : FIND_INTERVAL_MS);
    this.#output.find();
  }
}
