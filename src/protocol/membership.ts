/**
 * Membership: what is claimed of whom, by this tab and by others (SPEC.md, section 5).
 *
 * Suspicion and refutation after SWIM (Das, Gupta, Motivala 2002): who falls silent is suspected
 * before it is declared dead, and has time to answer with a greater incarnation.
 */

import type { PeerId } from '../util/peer-id.ts';
import type { ProtocolConfig } from './config.ts';
import type { MemberEntry } from './frames.ts';
import { MAX_INCARNATION } from './limits.ts';
import { isGreater, type MemberChange, MemberTable } from './members.ts';

/** What the machine asks, and where it puts what it has to say. */
export interface MembershipOutput {
  /** Tell the whole room. */
  claim(entries: readonly MemberEntry[], now: number): void;
  /** Tell the layers above. */
  changed(change: MemberChange, now: number): void;
  /** Whether a link to the peer stands on which it is heard. */
  isAudible(id: PeerId, now: number): boolean;
}

export class Membership {
  readonly #config: ProtocolConfig;
  readonly #output: MembershipOutput;
  #table: MemberTable;
  /** News from tables of neighbors that no rumor told of yet. */
  readonly #untold = new Map<PeerId, MemberEntry>();

  constructor(
    self: Pick<MemberEntry, 'id' | 'hidden'>,
    config: ProtocolConfig,
    now: number,
    output: MembershipOutput,
  ) {
    this.#config = config;
    this.#output = output;
    const entry: MemberEntry = { ...self, status: 'alive', incarnation: 0 };
    this.#table = new MemberTable(entry, config.membersMax, now);
  }

  get self(): MemberEntry {
    return this.#table.self;
  }

  /** Members in the room, this tab included. */
  present(): Iterable<MemberEntry> {
    return this.#table.present();
  }

  /** Whether the peer is in the room, as far as is known. */
  isPresent(id: PeerId): boolean {
    return this.#table.isPresent(id);
  }

  digest(): Uint8Array {
    return this.#table.digest();
  }

  /** What a neighbor is told of the room. */
  entries(): MemberEntry[] {
    return this.#table.entries();
  }

  /** This tab is in the room, under a new incarnation if it was in it before. */
  join(now: number): void {
    if (this.self.status !== 'alive') this.#renew({ status: 'alive' }, this.self.incarnation, now);
  }

  /** This tab leaves, and tells so. */
  leave(now: number): void {
    this.#output.claim([this.#table.setSelf({ status: 'left' }, now)], now);
  }

  /** Empties the table but for this tab; the layers above see everyone leave. */
  forgetOthers(now: number): void {
    const others = [...this.present()].filter(({ id }) => id !== this.self.id);
    this.#table = new MemberTable(this.self, this.#config.membersMax, now);
    this.#untold.clear();
    for (const member of others) {
      const change = { entry: { ...member, status: 'left' as const }, before: member.status };
      this.#output.changed(change, now);
    }
  }

  /** Takes claims of a rumor, which everyone hears. */
  hear(claims: readonly MemberEntry[], now: number): void {
    for (const claim of claims) {
      const untold = this.#untold.get(claim.id);
      if (untold !== undefined && !isGreater(untold, claim)) this.#untold.delete(claim.id);
    }
    this.#take(claims, now);
  }

  /**
   * Takes claims that a neighbor told this tab alone. What was news is broadcast at the next tick,
   * unless a rumor told it before: many tabs learn the same from their neighbors at once (SPEC M8).
   */
  merge(claims: readonly MemberEntry[], now: number): void {
    for (const claim of this.#take(claims, now)) this.#untold.set(claim.id, claim);
  }

  /** First-hand evidence that a member lives. */
  heardFrom(id: PeerId, now: number): void {
    this.#table.heard(id, now);
  }

  suspect(id: PeerId, now: number): void {
    const member = this.#table.get(id);
    if (member?.status === 'alive') this.#assert({ ...member, status: 'suspect' }, now);
  }

  /** The member said good-bye. */
  left(id: PeerId, now: number): void {
    const member = this.#table.get(id);
    if (member !== undefined) this.#assert({ ...member, status: 'left' }, now);
  }

  setHidden(hidden: boolean, now: number): void {
    if (this.self.hidden === hidden) return;
    this.#output.claim([this.#renew({ hidden }, this.self.incarnation, now)], now);
  }

  /** Starts all silences, and the time that suspects have, anew: this tab itself slept. */
  excuse(now: number): void {
    this.#table.excuse(now);
  }

  /**
   * Tells what nobody told, suspects the unheard-of and declares suspects dead; returns the dead. That is not broadcast:
   * every tab heard of the suspicion and draws the same conclusion (SPEC M5).
   */
  tick(now: number): MemberEntry[] {
    if (this.#untold.size > 0) this.#output.claim([...this.#untold.values()], now);
    this.#untold.clear();
    for (const { id } of [...this.#table.unheard(this.#config, now)]) this.suspect(id, now);
    const dead = [...this.#table.overdueSuspects(this.#config.suspicionTimeout, now)]
      .filter(({ id }) => !this.#output.isAudible(id, now))
      .map((member) => ({ ...member, status: 'dead' as const }));
    this.#take(dead, now);
    this.#table.forgetGone(now);
    return dead;
  }

  /** Takes a claim of this tab's own, and tells everyone where it is news. */
  #assert(claim: MemberEntry, now: number): void {
    const news = this.#take([claim], now);
    if (news.length > 0) this.#output.claim(news, now);
  }

  /** Takes claims, answers those against this tab, and returns what was news. */
  #take(claims: readonly MemberEntry[], now: number): MemberEntry[] {
    const news: MemberEntry[] = [];
    for (const claimed of claims) {
      if (claimed.id === this.self.id) {
        this.#refute(claimed, now);
        continue;
      }
      const claim = this.#doubted(claimed, now);
      const change = this.#table.apply(claim, now);
      if (change === undefined) continue;
      news.push(claim);
      this.#output.changed(change, now);
    }
    return news;
  }

  /** SPEC M6: that someone who is alive here is dead elsewhere is a suspicion, to be refuted. */
  #doubted(claim: MemberEntry, now: number): MemberEntry {
    const { id, status } = claim;
    if (status !== 'dead') return claim;
    const isDoubtful = this.#table.get(id)?.status === 'alive' || this.#output.isAudible(id, now);
    return isDoubtful ? { ...claim, status: 'suspect' } : claim;
  }

  /** SPEC M3: what is said against a living tab is answered with a greater incarnation. */
  #refute(claim: MemberEntry, now: number): void {
    const { incarnation, status } = this.self;
    if (status !== 'alive') return;
    const isOld =
      claim.status === 'alive' ? claim.incarnation <= incarnation : claim.incarnation < incarnation;
    if (!isOld) this.#output.claim([this.#renew({}, claim.incarnation, now)], now);
  }

  /** This tab's entry, changed and under the next incarnation after `incarnation`. */
  #renew(
    change: Partial<Pick<MemberEntry, 'status' | 'hidden'>>,
    incarnation: number,
    now: number,
  ): MemberEntry {
    const next = Math.min(MAX_INCARNATION, incarnation + 1);
    return this.#table.setSelf({ ...change, incarnation: next }, now);
  }
}
