import { describe, expect, it } from 'vitest';
import { Budget } from './budget.ts';

describe('a budget', () => {
  it('is full at first, refuses what it has not and earns in time, up to its capacity', () => {
    const budget = new Budget(3, 100);
    expect([budget.take(2, 1_000), budget.take(2, 1_000), budget.take(1, 1_000)]).toEqual([
      true,
      false,
      true,
    ]);
    expect(budget.take(1, 1_099)).toBe(false);
    expect(budget.take(1, 1_100)).toBe(true);
    expect(budget.available(1_150)).toBeCloseTo(0.5);
    expect(budget.available(9_000)).toBe(3);
  });

  it('earns nothing by a clock that stands still or goes back', () => {
    const budget = new Budget(1, 100);
    expect(budget.take(1, 1_000)).toBe(true);
    expect([budget.take(1, 1_000), budget.take(1, 500), budget.take(1, 1_050)]).toEqual([
      false,
      false,
      false,
    ]);
  });
});
