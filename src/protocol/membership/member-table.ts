/**
 * The member table: who is in the room, by the claims heard (SPEC.md, section 5).
 *
 * Claims are ordered by incarnation, then by status (alive < suspect < dead < left), after SWIM
 * (Das, Gupta, Motivala 2002), and then hidden after shown: the greater claim wins wherever and in
 * whatever order they arrive, so all tables that heard the same claims agree.
 */

import type { PeerId } from '../../util/peer-id.ts';
import {
  MEMBER_STATUSES,
  type MemberEntry,
  type MemberStatus,
  type ShortId,
  shortOf,
} from '../wire.ts';
import { MEMBERS_DIGEST_BYTES } from '../wire-codec.ts';

/** How long the gone are remembered, so that a claim on its way does not bring them back. */
const GONE_KEPT_MS = 1_800_000;

/** How far an incarnation, or the version of a list, may jump by what others say (SPEC M12). */
export const MAX_JUMP = 65_536;

interface MemberRecord {
  entry: MemberEntry;
  /** What its id brings into the digest of claims, and into that of lists. */
  readonly claimsSeed: number;
  readonly listsSeed: number;
  /** Out of this tab's reach, whatever the claims say (SPEC M14). */
  isLost: boolean;
  /** Version of the member's link list, for the digest. */
  listVersion: number;
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
  /** The record of this tab, the same for as long as the table is. */
  readonly #own: MemberRecord;
  readonly #records = new Map<PeerId, MemberRecord>();
  readonly #ids = new Map<ShortId, PeerId>();
  /** Of each replica, the member that writes as it, of the greatest generation known. */
  readonly #writers = new Map<string, PeerId>();
  /** The dead, left and lost by the time they went, the first to go first. */
  readonly #gone = new Map<PeerId, number>();
  #lastGoneAt = Number.NEGATIVE_INFINITY;
  #count = 0;
  #claimsSum = 0;
  #listsSum = 0;

  constructor(self: MemberEntry, capacity: number, now: number) {
    this.#self = self.id;
    this.#capacity = capacity;
    this.#own = recordOf(self);
    this.#put(self.id, this.#own, now);
  }

  /** This tab's own entry. */
  get self(): MemberEntry {
    return this.#own.entry;
  }

  /** Members in the room, this tab included. */
  get count(): number {
    return this.#count;
  }

