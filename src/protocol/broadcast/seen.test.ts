import { describe, expect, it } from 'vitest';
import { Seen } from './seen.ts';

const idOf = (n: number) => n.toString(16).padStart(12, '0');

describe('seen rumors', () => {
  it('B12: each is new once', () => {
    const seen = new Seen();
    const id = { origin: idOf(1), sequence: 5 };
    expect(seen.has(id)).toBe(false);
    expect(seen.add(id)).toBe(true);
    expect(seen.add(id)).toBe(false);
    expect(seen.has(id)).toBe(true);
    expect(seen.has({ ...id, sequence: 4 })).toBe(false);
    expect(seen.add({ origin: idOf(2), sequence: Number.MAX_SAFE_INTEGER })).toBe(true);
    expect(seen.add({ origin: idOf(2), sequence: Number.MAX_SAFE_INTEGER })).toBe(false);
  });

  it('B12: 4,096 origins are remembered, those heard longest ago going first', () => {
    const seen = new Seen();
    for (let n = 0; n < 4_096; n++) seen.add({ origin: idOf(n), sequence: 0 });
    seen.add({ origin: idOf(0), sequence: 1 });
    seen.add({ origin: idOf(4_096), sequence: 0 });
    const known = [0, 1, 2, 4_096].map((n) => seen.has({ origin: idOf(n), sequence: 0 }));
    expect(known).toEqual([true, false, true, true]);
  });

  it('B12: gaps of one origin are bounded; the oldest then count as seen', () => {
    const seen = new Seen();
    const origin = idOf(1);
    for (let n = 0; n <= 64; n++) seen.add({ origin, sequence: 2 * n });
    const known = [1, 3, 127, 129].map((sequence) => seen.has({ origin, sequence }));
    expect(known).toEqual([true, false, false, false]);
  });
});
