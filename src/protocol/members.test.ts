import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../util/testing/runs.ts';
import { resolveConfig } from './config.ts';
import { MEMBER_STATUSES, type MemberEntry } from './frames.ts';
import { MemberTable } from './members.ts';

const SELF: MemberEntry = { id: 'f'.repeat(32), status: 'alive', incarnation: 0, hidden: false };
const idOf = (n: number) => n.toString(16).padStart(32, '0');

const claim: fc.Arbitrary<MemberEntry> = fc.record({
  id: fc.nat(5).map(idOf),
  status: fc.constantFrom(...MEMBER_STATUSES),
  incarnation: fc.nat(3),
  hidden: fc.boolean(),
});
const alive = (id: string, incarnation = 0): MemberEntry => ({
  id,
  status: 'alive',
  incarnation,
  hidden: false,
});

function tableOf(claims: readonly MemberEntry[], capacity = 100): MemberTable {
  const table = new MemberTable(SELF, capacity, 0);
  for (const [at, one] of claims.entries()) table.apply(one, at);
  return table;
}

const sorted = (table: MemberTable) => table.entries().sort((a, b) => (a.id < b.id ? -1 : 1));

describe('the member table', () => {
  it('M1: the same claims give the same table, in any order and however often', () => {
    const shuffled = fc
      .array(claim, { maxLength: 20 })
      .chain((claims) =>
        fc.tuple(
          fc.constant(claims),
          fc.shuffledSubarray([...claims, ...claims], { minLength: 2 * claims.length }),
        ),
      );
    fc.assert(
      fc.property(shuffled, ([claims, again]) => {
        const [one, other] = [tableOf(claims), tableOf(again)];
        expect(sorted(one)).toEqual(sorted(other));
        expect(one.digest()).toEqual(other.digest());
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('M1: a claim is news once, and never about this tab itself', () => {
    fc.assert(
      fc.property(fc.array(claim, { maxLength: 20 }), claim, (claims, one) => {
        const table = tableOf(claims);
        table.apply(one, 50);
        expect(table.apply(one, 51)).toBeUndefined();
        expect(table.apply({ ...one, id: SELF.id }, 52)).toBeUndefined();
        expect(table.self).toEqual(SELF);
      }),
    );
  });

  it('M8: digests are equal exactly where tables agree on the present', () => {
    fc.assert(
      fc.property(
        fc.array(claim, { maxLength: 12 }),
        fc.array(claim, { maxLength: 12 }),
        (a, b) => {
          const [one, other] = [tableOf(a), tableOf(b)];
          const present = (table: MemberTable) =>
            sorted(table).filter(({ id }) => table.isPresent(id));
          const agree = JSON.stringify(present(one)) === JSON.stringify(present(other));
          expect(one.digest().join() === other.digest().join()).toBe(agree);
        },
      ),
    );
  });

  it('tells what a member was before, and nothing of one that is first heard of as gone', () => {
    const table = tableOf([]);
    const entry = alive(idOf(1));
    expect(table.apply(entry, 0)).toEqual({ entry, before: undefined });
    const suspect = { ...entry, status: 'suspect' as const };
    expect(table.apply(suspect, 0)).toEqual({ entry: suspect, before: 'alive' });
    expect(table.apply({ ...alive(idOf(2)), status: 'dead' }, 0)).toBeUndefined();
    expect(table.get(idOf(2))?.status).toBe('dead');
  });

  it('M5: each suspicion has its full time, also where one follows another', () => {
    const table = tableOf([]);
    table.apply({ ...alive(idOf(1), 1), status: 'suspect' }, 0);
    table.apply({ ...alive(idOf(1), 2), status: 'suspect' }, 90);
    expect([...table.overdueSuspects(100, 100)]).toEqual([]);
    expect([...table.overdueSuspects(100, 190)]).toHaveLength(1);
  });

  it('M7: members unheard of for four announcements are told, the hidden later', () => {
    const config = resolveConfig();
    const table = tableOf([]);
    const silence = 4 * config.announceInterval;
    table.apply(alive(idOf(1)), 0);
    table.apply({ ...alive(idOf(2)), hidden: true }, 0);
    table.apply(alive(idOf(3)), 0);
    table.heard(idOf(3), 1);
    const unheard = (now: number) => [...table.unheard(config, now)].map(({ id }) => id);
    expect(unheard(silence - 1)).toEqual([]);
    expect(unheard(silence)).toEqual([idOf(1)]);
    expect(unheard(silence + config.hiddenTimeout)).toEqual([idOf(1), idOf(2), idOf(3)]);
    table.excuse(silence);
    expect(unheard(silence + 1)).toEqual([]);
  });

  it('M12: holds at most its capacity; the gone longest ago make room, the present do not', () => {
    const table = tableOf([], 4);
    for (const n of [1, 2]) table.apply(alive(idOf(n)), n);
    table.apply({ ...alive(idOf(1)), status: 'left' }, 10);
    table.apply({ ...alive(idOf(2)), status: 'dead' }, 20);
    for (const n of [3, 4, 5, 6, 7]) table.apply(alive(idOf(n)), 30 + n);
    expect(table.entries().map(({ id }) => id)).toEqual([SELF.id, idOf(3), idOf(4), idOf(5)]);
  });

  it('M12: the gone are forgotten after five minutes', () => {
    const table = tableOf([alive(idOf(1))]);
    table.apply({ ...alive(idOf(1)), status: 'left' }, 1_000);
    table.forgetGone(300_999);
    expect(table.get(idOf(1))?.status).toBe('left');
    table.forgetGone(301_000);
    expect(table.get(idOf(1))).toBeUndefined();
  });
});
