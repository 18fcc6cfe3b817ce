/** Start and exclusive end. */
export type Interval = readonly [start: number, end: number];

/** Up to so many intervals are added one by one. */
const FEW = 16;

/**
 * A set of whole numbers as sorted, disjoint, never touching half-open intervals.
 *
 * The form is canonical: equal sets have equal intervals, so that a hash of them can be compared.
 * Gaps are kept exactly and never bridged.
 */
export class IntervalSet {
  /** start, end, start, end, …; each end is exclusive and below the next start. */
  #bounds: number[] = [];

  /** How many intervals it takes to write the set. */
  get intervals(): number {
    return this.#bounds.length / 2;
  }

  /** Adds `start` to `end` − 1; tells whether anything was new. */
  add(start: number, end: number): boolean {
    if (end <= start) return false;
    const bounds = this.#bounds;
    // Appending to the last interval is by far the most frequent case: one author typing on.
    const last = bounds.length - 1;
    if (last > 0 && start === bounds[last]) {
      bounds[last] = end;
      return true;
    }
    const from = this.#firstEndAtLeast(start);
    if (from === bounds.length || end < (bounds[from] as number)) {
      bounds.splice(from, 0, start, end);
      return true;
    }
    if ((bounds[from] as number) <= start && end <= (bounds[from + 1] as number)) return false;
    let to = from;
    let mergedStart = start;
    let mergedEnd = end;
    while (to < bounds.length && (bounds[to] as number) <= end) {
      mergedStart = Math.min(mergedStart, bounds[to] as number);
      mergedEnd = Math.max(mergedEnd, bounds[to + 1] as number);
      to += 2;
    }
    bounds.splice(from, to - from, mergedStart, mergedEnd);
    return true;
  }

  /**
   * Adds many intervals, in any order; tells whether anything was new. One pass over the set, however
   * they lie: one by one, a million of them in a large set would take minutes.
   */
  addAll(intervals: readonly Interval[]): boolean {
    if (intervals.length <= FEW) {
      return intervals.reduce((isNew, [start, end]) => this.add(start, end) || isNew, false);
    }
    const before = this.#bounds;
    const merged: number[] = [];
    for (const [start, end] of inOrder(this, intervals)) {
      const last = merged.length - 1;
      if (last < 0 || start > (merged[last] as number)) merged.push(start, end);
      else merged[last] = Math.max(merged[last] as number, end);
    }
    this.#bounds = merged;
    return merged.length !== before.length || merged.some((bound, i) => bound !== before[i]);
  }

  /** Takes out `start` to `end` − 1; tells whether any of it was in the set. */
  remove(start: number, end: number): boolean {
    if (end <= start) return false;
    const bounds = this.#bounds;
    const from = this.#firstEndAtLeast(start + 1);
    let to = from;
    while (to < bounds.length && (bounds[to] as number) < end) to += 2;
    if (to === from) return false;
    const left = bounds[from] as number;
    const right = bounds[to - 1] as number;
    const rest: number[] = [];
    if (left < start) rest.push(left, start);
    if (right > end) rest.push(end, right);
    bounds.splice(from, to - from, ...rest);
    return true;
  }

  /** A set of the same numbers, apart from this one. */
  copy(): IntervalSet {
    const copied = new IntervalSet();
    copied.#bounds = this.#bounds.slice();
    return copied;
  }

  /** Whether `other` has the same numbers. */
  equals(other: IntervalSet): boolean {
    const [mine, theirs] = [this.#bounds, other.#bounds];
    return mine.length === theirs.length && mine.every((bound, i) => bound === theirs[i]);
  }

  /** The end of the last interval: 1 + the greatest number; 0 where there is none. */
  end(): number {
    return this.#bounds.at(-1) ?? 0;
  }

  /** Whether all of `start` to `end` − 1 is in the set; true where that is nothing. */
  covers(start: number, end: number): boolean {
    if (end <= start) return true;
    const at = this.#firstEndAtLeast(start + 1);
    const bounds = this.#bounds;
    return (
      at < bounds.length && (bounds[at] as number) <= start && end <= (bounds[at + 1] as number)
    );
  }

  /** Whether `value` is in the set. */
  has(value: number): boolean {
    return this.covers(value, value + 1);
  }

  /** The end of the interval that starts at 0: how far the set goes without a gap. */
  prefix(): number {
    return this.#bounds[0] === 0 ? (this.#bounds[1] as number) : 0;
  }

  /** Joins the lowest two intervals, claiming the gap between them; bounds a set that must not grow. */
  bridgeLowest(): void {
    if (this.#bounds.length >= 4) this.#bounds.splice(1, 2);
  }

  /** The intervals in order, each as start and exclusive end. */
  *[Symbol.iterator](): Generator<Interval> {
    for (let i = 0; i < this.#bounds.length; i += 2) {
      yield [this.#bounds[i] as number, this.#bounds[i + 1] as number];
    }
  }

  /** Index of the first interval whose end is at least `value`. */
  #firstEndAtLeast(value: number): number {
    let low = 0;
    let high = this.#bounds.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#bounds[2 * middle + 1] as number) < value) low = middle + 1;
      else high = middle;
    }
    return 2 * low;
  }
}

/** The intervals of `sorted` and the non-empty of `others`, by ascending start. */
function* inOrder(sorted: Iterable<Interval>, others: readonly Interval[]): Generator<Interval> {
  const rest = others.filter(([start, end]) => start < end).sort((a, b) => b[0] - a[0]);
  for (const interval of sorted) {
    for (let next = rest.at(-1); next !== undefined && next[0] < interval[0]; next = rest.at(-1)) {
      rest.pop();
      yield next;
    }
    yield interval;
  }
  yield* rest.reverse();
}
