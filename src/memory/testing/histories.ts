/**
 * Random histories of shared memory: 2 to 8 replicas in profiles whose tabs share a disk, with loss,
 * duplication and reordering of deltas, overlapping and interrupted walks while writes go on, digests
 * that collide, crashes within a counter block, tabs that sleep, and tabs that leave for ever.
 *
 * A seed replays its history. `without` names a rule that is left out, to show that it is needed.
 */

import { type Random, randomBelow, sample, seededRandom } from '../../util/random.ts';
import { decodeDelta, encodeDelta } from '../codec.ts';
import type { Delta, RecordKey, ReplicaId } from '../types.ts';
import { Disk } from './disk.ts';
import { editAtRandom } from './edits.ts';
import { dump, goneFrom, type Held, liveIn, Oracle } from './oracle.ts';
import { Tab, type TabRule } from './tab.ts';
import { Walk, type WalkRule } from './walk.ts';

/** A rule of SPEC.md that a history can go without. */
export type Rule = WalkRule | TabRule | 'R4' | 'C1';

export interface HistoryOptions {
  readonly seed: number;
  /** Default 150. */
  readonly steps?: number;
  readonly without?: Rule;
  /** A causal room, in which every memory is judged after every step. Default false. */
  readonly isCausal?: boolean;
}

/** Runs a history to its end, heals it, and gives all that is wrong then or went wrong on the way. */
export function runHistory(options: HistoryOptions): string[] {
  const history = new History(options);
  for (let step = 0; step < (options.steps ?? 150); step++) {
    history.step();
    if (options.isCausal) history.judgeCauses();
  }
  const wrongs = history.judge();
  const gone = history.gone();
  history.heal();
  const back = history.live().filter((dot) => gone.has(dot));
  wrongs.push(...back.map((dot) => `${dot} returned after all were joined`));
  return [...wrongs, ...history.judge(), ...history.differences()];
}

class History {
  readonly #random: Random;
  readonly #without: Rule | undefined;
  readonly #disks: Disk[];
  readonly #tabs: Tab[] = [];
  readonly #walks: Walk[] = [];
  readonly #network: { readonly to: Tab; readonly delta: Uint8Array }[] = [];
  readonly #oracle = new Oracle();
  readonly #isCausal: boolean;
  readonly #causeless: string[] = [];
  readonly #loss: number;
  readonly #blind: number;
  readonly #returned: string[] = [];
  #amounts = new Map<RecordKey, number>();
  #replicas = 0;

