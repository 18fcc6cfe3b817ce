/**
 * After random histories all tabs hold the same: all that was held by a tab that lived on, nothing that
 * such a tab saw go, and counts to the unit.
 */

import { expect, it } from 'vitest';
import { runs } from '../util/testing/runs.ts';
import { History } from './testing/history.ts';
import type { TestTab } from './testing/room.ts';

const SEEDS = runs(8);
const CAUSAL_SEEDS = process.env.MNEMESH_SOAK === undefined ? 12 : 1_000;

/** Effects that eventual histories showed without their causes. */
let causeless = 0;

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

it.each(upTo(SEEDS))('history %i', (seed) => tell(seed, false));

it.each(upTo(CAUSAL_SEEDS))(
  'C1, C3: causal history %i shows no effect without its causes, at any change',
  (seed) => tell(seed, true),
);

it('C1: the eventual ones do show effects without their causes', () => {
  expect(causeless).toBeGreaterThan(0);
});

async function tell(seed: number, isCausal: boolean): Promise<void> {
  const history = new History(seed, isCausal);
  const { ledger } = history;
  for (let i = 0; i < 80; i++) await history.step();
  await history.finish();
  expect(history.isEqual).toBe(true);
  expect(ledger.returned).toEqual([]);
  if (isCausal) expect(ledger.causeless).toEqual([]);
  else causeless += ledger.causeless.length;
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
}
