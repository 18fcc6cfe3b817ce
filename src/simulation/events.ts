/**
 * What is to happen, in order of time: a 4-ary heap over typed arrays (Williams 1964; four children
 * a node halve its depth and keep them in one cache line).
 *
 * Events of the same instant happen in the order in which they were added, so that a run does not
 * depend on the heap's shape.
 */

/** Something that happens at its time. */
export type Happening = () => void;

const FIRST_CAPACITY = 1_024;

/** A queue of happenings by time. */
export class EventQueue {
  #at = new Float64Array(FIRST_CAPACITY);
  #order = new Float64Array(FIRST_CAPACITY);
  readonly #happenings: Happening[] = [];
  #added = 0;

  /** Happenings that wait. */
  get size(): number {
    return this.#happenings.length;
  }

  /** Time of the next happening; `Infinity` where none waits. */
  get nextAt(): number {
    return this.#happenings.length === 0 ? Number.POSITIVE_INFINITY : (this.#at[0] as number);
  }

  /** Adds a happening at a time in milliseconds. */
  push(at: number, happening: Happening): void {
    let hole = this.#happenings.length;
    if (hole === this.#at.length) this.#grow();
    const times = this.#at;
    const orders = this.#order;
    const happenings = this.#happenings;
    const order = this.#added++;
    happenings.push(happening);
    while (hole > 0) {
      const parent = (hole - 1) >> 2;
      // Of equal times the later added stays below.
      if ((times[parent] as number) <= at) break;
      times[hole] = times[parent] as number;
      orders[hole] = orders[parent] as number;
      happenings[hole] = happenings[parent] as Happening;
      hole = parent;
    }
    times[hole] = at;
    orders[hole] = order;
    happenings[hole] = happening;
  }

  /** Takes the next happening out; `undefined` where none waits. */
  pop(): Happening | undefined {
    const happenings = this.#happenings;
    const first = happenings[0];
    const last = happenings.pop();
    const size = happenings.length;
    if (last !== undefined && size > 0) this.#sink(last, size);
    return first;
  }

  /** Puts `moved`, which stood at index `size`, in the place of the first. */
  #sink(moved: Happening, size: number): void {
    const times = this.#at;
    const orders = this.#order;
    const happenings = this.#happenings;
    const at = times[size] as number;
    const order = orders[size] as number;
    let hole = 0;
    for (;;) {
      const begin = 4 * hole + 1;
      if (begin >= size) break;
      const end = Math.min(begin + 4, size);
      let least = begin;
      let leastAt = times[begin] as number;
      for (let child = begin + 1; child < end; child++) {
        const childAt = times[child] as number;
        if (
          childAt < leastAt ||
          (childAt === leastAt && (orders[child] as number) < (orders[least] as number))
        ) {
          least = child;
          leastAt = childAt;
        }
      }
      if (at < leastAt || (at === leastAt && order < (orders[least] as number))) break;
      times[hole] = leastAt;
      orders[hole] = orders[least] as number;
      happenings[hole] = happenings[least] as Happening;
      hole = least;
    }
    times[hole] = at;
    orders[hole] = order;
    happenings[hole] = moved;
  }

  #grow(): void {
    const capacity = 2 * this.#at.length;
    const at = new Float64Array(capacity);
    const order = new Float64Array(capacity);
    at.set(this.#at);
    order.set(this.#order);
    this.#at = at;
    this.#order = order;
  }
}
