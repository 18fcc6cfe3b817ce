/**
 * After random histories all tabs hold the same: all that was held by a tab that lived on, nothing that
 * such a tab saw go, and counts to the unit.
 */

import { expect, it } from 'vitest';
import { runs } from '../util/testing/runs.ts';
import { History } from './testing/history.ts';
import type { TestTab } from './testing/room.ts';

const SEEDS = runs(10);

it.each(Array.from({ length: SEEDS }, (_, i) => i + 1))('history %i', async (seed) => {
  const isCausal = seed % 3 === 0;
  const history = new History(seed, isCausal);
  const { ledger } = history;
  for (let i = 0; i < 80; i++) await history.step();
  await history.finish();
  expect(history.isEqual).toBe(true);
  expect(ledger.returned).toEqual([]);
  const [tab] = history.tabs as [TestTab];
  const elements = new Set(tab.collections.set<number>('elements'));
  const amounts = new Map([...tab.collections.map<number>('amounts')]);
  for (const id of history.gone) expect(elements.has(id)).toBe(false);
  const isGone = (id: number) => [...ledger.gone.values()].some((gone) => gone.has(id));
  for (const id of history.held) {
    expect(amounts.get(`${id}`)).toBe(ledger.amounts.get(id));
    expect(elements.has(id) || isGone(id)).toBe(true);
  }
  let sum = 0;
  for (const amount of amounts.values()) sum += amount;
  // Where what a tab wrote is lost with it, an eventual room may have got a part of it.
  if (isCausal || !history.isLossy) expect(tab.collections.counter('sum').value).toBe(sum);
  expect(history.tabs.flatMap(({ misbehaved }) => misbehaved)).toEqual([]);
});