  constructor({ seed, without, isCausal = false }: HistoryOptions) {
    this.#isCausal = isCausal;
    this.#random = seededRandom(seed);
    this.#without = without;
    this.#disks = Array.from({ length: 2 + this.#below(3) }, () => new Disk());
    this.#loss = this.#random() * 0.6;
    this.#blind = this.#random() < 0.5 ? 0 : 0.3;
    for (const disk of this.#disks) this.#open(disk);
  }

  step(): void {
    const tab = this.#pick(this.#awake());
    const dice = this.#below(100);
    if (dice < 2) this.#open(this.#pick(this.#disks) as Disk);
    else if (tab === undefined) this.#wake();
    else if (dice < 35) this.#edit(tab);
    else if (dice < 60) this.#deliver();
    else if (dice < 68) this.#walk(tab);
    else if (dice < 87) this.#stepWalk();
    else if (dice < 88) this.#interrupt(this.#pick(this.#walks));
    else if (dice < 93) tab.flush();
    else if (dice < 95) this.#leave(tab, 'cleanly');
    else if (dice < 97) this.#leave(tab, 'crashing');
    else if (dice < 98) tab.isAsleep = true;
    else this.#wake();
  }

  /** Lets all that live on find each other, with nothing lost, until nothing is left to say. */
  heal(): void {
    for (const walk of [...this.#walks]) this.#interrupt(walk);
    for (const disk of this.#disks) {
      if (!this.#tabs.some((tab) => tab.disk === disk)) this.#open(disk, true);
    }
    for (const tab of this.#tabs) {
      tab.isAsleep = false;
      // A tab of this profile that is gone may have written more than this one knows.
      tab.flush();
    }
    // What waited for a cause may apply only now, and goes round as well.
    for (let round = 0, isNew = true; isNew && round < 20; round++) {
      for (const tab of this.#tabs) tab.isChanged = false;
      this.#walkAround();
      isNew = this.#tabs.some((tab) => tab.isChanged);
    }
    for (const tab of this.#tabs) tab.flush();
  }

  /** What is wrong with single memories. */
  judge(): string[] {
    const wrongs = this.#memories().flatMap((held) => this.#oracle.judge(held));
    return [
      ...wrongs,
      ...this.#causeless,
      ...this.#returned,
      ...this.#tabs.flatMap(({ returned }) => returned),
    ];
  }

  /** Notes which of the memories that changed show an effect without its causes. */
  judgeCauses(): void {
    for (const tab of this.#tabs) {
      if (tab.isChanged) this.#causeless.push(...this.#oracle.judgeCauses(tab.replica));
      tab.isChanged = false;
    }
  }

  /** Dots that some memory knows to be gone. */
  gone(): Set<string> {
    return new Set(this.#memories().flatMap(goneFrom));
  }

  /** Dots that live in some memory. */
  live(): string[] {
    return [...new Set(this.#memories().flatMap(liveIn))];
  }

  /** Whether memories differ that should not, after `heal`. */
  differences(): string[] {
    const dumps = new Set(this.#memories().map(dump));
    return dumps.size > 1 ? [`${dumps.size} different memories:\n${[...dumps].join('\n\n')}`] : [];
  }

  /** The first tab walks with each other one. */
  #walkAround(): void {
    const [first, ...others] = this.#tabs;
    for (const other of others) {
      if (first === undefined) break;
      const walk = new Walk(first.replica, other.replica, this.#random, 0, this.#without);
      walk.run(this.#random);
      this.#returned.push(...walk.returned);
    }
  }

  #memories(): Held[] {
    return [...this.#tabs.map(({ replica }) => replica), ...this.#disks];
  }

  #open(disk: Disk, always = false): void {
    if (!always && (this.#replicas >= 8 || this.#tabs.length >= 6)) return;
    const fresh = (): ReplicaId => {
      this.#replicas++;
      const digits = Array.from({ length: 16 }, () => this.#below(16).toString(16));
      return digits.join('');
    };
    const written = (from: Tab, delta: Delta) => this.#send(from, delta);
    this.#tabs.push(
      new Tab({ disk, fresh, written, isCausal: this.#isCausal, without: this.#without }),
    );
  }

  #edit(tab: Tab): void {
    const edits = this.#below(4) === 0 ? 1 + this.#below(5) : 1;
    tab.reserve(edits);
    tab.replica.transact((writer) => {
      for (let i = 0; i < edits; i++) editAtRandom(writer, this.#random, this.#amounts);
    });
    this.#amounts = new Map();
  }

  #send(from: Tab, delta: Delta): void {
    this.#oracle.note(delta, this.#amounts);
    from.replica.publish();
    const bytes = encodeDelta(delta);
    for (const to of this.#tabs) {
      if (to === from) continue;
      if (this.#random() >= this.#loss) this.#network.push({ to, delta: bytes });
      if (this.#random() < 0.1) this.#network.push({ to, delta: bytes });
    }
  }

  #deliver(): void {
    const at = this.#below(Math.max(1, this.#network.length));
    const [arrived] = this.#network.splice(at, 1);
    if (arrived === undefined || arrived.to.isAsleep || !this.#tabs.includes(arrived.to)) return;
    const delta = decodeDelta(arrived.delta) as Delta;
    if (this.#without === 'R4') arrived.to.receive(delta, withoutUnseen(delta, arrived.to.replica));
    else if (this.#without === 'C1') arrived.to.receive(delta, { ...delta, dependencies: [] });
    else arrived.to.receive(delta);
  }

  #walk(tab: Tab): void {
    const other = this.#pick(this.#awake().filter((each) => each !== tab));
    if (other === undefined || this.#walks.length >= 4) return;
    tab.replica.publish();
    other.replica.publish();
    const { replica } = other;
    const walk = new Walk(tab.replica, replica, this.#random, this.#blind, this.#without);
    this.#walks.push(walk);
  }

  #stepWalk(): void {
    this.#pick(this.#walks)?.step(this.#random);
    this.#sweep();
  }

  #interrupt(walk: Walk | undefined): void {
    const alive = new Set(this.#tabs.map(({ replica }) => replica));
    if (walk !== undefined && !walk.isOver) walk.interrupt((replica) => alive.has(replica));
    this.#sweep();
  }

  #leave(tab: Tab, how: 'cleanly' | 'crashing'): void {
    if (how === 'cleanly') tab.close();
    else tab.crash();
    this.#tabs.splice(this.#tabs.indexOf(tab), 1);
    for (const walk of this.#walks.filter((each) => each.involves(tab.replica))) {
      this.#interrupt(walk);
    }
  }

  #wake(): void {
    const asleep = this.#pick(this.#tabs.filter((tab) => tab.isAsleep));
    if (asleep !== undefined) asleep.isAsleep = false;
  }

  #sweep(): void {
    const open = this.#walks.filter((walk) => !walk.isOver);
    for (const walk of this.#walks) if (walk.isOver) this.#returned.push(...walk.returned);
    this.#walks.splice(0, this.#walks.length, ...open);
  }

  #awake(): Tab[] {
    return this.#tabs.filter((tab) => !tab.isAsleep);
  }

  #pick<T>(items: readonly T[]): T | undefined {
    return sample(this.#random, items, 1)[0];
  }

  #below(limit: number): number {
    return randomBelow(this.#random, limit);
  }
}

/** The delta as one without R4 takes it: of what it removes, what is there. */
function withoutUnseen(delta: Delta, { context }: { readonly context: Held['context'] }): Delta {
  const writes = delta.writes.map((write) => ({
    ...write,
    removed: write.removed.filter(({ replica, counter }) => context.has(replica, counter)),
  }));
  return { ...delta, writes };
}
