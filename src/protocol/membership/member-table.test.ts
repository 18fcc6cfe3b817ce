import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../util/testing/runs.ts';
import { claimOf, peer } from '../testing/members.ts';
import { MEMBER_STATUSES, type MemberEntry, shortOf } from '../wire.ts';
import { MemberTable } from './member-table.ts';

const SELF = claimOf(peer(0xffff));
const REPLICA = 'a'.repeat(16);

const claim: fc.Arbitrary<MemberEntry> = fc
  .record({
    n: fc.nat(5),
    status: fc.constantFrom(...MEMBER_STATUSES),
    incarnation: fc.nat(3),
    hidden: fc.boolean(),
  })
  .map(({ n, status, incarnation, hidden }) => claimOf(peer(n), status, incarnation, { hidden }));

function tableOf(claims: readonly MemberEntry[], capacity = 100): MemberTable {
  const table = new MemberTable(SELF, capacity, 0);
  for (const [at, one] of claims.entries()) table.apply(one, at);
  return table;
}

const all = (table: MemberTable) =>
  [...table.known()].sort().map((id) => table.claimOf(id) as MemberEntry);
const present = (table: MemberTable) => all(table).filter(({ id }) => table.isPresent(id));

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
        expect(all(one)).toEqual(all(other));
        expect(one.digest()).toEqual(other.digest());
        expect(one.count).toBe(present(one).length + 1);
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

  it('M8: digests are equal exactly where tables agree on the present and their lists', () => {
    const lists = fc.array(fc.tuple(fc.nat(5), fc.nat(2)), { maxLength: 3 });
    fc.assert(
      fc.property(
        fc.array(claim, { maxLength: 12 }),
        fc.array(claim, { maxLength: 12 }),
        lists,
        lists,
        (a, b, listsA, listsB) => {
          const [one, other] = [tableOf(a), tableOf(b)];
          const seen = [
            [one, listsA],
            [other, listsB],
          ].map(([each, versions]) => {
            const table = each as MemberTable;
            const held = new Map(versions as [number, number][]);
            for (const [n, version] of held) table.setListVersion(peer(n), version);
            return JSON.stringify(
              present(table).map((entry, _, { length }) => {
                const n = [0, 1, 2, 3, 4, 5].find((each) => peer(each) === entry.id) ?? length;
                return [entry, held.get(n) ?? 0];
              }),
            );
          });
          expect(one.digest().join() === other.digest().join()).toBe(seen[0] === seen[1]);
        },
      ),
      { numRuns: runs(500) },
    );
  });

  it('M8: the digest covers a member whose id and state are all zeros', () => {
    const none = tableOf([]);
    const one = tableOf([claimOf('0'.repeat(32), 'alive', 0)]);
    expect(one.digest()).not.toEqual(none.digest());
    one.setListVersion('0'.repeat(32), 1);
    expect(one.digest()).not.toEqual(tableOf([claimOf('0'.repeat(32), 'alive', 0)]).digest());
  });

  it('tells what a member was before, and nothing of one that is first heard of as gone', () => {
    const table = tableOf([]);
    expect(table.apply(claimOf(peer(1), 'left'), 0)).toBeUndefined();
    expect(table.apply(claimOf(peer(2)), 0)?.before).toBeUndefined();
    expect(table.apply(claimOf(peer(2), 'suspect'), 1)?.before).toBe('alive');
    expect(table.apply(claimOf(peer(2), 'dead'), 2)?.before).toBe('suspect');
    expect(table.isPresent(peer(2))).toBe(false);
    expect([...table.dead()]).toEqual([peer(2)]);
    expect(table.lastGoneAt).toBe(2);
  });

  it('resolves the short ids of members that it knows', () => {
    const table = tableOf([claimOf(peer(1))]);
    expect(table.resolve(shortOf(peer(1)))).toBe(peer(1));
    table.forget(peer(1));
    expect(table.resolve(shortOf(peer(1)))).toBeUndefined();
  });

  it('M12: holds at most its capacity; the gone longest ago make room, the present do not', () => {
    const table = tableOf([], 4);
    for (const n of [1, 2]) table.apply(claimOf(peer(n)), n);
    table.apply(claimOf(peer(1), 'left'), 10);
    table.apply(claimOf(peer(2), 'dead'), 20);
    for (const n of [3, 4, 5, 6, 7]) table.apply(claimOf(peer(n)), 30 + n);
    expect([...table.known()]).toEqual([peer(3), peer(4), peer(5)]);
    expect(table.count).toBe(4);
  });

  it('M12: the gone are forgotten after half an hour', () => {
    const table = tableOf([claimOf(peer(1)), claimOf(peer(2))]);
    table.apply(claimOf(peer(1), 'left'), 1_000);
    expect(table.forgetGone(1_800_999)).toEqual([]);
    expect(table.forgetGone(1_801_000)).toEqual([peer(1)]);
    expect(table.claimOf(peer(1))).toBeUndefined();
    expect(table.isPresent(peer(2))).toBe(true);
  });

  it('M13: knows the older of two sessions of a replica, whichever was heard of first', () => {
    const session = (n: number, generation: number) =>
      claimOf(peer(n), 'alive', 0, { replica: REPLICA, generation });
    const table = tableOf([session(1, 7)]);
    expect(table.supersededBy(session(2, 8))).toBe(peer(1));
    expect(table.supersededBy(session(2, 6))).toBe(peer(2));
    expect(table.supersededBy(session(2, 7))).toBeUndefined();
    expect(table.supersededBy({ ...session(2, 8), replica: '' })).toBeUndefined();
    table.apply(session(3, 9), 1);
    expect(table.supersededBy(session(2, 8))).toBe(peer(2));
  });

  it('M14: a lost member is dead here and nothing is claimed of it; a greater claim ends that', () => {
    const table = tableOf([claimOf(peer(1))]);
    const digest = tableOf([]).digest();
    expect(table.setLost(peer(1), true, 5)).toEqual({
      entry: claimOf(peer(1), 'dead'),
      before: 'alive',
    });
    expect(table.setLost(peer(1), true, 6)).toBeUndefined();
    expect([table.isPresent(peer(1)), table.claimOf(peer(1))?.status]).toEqual([false, 'alive']);
    expect(table.digest()).toEqual(digest);
    expect([...table.dead()]).toEqual([peer(1)]);
    expect(table.setLost(peer(1), false, 7)?.entry.status).toBe('alive');
    table.setLost(peer(1), true, 8);
    expect(table.apply(claimOf(peer(1), 'alive', 1), 9)?.before).toBe('dead');
    expect(table.count).toBe(2);
  });

  it('M14: all tabs choose the same one to look for a member, and it is one that lives', () => {
    const ids = [1, 2, 3, 4, 5, 6].map(peer);
    for (const lost of ids) {
      const chosen = ids.filter((id) => {
        const table = new MemberTable(claimOf(id), 100, 0);
        for (const other of ids) table.apply(claimOf(other), 0);
        return table.isChosenFor(lost) && id !== lost;
      });
      expect(chosen).toHaveLength(1);
    }
  });
});
