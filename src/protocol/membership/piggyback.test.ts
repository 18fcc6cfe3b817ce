import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../config.ts';
import { peer } from '../testing/members.ts';
import { Piggyback } from './piggyback.ts';

const [A, B, X, Y] = [1, 2, 3, 4].map(peer) as [string, string, string, string];

function piggyback(retransmissions = 1) {
  const news = new Piggyback(resolveConfig({ retransmissions, newsDelay: 100 }));
  for (const neighbor of [A, B]) news.neighborUp(neighbor);
  return news;
}

describe('news for neighbors', () => {
  it('M7: goes to all save the one that told it, at once, in one go for each', () => {
    const news = piggyback();
    news.tell('claim', X, A, 5);
    news.tell('list', Y, undefined, 5);
    expect(news.due).toBe(5);
    expect(news.take(5)).toEqual([
      { peer: A, claims: [], lists: [Y] },
      { peer: B, claims: [X], lists: [Y] },
    ]);
    expect(news.take(6)).toEqual([]);
    expect(news.due).toBe(Number.POSITIVE_INFINITY);
  });

  it('M7: what comes after waits newsDelay, to go together', () => {
    const news = piggyback();
    news.tell('claim', X, undefined, 0);
    news.take(0);
    news.tell('claim', X, undefined, 30);
    news.tell('claim', Y, undefined, 60);
    expect(news.due).toBe(100);
    expect(news.take(100)[0]).toEqual({ peer: A, claims: [X, Y], lists: [] });
  });

  it('M7: waits longer after much news, as much of it changes again', () => {
    const news = piggyback();
    for (let n = 10; n < 30; n++) news.tell('claim', peer(n), undefined, 0);
    news.take(0);
    news.tell('claim', X, undefined, 1);
    expect(news.due).toBe(300);
    for (let n = 10; n < 1_000; n++) news.tell('list', peer(n), undefined, 200);
    news.take(300);
    news.tell('claim', X, undefined, 301);
    expect(news.due).toBe(800);
  });

  it('M7: a neighbor that knows it meanwhile is not told', () => {
    const news = piggyback();
    news.tell('claim', X, undefined, 0);
    news.known(A, 'claim', X);
    news.known(B, 'list', X);
    expect(news.take(0)).toEqual([{ peer: B, claims: [X], lists: [] }]);
  });

  it('M7: each piece is told as often as it is to be, and then no more', () => {
    const news = piggyback(3);
    news.tell('claim', X, B, 0);
    const told: number[] = [];
    for (let now = 0; news.due < 1_000; now += 50) {
      if (news.due <= now) for (const { claims } of news.take(now)) told.push(claims.length);
    }
    expect(told).toEqual([1, 1, 1]);
  });

  it('keeps nothing for those that are no neighbors', () => {
    const news = piggyback();
    news.tell('claim', X, undefined, 0);
    news.neighborDown(A);
    news.tellOne(A, 'claim', Y, 0);
    expect(news.take(0)).toEqual([{ peer: B, claims: [X], lists: [] }]);
  });
});
