/** Timers by name, as the node machine sets them: setting one replaces it. */

import type { Clock } from '../ports/clock.ts';

export class Timers<Name> {
  readonly #clock: Clock;
  readonly #cancels = new Map<Name, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `callback` once after `delayMs`, unless it is set again or cancelled before. */
  set(name: Name, delayMs: number, callback: () => void): void {
    this.#cancels.get(name)?.();
    const cancel = this.#clock.setTimer(() => {
      this.#cancels.delete(name);
      callback();
    }, delayMs);
    this.#cancels.set(name, cancel);
  }

  cancelAll(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }
}
