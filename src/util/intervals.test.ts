import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntervalSet } from './intervals.ts';
import { runs } from './testing/runs.ts';

const operation = fc.tuple(fc.nat(60), fc.nat(12));

function model(operations: readonly (readonly [number, number])[]): Set<number> {
  const numbers = new Set<number>();
  for (const [start, length] of operations) {
    for (let i = start; i < start + length; i++) numbers.add(i);
  }
  return numbers;
}

describe('IntervalSet', () => {
  it('holds exactly the numbers added, in canonical intervals, and tells what was new', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
        const set = new IntervalSet();
        const numbers = new Set<number>();
        for (const [start, length] of operations) {
          const before = numbers.size;
          for (let i = start; i < start + length; i++) numbers.add(i);
          expect(set.add(start, start + length)).toBe(numbers.size > before);
        }
        for (let i = 0; i < 80; i++) expect(set.has(i)).toBe(numbers.has(i));
        let previousEnd = -1;
        for (const [start, end] of set) {
          expect(start).toBeGreaterThan(previousEnd);
          expect(end).toBeGreaterThan(start);
          previousEnd = end;
        }
        expect([...set].length).toBe(set.intervals);
      }),
      { numRuns: runs(2000) },
    );
  });

  it('is the same whatever the order of additions', () => {
    fc.assert(
      fc.property(fc.array(operation), fc.array(fc.nat()), (operations, keys) => {
        const shuffled = operations
          .map((op, i) => [keys[i] ?? i, op] as const)
          .sort((a, b) => a[0] - b[0])
          .map(([, op]) => op);
        const [one, other] = [new IntervalSet(), new IntervalSet()];
        for (const [start, length] of operations) one.add(start, start + length);
        for (const [start, length] of shuffled) other.add(start, start + length);
        expect([...one]).toEqual([...other]);
      }),
    );
  });

  it('covers a range only where every number of it is held', () => {
    fc.assert(
      fc.property(fc.array(operation), operation, (operations, [start, length]) => {
        const set = new IntervalSet();
        for (const [s, l] of operations) set.add(s, s + l);
        const numbers = model(operations);
        let all = true;
        for (let i = start; i < start + length; i++) all &&= numbers.has(i);
        expect(set.covers(start, start + length)).toBe(all);
        let prefix = 0;
        while (numbers.has(prefix)) prefix++;
        expect(set.prefix()).toBe(prefix);
      }),
    );
  });

  it('takes out exactly the numbers removed, and tells whether any were there', () => {
    const some = fc.array(operation, { maxLength: 30 });
    fc.assert(
      fc.property(some, some, (operations, removals) => {
        const set = new IntervalSet();
        for (const [s, l] of operations) set.add(s, s + l);
        const numbers = model(operations);
        for (const [start, length] of removals) {
          const before = numbers.size;
          for (let i = start; i < start + length; i++) numbers.delete(i);
          expect(set.remove(start, start + length)).toBe(numbers.size < before);
        }
        const rebuilt = new IntervalSet();
        for (const number of numbers) rebuilt.add(number, number + 1);
        expect([...set]).toEqual([...rebuilt]);
        expect(set.equals(rebuilt)).toBe(true);
        expect(set.end()).toBe(Math.max(-1, ...numbers) + 1);
      }),
      { numRuns: runs(1000) },
    );
  });

  it('a copy is equal and lives apart', () => {
    const set = new IntervalSet();
    set.add(1, 4);
    const copied = set.copy();
    expect(copied.equals(set)).toBe(true);
    copied.remove(2, 3);
    expect([...set]).toEqual([[1, 4]]);
    expect(copied.equals(set)).toBe(false);
  });

  it('bridges the lowest gap alone', () => {
    const set = new IntervalSet();
    set.add(0, 2);
    set.add(5, 7);
    set.add(9, 10);
    set.bridgeLowest();
    expect([...set]).toEqual([
      [0, 7],
      [9, 10],
    ]);
  });

  it('is the same whether many are added at once or one by one, and tells alike what is new', () => {
    const some = fc.array(operation, { maxLength: 60 });
    fc.assert(
      fc.property(some, some, (before, operations) => {
        const [one, other] = [new IntervalSet(), new IntervalSet()];
        for (const [start, length] of before) {
          one.add(start, start + length);
          other.add(start, start + length);
        }
        let isNew = false;
        for (const [start, length] of operations) {
          isNew = one.add(start, start + length) || isNew;
        }
        const all = operations.map(([start, length]) => [start, start + length] as const);
        expect(other.addAll(all)).toBe(isNew);
        expect([...other]).toEqual([...one]);
      }),
    );
  });

  it('takes a million intervals between as many others in seconds', () => {
    const set = new IntervalSet();
    const at = (offset: number) =>
      Array.from({ length: 1_000_000 }, (_, i) => [4 * i + offset, 4 * i + offset + 1] as const);
    set.addAll(at(0));
    const begun = performance.now();
    expect(set.addAll(at(2).reverse())).toBe(true);
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(set.intervals).toBe(2_000_000);
  }, 60_000);
});
