import { describe, expect, it } from 'vitest';
import { EAGER_BYTES } from '../limits.ts';
import type { Rumor } from '../wire.ts';
import { RumorCache } from './rumor-cache.ts';

const MEBIBYTE = 1024 * 1024;

const rumorOf = (sequence: number, size: number): Rumor => ({
  origin: 'a'.repeat(32),
  sequence,
  hops: 1,
  channel: 1,
  payload: new Uint8Array(size),
});

describe('rumor cache', () => {
  it('B11: small rumors stay for 10 s, large ones for a minute, and an empty cache wants no time', () => {
    const cache = new RumorCache();
    expect(cache.due).toBe(Number.POSITIVE_INFINITY);
    cache.keep('small', rumorOf(0, EAGER_BYTES), 0);
    cache.keep('large', rumorOf(1, EAGER_BYTES + 1), 0);
    expect(cache.due).toBe(10_000);
    cache.expire(9_999);
    expect(cache.get('small')?.rumor.sequence).toBe(0);
    cache.expire(10_000);
    expect(cache.get('small')).toBeUndefined();
    expect(cache.due).toBe(60_000);
    cache.expire(60_000);
    expect(cache.get('large')).toBeUndefined();
    expect(cache.due).toBe(Number.POSITIVE_INFINITY);
  });

  it('B11: rumors that come one by one are let go in few turns', () => {
    const cache = new RumorCache();
    for (let n = 0; n < 1_000; n++) cache.keep(`${n}`, rumorOf(n, 1), 10 * n);
    let turns = 0;
    for (; cache.due < Number.POSITIVE_INFINITY; turns++) cache.expire(cache.due);
    expect(turns).toBeLessThanOrEqual(6);
  });

  it('B11: bytes are bounded, the oldest going first, and the latest stays however large it is', () => {
    const cache = new RumorCache();
    for (let n = 0; n < 4; n++) cache.keep(`${n}`, rumorOf(n, 50 * MEBIBYTE), 0);
    const held = () => [0, 1, 2, 3, 4].filter((n) => cache.get(`${n}`) !== undefined);
    expect(held()).toEqual([2, 3]);
    cache.keep('4', rumorOf(4, 200 * MEBIBYTE), 0);
    expect(held()).toEqual([4]);
    for (let n = 0; n < 1_024; n++) cache.keep(`small ${n}`, rumorOf(n, 12 * 1_024), 0);
    expect(cache.get('small 0')).toBeUndefined();
    expect(cache.get('small 1023')).toBeDefined();
    expect(held()).toEqual([4]);
    cache.clear();
    expect(held()).toEqual([]);
    expect(cache.due).toBe(Number.POSITIVE_INFINITY);
  });

  it('B11: a rumor that comes again counts once towards the bound', () => {
    const cache = new RumorCache();
    for (let again = 0; again < 3; again++) cache.keep('a', rumorOf(0, 60 * MEBIBYTE), again);
    cache.keep('b', rumorOf(1, 60 * MEBIBYTE), 3);
    expect(cache.get('a')).toBeDefined();
  });
});
