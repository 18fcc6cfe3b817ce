import { describe, expect, it } from 'vitest';
import { isTransferring } from './transfers.ts';

const bytes = (of: Readonly<Record<string, number>>) => (peer: string) => of[peer] ?? 0;

describe('isTransferring', () => {
  it('is true while much is under way with the peer itself', () => {
    expect(isTransferring('a', [], bytes({ a: 100_000 }))).toBe(true);
    expect(isTransferring('a', [], bytes({ a: 1_000 }))).toBe(false);
    expect(isTransferring('a', [], bytes({ b: 100_000 }))).toBe(false);
  });

  it('is true while something asked of anybody has just been asked for, or flows', () => {
    expect(isTransferring('a', [{ peer: 'b', waited: 100 }], bytes({}))).toBe(true);
    expect(isTransferring('a', [{ peer: 'b', waited: 60_000 }], bytes({ b: 1 }))).toBe(true);
  });

  it('is not kept true by a neighbor that promised much and sends nothing', () => {
    expect(isTransferring('a', [{ peer: 'b', waited: 60_000 }], bytes({}))).toBe(false);
  });
});
