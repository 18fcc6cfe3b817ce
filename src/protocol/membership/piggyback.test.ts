import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../config.ts';
import { peer } from '../testing/members.ts';
import { Piggyback } from './piggyback.ts';

const [ME, A, B, X, Y] = [9, 1, 2, 3, 4].map(peer) as [string, string, string, string, string];

function piggyback(retransmissions = 1, pace = 1) {
  const news = new Piggyback(ME, resolveConfig({ retransmissions, newsDelay: 100 }));
  for (const neighbor of [A, B]) news.neighborUp(neighbor);
  return Object.assign(news, {
    takeAt: (now: number, isUrgent = false) => news.take(now, pace, isUrgent),
  });
}

describe('news for neighbors', () => {
  it('M7: goes to all save the one that told it, at once, in one go for each', () => {
    const news = piggyback();
    news.tell('claim', X, A, 5);
    news.tell('links', ME, undefined, 5);
    expect(news.due).toBe(5);
    expect(news.takeAt(5)).toEqual([
      { peer: A, claims: [], lists: [ME] },
      { peer: B, claims: [X], lists: [ME] },
    ]);
    expect(news.takeAt(6)).toEqual([]);
    expect(news.due).toBe(Number.POSITIVE_INFINITY);
  });

  it('M7: what comes after waits newsDelay, to go together', () => {
    const news = piggyback();
    news.tell('claim', X, undefined, 0);
    news.takeAt(0);
    news.tell('claim', X, undefined, 30);
    news.tell('claim', Y, undefined, 60);
    expect(news.due).toBe(100);
    expect(news.takeAt(100)[0]).toEqual({ peer: A, claims: [X, Y], lists: [] });
  });

  it('M7: waits longer after much news, as much of it changes again', () => {
    const news = piggyback();
    for (let n = 10; n < 30; n++) news.tell('claim', peer(n), undefined, 0);
    news.takeAt(0);
    news.tell('claim', X, undefined, 1);
    expect(news.due).toBe(600);
    for (let n = 10; n < 1_000; n++) news.tell('claim', peer(n), undefined, 200);
    news.takeAt(600);
    news.tell('claim', X, undefined, 601);
    expect(news.due).toBe(1_600);
  });

  it('M7: lists of others wait the longer, the larger the room, and what is prompt does not', () => {
    const news = piggyback(1, 4);
    news.tell('list', X, A, 0);
    expect(news.takeAt(0)).toEqual([{ peer: B, claims: [], lists: [X] }]);
    news.tell('list', X, A, 10);
    news.tell('list', Y, B, 20);
    expect(news.due).toBe(2_000);
    news.tell('claim', Y, A, 30);
    expect(news.isPrompt).toBe(true);
    expect(news.takeAt(30)).toEqual([{ peer: B, claims: [Y], lists: [] }]);
    expect([news.due, news.isPrompt]).toEqual([2_000, false]);
    expect(news.takeAt(2_000)).toEqual([
      { peer: A, claims: [], lists: [Y] },
      { peer: B, claims: [], lists: [X] },
    ]);
  });

  it('M7: what is urgent goes before its time, save the lists of others', () => {
    const news = piggyback();
    news.tell('claim', X, undefined, 0);
    news.takeAt(0);
    news.tell('claim', Y, A, 1);
    news.tell('list', Y, A, 1);
    news.takeAt(1);
    news.tell('list', X, A, 2);
    news.tell('claim', X, A, 2);
    expect(news.takeAt(2, true)).toEqual([{ peer: B, claims: [Y, X], lists: [] }]);
  });

  it('M15: who knows only neighbors tells of itself to all, and of another to that one alone', () => {
    const news = piggyback();
    news.isPartial = true;
    news.tell('claim', A, undefined, 0);
    news.tell('claim', B, B, 0);
    news.tell('list', A, B, 0);
    news.tell('links', ME, undefined, 0);
    expect(news.takeAt(0)).toEqual([
      { peer: A, claims: [A], lists: [ME] },
      { peer: B, claims: [], lists: [ME] },
    ]);
  });

  it('M7: a neighbor that knows it meanwhile is not told', () => {
    const news = piggyback();
    news.tell('claim', X, undefined, 0);
    news.known(A, 'claim', X);
    news.known(B, 'list', X);
    expect(news.takeAt(0)).toEqual([{ peer: B, claims: [X], lists: [] }]);
  });

  it('M7: each piece is told as often as it is to be, and then no more', () => {
    const news = piggyback(3);
    news.tell('claim', X, B, 0);
    const told: number[] = [];
    for (let now = 0; news.due < 1_000; now += 50) {
      if (news.due <= now) for (const { claims } of news.takeAt(now)) told.push(claims.length);
    }
    expect(told).toEqual([1, 1, 1]);
  });

  it('keeps nothing for those that are no neighbors', () => {
    const news = piggyback();
    news.tell('claim', X, undefined, 0);
    news.neighborDown(A);
    news.tellOne(A, 'claim', Y, 0);
    expect(news.takeAt(0)).toEqual([{ peer: B, claims: [X], lists: [] }]);
  });
});
