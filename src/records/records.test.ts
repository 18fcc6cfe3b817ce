/** Records over links, disks and locks (src/memory/SPEC.md R6 to R9). */

import { describe, expect, it } from 'vitest';
import { toHex } from '../util/bytes.ts';
import { Profile, settled, TestRoom, type TestTab } from './testing/room.ts';

const map = (tab: TestTab) => tab.collections.map<string>('todos');
const count = (tab: TestTab) => tab.collections.counter('visits');
const digest = (tab: TestTab) => toHex(tab.records.digest());

describe('tabs of two profiles', () => {
  it('a write reaches a neighbor as a rumor, and both digests are equal', async () => {
    const room = new TestRoom();
    const [a, b] = [await room.open(new Profile()), await room.open(new Profile())];
    room.link(a, b);
    await room.advance(1_000);
    map(a).set('milk', 'buy');
    await settled();
    expect(map(b).get('milk')).toBe('buy');
    expect(digest(b)).toBe(digest(a));
    await room.advance(1_000);
    expect([a.records.isSynced(), b.records.isSynced()]).toEqual([true, true]);
  });

  it('what each wrote alone is reconciled when they link', async () => {
    const room = new TestRoom();
    const [a, b] = [await room.open(new Profile()), await room.open(new Profile())];
    for (let i = 0; i < 50; i++) map(a).set(`a${i}`, 'of a');
    for (let i = 0; i < 50; i++) map(b).set(`b${i}`, 'of b');
    room.link(a, b);
    await room.advance(5_000);
    expect([map(a).size, map(b).size]).toEqual([100, 100]);
    expect(digest(b)).toBe(digest(a));
    expect(a.rumors).toEqual([]);
  });

  it.each([
    [60, 3],
    [3, 60],
    [60, 0],
  ])('one with %i records and one with %i come together', async (many, few) => {
    const room = new TestRoom();
    const [a, b] = [await room.open(new Profile()), await room.open(new Profile())];
    for (let i = 0; i < many; i++) map(a).set(`a${i}`, 'of a');
    for (let i = 0; i < few; i++) map(b).set(`b${i}`, 'of b');
    room.link(a, b);
    await room.advance(5_000);
    expect([map(a).size, map(b).size]).toEqual([many + few, many + few]);
    expect([...a.misbehaved, ...b.misbehaved]).toEqual([]);
  });

  it('a rumor and a frame that cannot be read change nothing', async () => {
    const room = new TestRoom();
    const tab = await room.open(new Profile());
    tab.records.deliver('f'.repeat(32), Uint8Array.of(1, 2, 3));
    tab.records.direct('f'.repeat(32), Uint8Array.of(200));
    expect(tab.errors.map(({ code }) => code)).toEqual(['bad-frame']);
    expect(tab.misbehaved).toEqual(['a message on records that cannot be read']);
    expect(tab.records.size).toBe(0);
  });
});

describe('counters in blocks (R6)', () => {
  it('writes beyond the block are shown once they are reserved on the disk, and not before', async () => {
    const room = new TestRoom();
    const [a, b] = [await room.open(new Profile()), await room.open(new Profile())];
    room.link(a, b);
    await room.advance(1_000);
    a.store.pause();
    a.records.transact(() => {
      for (let i = 0; i < 1_025; i++) map(a).set(`${i}`, 'many');
    });
    await room.advance(5_000);
    expect([a.rumors.length, map(b).size]).toEqual([0, 0]);
    a.store.resume();
    await room.advance(5_000);
    expect(map(b).size).toBe(1_025);
    expect(digest(b)).toBe(digest(a));
  });

  it('where they cannot be reserved the tab writes as another, and nothing is lost', async () => {
    const room = new TestRoom();
    const [a, b] = [await room.open(new Profile()), await room.open(new Profile())];
    room.link(a, b);
    await room.advance(1_000);
    const before = a.replica;
    a.store.isBroken = true;
    count(a).add(2);
    a.records.transact(() => {
      for (let i = 0; i < 1_025; i++) map(a).set(`${i}`, 'many');
    });
    await room.advance(5_000);
    expect(a.errors.map(({ code }) => code)).toEqual(['store-unavailable']);
    expect(a.replica).not.toBe(before);
    expect([map(b).size, count(b).value]).toEqual([1_025, 2]);
    expect(digest(b)).toBe(digest(a));
  });

  it('a crash within a block leaves a gap, and no counter is used twice', async () => {
    const room = new TestRoom();
    const profile = new Profile();
    const [a, b] = [await room.open(profile), await room.open(new Profile())];
    room.link(a, b);
    await room.advance(1_000);
    a.store.pause();
    map(a).set('lost on disk', 'but told');
    count(a).add(5);
    await settled();
    a.crash();
    room.unlink(a, b);
    const again = await room.open(profile);
    expect(again.replica).toBe(a.replica);
    expect(map(again).size).toBe(0);
    count(again).add(3);
    room.link(again, b);
    await room.advance(5_000);
    for (const tab of [again, b]) {
      expect([map(tab).get('lost on disk'), count(tab).value]).toEqual(['but told', 8]);
    }
    expect(digest(again)).toBe(digest(b));
  });

  it('after a while without writes the block is given back, so that a crash is a clean end', async () => {
    const room = new TestRoom();
    const profile = new Profile();
    const tab = await room.open(profile);
    count(tab).add(5);
    await room.advance(60_000);
    tab.crash();
    const again = await room.open(profile);
    count(again).add(5);
    // The running total went on in the same epoch: one value, not two.
    const records = [...again.records.collection('cvisits\0').values()];
    expect(records.map(({ next }) => next)).toEqual([undefined]);
    expect(count(again).value).toBe(10);
  });
});

