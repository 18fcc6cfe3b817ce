import { describe, expect, it } from 'vitest';
import { CLAIM_MAX_AGE_MS, type Claim, MAX_CLAIM_VERSION } from './averaging-codec.ts';
import { Extremes } from './extremes.ts';

const SELF = 'aaaaaaaaaaaa';
const PEER = 'b'.repeat(32);

function claim(holder: string, version: number, value: number | undefined, age = 0): Claim {
  return { holder: holder.repeat(12), version, value, age };
}

function having(value: number): Extremes {
  const extremes = new Extremes(SELF);
  extremes.set(value, 0);
  return extremes;
}

describe('extremes', () => {
  it('A6 the later version of a claim holds, whatever its value', () => {
    const extremes = having(5);
    extremes.hear(PEER, [claim('c', 1, 1)], 0);
    expect([extremes.min, extremes.max]).toEqual([1, 5]);
    extremes.hear(PEER, [claim('c', 2, 9)], 0);
    expect([extremes.min, extremes.max]).toEqual([5, 9]);
    extremes.hear(PEER, [claim('c', 1, 1)], 0);
    expect([extremes.min, extremes.max]).toEqual([5, 9]);
  });

  it('A6 a neighbor that takes an outdated claim for least is told the later one', () => {
    const extremes = having(5);
    extremes.hear(PEER, [claim('c', 2, undefined)], 0);
    extremes.hear(PEER, [claim('c', 1, 1)], 0);
    expect(extremes.min).toBe(5);
    expect(extremes.isSettled(PEER)).toBe(false);
    expect(extremes.toTell(PEER, 0)).toContainEqual(claim('c', 2, undefined));
  });

  it('A6 a tab that is gone has no value, until it says otherwise', () => {
    const extremes = having(5);
    extremes.hear(PEER, [claim('c', 1, 1)], 0);
    extremes.gone('c'.repeat(12), 0);
    expect(extremes.min).toBe(5);
    extremes.hear(PEER, [claim('c', 2, 1)], 0);
    expect(extremes.min).toBe(1);
  });

  it('A6 whoever speaks in the name of this tab is overruled, but for the last version of all', () => {
    const extremes = having(5);
    extremes.hear(PEER, [{ ...claim('a', 40, -3) }], 0);
    expect([extremes.min, extremes.max]).toEqual([5, 5]);
    expect(extremes.toTell(PEER, 0)).toEqual([claim('a', 41, 5)]);
    extremes.hear(PEER, [claim('a', MAX_CLAIM_VERSION - 1, -3)], 0);
    expect(extremes.toTell(PEER, 0)).toEqual([claim('a', 41, 5)]);
  });

  it('A6 a claim that nobody renews is dropped, and a tab renews its own', () => {
    const extremes = having(5);
    extremes.hear(PEER, [claim('c', 1, 1, 60_000)], 0);
    extremes.tick(CLAIM_MAX_AGE_MS - 60_000);
    expect(extremes.min).toBe(1);
    extremes.tick(CLAIM_MAX_AGE_MS - 60_000 + 1);
    expect(extremes.min).toBe(5);
    expect(extremes.toTell(PEER, CLAIM_MAX_AGE_MS)).toMatchObject([{ version: 2, value: 5 }]);
    extremes.hear(PEER, [claim('c', 1, 1, CLAIM_MAX_AGE_MS + 1)], CLAIM_MAX_AGE_MS);
    expect(extremes.min).toBe(5);
  });

  it('A7 however many claims come, few are told and the ends stand', () => {
    const extremes = having(5);
    for (let i = 0; i < 1_000; i++) {
      const holder = i.toString(16).padStart(12, '0');
      extremes.hear(PEER, [{ holder, version: 1, value: i, age: 0 }], i);
    }
    expect([extremes.min, extremes.max]).toEqual([0, 999]);
    expect(extremes.toTell(PEER, 1_000).length).toBeLessThanOrEqual(4);
  });
});
