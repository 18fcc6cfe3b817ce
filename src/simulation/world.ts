/** The world of one run: virtual time, what is to happen in it, its seed and its trace. */

import type { Random } from '../util/random.ts';
import { fork } from './chance.ts';
import { EventQueue, type Happening } from './events.ts';
import { Trace } from './trace.ts';

/** Events of one instant beyond which it is taken to have no end. */
const MAX_INSTANT = 1_000_000;

/** Virtual time and everything that waits in it; one seed decides all of a run. */
export class World {
  readonly seed: number;
  readonly trace = new Trace();
  readonly #queue = new EventQueue();
  #now = 0;
  #happened = 0;
  /** Events of this instant so far. */
  #instant = 0;

  constructor(seed: number) {
    this.seed = seed;
  }

  /** Virtual milliseconds since the run began. */
  get now(): number {
    return this.#now;
  }

  /** Events that happened so far. */
  get happened(): number {
    return this.#happened;
  }

  /** Time of the next event; `Infinity` where none waits. */
  get nextAt(): number {
    return this.#queue.nextAt;
  }

  /** The generator of one concern; the same for the same names in every run of the seed. */
  random(concern: string, index = 0): Random {
    return fork(this.seed, concern, index);
  }

  /** Lets `happening` happen at a time, now where that has passed. */
  at(time: number, happening: Happening): void {
    this.#queue.push(Math.max(time, this.#now), happening);
  }

  /** Lets `happening` happen in so many milliseconds. */
  after(delayMs: number, happening: Happening): void {
    this.at(this.#now + delayMs, happening);
  }

  /** Lets the next event happen, if its time is at most `until`; false where there is none. */
  step(until: number): boolean {
    if (this.#queue.nextAt > until) return false;
    this.#instant = this.#queue.nextAt > this.#now ? 0 : this.#instant + 1;
    if (this.#instant > MAX_INSTANT) {
      throw new Error(
        `time stands still at ${this.#now} ms: something sets timers of 0 ms for ever`,
      );
    }
    this.#now = this.#queue.nextAt;
    this.#happened++;
    (this.#queue.pop() as Happening)();
    return true;
  }

  /** Lets time pass: everything of the next `ms` milliseconds happens. */
  run(ms: number): void {
    const end = this.#now + ms;
    while (this.step(end));
    this.#now = end;
  }
}
