/** A token bucket: so much at once, and more as time goes by. */

export class Budget {
  readonly #capacity: number;
  readonly #refillMs: number;
  #left: number;
  #at = Number.NEGATIVE_INFINITY;

  /** Full at first; one more is earned every `refillMs`, up to `capacity`. */
  constructor(capacity: number, refillMs: number) {
    this.#capacity = capacity;
    this.#refillMs = refillMs;
    this.#left = capacity;
  }

  /** What can be taken at `now`. */
  available(now: number): number {
    const earned = (now - this.#at) / this.#refillMs;
    if (earned > 0) this.#left = Math.min(this.#capacity, this.#left + earned);
    this.#at = Math.max(this.#at, now);
    return this.#left;
  }

  /** Takes `count` where there is so much; false, and nothing is taken, where there is not. */
  take(count: number, now: number): boolean {
    if (this.available(now) < count) return false;
    this.#left -= count;
    return true;
  }
}
