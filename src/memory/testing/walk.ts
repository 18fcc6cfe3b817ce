/**
 * A walk in a history: two memories pin themselves, find in which records they differ, and send each
 * other those one at a time, while both go on. It stands for the reconciliation machine, with the
 * same duties (SPEC.md R1 to R3, R5), and may be interrupted, or blind to a record whose short digests
 * collide.
 */

import { equalBytes } from '../../util/bytes.ts';
import type { IntervalSet } from '../../util/intervals.ts';
import { type Random, randomBelow } from '../../util/random.ts';
import { withEntries } from '../context.ts';
import { joinedPin, type MemorySide } from '../join.ts';
import type { Replica } from '../replica.ts';
import type { Pin } from '../store.ts';
import { compareDots, type DottedRecord, type RecordKey } from '../types.ts';
import { dump, goneFrom, liveIn } from './oracle.ts';

/** Rules that a walk can leave out, to show that histories go wrong without them. */
export type WalkRule = 'R1' | 'R2' | 'R5';

interface Direction {
  readonly to: Replica;
  readonly toPin: Pin;
  readonly fromPin: Pin;
  readonly pending: RecordKey[];
  readonly fromFrontier: DottedRecord | undefined;
  readonly received: Map<RecordKey, DottedRecord | undefined>;
}

export class Walk {
  readonly #directions: readonly [Direction, Direction];
  readonly #without: string | undefined;
  /** What is there after a join though it was gone from the other side, in words. */
  readonly returned: string[] = [];
  isOver = false;

  /** `blind`: how likely a record that differs is overlooked. */
  constructor(a: Replica, b: Replica, random: Random, blind: number, without?: string) {
    this.#without = without;
    const [pinA, pinB] = [a.pin(), b.pin()];
    const differing = differingKeys(pinA, pinB).filter(() => random() >= blind);
    const direction = (to: Replica, toPin: Pin, from: Replica, fromPin: Pin): Direction => ({
      fromFrontier: from.frontier,
      to,
      toPin,
      fromPin,
      pending: [...differing],
      received: new Map(),
    });
    this.#directions = [direction(a, pinA, b, pinB), direction(b, pinB, a, pinA)];
    if (without === 'R5' && differingKeys(pinA, pinB).length === 0) this.#end();
  }

  involves(replica: Replica): boolean {
    return this.#directions.some(({ to }) => to === replica);
  }

  /** Carries a few records one way, or joins where all are there. */
  step(random: Random): void {
    const ways = this.#directions.filter(({ pending }) => pending.length > 0);
    if (ways.length === 0) return this.#finish();
    const way = ways[randomBelow(random, ways.length)] as Direction;
    for (const key of way.pending.splice(0, 1 + randomBelow(random, 6))) {
      way.received.set(key, way.fromPin.get(key));
    }
  }

  /** Carries all that is left, and joins. */
  run(random: Random): void {
    while (!this.isOver) this.step(random);
  }

  /** Each side that lives on takes the records that it has, and no context; a causal one nothing. */
  interrupt(isAlive: (replica: Replica) => boolean): void {
    for (const way of this.#directions) {
      if (!isAlive(way.to)) continue;
      if (this.#without === 'R1') way.to.joinPinned(way.toPin, sideOf(way));
      else if (way.to.waiting === undefined) way.to.takeRecords(sideOf(way));
    }
    this.#end();
  }

  #finish(): void {
    const [one, other] = this.#directions;
    const roots = [one, other].map((way) => dumpJoin(way));
    if (roots[0] !== roots[1] && this.#without !== 'R2') return this.interrupt(() => true);
    for (const way of this.#directions) {
      const gone = goneFrom(way.fromPin);
      way.to.joinPinned(way.toPin, sideOf(way));
      const live = new Set(liveIn(way.to));
      const back = gone.filter((dot) => live.has(dot));
      this.returned.push(...back.map((dot) => `${dot} returned by a join`));
    }
    this.#end();
  }

  #end(): void {
    for (const { toPin } of this.#directions) toPin.release();
    this.isOver = true;
  }
}

function sideOf({ fromPin, fromFrontier, received }: Direction): MemorySide {
  return { context: fromPin.context, records: received, frontier: fromFrontier };
}

/** What stands for the root of both pins joined: everything in it. */
function dumpJoin(way: Direction): string {
  const { records, replicas } = joinedPin(way.toPin, sideOf(way));
  const joined = new Map(way.toPin.entries());
  for (const [key, record] of records) {
    if (record === undefined) joined.delete(key);
    else joined.set(key, record);
  }
  const context = withEntries(way.toPin.context, replicas as ReadonlyMap<string, IntervalSet>);
  return dump({ context, get: (key) => joined.get(key), entries: () => joined });
}

function differingKeys(a: Pin, b: Pin): RecordKey[] {
  const keys = new Set([...a.entries(), ...b.entries()].map(([key]) => key));
  return [...keys].filter((key) => !isSame(a.get(key), b.get(key)));
}

function isSame(a: DottedRecord | undefined, b: DottedRecord | undefined): boolean {
  let [left, right] = [a, b];
  while (left !== undefined && right !== undefined) {
    if (compareDots(left, right) !== 0 || !equalBytes(left.payload, right.payload)) return false;
    left = left.next;
    right = right.next;
  }
  return left === right;
}