  /** Sets this tab's own entry; its claims come from nowhere else. */
  setSelf(change: Partial<Omit<MemberEntry, 'id'>>): MemberEntry {
    const entry = { ...this.#own.entry, ...change };
    this.#account(this.#own, -1);
    this.#own.entry = entry;
    this.#account(this.#own, 1);
    return entry;
  }

  /** What is taken to hold of the member; one out of reach is dead to this tab. */
  get(id: PeerId): MemberEntry | undefined {
    const record = this.#records.get(id);
    return record?.isLost ? { ...record.entry, status: 'dead' } : record?.entry;
  }

  /** What is claimed of the member, in reach or not. */
  claimOf(id: PeerId): MemberEntry | undefined {
    return this.#records.get(id)?.entry;
  }

  /** Whether the member is taken to be in the room: alive, or suspect and not yet dead. */
  isPresent(id: PeerId): boolean {
    const record = this.#records.get(id);
    return record !== undefined && isPresent(record);
  }

  /** Whether it is taken to be in the room, and perhaps dead. */
  isSuspect(id: PeerId): boolean {
    return this.get(id)?.status === 'suspect';
  }

  /** Whether it is claimed to be in the room, be it in reach or not. */
  isClaimed(id: PeerId): boolean {
    const status = this.claimOf(id)?.status;
    return status === 'alive' || status === 'suspect';
  }

  /** All that are claimed to be in the room, save this tab. */
  *claimed(): Generator<PeerId> {
    for (const id of this.known()) if (this.isClaimed(id)) yield id;
  }

  /** Members in the room, this tab included. */
  *present(): Generator<MemberEntry> {
    for (const record of this.#records.values()) if (isPresent(record)) yield record.entry;
  }

  /** All that are remembered, the gone included, save this tab. */
  *known(): Generator<PeerId> {
    for (const id of this.#records.keys()) if (id !== this.#self) yield id;
  }

  /** Those who died or are out of reach, not those who left. */
  *dead(): Generator<PeerId> {
    for (const id of this.#gone.keys()) if (this.claimOf(id)?.status !== 'left') yield id;
  }

  /** When the last one went; `-Infinity` where nobody did. */
  get lastGoneAt(): number {
    return this.#lastGoneAt;
  }

  /** Whether any of the gone are remembered. */
  get hasGone(): boolean {
    return this.#gone.size > 0;
  }

  /** The member of that short id. */
  resolve(short: ShortId): PeerId | undefined {
    return this.#ids.get(short);
  }

  /** The member that `claim` supersedes: an older session of the same replica (SPEC M13). */
  supersededBy(claim: MemberEntry): PeerId | undefined {
    if (claim.replica === '' || claim.status !== 'alive') return undefined;
    const other = this.#writers.get(claim.replica);
    if (other === undefined || other === claim.id) return undefined;
    const known = this.claimOf(other);
    if (known === undefined || known.generation === claim.generation) return undefined;
    return known.generation < claim.generation ? other : claim.id;
  }

  /** Whether, of all who are alive, this tab is the one to look for the member: all tabs agree on one. */
  isChosenFor(id: PeerId): boolean {
    const mine = pairHash(this.#self, id);
    for (const { id: other, status } of this.present()) {
      if (other !== id && status === 'alive' && pairHash(other, id) < mine) return false;
    }
    return true;
  }

  /** Takes a claim if it is greater than what is known (SPEC M1); tells what changed. */
  apply(claim: MemberEntry, now: number): MemberChange | undefined {
    if (claim.id === this.#self) return undefined;
    const known = this.#records.get(claim.id);
    if (known === undefined) {
      if (this.#records.size >= this.#capacity && !this.#dropOldestGone()) return undefined;
    } else if (compareClaims(claim, known.entry) <= 0) {
      return undefined;
    }
    const before = this.get(claim.id)?.status;
    const entry = known === undefined ? claim : { ...claim, id: known.entry.id };
    this.#put(entry.id, { ...(known ?? recordOf(entry)), entry, isLost: false }, now);
    // One heard of for the first time as gone is no news for anyone.
    if (before === undefined && !this.isPresent(claim.id)) return undefined;
    return { entry, before };
  }

  /** Notes whether the member is out of reach (SPEC M14); tells what changed. */
  setLost(id: PeerId, isLost: boolean, now: number): MemberChange | undefined {
    const record = this.#records.get(id);
    const before = this.get(id);
    if (record === undefined || before === undefined || id === this.#self) return undefined;
    if (record.isLost === isLost) return undefined;
    this.#put(id, { ...record, isLost }, now);
    const entry = this.get(id);
    return entry === undefined || entry.status === before.status
      ? undefined
      : { entry, before: before.status };
  }

  /** Notes the version of the member's link list, which the digest covers. */
  setListVersion(id: PeerId, listVersion: number): void {
    const record = this.#records.get(id);
    if (record === undefined) return;
    this.#account(record, -1);
    record.listVersion = listVersion;
    this.#account(record, 1);
  }

  /** Forgets a member as if it had never been heard of. */
  forget(id: PeerId): void {
    const record = this.#records.get(id);
    if (record === undefined || id === this.#self) return;
    this.#account(record, -1);
    this.#records.delete(id);
    this.#gone.delete(id);
    if (this.#ids.get(shortOf(id)) === id) this.#ids.delete(shortOf(id));
    if (this.#writers.get(record.entry.replica) === id) this.#writers.delete(record.entry.replica);
  }

  /** Forgets those that have been gone for long; tells who they were. */
  forgetGone(now: number): PeerId[] {
    const forgotten: PeerId[] = [];
    for (const [id, since] of this.#gone) {
      if (now - since < GONE_KEPT_MS) break;
      forgotten.push(id);
    }
    for (const id of forgotten) this.forget(id);
    return forgotten;
  }

  /**
   * Four bytes that are equal where tables agree on who is present and how, and four where they agree
   * on link lists (SPEC M8). Sums over members, so that they cost nothing to keep: they hide nothing
   * from who wants to deceive, and that one could as well tell a false table.
   */
  digest(): Uint8Array {
    const bytes = new Uint8Array(MEMBERS_DIGEST_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.#claimsSum);
    view.setUint32(4, this.#listsSum);
    return bytes;
  }

  #put(id: PeerId, record: MemberRecord, now: number): void {
    const old = this.#records.get(id);
    if (old !== undefined) this.#account(old, -1);
    this.#records.set(id, record);
    this.#account(record, 1);
    if (isPresent(record)) {
      this.#gone.delete(id);
      this.#ids.set(shortOf(id), id);
      this.#noteWriter(record.entry);
    } else if (id !== this.#self && !this.#gone.has(id)) {
      this.#gone.set(id, now);
      this.#lastGoneAt = now;
    }
  }

  #noteWriter({ id, replica, generation }: MemberEntry): void {
    if (replica === '') return;
    const writer = this.claimOf(this.#writers.get(replica) ?? '');
    if (writer === undefined || writer.generation <= generation) this.#writers.set(replica, id);
  }

  /** Adds a record to the count and to the digest, or takes it out. */
  #account(record: MemberRecord, sign: 1 | -1): void {
    if (!isPresent(record)) return;
    this.#count += sign;
    const { status, incarnation, hidden } = record.entry;
    const state = mix(incarnation, MEMBER_STATUSES.indexOf(status) * 2 + (hidden ? 1 : 0));
    this.#claimsSum = (this.#claimsSum + sign * mix(record.claimsSeed, state)) | 0;
    if (record.listVersion === 0) return;
    const list = mix(record.listVersion, 8);
    this.#listsSum = (this.#listsSum + sign * mix(record.listsSeed, list)) | 0;
  }

  #dropOldestGone(): boolean {
    const [oldest] = this.#gone.keys();
    if (oldest === undefined) return false;
    this.forget(oldest);
    return true;
  }
}

function recordOf(entry: MemberEntry): MemberRecord {
  const seeds = { claimsSeed: seedOf(entry.id, 0), listsSeed: seedOf(entry.id, 8) };
  return { entry, ...seeds, isLost: false, listVersion: 0 };
}

function isPresent({ entry, isLost }: MemberRecord): boolean {
  return !isLost && (entry.status === 'alive' || entry.status === 'suspect');
}

/** SPEC M1: above 0 where the claim is greater: by incarnation, then the later status, then hidden. */
export function compareClaims(claim: MemberEntry, known: MemberEntry): number {
  if (claim.incarnation !== known.incarnation) return claim.incarnation - known.incarnation;
  if (claim.status !== known.status) {
    return MEMBER_STATUSES.indexOf(claim.status) - MEMBER_STATUSES.indexOf(known.status);
  }
  return Number(claim.hidden) - Number(known.hidden);
}

/** 32 of the random bits of a PeerId, from the hexadecimal digit `at` on. */
function seedOf(id: PeerId, at: number): number {
  return Number.parseInt(id.slice(at, at + 8), 16) | 0;
}

/** A well-mixed 32-bit number of two (the finalizer of MurmurHash3, Appleby). */
function mix(a: number, b: number): number {
  // Incarnations exceed 32 bits; what is above them goes in as well.
  let h = Math.imul((a | 0) ^ Math.floor(a / 2 ** 32), 0x9e3779b1) ^ (b | 0);
  // The finalizer gives 0 for 0, and a member that adds 0 would not show in a sum.
  h = (h + 0x6d2b79f5) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 0;
}

/** A number that all tabs draw alike for a pair of peers. */
function pairHash(a: PeerId, b: PeerId): number {
  return mix(seedOf(a, 16), seedOf(b, 16)) >>> 0;
}
