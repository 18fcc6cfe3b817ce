/**
 * Broadcast: every rumor reaches every tab that links connect, each tab forwards it once
 * (SPEC.md, section 6).
 *
 * Small payloads are pushed to all neighbors but the one they came from. Large ones are announced,
 * and fetched from one announcer at a time (IHAVE and GRAFT, after Plumtree: Leitão, Pereira,
 * Rodrigues 2007), so that ten neighbors do not each send the same ten megabytes.
 */

import { IntervalSet } from '../util/intervals.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { Frame, RumorId } from './frames.ts';
import { EAGER_BYTES, MAX_FRAME_BYTES } from './limits.ts';

/** Origins whose rumors are remembered; the one heard longest ago goes first. */
const MAX_ORIGINS = 4_096;
/** Gaps remembered an origin; beyond it the oldest gap counts as seen. */
const MAX_GAPS = 64;
/** Large payloads kept to answer fetches: bytes in all, and for how long. */
const MAX_KEPT_BYTES = 128 * 1024 * 1024;
const KEPT_MS = 60_000;
/** Large rumors that may be fetched at once; further announcements wait for repair by digest. */
const MAX_FETCHES = 64;
/** A fetch is given this long, and a second more for each 64 KiB, before another announcer is asked. */
const FETCH_BASE_MS = 15_000;
const FETCH_BYTES_PER_MS = 64;

export interface Rumor extends RumorId {
  readonly channel: number;
  readonly payload: Uint8Array;
}

/** What the machine wants done. */
export type BroadcastEffect =
  | { readonly type: 'send'; readonly to: PeerId; readonly frame: Frame }
  | { readonly type: 'deliver'; readonly from: PeerId; readonly rumor: Rumor };

interface Kept {
  readonly rumor: Rumor;
  readonly until: number;
}

interface Fetch {
  readonly id: RumorId;
  readonly size: number;
  /** Announcers not asked yet. */
  readonly others: PeerId[];
  asked: PeerId;
  askedAt: number;
  until: number;
}

export class Broadcast {
  readonly #self: PeerId;
  #sequence = 0;
  readonly #seen = new Map<PeerId, IntervalSet>();
  readonly #kept = new Map<string, Kept>();
  #keptBytes = 0;
  readonly #fetches = new Map<string, Fetch>();
  /** Rumors received, and those of them that were known already. */
  readonly counts = { received: 0, duplicates: 0 };

  constructor(self: PeerId) {
    this.#self = self;
  }

  /** Neighbors that were asked for a large rumor and still owe it, and for how many milliseconds. */
  *asked(now: number): Generator<{ peer: PeerId; waited: number }> {
    for (const { asked, askedAt } of this.#fetches.values()) {
      yield { peer: asked, waited: now - askedAt };
    }
  }