describe('leases (R8)', () => {
  it('tabs of a profile write as different replicas, and a later one as the first free', async () => {
    const room = new TestRoom();
    const profile = new Profile();
    const [a, b] = [await room.open(profile), await room.open(profile)];
    expect(a.replica).not.toBe(b.replica);
    await a.close();
    const c = await room.open(profile);
    expect(c.identities).toEqual([{ replica: a.replica, generation: 2 }]);
  });

  it('a clean close goes on with the epoch of totals, any other end begins a new one', async () => {
    const room = new TestRoom();
    const profile = new Profile();
    const values = (tab: TestTab) => {
      let dots = 0;
      for (let each = tab.records.get('cvisits\0'); each !== undefined; each = each.next) dots++;
      return dots;
    };
    const first = await room.open(profile);
    count(first).add(1);
    await first.close();
    const second = await room.open(profile);
    count(second).add(1);
    expect([values(second), count(second).value]).toEqual([1, 2]);
    await second.records.flush();
    second.crash();
    const third = await room.open(profile);
    count(third).add(1);
    expect([values(third), count(third).value]).toEqual([2, 3]);
  });

  it('a session that finds a later one of its replica goes on as another', async () => {
    const room = new TestRoom();
    const [a, b] = [await room.open(new Profile()), await room.open(new Profile())];
    room.link(a, b);
    await room.advance(1_000);
    const { replica } = a;
    map(a).set('milk', 'buy');
    const entry = { id: 'e'.repeat(32), status: 'alive', incarnation: 0, hidden: false } as const;
    a.records.memberSeen({ ...entry, replica, generation: 1, by: '' });
    expect(a.replica).toBe(replica);
    a.records.memberSeen({ ...entry, replica, generation: 2, by: '' });
    expect(a.replica).not.toBe(replica);
    map(a).set('bread', 'buy');
    await room.advance(5_000);
    expect([...map(b)].sort()).toEqual([
      ['bread', 'buy'],
      ['milk', 'buy'],
    ]);
    expect(digest(b)).toBe(digest(a));
  });
});

describe('tabs on one disk (R7)', () => {
  it('what both wrote is there for the next, and what one removed stays removed', async () => {
    const room = new TestRoom();
    const profile = new Profile();
    const [a, b] = [await room.open(profile), await room.open(profile)];
    map(a).set('milk', 'of a');
    map(a).set('gone', 'of a');
    await a.records.flush();
    map(b).set('bread', 'of b');
    await b.records.flush();
    expect(map(b).get('milk')).toBe('of a');
    map(b).delete('gone');
    await b.records.flush();
    map(a).set('eggs', 'of a');
    await a.records.flush();
    expect(map(a).has('gone')).toBe(false);
    const c = await room.open(profile);
    expect([...map(c).keys()].sort()).toEqual(['bread', 'eggs', 'milk']);
    expect(digest(c)).toBe(digest(a));
  });

  it('a change is on the disk without being asked for', async () => {
    const room = new TestRoom();
    const profile = new Profile();
    const a = await room.open(profile);
    map(a).set('milk', 'buy');
    await settled();
    a.crash();
    expect(map(await room.open(profile)).get('milk')).toBe('buy');
  });

  it('a failure is told once, and all is written when the store works again', async () => {
    const room = new TestRoom();
    const profile = new Profile();
    const a = await room.open(profile);
    a.store.isBroken = true;
    map(a).set('milk', 'buy');
    await expect(a.records.flush()).rejects.toThrow('broken');
    map(a).set('bread', 'buy');
    await room.advance(10_000);
    expect(a.errors.map(({ code }) => code)).toEqual(['store-unavailable']);
    a.store.isBroken = false;
    await room.advance(30_000);
    a.crash();
    expect(map(await room.open(profile)).size).toBe(2);
  });

  it('a store that was emptied is filled again, also where another tab slept meanwhile', async () => {
    const room = new TestRoom();
    const profile = new Profile();
    const [a, b] = [await room.open(profile), await room.open(profile)];
    map(a).set('milk', 'of a');
    await a.records.flush();
    map(b).set('bread', 'of b');
    await b.records.flush();
    profile.disk.rows.splice(0);
    a.records.storeLost();
    await a.records.flush();
    map(b).set('eggs', 'of b');
    await b.records.flush();
    const c = await room.open(profile);
    expect([...map(c).keys()].sort()).toEqual(['bread', 'eggs', 'milk']);
  });

  it('rows that cannot be read are told and left out, and nothing else counts as removed', async () => {
    const room = new TestRoom();
    const profile = new Profile();
    const [a, b] = [await room.open(profile), await room.open(new Profile())];
    room.link(a, b);
    map(a).set('milk', 'buy');
    map(a).set('bread', 'buy');
    count(a).add(5);
    await room.advance(1_000);
    await a.close();
    room.unlink(a, b);
    const at = profile.disk.rows.findIndex(({ key }) => String(key[2]).endsWith('milk'));
    const counted = profile.disk.rows.findIndex(({ key }) => String(key[2]).startsWith('cvisits'));
    for (const index of [at, counted]) {
      const { key } = profile.disk.rows[index] as { key: readonly string[] };
      profile.disk.rows[index] = { key, value: Uint8Array.of(255) };
    }
    const again = await room.open(profile);
    expect(again.errors.map(({ code }) => code)).toEqual(['store-corrupt']);
    expect([...map(again).keys()]).toEqual(['bread']);
    count(again).add(1);
    room.link(again, b);
    await room.advance(5_000);
    for (const tab of [again, b]) expect([map(tab).size, count(tab).value]).toEqual([2, 6]);
    expect(digest(again)).toBe(digest(b));
  });
});

