/**
 * What is claimed of whom, and what becomes of it (SPEC.md, section 5).
 *
 * Suspicion, refutation and death after SWIM (Das, Gupta, Motivala 2002): who falls silent is
 * suspected before it is declared dead, and has time to answer with a greater incarnation. Claims of
 * neighbors and this tab's own findings take the same way.
 */

import type { PeerId } from '../../util/peer-id.ts';
import type { ProtocolConfig } from '../config.ts';
import { MAX_INCARNATION } from '../limits.ts';
import { type MemberEntry, shortOf } from '../wire.ts';
import { compareClaims, MAX_JUMP, type MemberChange, type MemberTable } from './member-table.ts';
import type { Piggyback } from './piggyback.ts';
import type { Prober } from './prober.ts';
import { type Circumstances, Suspicions } from './suspicion.ts';

/** So many `newsDelay`s pass before a tab tells of one that came to it. */
const ARRIVAL_DELAYS = 3;

/** What the machine asks, and where it puts what it has to say. */
export interface ClaimsPort {
  /** Whether a member that is not known yet is to be remembered. */
  keeps(id: PeerId): boolean;
  circumstancesOf(id: PeerId): Circumstances;
  /** The table changed. */
  changed(change: MemberChange, now: number): void;
  /** Something new is claimed of the member. */
  claimed(id: PeerId, now: number): void;
}

export class Claims {
  readonly #config: ProtocolConfig;
  readonly #table: MemberTable;
  readonly #news: Piggyback;
  readonly #links: Pick<Prober, 'neighbors' | 'heardAt'>;
  readonly #port: ClaimsPort;
  readonly #suspicions: Suspicions;

  constructor(
    config: ProtocolConfig,
    table: MemberTable,
    news: Piggyback,
    links: Pick<Prober, 'neighbors' | 'heardAt'>,
    port: ClaimsPort,
  ) {
    this.#config = config;
    this.#table = table;
    this.#news = news;
    this.#links = links;
    this.#port = port;
    this.#suspicions = new Suspicions(config);
  }

  /** When `tick` is to be called next. */
  get due(): number {
    return this.#suspicions.due;
  }

