/** Virtual time for tests: timers run when time is moved on to them. */

import type { Clock } from '../../ports/clock.ts';

export class FakeClock implements Clock {
  #now = 0;
  #nextId = 0;
  readonly #timers = new Map<number, { at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const id = this.#nextId++;
    this.#timers.set(id, { at: this.#now + Math.max(0, delayMs), callback });
    return () => this.#timers.delete(id);
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Runs the earliest timer; false where there is none up to `until`. */
  step(until = Number.POSITIVE_INFINITY): boolean {
    let next: [id: number, timer: { at: number; callback: () => void }] | undefined;
    for (const entry of this.#timers) {
      if (next === undefined || entry[1].at < next[1].at) next = entry;
    }
    if (next === undefined || next[1].at > until) return false;
    const [id, { at, callback }] = next;
    this.#timers.delete(id);
    this.#now = at;
    callback();
    return true;
  }

  /** Moves time on by `ms`, letting promises settle before and after each timer. */
  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    await settled();
    while (this.step(until)) await settled();
    this.#now = until;
  }
}

/** Lets all promises settle that wait for nothing but each other. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}
