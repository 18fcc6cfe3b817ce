import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../config.ts';
import { peer } from '../testing/members.ts';
import { shortOf } from '../wire.ts';
import { type Circumstances, Suspicions } from './suspicion.ts';

const config = resolveConfig();
const { suspicionMin, suspicionSpread, hiddenTimeout } = config;
const A = peer(1);
const by = (n: number) => shortOf(peer(n));

/** When a suspicion of A, raised at 0 and confirmed by so many at once, ends. */
function endOf(confirmations: number, given: Partial<Circumstances> = {}, isCertain = false) {
  const circumstances = { members: 100, hidden: false, witnesses: 8, ...given };
  const suspicions = new Suspicions(config);
  suspicions.begin(A, by(100), 0);
  if (isCertain) suspicions.makeCertain(A);
  for (let n = 0; n < confirmations; n++) suspicions.confirm(A, by(101 + n), 0);
  for (;;) {
    const now = suspicions.due;
    if (suspicions.overdue(() => circumstances, now).length > 0) return now;
  }
}

describe('suspicions', () => {
  it('M5: last longest where nobody confirms, and the least with enough confirmations', () => {
    const ends = [0, 1, 2, 3, 4].map((confirmations) => endOf(confirmations));
    expect(ends[0]).toBe(suspicionMin * suspicionSpread);
    expect(ends[3]).toBe(suspicionMin);
    expect(ends[4]).toBe(suspicionMin);
    expect([...ends].sort((a, b) => b - a)).toEqual(ends);
    expect(ends[1]).toBeLessThan(ends[0] as number);
    expect(ends[2]).toBeLessThan(ends[1] as number);
  });

  it('M5: wait for no more confirmations than there are others that could give them', () => {
    expect(endOf(0, { witnesses: 1 })).toBe(suspicionMin);
    expect(endOf(0, { witnesses: 0 })).toBe(suspicionMin);
    expect(endOf(1, { witnesses: 2 })).toBe(suspicionMin);
    expect(endOf(0, { witnesses: 2 })).toBeGreaterThan(suspicionMin);
  });

  it('M5: end whoever raised them, and however many others there are', () => {
    for (const hidden of [false, true]) {
      for (let witnesses = 0; witnesses < 5; witnesses++) {
        const suspicions = new Suspicions(config);
        suspicions.begin(A, '', 0);
        const circumstances = () => ({ members: 3, hidden, witnesses });
        const longest = hidden ? hiddenTimeout : suspicionMin * suspicionSpread;
        expect(suspicions.overdue(circumstances, suspicionMin - 1)).toEqual([]);
        expect(suspicions.overdue(circumstances, longest)).toEqual([A]);
      }
    }
  });

  it('M5: last longer in larger rooms, and no shorter in small ones', () => {
    expect(endOf(3, { members: 3 })).toBe(suspicionMin);
    expect(endOf(3, { members: 1_000 })).toBe(1.5 * suspicionMin);
    expect(endOf(3, { members: 10_000 })).toBe(2 * suspicionMin);
  });

  it('M5: the same witness counts once', () => {
    const suspicions = new Suspicions(config);
    suspicions.begin(A, by(1), 0);
    expect(suspicions.confirm(A, by(1), 1)).toBe(false);
    expect(suspicions.confirm(A, '', 1)).toBe(false);
    expect(suspicions.confirm(A, by(2), 1)).toBe(true);
    expect(suspicions.confirm(peer(9), by(2), 1)).toBe(false);
    expect([...suspicions.suspectedBy(A)]).toEqual([by(1), by(2)]);
  });

  it('M12: witnesses beyond those that matter are not remembered', () => {
    const suspicions = new Suspicions(config);
    suspicions.begin(A, '', 0);
    for (let n = 0; n < 100; n++) suspicions.confirm(A, by(n), 1);
    expect(suspicions.suspectedBy(A).size).toBe(config.suspicionConfirmations + 1);
  });

  it('M9: a hidden member has hiddenTimeout, unless two lost the path to it, or all that had one', () => {
    expect(endOf(0, { hidden: true })).toBe(hiddenTimeout);
    expect(endOf(1, { hidden: true })).toBeLessThan(hiddenTimeout);
    expect(endOf(0, { hidden: true, witnesses: 1 })).toBe(suspicionMin);
  });

  it('M13: what is certain waits for nobody', () => {
    expect(endOf(0, {}, true)).toBe(suspicionMin);
    expect(endOf(0, { hidden: true }, true)).toBe(suspicionMin);
  });

  it('M10: give their full time anew after this tab slept', () => {
    const suspicions = new Suspicions(config);
    suspicions.begin(A, '', 0);
    suspicions.makeCertain(A);
    suspicions.excuse(60_000);
    const circumstances = () => ({ members: 3, hidden: false, witnesses: 1 });
    expect(suspicions.overdue(circumstances, 60_001)).toEqual([]);
    expect(suspicions.overdue(circumstances, 60_000 + suspicionMin)).toEqual([A]);
  });

  it('are asked for only when one may be over, and cost nothing once they ended', () => {
    const suspicions = new Suspicions(config);
    expect(suspicions.due).toBe(Number.POSITIVE_INFINITY);
    suspicions.begin(A, '', 0);
    expect(suspicions.due).toBe(suspicionMin);
    suspicions.end(A);
    expect(suspicions.overdue(() => ({ members: 3, hidden: false, witnesses: 1 }), 9e9)).toEqual(
      [],
    );
    expect(suspicions.due).toBe(Number.POSITIVE_INFINITY);
  });
});