  /** Sends a rumor of this tab's own. */
  publish(
    channel: number,
    payload: Uint8Array,
    neighbors: Iterable<PeerId>,
    now: number,
  ): BroadcastEffect[] {
    const rumor = { origin: this.#self, sequence: this.#sequence++, channel, payload };
    this.#markSeen(rumor);
    return this.#spread(rumor, neighbors, undefined, now);
  }

  onRumor(from: PeerId, rumor: Rumor, neighbors: Iterable<PeerId>, now: number): BroadcastEffect[] {
    this.counts.received++;
    this.#fetches.delete(keyOf(rumor));
    if (!this.#markSeen(rumor)) {
      this.counts.duplicates++;
      return [];
    }
    return [{ type: 'deliver', from, rumor }, ...this.#spread(rumor, neighbors, from, now)];
  }

  onIHave(
    from: PeerId,
    announced: readonly (RumorId & { readonly size: number })[],
    now: number,
  ): BroadcastEffect[] {
    const effects: BroadcastEffect[] = [];
    for (const { origin, sequence, size } of announced) {
      const id = { origin, sequence };
      if (origin === this.#self || this.#hasSeen(id) || size > MAX_FRAME_BYTES) continue;
      const fetch = this.#fetches.get(keyOf(id));
      if (fetch !== undefined) {
        if (fetch.asked !== from && !fetch.others.includes(from)) fetch.others.push(from);
      } else if (this.#fetches.size < MAX_FETCHES) {
        const until = now + fetchTime(size);
        this.#fetches.set(keyOf(id), { id, size, others: [], asked: from, askedAt: now, until });
        effects.push({ type: 'send', to: from, frame: { type: 'graft', ...id } });
      }
    }
    return effects;
  }

  onGraft(from: PeerId, id: RumorId): BroadcastEffect[] {
    const kept = this.#kept.get(keyOf(id));
    const frame: Frame =
      kept === undefined
        ? { type: 'gone', origin: id.origin, sequence: id.sequence }
        : { type: 'rumor', ...kept.rumor };
    return [{ type: 'send', to: from, frame }];
  }

  /** The announcer no longer has it: ask another, or leave it to repair by digest. */
  onGone(from: PeerId, id: RumorId, now: number): BroadcastEffect[] {
    const fetch = this.#fetches.get(keyOf(id));
    return fetch?.asked === from ? this.#askAnother(fetch, now) : [];
  }

  linkDown(peer: PeerId, now: number): BroadcastEffect[] {
    const effects: BroadcastEffect[] = [];
    for (const fetch of [...this.#fetches.values()]) {
      const at = fetch.others.indexOf(peer);
      if (at >= 0) fetch.others.splice(at, 1);
      if (fetch.asked === peer) effects.push(...this.#askAnother(fetch, now));
    }
    return effects;
  }

  /** Lets go of what was kept long enough, and of fetches that stalled. */
  tick(now: number): BroadcastEffect[] {
    for (const [key, kept] of this.#kept) if (kept.until <= now) this.#dropKept(key, kept);
    const effects: BroadcastEffect[] = [];
    for (const fetch of [...this.#fetches.values()]) {
      if (fetch.until <= now) effects.push(...this.#askAnother(fetch, now));
    }
    return effects;
  }

  /** Lets go of all payloads and fetches; what was seen stays known. */
  letGo(): void {
    this.#fetches.clear();
    this.#kept.clear();
    this.#keptBytes = 0;
  }

  #spread(
    rumor: Rumor,
    neighbors: Iterable<PeerId>,
    from: PeerId | undefined,
    now: number,
  ): BroadcastEffect[] {
    const eager = rumor.payload.length <= EAGER_BYTES;
    if (!eager) this.#keep(rumor, now);
    const { origin, sequence, payload } = rumor;
    const frame: Frame = eager
      ? { type: 'rumor', ...rumor }
      : { type: 'ihave', announced: [{ origin, sequence, size: payload.length }] };
    const effects: BroadcastEffect[] = [];
    for (const to of neighbors) {
      if (to !== from && to !== origin) effects.push({ type: 'send', to, frame });
    }
    return effects;
  }

  #askAnother(fetch: Fetch, now: number): BroadcastEffect[] {
    const next = fetch.others.shift();
    if (next === undefined) {
      this.#fetches.delete(keyOf(fetch.id));
      return [];
    }
    fetch.asked = next;
    fetch.askedAt = now;
    fetch.until = now + fetchTime(fetch.size);
    return [{ type: 'send', to: next, frame: { type: 'graft', ...fetch.id } }];
  }

  #keep(rumor: Rumor, now: number): void {
    const before = this.#kept.get(keyOf(rumor));
    if (before !== undefined) this.#dropKept(keyOf(rumor), before);
    this.#kept.set(keyOf(rumor), { rumor, until: now + KEPT_MS });
    this.#keptBytes += rumor.payload.length;
    for (const [key, kept] of this.#kept) {
      if (this.#keptBytes <= MAX_KEPT_BYTES || this.#kept.size === 1) break;
      this.#dropKept(key, kept);
    }
  }

  #dropKept(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#keptBytes -= kept.rumor.payload.length;
  }

  #hasSeen(id: RumorId): boolean {
    return this.#seen.get(id.origin)?.has(id.sequence) ?? false;
  }

  /** False where it was seen before. */
  #markSeen(id: RumorId): boolean {
    let sequences = this.#seen.get(id.origin);
    if (sequences === undefined) sequences = new IntervalSet();
    else this.#seen.delete(id.origin);
    this.#seen.set(id.origin, sequences); // moved to the end: the map's order is that of last use
    if (this.#seen.size > MAX_ORIGINS) {
      const [oldest] = this.#seen.keys();
      if (oldest !== undefined) this.#seen.delete(oldest);
    }
    const isNew = sequences.add(id.sequence, id.sequence + 1);
    if (sequences.intervals > MAX_GAPS) sequences.bridgeLowest();
    return isNew;
  }
}

function fetchTime(size: number): number {
  return FETCH_BASE_MS + size / FETCH_BYTES_PER_MS;
}

function keyOf(id: RumorId): string {
  return `${id.origin}/${id.sequence}`;
}