describe('a damaged disk', () => {
  it('is made whole by a tab that still holds what was on it', async () => {
    const room = new TestRoom();
    const profile = new Profile();
    const a = await room.open(profile);
    map(a).set('milk', 'buy');
    map(a).set('bread', 'buy');
    await a.records.flush();
    const at = profile.disk.rows.findIndex(({ key }) => String(key[2]).endsWith('milk'));
    const { key } = profile.disk.rows[at] as { key: readonly string[] };
    profile.disk.rows[at] = { key, value: Uint8Array.of(255) };
    const b = await room.open(profile);
    await b.records.flush();
    map(a).set('eggs', 'buy');
    await a.records.flush();
    const c = await room.open(profile);
    expect([...map(c).keys()].sort()).toEqual(['bread', 'eggs', 'milk']);
  });
});

describe('causal rooms', () => {
  it.each([false, true])(
    'R5: what a comparison brought is told as gained, and what a rumor brought is not (causal: %s)',
    async (isCausal) => {
      const room = new TestRoom({ isCausal });
      const [a, b] = [await room.open(new Profile()), await room.open(new Profile())];
      a.collections.map('todos').set('x', 1);
      room.link(a, b);
      await room.advance(2_000);
      expect(b.collections.map('todos').get('x')).toBe(1);
      const { gains } = b;
      expect(gains).toBeGreaterThan(0);
      a.collections.map('todos').set('y', 2);
      await room.advance(2_000);
      expect(b.collections.map('todos').get('y')).toBe(2);
      expect([a.gains, b.gains]).toEqual([0, gains]);
    },
  );

  it('an effect is shown after its cause, which is asked for where it was lost', async () => {
    const room = new TestRoom({ isCausal: true });
    const [a, b, c] = [
      await room.open(new Profile()),
      await room.open(new Profile()),
      await room.open(new Profile()),
    ];
    for (const [from, to] of [
      [a, b],
      [b, c],
      [a, c],
    ] as const)
      room.link(from, to);
    await room.advance(2_000);
    room.carries = (from, to) => !(from === a && to === c);
    map(a).set('question', 'where?');
    await settled();
    map(b).set('answer', 'here');
    await settled();
    expect(map(c).has('answer')).toBe(false);
    expect(c.records.waiting).toBe(1);
    await room.advance(5_000);
    expect([map(c).get('question'), map(c).get('answer')]).toEqual(['where?', 'here']);
    expect(c.records.waiting).toBe(0);
  });

  it('after a reload its writes still follow what was seen before', async () => {
    const room = new TestRoom({ isCausal: true });
    const profile = new Profile();
    const [a, b, c] = [
      await room.open(new Profile()),
      await room.open(profile),
      await room.open(new Profile()),
    ];
    room.link(a, b);
    await room.advance(1_000);
    map(a).set('question', 'where?');
    await room.advance(1_000);
    await b.close();
    const again = await room.open(profile);
    expect(map(again).get('question')).toBe('where?');
    room.link(again, c);
    room.carries = () => false;
    await room.advance(2_000);
    map(again).set('answer', 'here');
    await settled();
    expect(again.rumors.length).toBe(1);
    const d = await room.open(new Profile());
    d.records.deliver(again.id, again.rumors[0] as Uint8Array);
    expect([map(d).size, d.records.waiting]).toEqual([0, 1]);
    await room.advance(5_000);
    expect(map(c).size).toBe(2);
  });
});
