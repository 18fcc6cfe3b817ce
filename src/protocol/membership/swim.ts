/**
 * Membership: who is in the room, alive or not, and who is linked with whom (SPEC.md, section 5).
 *
 * SWIM (Das, Gupta, Motivala 2002) over the links that exist, with Lifeguard (Dadgar, Phillips,
 * Currey 2018). Neighbors probe one another; what one finds out goes from neighbor to neighbor as
 * claims, and everyone has time to refute. This file puts the parts together: `prober.ts` finds who
 * is silent, `claims.ts` judges what is said of whom, `piggyback.ts` and `exchange.ts` spread it,
 * `topology.ts` knows the links, `revival.ts` remembers the dead.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { type Random, sample } from '../../util/random.ts';
import type { ProtocolConfig } from '../config.ts';
import type { Frame, FrameOf, LinkList, MemberEntry } from '../wire.ts';
import { Claims } from './claims.ts';
import { Exchange } from './exchange.ts';
import type { Graph } from './graph.ts';
import { type MemberChange, MemberTable } from './member-table.ts';
import { Piggyback } from './piggyback.ts';
import { Prober } from './prober.ts';
import { Revival } from './revival.ts';
import { paceOf, RoomSize } from './room-size.ts';
import type { Circumstances } from './suspicion.ts';
import { Topology } from './topology.ts';

/** A timer so late tells that this tab itself slept. Hidden pages have theirs once a second. */
const LATE_MS = 250;
const LATE_HIDDEN_MS = 1_250;

/** The digest of who knows a part of the room only, and compares nothing. */
const NO_DIGEST = new Uint8Array(0);

/** What the machine asks, and where it puts what it has to say. */
export interface SwimOutput {
  /** Send to a neighbor. */
  send(peer: PeerId, frame: Frame): void;
  /** Tell the layers above. */
  changed(change: MemberChange, now: number): void;
  /** A neighbor is suspect, or is no longer: links to others are sought meanwhile. */
  suspected(peer: PeerId, suspected: boolean, now: number): void;
  /** A neighbor is dead to this tab. */
  dead(peer: PeerId, now: number): void;
  /** Someone should be dialed: out of reach and this tab's to find, or dead and perhaps back. */
  dial(peer: PeerId, now: number): void;
}

/** How a link to a neighbor ended: it said good-bye, its path is gone, or the link was given up. */
export type LinkEnd = 'left' | 'lost' | 'closed';

type SwimFrame = FrameOf<'members' | 'ping' | 'pong' | 'pingReq' | 'nack' | 'round'>;

export class Swim {
  readonly #random: Random;
  readonly #output: SwimOutput;
  readonly #table: MemberTable;
  readonly #prober: Prober;
  readonly #claims: Claims;
  readonly #news: Piggyback;
  readonly #exchange: Exchange;
  readonly #revival: Revival;
  readonly #topology: Topology;
  readonly #room: RoomSize;
  /** Neighbors whose network path is broken for the moment. */
  readonly #broken = new Set<PeerId>();

