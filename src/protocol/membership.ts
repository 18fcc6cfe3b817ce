/**
 * Membership: what is claimed of whom, by this tab and by others (SPEC.md, section 5).
 *
 * Suspicion and refutation after SWIM (Das, Gupta, Motivala 2002): who falls silent is suspected
 * before it is declared dead, and has time to answer with a greater incarnation.
 */

import type { PeerId } from '../util/peer-id.ts';
import type { ProtocolConfig } from './config.ts';
import type { MemberEntry } from './frames.ts';
import { MAX_MEMBER_ENTRIES } from './limits.ts';
import { type MemberChange, MemberTable } from './members.ts';

/** Where the machine puts what it has to say. */
export interface MembershipOutput {
  /** Tell the whole room. */
  claim(entries: readonly MemberEntry[], now: number): void;
  /** Tell the layers above. */
  changed(change: MemberChange, now: number): void;
}

export class Membership {
  readonly #config: ProtocolConfig;
  readonly #output: MembershipOutput;
  #table: MemberTable;

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

  digest(): Uint8Array {
    return this.#table.digest();
  }

  /** What a neighbor is told of the room, as much as fits a frame. */
  entries(): MemberEntry[] {
    return this.#table.entries().slice(0, MAX_MEMBER_ENTRIES);
  }

  /** This tab is in the room, under a new incarnation if it was in it before. */
  join(now: number): void {
    const { status, incarnation } = this.self;
    if (status !== 'alive') {
      this.#table.setSelf({ status: 'alive', incarnation: incarnation + 1 }, now);
    }
  }

  /** This tab leaves, and tells so. */
  leave(now: number): void {
    this.#output.claim([this.#table.setSelf({ status: 'left' }, now)], now);
  }

  /** Empties the table but for this tab; the layers above see everyone leave. */
  forgetOthers(now: number): void {
    const others = [...this.present()].filter(({ id }) => id !== this.self.id);
    this.#table = new MemberTable(this.self, this.#config.membersMax, now);
    for (const member of others) {
      const change = { entry: { ...member, status: 'left' as const }, before: member.status };
      this.#output.changed(change, now);
    }
  }

  /** Claims that travel by themselves: takes them, and answers those against this tab. */
  hear(claims: readonly MemberEntry[], now: number): MemberEntry[] {
    const news: MemberEntry[] = [];
    for (const claim of claims) {
      if (claim.id === this.self.id) {
        this.#refute(claim, now);
        continue;
      }
      const change = this.#table.apply(claim, now);
      if (change === undefined) continue;
      news.push(claim);
      this.#output.changed(change, now);
    }
    return news;
  }

  /** Claims that this tab alone heard or makes: takes them, and tells everyone what was news. */
  learn(claims: readonly MemberEntry[], now: number): void {
    const news = this.hear(claims, now);
    if (news.length > 0) this.#output.claim(news, now);
  }

  /** First-hand evidence that a member lives. */
  heardFrom(id: PeerId, now: number): void {
    this.#table.heard(id, now);
  }

  suspect(id: PeerId, now: number): void {
    const member = this.#table.get(id);
    if (member?.status === 'alive') this.learn([{ ...member, status: 'suspect' }], now);
  }

  /** The member said good-bye. */
  left(id: PeerId, now: number): void {
    const member = this.#table.get(id);
    if (member !== undefined) this.learn([{ ...member, status: 'left' }], now);
  }

  setHidden(hidden: boolean, now: number): void {
    const { hidden: before, incarnation } = this.self;
    if (before === hidden) return;
    const self = this.#table.setSelf({ hidden, incarnation: incarnation + 1 }, now);
    this.#output.claim([self], now);
  }

  /** Gives suspects their time anew, after a sleep of this tab itself. */
  excuseSuspects(now: number): void {
    this.#table.excuseSuspects(now);
  }

  /** Suspects the unheard-of and declares suspects dead; returns the dead. */
  tick(isAudible: (id: PeerId) => boolean, now: number): MemberEntry[] {
    for (const { id } of [...this.#table.unheard(this.#config, now)]) this.suspect(id, now);
    const dead = [...this.#table.overdueSuspects(this.#config.suspicionTimeout, now)]
      .filter(({ id }) => !isAudible(id))
      .map((member) => ({ ...member, status: 'dead' as const }));
    this.learn(dead, now);
    this.#table.forgetGone(now);
    return dead;
  }

  /** SPEC M3: what is said against a living tab is answered with a greater incarnation. */
  #refute(claim: MemberEntry, now: number): void {
    const { incarnation, status } = this.self;
    if (status !== 'alive') return;
    const isOld =
      claim.status === 'alive' ? claim.incarnation <= incarnation : claim.incarnation < incarnation;
    if (isOld) return;
    const self = this.#table.setSelf({ incarnation: claim.incarnation + 1 }, now);
    this.#output.claim([self], now);
  }
}
