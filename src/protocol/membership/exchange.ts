/**
 * What neighbors tell each other of the room, and when they compare whole tables (SPEC.md, M8).
 *
 * News goes round by itself; a comparison finds what it missed: on a new link, as the two may come
 * from rooms apart, and with each round. Tables are told only where digests differ, and seldom
 * while news is going round, as digests then differ by nothing but time.
 */

import { equalBytes } from '../../util/bytes.ts';
import type { PeerId } from '../../util/peer-id.ts';
import { MAX_MEMBER_ENTRIES } from '../limits.ts';
import type { Frame, FrameOf, LinkList, MemberEntry } from '../wire.ts';
import { CLAIMS_BYTES } from '../wire-codec.ts';
import { compareClaims } from './member-table.ts';
import type { News } from './piggyback.ts';

// Times are those of a small room. A larger one takes as many times as long: news takes longer to go round.
/** A new neighbor from elsewhere is compared with after this, one of the same room after longer. */
const STRANGER_PAUSE_MS = 300;
const MEMBER_PAUSE_MS = 3_000;
/** No more than one whole table is told in this time on behalf of digests, in a small room. */
const TABLE_INTERVAL_MS = 3_000;

/** Which tables of a frame are whole, and ask for what is greater there. */
type Asks = Pick<FrameOf<'members'>, 'asksEntries' | 'asksLists'>;

const NOTHING: Asks = { asksEntries: false, asksLists: false };

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
  /** New neighbors that were no members, and were not compared with yet. */
  readonly #strangers = new Set<PeerId>();
  #due = Number.POSITIVE_INFINITY;
  /** When a whole table was told, so that what is missing here is on its way. */
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(port: ExchangePort) {
    this.#port = port;
  }

  /** When `ready` is to be asked next. */
  get due(): number {
    return this.#due;
  }

  /** A link stands, and this tab knows nobody beyond its neighbors: it asks one of them for the room. */
  introduce(peer: PeerId, isMine: boolean, now: number): void {
    if (now - this.#toldAt < MEMBER_PAUSE_MS) return this.await(peer, true, isMine, 1, now);
    this.#toldAt = now;
    this.sendTable(peer);
  }

  /** A new neighbor is to be compared with, soon where it was no member; `isMine` where this tab begins. */
  await(peer: PeerId, isMember: boolean, isMine: boolean, pace: number, now: number): void {
    if (!isMember) this.#strangers.add(peer);
    if (!isMine) return;
    const at = now + pace * (isMember ? MEMBER_PAUSE_MS : STRANGER_PAUSE_MS);
    this.#awaited.set(peer, at);
    this.#due = Math.min(this.#due, at);
  }

  /** A member that someone else tells of joined this room, and does not come from another. */
  heardOf(entries: readonly MemberEntry[], teller: PeerId): void {
    if (this.#strangers.size === 0) return;
    for (const { id } of entries) if (id !== teller) this.#strangers.delete(id);
  }

  /** The neighbor is gone, or was compared with. */
  settled(peer: PeerId): void {
    this.#awaited.delete(peer);
    this.#strangers.delete(peer);
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

  /**
   * A neighbor told its digest: where it differs from `mine` it is told the table, unless one was told
   * a moment ago.
   */
  compare(peer: PeerId, theirs: Uint8Array, mine: Uint8Array, pace: number, now: number): void {
    const isStranger = this.#strangers.has(peer);
    this.settled(peer);
    const isEqual = (from: number, to?: number) =>
      equalBytes(theirs.subarray(from, to), mine.subarray(from, to));
    const claims = !isEqual(0, CLAIMS_BYTES);
    const lists = !isEqual(CLAIMS_BYTES);
    if (!claims && !lists) return;
    if (!isStranger && now - this.#toldAt < pace * TABLE_INTERVAL_MS) return;
    this.#toldAt = now;
    this.sendTable(peer, claims, lists);
  }

  /** Tells all that is known of `claims` and `lists`, and asks for what the neighbor knows beyond. */
  sendTable(peer: PeerId, claims = true, lists = true): void {
    this.settled(peer);
    const ids = [...this.#port.present()].map(({ id }) => id);
    const news = { peer, claims: claims ? ids : [], lists: lists ? ids : [] };
    this.sendNews(news, { asksEntries: claims, asksLists: lists });
  }

  /** Tells what is news to a neighbor. */
  sendNews({ peer, claims, lists }: News, asks: Asks = NOTHING): void {
    const entries = claims.flatMap((id) => this.#port.entriesOf(id));
    const known = lists.flatMap((id) => this.#port.listOf(id) ?? []);
    this.#send(peer, asks, entries, known);
  }

  /** Answers a table with what is greater here, or missing there. */
  answer(peer: PeerId, { asksEntries, asksLists, entries, lists }: FrameOf<'members'>): void {
    this.settled(peer);
    const claims = new Map(entries.map((entry) => [entry.id, entry]));
    const versions = new Map(lists.map(({ id, version }) => [id, version]));
    const newer: MemberEntry[] = [];
    const newerLists: LinkList[] = [];
    for (const entry of this.#port.present()) {
      const claim = claims.get(entry.id);
      if (asksEntries && (claim === undefined || compareClaims(entry, claim) > 0)) {
        newer.push(entry);
      }
      const list = asksLists ? this.#port.listOf(entry.id) : undefined;
      if (list !== undefined && list.version > (versions.get(list.id) ?? 0)) newerLists.push(list);
    }
    this.#send(peer, NOTHING, newer, newerLists);
  }

  /** In as many frames as the limit asks for. */
  #send(
    peer: PeerId,
    asks: Asks,
    entries: readonly MemberEntry[],
    lists: readonly LinkList[],
  ): void {
    const isAsking = asks.asksEntries || asks.asksLists;
    const count = Math.max(entries.length, lists.length, isAsking ? 1 : 0);
    for (let at = 0; at < count; at += MAX_MEMBER_ENTRIES) {
      const end = at + MAX_MEMBER_ENTRIES;
      this.#port.send(peer, {
        type: 'members',
        ...(at === 0 ? asks : NOTHING),
        entries: entries.slice(at, end),
        lists: lists.slice(at, end),
      });
    }
  }
}