  constructor(
    self: Pick<MemberEntry, 'id' | 'hidden'>,
    config: ProtocolConfig,
    random: Random,
    now: number,
    output: SwimOutput,
  ) {
    this.#random = random;
    this.#output = output;
    const { id, hidden } = self;
    const entry: MemberEntry = {
      ...{ id, hidden, status: 'alive', incarnation: 0 },
      ...{ replica: '', generation: 0, by: '' },
    };
    this.#table = new MemberTable(entry, config.membersMax, now);
    this.#topology = new Topology(id, this.#table, now);
    this.#news = new Piggyback(id, config);
    this.#room = new RoomSize(config.fullMembershipLimit);
    this.#revival = new Revival(config, random);
    this.#exchange = new Exchange({
      present: () => this.#table.present(),
      entriesOf: (each) => this.#claims.entriesOf(each),
      listOf: (each) => this.#topology.listOf(each),
      send: (peer, frame) => output.send(peer, frame),
    });
    this.#prober = new Prober(config, random, {
      send: (peer, frame) => output.send(peer, frame),
      relaysTo: (target) => this.graph.neighborsOf(target),
      silent: (peer, at) => this.#claims.suspect(peer, !this.#broken.has(peer), at),
    });
    this.#claims = new Claims(config, this.#table, this.#news, this.#prober, {
      keeps: (each) => !this.isPartial || this.#prober.isNeighbor(each),
      circumstancesOf: (each) => this.#circumstancesOf(each),
      changed: (change, at) => this.#changed(change, at),
      claimed: (each, at) => this.#topology.reach.renew(each, at),
    });
  }

  /** Who is linked with whom, as far as this tab knows. */
  get graph(): Graph {
    return this.#topology.graph;
  }

  /** This tab's own entry. */
  get self(): MemberEntry {
    return this.#table.self;
  }

  /** Members in the room as far as this tab knows them, itself included. */
  present(): Iterable<MemberEntry> {
    return this.#table.present();
  }

  isPresent(id: PeerId): boolean {
    return this.#table.isPresent(id);
  }

  get(id: PeerId): MemberEntry | undefined {
    return this.#table.get(id);
  }

  /** Present members that this tab knows, itself included. */
  get count(): number {
    return this.#table.count;
  }

  /** Members of the room: those known, or an estimate where membership is partial. */
  get size(): number {
    return this.#room.of(this.count);
  }

  /** Whether the room is too large for everyone to know everyone (SPEC M15). */
  get isPartial(): boolean {
    return this.#room.isPartial;
  }

  /** What a round tells of the room (SPEC M8). */
  round(): FrameOf<'round'> {
    const digest = this.isPartial ? NO_DIGEST : this.#table.digest();
    return { type: 'round', size: this.size, digest };
  }

  /** The time at which `tick` wants to be called next. */
  get due(): number {
    return Math.min(
      this.#news.due,
      this.#prober.due,
      this.#claims.due,
      this.#topology.due,
      this.#exchange.due,
      this.#revival.due,
    );
  }

  /** This tab is in the room, under a new incarnation if it was in it before. */
  join(now: number): void {
    const { status, incarnation } = this.self;
    if (status !== 'alive') this.#claims.renew({ status: 'alive' }, incarnation, now);
  }

  /** This tab leaves, and tells so. */
  leave(now: number): void {
    this.#table.setSelf({ status: 'left' });
    this.#news.tell('claim', this.self.id, undefined, now);
    this.#flush(true, now);
  }

  /** Empties the table but for this tab; the layers above see everyone leave. */
  forgetOthers(now: number): void {
    for (const id of [...this.#table.known()]) this.#drop(id, now);
    this.#topology.reach.clear();
    this.#revival.clear();
  }

  setHidden(hidden: boolean, now: number): void {
    if (this.self.hidden === hidden) return;
    this.#claims.renew({ hidden }, this.self.incarnation, now);
    // A page that was hidden may be frozen next.
    this.#flush(true, now);
  }

  /** The replica that this tab writes as from now on, and its generation. */
  setIdentity(replica: string, generation: number, now: number): void {
    this.#claims.renew({ replica, generation }, this.self.incarnation, now);
    this.#flushIfDue(now);
  }

  /** Signaling or a hello says that the room has so many members. */
  hintSize(total: number, now: number): void {
    this.#room.hint(total);
    this.#judgeSize(now);
  }

  /** A link to a member stands; `entry` is what it said of itself, `size` how many it takes the room to have. */
  neighborUp(entry: MemberEntry, size: number, now: number): void {
    const peer = entry.id;
    // One that knows only itself yet says nothing by that.
    if (size > 1) this.hintSize(size, now);
    const isKnown = this.isPresent(peer);
    this.#prober.neighborUp(peer, now);
    this.#news.neighborUp(peer);
    this.#topology.linksChanged(this.#prober.neighbors, now);
    this.#takeClaims([entry], peer, now);
    if (this.isPartial) return this.#flushIfDue(now);
    const isMine = this.self.id < peer;
    if (this.count <= this.#prober.neighborCount + 1) this.#exchange.introduce(peer, isMine, now);
    else this.#exchange.await(peer, isKnown, isMine, this.#pace, now);
    this.#flushIfDue(now);
  }

  /** The link to the member ended. */
  neighborDown(peer: PeerId, how: LinkEnd, now: number): void {
    if (!this.#prober.isNeighbor(peer)) return;
    this.#prober.neighborDown(peer);
    this.#news.neighborDown(peer);
    this.#exchange.settled(peer);
    this.#broken.delete(peer);
    this.#topology.linksChanged(this.#prober.neighbors, now);
    if (how === 'lost') this.#claims.suspect(peer, false, now);
    if (how === 'left') this.#claims.left(peer, now);
    if (how === 'closed' && this.isPartial && this.isPresent(peer)) this.#drop(peer, now);
    this.#flushIfDue(now);
  }

  /** A frame came from a neighbor: a sign of life. */
  heard(peer: PeerId, now: number): void {
    this.#prober.heard(peer, now);
  }

  /** The network path under a link broke or came back. */
  interrupted(peer: PeerId, broken: boolean, now: number): void {
    if (!this.#prober.isNeighbor(peer)) return;
    if (!broken) this.#broken.delete(peer);
    else this.#broken.add(peer);
    this.#prober.probe(peer, now);
  }

  /** Takes a frame of a neighbor, which was `heard` by it. */
  onFrame(peer: PeerId, frame: SwimFrame, now: number): void {
    if (!this.#prober.isNeighbor(peer)) return;
    if (frame.type === 'members') this.#onMembers(peer, frame, now);
    else if (frame.type === 'round') this.#onRound(peer, frame, now);
    else this.#prober.onFrame(peer, frame, now);
    this.#flushIfDue(now);
  }

  /** Starts all that is timed anew: this tab itself slept (SPEC M10). */
  excuse(now: number): void {
    this.#prober.excuse(now);
    this.#claims.excuse(now);
    this.#topology.reach.excuse(now);
  }

  /** Does what is due; the call comes `late` ms after `due`. */
  tick(now: number, late: number): void {
    if (late > (this.self.hidden ? LATE_HIDDEN_MS : LATE_MS)) this.excuse(now);
    this.#prober.tick(now);
    this.#claims.tick(now);
    if (this.#topology.listDue <= now) {
      this.#topology.renew(this.#prober.neighbors, now);
      this.#news.tell('links', this.self.id, undefined, now);
    }
    if (this.#topology.reach.due <= now) this.#walk(now);
    for (const peer of this.#exchange.ready(now)) {
      this.#output.send(peer, this.round());
    }
    if (this.#revival.due <= now) this.#revive(now);
    this.#flushIfDue(now);
  }

  // Members.

  #takeClaims(claims: Iterable<MemberEntry>, teller: PeerId, now: number): void {
    this.#claims.take(claims, teller, now);
    this.#judgeSize(now);
  }

  /** What follows from a change of the table. */
  #changed(change: MemberChange, now: number): void {
    const { id, status } = change.entry;
    if (status === 'suspect') this.#prober.probeUnheard(now);
    if (this.#prober.isNeighbor(id)) {
      if (status === 'suspect') this.#prober.probe(id, now);
      if (status === 'suspect') this.#output.suspected(id, true, now);
      if (status === 'alive' && change.before === 'suspect') this.#output.suspected(id, false, now);
      if (status === 'dead') this.#output.dead(id, now);
    }
    const wasPresent = change.before === 'alive' || change.before === 'suspect';
    if (this.isPresent(id) !== wasPresent) this.#topology.presenceChanged(now);
    else this.graph.statusChanged();
    if (!this.isPresent(id)) this.#scheduleRevival(now);
    this.#output.changed(change, now);
  }

  #circumstancesOf(id: PeerId): Circumstances {
    const isAlive = (each: PeerId) => this.#table.get(each)?.status === 'alive';
    const witnesses = this.graph.neighborsOf(id).filter(isAlive).length;
    const hidden = this.#table.claimOf(id)?.hidden === true;
    return { members: this.size, hidden, witnesses };
  }

  // Reach and revival.

  /** SPEC M14: walks the graph for members that no way leads to, and for those that one does again. */
  #walk(now: number): void {
    if (this.isPartial) return this.#topology.reach.clear();
    const { reach, graph } = this.#topology;
    const reachable = graph.reachableFrom(this.self.id);
    const { seek, lost } = reach.walk(this.#table.claimed(), reachable, this.#pace, now);
    for (const id of seek) if (this.#table.isChosenFor(id)) this.#output.dial(id, now);
    for (const id of lost) this.#claims.setLost(id, true, now);
    for (const id of reachable) this.#claims.setLost(id, false, now);
  }

  /** SPEC M17: dials one of the dead. */
  #revive(now: number): void {
    for (const id of this.#table.forgetGone(now)) this.#topology.forget(id);
    this.#revival.clear();
    const [dead] = sample(this.#random, this.#table.dead(), 1);
    if (dead !== undefined) this.#output.dial(dead, now);
    if (this.#table.hasGone) this.#scheduleRevival(now);
  }

  #scheduleRevival(now: number): void {
    this.#revival.schedule(this.count, this.#table.lastGoneAt, now);
  }

  // Tables.

  #onMembers(peer: PeerId, frame: FrameOf<'members'>, now: number): void {
    this.#takeClaims(frame.entries, peer, now);
    this.#exchange.heardOf(frame.entries, peer);
    for (const list of frame.lists) this.#takeList(list, peer, now);
    const asks = frame.asksEntries || frame.asksLists;
    if (asks && !this.isPartial) this.#exchange.answer(peer, frame);
  }

  #takeList(list: LinkList, teller: PeerId, now: number): void {
    const owner = this.#table.resolve(list.id);
    if (owner === undefined) return;
    const outcome = this.#topology.take(owner, list, teller, now);
    if (outcome === 'news') this.#news.tell('list', owner, teller, now);
    if (outcome === 'known') this.#news.known(teller, 'list', owner);
    if (outcome === 'old') this.#news.tellOne(teller, 'list', owner, now);
  }

  #onRound(peer: PeerId, { size, digest }: FrameOf<'round'>, now: number): void {
    this.hintSize(size, now);
    if (this.isPartial || digest.length === 0) return;
    this.#exchange.compare(peer, digest, this.#table.digest(), this.#pace, now);
  }

  #flushIfDue(now: number): void {
    // The timers of a hidden page come late: what it has to tell goes with what it was told by.
    const isUrgent = this.self.hidden && this.#news.isPrompt;
    if (isUrgent || this.#news.due <= now) this.#flush(isUrgent, now);
  }

  #flush(isUrgent: boolean, now: number): void {
    for (const news of this.#news.take(now, this.#pace, isUrgent)) this.#exchange.sendNews(news);
  }

  /** How much slower than a small room this one tells and judges link lists. */
  get #pace(): number {
    return paceOf(this.count);
  }

  // Partial membership.

  #judgeSize(now: number): void {
    if (!this.#room.judge(this.count)) return;
    this.#news.isPartial = this.isPartial;
    if (this.isPartial) {
      for (const id of [...this.#table.known()]) {
        if (!this.#prober.isNeighbor(id)) this.#drop(id, now);
      }
    } else {
      for (const kind of ['claim', 'links'] as const) {
        this.#news.tell(kind, this.self.id, undefined, now);
      }
    }
  }

  /** Forgets a member; the layers above see it leave. */
  #drop(id: PeerId, now: number): void {
    const member = this.#table.get(id);
    if (member === undefined || id === this.self.id) return;
    const isPresent = this.isPresent(id);
    this.#table.forget(id);
    this.#topology.forget(id);
    this.#claims.forget(id);
    if (!isPresent) return;
    this.#output.changed({ entry: { ...member, status: 'left' }, before: member.status }, now);
  }
}
