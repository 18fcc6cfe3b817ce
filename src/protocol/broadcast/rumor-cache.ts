/** Rumors kept for a while to answer grafts (SPEC.md, section 6). */

import { EAGER_BYTES } from '../limits.ts';
import type { Rumor } from '../wire.ts';

const SMALL_BYTES = 8 * 1024 * 1024;
const SMALL_MS = 10_000;
const LARGE_BYTES = 128 * 1024 * 1024;
const LARGE_MS = 60_000;

/** A rumor that is kept. */
export interface KeptRumor {
  readonly rumor: Rumor;
  /** Links from the origin over which the next rumor is awaited; fewer than this one took where a shorter way was found since. */
  hops: number;
  /** The time it may go. */
  readonly until: number;
}

/** Rumors of one size class, in the order in which they may go. */
class Shelf {
  readonly #maxBytes: number;
  readonly #keptMs: number;
  readonly #kept = new Map<string, KeptRumor>();
  #bytes = 0;
  due = Number.POSITIVE_INFINITY;

  constructor(maxBytes: number, keptMs: number) {
    this.#maxBytes = maxBytes;
    this.#keptMs = keptMs;
  }

  get(key: string): KeptRumor | undefined {
    return this.#kept.get(key);
  }

  keep(key: string, rumor: Rumor, now: number): void {
    this.#drop(key);
    const until = now + this.#keptMs;
    this.#kept.set(key, { rumor, hops: rumor.hops, until });
    this.#bytes += rumor.payload.length;
    this.due = Math.min(this.due, until);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#maxBytes || oldest === key) break;
      this.#drop(oldest);
    }
  }

  /** Lets go of what was kept long enough. */
  expire(now: number): void {
    if (now < this.due) return;
    this.due = Number.POSITIVE_INFINITY;
    for (const [key, { until }] of this.#kept) {
      if (until > now) {
        // Not one by one: a tab that hears many rumors would wake for each of them.
        this.due = Math.max(until, now + this.#keptMs / 4);
        return;
      }
      this.#drop(key);
    }
  }

  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
    this.due = Number.POSITIVE_INFINITY;
  }

  #drop(key: string): void {
    const kept = this.#kept.get(key);
    if (kept === undefined) return;
    this.#kept.delete(key);
    this.#bytes -= kept.rumor.payload.length;
  }
}

/** Rumors that were passed on of late: small ones for 10 s, large ones for a minute, each within a bound of bytes. */
export class RumorCache {
  readonly #small = new Shelf(SMALL_BYTES, SMALL_MS);
  readonly #large = new Shelf(LARGE_BYTES, LARGE_MS);

  get(key: string): KeptRumor | undefined {
    return this.#small.get(key) ?? this.#large.get(key);
  }

  /** Keeps a rumor; the oldest of its size go where there are too many bytes, the latest stays however large. */
  keep(key: string, rumor: Rumor, now: number): void {
    const shelf = rumor.payload.length > EAGER_BYTES ? this.#large : this.#small;
    shelf.keep(key, rumor, now);
  }

  /** When `expire` has something to do, or later; `Infinity` where nothing is kept. */
  get due(): number {
    return Math.min(this.#small.due, this.#large.due);
  }

  /** Lets go of what was kept long enough. */
  expire(now: number): void {
    this.#small.expire(now);
    this.#large.expire(now);
  }

  clear(): void {
    this.#small.clear();
    this.#large.clear();
  }
}
