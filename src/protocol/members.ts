/**
 * The member table: who is in the room, by the claims heard (SPEC.md, section 5).
 *
 * Claims are ordered by incarnation, then by status (alive < suspect < dead < left), after SWIM
 * (Das, Gupta, Motivala 2002), and then hidden after shown: the greater claim wins wherever and in whatever order they arrive,
 * so all tables that heard the same claims agree.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { encode } from '../util/codec.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { ProtocolConfig } from './config.ts';
import {
  MEMBER_STATUSES,
  MEMBERS_DIGEST_BYTES,
  type MemberEntry,
  type MemberStatus,
  writeMemberEntries,
} from './frames.ts';

/** How long the gone are remembered, so that a claim on its way does not bring them back. */
const GONE_KEPT_MS = 300_000;

interface MemberRecord {
  entry: MemberEntry;
  /** When the member was last heard of by a claim of its own or over a link. */
  heardAt: number;
  /** When the present entry was taken on. */
  since: number;
}

/** One change of the table, as it is told to the layers above. */
export interface MemberChange {
  readonly entry: MemberEntry;
  /** The status before; `undefined` where the member was not known. */
  readonly before: MemberStatus | undefined;
}

export class MemberTable {
  readonly #self: PeerId;
  readonly #capacity: number;
  readonly #records = new Map<PeerId, MemberRecord>();

  constructor(self: MemberEntry, capacity: number, now: number) {
    this.#self = self.id;
    this.#capacity = capacity;
    this.#records.set(self.id, { entry: self, heardAt: now, since: now });
  }

  /** This tab's own entry. */
  get self(): MemberEntry {
    return (this.#records.get(this.#self) as MemberRecord).entry;
  }

  /** Sets this tab's own entry; its claims come from nowhere else. */
  setSelf(change: Partial<Omit<MemberEntry, 'id'>>, now: number): MemberEntry {
    const entry = { ...this.self, ...change };
    this.#records.set(this.#self, { entry, heardAt: now, since: now });
    return entry;
  }

  get(id: PeerId): MemberEntry | undefined {
    return this.#records.get(id)?.entry;
  }

  /** Whether the member is taken to be in the room: alive, or suspect and not yet dead. */
  isPresent(id: PeerId): boolean {
    const status = this.get(id)?.status;
    return status === 'alive' || status === 'suspect';
  }

  /** Members in the room, this tab included. */
  *present(): Generator<MemberEntry> {
    for (const { entry } of this.#records.values()) if (this.isPresent(entry.id)) yield entry;
  }

  /** Takes a claim if it is greater than what is known (SPEC M1); tells what changed. */
  apply(claim: MemberEntry, now: number): MemberChange | undefined {
    if (claim.id === this.#self) return undefined;
    const known = this.#records.get(claim.id);
    if (known === undefined) {
      if (this.#records.size >= this.#capacity && !this.#dropOldestGone()) return undefined;
    } else if (!isGreater(claim, known.entry)) {
      return undefined;
    }
    const before = known?.entry.status;
    const fresh = claim.status === 'alive' || known === undefined;
    this.#records.set(claim.id, {
      entry: claim,
      heardAt: fresh ? now : known.heardAt,
      since: now,
    });
    // One heard of for the first time as gone is no news for anyone.
    if (before === undefined && !this.isPresent(claim.id)) return undefined;
    return { entry: claim, before };
  }

  /** Notes first-hand evidence that the member lives: a frame over a link of its own. */
  heard(id: PeerId, now: number): void {
    const record = this.#records.get(id);
    if (record !== undefined) record.heardAt = now;
  }

  /** Suspects whose time to refute is over at `now`. */
  *overdueSuspects(timeout: number, now: number): Generator<MemberEntry> {
    for (const { entry, since } of this.#records.values()) {
      if (entry.status === 'suspect' && now - since >= timeout) yield entry;
    }
  }

  /** Starts every silence, and the time that suspects have, anew: this tab itself slept. */
  excuse(now: number): void {
    for (const record of this.#records.values()) {
      record.heardAt = now;
      if (record.entry.status === 'suspect') record.since = now;
    }
  }

  /** Members that nothing was heard of for four announcements; the hidden have longer (SPEC M7). */
  *unheard(config: ProtocolConfig, now: number): Generator<MemberEntry> {
    const silence = 4 * config.announceInterval;
    for (const { entry, heardAt } of this.#records.values()) {
      if (entry.id === this.#self || entry.status !== 'alive') continue;
      if (now - heardAt >= silence + (entry.hidden ? config.hiddenTimeout : 0)) yield entry;
    }
  }

  /** Forgets those that have been gone for long. */
  forgetGone(now: number): void {
    for (const [id, { since }] of this.#records) {
      if (!this.isPresent(id) && id !== this.#self && now - since >= GONE_KEPT_MS) {
        this.#records.delete(id);
      }
    }
  }

  /** A short digest of the present, equal where tables agree on them (SPEC M8). */
  digest(): Uint8Array {
    const entries = [...this.present()].sort((a, b) => (a.id < b.id ? -1 : 1));
    const bytes = encode((encoder) => writeMemberEntries(encoder, entries));
    return sha256(bytes).subarray(0, MEMBERS_DIGEST_BYTES);
  }

  /** All that is known, the gone of late included, for a neighbor whose table differs. */
  entries(): MemberEntry[] {
    return [...this.#records.values()].map(({ entry }) => entry);
  }

  #dropOldestGone(): boolean {
    let oldest: PeerId | undefined;
    let oldestSince = Number.POSITIVE_INFINITY;
    for (const [id, { since }] of this.#records) {
      if (!this.isPresent(id) && id !== this.#self && since < oldestSince) {
        oldest = id;
        oldestSince = since;
      }
    }
    return oldest !== undefined && this.#records.delete(oldest);
  }
}

/** SPEC M1: the greater incarnation, then the later status, then hidden; equal is nothing new. */
export function isGreater(claim: MemberEntry, known: MemberEntry): boolean {
  if (claim.incarnation !== known.incarnation) return claim.incarnation > known.incarnation;
  if (claim.status !== known.status) {
    return MEMBER_STATUSES.indexOf(claim.status) > MEMBER_STATUSES.indexOf(known.status);
  }
  return claim.hidden && !known.hidden;
}
