/**
 * Rumors that were announced and are not here yet: who announced them, who was asked, and until when
 * an answer is waited for (Plumtree's missing messages and their timers; SPEC.md, section 6).
 */

import type { PeerId } from '../../util/peer-id.ts';
import type { Announcement, ShortId } from '../wire.ts';

/** Rumors that may be awaited at once; further announcements are left to repair by digest. */
const MAX_LARGE = 64;
const MAX_SMALL = 1_024;

/** A large payload is given this long, and a second more for each 64 KiB, before another announcer is asked. */
const LARGE_BASE_MS = 15_000;
const LARGE_BYTES_PER_MS = 64;
/** Times that one announcer is asked for a small rumor: a question or its answer may be lost. */
const SMALL_ASKS = 2;

/** A neighbor that has the rumor. */
interface Announcer {
  readonly peer: PeerId;
  readonly hops: number;
  asks: number;
}

/** One rumor that is awaited. */
export interface Fetch {
  readonly key: string;
  readonly origin: ShortId;
  readonly sequence: number;
  /** Bytes of a large payload, else 0. */
  readonly size: number;
  announcers: Announcer[];
  /** Who was asked last; `undefined` while the parent is expected to push it. */
  asked: PeerId | undefined;
  askedAt: number;
  /** When the next announcer is asked. */
  until: number;
}

/** Whether and with how many hops `peer` announced the rumor. */
export function announcedHops(fetch: Fetch | undefined, peer: PeerId): number | undefined {
  return fetch?.announcers.find((announcer) => announcer.peer === peer)?.hops;
}

/** The rumors that are awaited. */
export class Fetches {
  readonly #graftTimeout: number;
  readonly #fetches = new Map<string, Fetch>();
  #large = 0;
  /** No fetch is due before. */
  #due = Number.POSITIVE_INFINITY;

  constructor(graftTimeout: number) {
    this.#graftTimeout = graftTimeout;
  }

  get(key: string): Fetch | undefined {
    return this.#fetches.get(key);
  }

  /** When an answer is overdue, or earlier; `Infinity` where nothing is awaited. */
  get due(): number {
    return this.#due;
  }

  /** Begins to wait for a rumor; `undefined` where too many are awaited: this one is left to repair. */
  open(key: string, { origin, sequence, size }: Announcement, now: number): Fetch | undefined {
    const count = size > 0 ? this.#large : this.#fetches.size - this.#large;
    if (count >= (size > 0 ? MAX_LARGE : MAX_SMALL)) return undefined;
    if (size > 0) this.#large++;
    const until = now + this.#graftTimeout;
    const fetch: Fetch = {
      key,
      origin,
      sequence,
      size,
      announcers: [],
      asked: undefined,
      askedAt: now,
      until,
    };
    this.#fetches.set(key, fetch);
    this.#due = Math.min(this.#due, until);
    return fetch;
  }

  /** Notes one more neighbor that has it. */
  announce(fetch: Fetch, peer: PeerId, hops: number): void {
    if (announcedHops(fetch, peer) === undefined) fetch.announcers.push({ peer, hops, asks: 0 });
  }

  /** It came, or is given up. */
  close(key: string): Fetch | undefined {
    const fetch = this.#fetches.get(key);
    if (fetch === undefined) return undefined;
    this.#fetches.delete(key);
    if (fetch.size > 0) this.#large--;
    if (this.#fetches.size === 0) this.#due = Number.POSITIVE_INFINITY;
    return fetch;
  }

  /**
   * Whom to ask next: of those asked least the one nearest to the origin. Where everyone was asked
   * often enough the wait ends, and the rumor is left to repair.
   */
  ask(fetch: Fetch, now: number): PeerId | undefined {
    let best: Announcer | undefined;
    for (const announcer of fetch.announcers) {
      if (
        best === undefined ||
        announcer.asks < best.asks ||
        (announcer.asks === best.asks && announcer.hops < best.hops)
      ) {
        best = announcer;
      }
    }
    if (best === undefined || best.asks >= (fetch.size > 0 ? 1 : SMALL_ASKS)) {
      this.close(fetch.key);
      return undefined;
    }
    best.asks++;
    fetch.asked = best.peer;
    fetch.askedAt = now;
    fetch.until = now + this.#patience(fetch);
    this.#due = Math.min(this.#due, fetch.until);
    return best.peer;
  }

  /** `peer` has it no more; true where it was the one asked. */
  withdraw(fetch: Fetch, peer: PeerId): boolean {
    fetch.announcers = fetch.announcers.filter((announcer) => announcer.peer !== peer);
    return fetch.asked === peer;
  }

  /** Those whose wait is over. */
  overdue(now: number): Fetch[] {
    if (now < this.#due) return [];
    const overdue: Fetch[] = [];
    this.#due = Number.POSITIVE_INFINITY;
    for (const fetch of this.#fetches.values()) {
      if (fetch.until <= now) overdue.push(fetch);
      else this.#due = Math.min(this.#due, fetch.until);
    }
    return overdue;
  }

  /** Begins all waits anew: this tab slept, and what came meanwhile is yet to be read. */
  excuse(now: number): void {
    this.#due = Number.POSITIVE_INFINITY;
    for (const fetch of this.#fetches.values()) {
      fetch.until = now + (fetch.asked === undefined ? this.#graftTimeout : this.#patience(fetch));
      this.#due = Math.min(this.#due, fetch.until);
    }
  }

  /** Neighbors that owe this tab a large rumor, and for how many milliseconds. */
  *asked(now: number): Generator<{ peer: PeerId; waited: number }> {
    if (this.#large === 0) return;
    for (const { size, asked, askedAt } of this.#fetches.values()) {
      if (size > 0 && asked !== undefined) yield { peer: asked, waited: now - askedAt };
    }
  }

  clear(): void {
    this.#fetches.clear();
    this.#large = 0;
    this.#due = Number.POSITIVE_INFINITY;
  }

  [Symbol.iterator](): Iterator<Fetch> {
    return this.#fetches.values();
  }

  /** A question and its answer take two ways where a push takes one. */
  #patience({ size }: Fetch): number {
    return size > 0 ? LARGE_BASE_MS + size / LARGE_BYTES_PER_MS : 2 * this.#graftTimeout;
  }
}
