/**
 * What neighbors tell each other of the room, and when they compare whole tables (SPEC.md, M8).
 *
 * News goes round by itself; a comparison finds what it missed: on a new link, as the two may come
 * from rooms apart, and with each round. Tables are told only where digests differ, and seldom
 * while news is going round, as digests then differ by nothing but time.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { MAX_MEMBER_ENTRIES } from '../limits.ts';
import type { Frame, FrameOf, LinkList, MemberEntry } from '../wire.ts';
import { compareClaims } from './member-table.ts';
import type { News } from './piggyback.ts';

/** A new neighbor from elsewhere is compared with after this, one of the same room after longer. */
const STRANGER_PAUSE_MS = 300;
const MEMBER_PAUSE_MS = 3_000;
/** No more than one whole table is told in this time on behalf of digests. */
const TABLE_INTERVAL_MS = 3_000;

/** Where entries and lists come from, and frames go. */
export interface ExchangePort {
  present(): Iterable<MemberEntry>;
  /** What is to be said of a member: an entry, or for a suspect one by each witness. */
  entriesOf(id: PeerId): readonly MemberEntry[];
  listOf(id: PeerId): LinkList | undefined;
  send(peer: PeerId, frame: Frame): void;
}

export class Exchange {
  readonly #port: ExchangePort;
  readonly #awaited = new Map<PeerId, number>();
  #due = Number.POSITIVE_INFINITY;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(port: ExchangePort) {
    this.#port = port;
  }

  /** When `ready` is to be asked next. */
  get due(): number {
    return this.#due;
  }

  /** A new neighbor is to be compared with, soon where it was no member here. */
  await(peer: PeerId, isMember: boolean, now: number): void {
    const at = now + (isMember ? MEMBER_PAUSE_MS : STRANGER_PAUSE_MS);
    this.#awaited.set(peer, at);
    this.#due = Math.min(this.#due, at);
  }

  /** The neighbor is gone, or was compared with. */
  settled(peer: PeerId): void {
    this.#awaited.delete(peer);
  }

  /** Neighbors that are to be sent a digest now. */
  ready(now: number): PeerId[] {
    if (now < this.#due) return [];
    const ready: PeerId[] = [];
    this.#due = Number.POSITIVE_INFINITY;
    for (const [peer, at] of this.#awaited) {
      if (at <= now) ready.push(peer);
      else this.#due = Math.min(this.#due, at);
    }
    for (const peer of ready) this.#awaited.delete(peer);
    return ready;
  }

  /** The neighbor's digest differs: it is told the table, unless one was told a moment ago. */
  differs(peer: PeerId, now: number): void {
    if (now - this.#toldAt < TABLE_INTERVAL_MS) return;
    this.#toldAt = now;
    this.sendTable(peer);
  }

  /** Tells all that is known, and asks for what the neighbor knows beyond. */
  sendTable(peer: PeerId): void {
    this.settled(peer);
    const ids = [...this.#port.present()].map(({ id }) => id);
    this.sendNews({ peer, claims: ids, lists: ids }, true);
  }

  /** Tells what is news to a neighbor. */
  sendNews({ peer, claims, lists }: News, reply = false): void {
    const entries = claims.flatMap((id) => this.#port.entriesOf(id));
    const known = lists.flatMap((id) => this.#port.listOf(id) ?? []);
    this.#send(peer, reply, entries, known);
  }

  /** Answers a table with what is greater here, or missing there. */
  answer(peer: PeerId, { entries, lists }: FrameOf<'members'>): void {
    this.settled(peer);
    const claims = new Map(entries.map((entry) => [entry.id, entry]));
    const versions = new Map(lists.map(({ id, version }) => [id, version]));
    const newer: MemberEntry[] = [];
    const newerLists: LinkList[] = [];
    for (const entry of this.#port.present()) {
      const claim = claims.get(entry.id);
      if (claim === undefined || compareClaims(entry, claim) > 0) newer.push(entry);
      const list = this.#port.listOf(entry.id);
      if (list !== undefined && list.version > (versions.get(list.id) ?? 0)) newerLists.push(list);
    }
    this.#send(peer, false, newer, newerLists);
  }

  /** In as many frames as the limit asks for. */
  #send(
    peer: PeerId,
    reply: boolean,
    entries: readonly MemberEntry[],
    lists: readonly LinkList[],
  ): void {
    for (let at = 0; at < Math.max(entries.length, lists.length); at += MAX_MEMBER_ENTRIES) {
      const end = at + MAX_MEMBER_ENTRIES;
      this.#port.send(peer, {
        type: 'members',
        reply: reply && at === 0,
        entries: entries.slice(at, end),
        lists: lists.slice(at, end),
      });
    }
  }
}