  /** Takes claims, told by a neighbor or found out by this tab itself. */
  take(claims: Iterable<MemberEntry>, teller: PeerId | undefined, now: number): void {
    for (const claim of claims) {
      if (claim.id === this.#table.self.id) this.#refute(claim, now);
      else this.#take(claim, teller, now);
    }
  }

  /** This tab's entry, changed and under the next incarnation after `incarnation` (SPEC M11). */
  renew(change: Partial<Omit<MemberEntry, 'id'>>, incarnation: number, now: number): void {
    const next = Math.min(MAX_INCARNATION, incarnation + 1);
    this.#table.setSelf({ ...change, incarnation: next });
    this.#news.tell('claim', this.#table.self.id, undefined, now);
  }

  /** A neighbor is silent, or its link broke; where the path stands, a hidden page may be frozen. */
  suspect(peer: PeerId, mayBeFrozen: boolean, now: number): void {
    const member = this.#table.claimOf(peer);
    if (member === undefined || (member.status !== 'alive' && member.status !== 'suspect')) return;
    const by = member.hidden && mayBeFrozen ? '' : shortOf(this.#table.self.id);
    this.#take({ ...member, status: 'suspect', by }, undefined, now);
  }

  /** The member said good-bye. */
  left(id: PeerId, now: number): void {
    const member = this.#table.claimOf(id);
    if (member !== undefined) this.#take({ ...member, status: 'left', by: '' }, undefined, now);
  }

  /** The member is out of reach, or within reach again (SPEC M14). */
  setLost(id: PeerId, isLost: boolean, now: number): void {
    const change = this.#table.setLost(id, isLost, now);
    if (change !== undefined) this.#changed(change, now);
  }

  /** The member is not to be judged any more. */
  forget(id: PeerId): void {
    this.#suspicions.end(id);
  }

  /** Gives all suspects their time anew: this tab itself slept. */
  excuse(now: number): void {
    this.#suspicions.excuse(now);
  }

  /** Declares those dead that did not refute in time. */
  tick(now: number): void {
    const circumstancesOf = (id: PeerId) => this.#port.circumstancesOf(id);
    for (const id of this.#suspicions.overdue(circumstancesOf, now)) this.#condemn(id, now);
  }

  /** What is to be said of a member: of a suspect, who suspects it. */
  entriesOf(id: PeerId): readonly MemberEntry[] {
    const entry = this.#table.claimOf(id);
    if (entry === undefined) return [];
    const witnesses = entry.status === 'suspect' ? [...this.#suspicions.suspectedBy(id)] : [];
    return witnesses.length === 0 ? [entry] : witnesses.map((by) => ({ ...entry, by }));
  }

  #take(told: MemberEntry, teller: PeerId | undefined, now: number): void {
    const { id } = told;
    const known = this.#table.claimOf(id);
    if (known === undefined && !this.#port.keeps(id)) return;
    // SPEC M12: what cannot be refuted any more is not believed, save of the member itself.
    if (teller !== id && told.incarnation > (known?.incarnation ?? 0) + MAX_JUMP) return;
    const claim = this.#doubted(told, known, now);
    const order = known === undefined ? 1 : compareClaims(claim, known);
    if (order < 0 && teller !== undefined) this.#news.tellOne(teller, 'claim', id, now);
    if (order === 0) this.#takeAgain(claim, teller, now);
    if (order <= 0) return;
    const older = this.#table.supersededBy(claim);
    const change = this.#table.apply(claim, now);
    if (change === undefined) return;
    this.#news.tell('claim', id, teller, now + this.#hold(claim, known, teller));
    this.#port.claimed(id, now);
    this.#changed(change, now);
    if (older !== undefined) this.#supersede(older, now);
  }

  /**
   * SPEC M7: how long news waits. While one that came makes its links there is much else to do, and
   * nobody needs to know of it: its neighbors do, and those that it dials.
   */
  #hold(claim: MemberEntry, known: MemberEntry | undefined, teller: PeerId | undefined): number {
    const { status, hidden } = known ?? claim;
    const isNoChange = status === 'alive' && claim.status === 'alive' && hidden === claim.hidden;
    return isNoChange && teller === claim.id ? ARRIVAL_DELAYS * this.#config.newsDelay : 0;
  }

  /** A claim that is known: another witness of a suspicion, or nothing new. */
  #takeAgain({ id, status, by }: MemberEntry, teller: PeerId | undefined, now: number): void {
    if (status === 'suspect' && this.#suspicions.confirm(id, by, now)) {
      this.#news.tell('claim', id, teller, now);
    } else if (teller !== undefined) {
      this.#news.known(teller, 'claim', id);
    }
  }

  #changed(change: MemberChange, now: number): void {
    const { id, status, by } = change.entry;
    if (status === 'suspect') this.#suspicions.begin(id, by, now);
    else this.#suspicions.end(id);
    this.#port.changed(change, now);
  }

  /**
   * SPEC M6: that someone who lives here is dead elsewhere is a suspicion, to be refuted, however many
   * tell it at once.
   */
  #doubted(claim: MemberEntry, known: MemberEntry | undefined, now: number): MemberEntry {
    if (claim.status !== 'dead') return claim;
    const { id } = claim;
    const doubtedUntil = this.#suspicions.since(id) + this.#config.suspicionMin / 2;
    const isDoubtful =
      known?.status === 'alive' ||
      (known?.status === 'suspect' && (now < doubtedUntil || this.#mayLive(id, now)));
    return isDoubtful ? { ...claim, status: 'suspect' } : claim;
  }

  /** SPEC M3: what is said against a living tab is answered with a greater incarnation. */
  #refute(claim: MemberEntry, now: number): void {
    const { incarnation, status } = this.#table.self;
    if (status !== 'alive' || claim.incarnation > incarnation + MAX_JUMP) return;
    const isOld =
      claim.status === 'alive' ? claim.incarnation <= incarnation : claim.incarnation < incarnation;
    if (!isOld) this.renew({}, claim.incarnation, now);
  }

  /** SPEC M13: a later session of its replica is there, so this one is over, unless it is heard. */
  #supersede(id: PeerId, now: number): void {
    const member = this.#table.claimOf(id);
    if (member === undefined || id === this.#table.self.id) return;
    if (now - this.#links.heardAt(id) < this.#config.probeInterval) return;
    this.#take({ ...member, status: 'suspect', by: '' }, undefined, now);
    this.#suspicions.makeCertain(id);
  }

  /** The time that the suspect had is over. */
  #condemn(id: PeerId, now: number): void {
    const member = this.#table.claimOf(id);
    if (member === undefined) return this.#suspicions.end(id);
    if (this.#mayLive(id, now)) {
      this.#suspicions.restart(id, now);
      return this.#news.tellOne(id, 'claim', id, now);
    }
    const since = this.#suspicions.since(id);
    for (const peer of this.#links.neighbors) {
      if (peer === id || this.#links.heardAt(peer) < since) continue;
      return this.#take({ ...member, status: 'dead', by: '' }, undefined, now);
    }
    // SPEC M10: who hears nobody may be the one that is cut off, and keeps the verdict to itself.
    this.setLost(id, true, now);
  }

  /** Whether the suspect was heard over a link since it is one, or a moment ago. */
  #mayLive(id: PeerId, now: number): boolean {
    const lately = now - this.#config.probeInterval;
    return this.#links.heardAt(id) >= Math.min(this.#suspicions.since(id), lately);
  }
}
