/**
 * One page of a browser in virtual time: its clock and timers, and what browsers and machines do to
 * them. Code in it runs for messages and timers, while it is neither frozen nor busy.
 *
 * Hidden pages: Chrome runs their timers once a second while a WebRTC channel is open, and once a
 * minute without one ("Heavy throttling of chained JS timers", Chrome 88; after 10 s since Chrome 104).
 */

import type { Clock } from '../ports/clock.ts';
import type { Lane } from '../ports/transport.ts';
import type { Random } from '../util/random.ts';
import { happens } from './chance.ts';
import type { World } from './world.ts';

/** Hidden pages run timers at whole multiples of this. */
const HIDDEN_TIMER_MS = 1_000;
/** The same for a page that was hidden for HEAVY_AFTER_MS and has no channel open. */
const HEAVY_TIMER_MS = 60_000;
const HEAVY_AFTER_MS = 10_000;

/** How one machine and its browser behave. */
export interface ProcessModel {
  /** How fast its clock runs: 1 is right, 1.01 gains 10 ms a second. Default 1. */
  readonly clockRate: number;
  /** Milliseconds that each message or timer keeps it busy; what comes meanwhile waits. Default 0. */
  readonly busyMs: number;
}

const RIGHT: ProcessModel = { clockRate: 1, busyMs: 0 };

/** A timer that is set; `cancel` it by the process. */
export interface Timer {
  readonly callback: () => void;
  /** On the process's own clock. */
  dueAt: number;
  /** Counts up whenever it is set anew or cancelled, so that what waits in the queue knows. */
  version: number;
}

/** What a process tells those that it belongs to. */
export interface ProcessEnd {
  /** It is gone without a word. */
  crashed(): void;
}

export class Process implements Clock {
  readonly index: number;
  readonly world: World;
  readonly model: ProcessModel;
  /** Chance of this process's links. */
  readonly random: Random;
  /** Which side of a partition it is on. */
  group = 0;
  /** Data channels that are open. */
  channels = 0;
  #state: 'running' | 'frozen' | 'dead' = 'running';
  #hiddenSince: number | undefined;
  /** This process's clock at `#clockSince`, a time of the world. */
  #clock: number;
  #clockSince: number;
  /** What the clock has shown, or a timer was due at, and no reading is below: rounding may differ. */
  #reached = 0;
  readonly #timers = new Set<Timer>();
  readonly #waiting: (() => void)[] = [];
  /** Until when each lane of its uplink is taken. */
  readonly #sending: Record<Lane, number> = { control: 0, bulk: 0 };
  #busyUntil = 0;
  #willDrain = false;
  readonly #ends = new Set<ProcessEnd>();

  constructor(world: World, index: number, model: Partial<ProcessModel> = {}) {
    this.world = world;
    this.index = index;
    this.model = { ...RIGHT, ...model };
    this.random = world.random('process', index);
    // Pages were opened at different times, and their clocks count from there.
    this.#clock = Math.floor(this.random() * 1_000_000);
    this.#clockSince = world.now;
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  get isFrozen(): boolean {
    return this.#state === 'frozen';
  }

  get isHidden(): boolean {
    return this.#hiddenSince !== undefined;
  }

  /** Whether a message runs at once and takes no time. */
  get isFree(): boolean {
    return this.#state === 'running' && this.#waiting.length === 0 && this.model.busyMs === 0;
  }

  /** Messages that wait until it thaws or is free. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Milliseconds by its own monotonic clock. */
  now(): number {
    const passed = (this.world.now - this.#clockSince) * this.model.clockRate;
    return Math.max(this.#clock + passed, this.#reached);
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = this.schedule(callback, delayMs);
    return () => this.cancel(timer);
  }

  /** Calls `callback` once after `delayMs` of its own clock, or later if the page is held up. */
  schedule(callback: () => void, delayMs: number): Timer {
    const timer: Timer = { callback, dueAt: this.now() + Math.max(0, delayMs), version: 0 };
    this.#timers.add(timer);
    this.#arm(timer);
    return timer;
  }

  cancel(timer: Timer): void {
    timer.version++;
    this.#timers.delete(timer);
  }

  /** Runs `message` in the page: now, or once it can. */
  run(message: () => void): void {
    if (this.#state === 'dead') return;
    const { busyMs } = this.model;
    if (this.#state === 'frozen' || this.#waiting.length > 0 || this.world.now < this.#busyUntil) {
      this.#waiting.push(message);
      this.#drainLater();
      return;
    }
    if (busyMs > 0) this.#busyUntil = this.world.now + busyMs;
    message();
  }

  /** The page is hidden or shown; the app is to be told besides. */
  setHidden(hidden: boolean): void {
    if (hidden === this.isHidden) return;
    this.#fault();
    this.#hiddenSince = hidden ? this.world.now : undefined;
    this.#armAll();
  }

  /** Nothing runs until `thaw`; messages wait. */
  freeze(): void {
    if (this.#state !== 'running') return;
    this.#fault();
    this.#state = 'frozen';
  }

  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#fault();
    this.#state = 'running';
    // Browsers promise no order between timers that fell due and messages that came meanwhile.
    if (happens(this.random, 0.5)) this.#putDueTimersFirst();
    this.#drainLater();
    this.#armAll();
  }

  /** Its clock jumps forward, as after a machine slept; timers that are due by it run at once. */
  jump(ms: number): void {
    this.#fault();
    this.#clock = this.now() + Math.max(0, ms);
    this.#clockSince = this.world.now;
    this.#armAll();
  }

  /** It is gone without a word. */
  crash(): void {
    if (this.#state === 'dead') return;
    this.#fault();
    this.#state = 'dead';
    this.#waiting.length = 0;
    for (const timer of this.#timers) timer.version++;
    this.#timers.clear();
    for (const end of [...this.#ends]) end.crashed();
    this.#ends.clear();
  }

  /** Takes its uplink for so many bytes; the time of the world at which the last of them is out. */
  uplink(bytes: number, lane: Lane, bytesPerMs: number): number {
    const { now } = this.world;
    if (bytesPerMs === Number.POSITIVE_INFINITY) return now;
    const sending = this.#sending;
    const takes = bytes / bytesPerMs;
    const start = Math.max(now, sending.control, lane === 'bulk' ? sending.bulk : 0);
    // Control goes first: bulk that was promised its time comes so much later.
    if (lane === 'control') sending.bulk = Math.max(sending.bulk, start) + takes;
    sending[lane] = start + takes;
    return sending[lane];
  }

  /** Tells `end` when the process crashes, until `release`. */
  hold(end: ProcessEnd): void {
    this.#ends.add(end);
  }

  release(end: ProcessEnd): void {
    this.#ends.delete(end);
  }

  #fault(): void {
    this.world.trace.note(this.world.now, this.index, 'fault');
  }

  #armAll(): void {
    for (const timer of this.#timers) {
      timer.version++;
      this.#arm(timer);
    }
  }

  #putDueTimersFirst(): void {
    const now = this.now();
    const due = [...this.#timers].filter(({ dueAt }) => dueAt <= now);
    for (const timer of due.sort((a, b) => b.dueAt - a.dueAt)) {
      const version = ++timer.version;
      this.#timers.delete(timer);
      this.#waiting.unshift(() => {
        if (timer.version === version) timer.callback();
      });
    }
  }

  #arm(timer: Timer): void {
    const { version } = timer;
    this.world.at(this.#wakeAt(timer.dueAt), () => {
      if (timer.version === version) this.#fire(timer);
    });
  }

  #fire(timer: Timer): void {
    if (this.#state !== 'running') return; // armed again when it thaws
    this.#timers.delete(timer);
    this.#reached = Math.max(this.#reached, timer.dueAt);
    this.world.trace.note(this.world.now, this.index, 'timer');
    const { version } = timer;
    this.run(() => {
      if (timer.version === version) timer.callback();
    });
  }

  /** When, in the world's time, a timer that is due at `dueAt` of this clock runs. */
  #wakeAt(dueAt: number): number {
    const at = this.#clockSince + (dueAt - this.#clock) / this.model.clockRate;
    if (this.#hiddenSince === undefined) return at;
    const isHeavy = this.channels === 0 && at >= this.#hiddenSince + HEAVY_AFTER_MS;
    const grid = isHeavy ? HEAVY_TIMER_MS : HIDDEN_TIMER_MS;
    return Math.ceil(at / grid) * grid;
  }

  /** Runs what waits, one message after another. */
  #drainLater(): void {
    if (this.#willDrain || this.#state !== 'running') return;
    this.#willDrain = true;
    this.world.at(this.#busyUntil, () => {
      this.#willDrain = false;
      if (this.#state !== 'running') return;
      const message = this.#waiting.shift();
      if (message === undefined) return;
      if (this.model.busyMs > 0) this.#busyUntil = this.world.now + this.model.busyMs;
      message();
      if (this.#waiting.length > 0) this.#drainLater();
    });
  }
}
