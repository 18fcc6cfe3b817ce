import { describe, expect, it } from 'vitest';
import type { PeerId } from '../../util/peer-id.ts';
import type { Random } from '../../util/random.ts';
import { AveragingRoom } from '../testing/averaging-room.ts';
import { Averaging } from './averaging.ts';
import { decodeExchange, encodeExchange, MAX_AGGREGATES } from './averaging-codec.ts';

const CYCLE_MS = 1_000;
const SEEDS = [1, 2, 3];

const VALUES: Record<string, (i: number, random: Random) => number> = {
  'evenly spread': (_i, random) => random(),
  'a few large ones': (_i, random) => (0.01 + random()) ** -1.5,
  'one tab holds all': (i) => (i === 0 ? 100 : 0),
  'all alike but for a little': (_i, random) => 1_000 + random(),
};

function roomOf(seed: number, count = 100, value = VALUES['evenly spread'], latencyMs = 30) {
  const room = new AveragingRoom(seed, { latencyMs });
  const ids = room.joinRegular(count, 8);
  for (const [i, id] of ids.entries())
    room.set(id, (value as (typeof VALUES)[string])(i, room.random));
  return { room, ids };
}

/** Tabs whose count, least or greatest is not the truth. */
function wrong(room: AveragingRoom): number {
  const { count, min, max } = room.truth;
  return [...room.tabs.values()].filter((tab) => {
    const estimate = tab.estimate('load');
    return estimate?.count !== count || estimate.min !== min || estimate.max !== max;
  }).length;
}

describe('averaging over 100 tabs with 8 links each', () => {
  it.each(Object.keys(VALUES))(
    'A2 %s: every tab is within a hundredth of the mean in 15 cycles',
    (values) => {
      for (const seed of SEEDS) {
        const { room } = roomOf(seed, 100, VALUES[values]);
        room.run(15 * CYCLE_MS);
        expect(room.worstError()).toBeLessThan(0.01);
        expect(wrong(room)).toBe(0);
      }
    },
  );

  it.each(Object.keys(VALUES))(
    'A2 %s: back within a hundredth 15 cycles after a tenth died, noticed after 4 s',
    (values) => {
      for (const seed of SEEDS) {
        const { room, ids } = roomOf(seed, 100, VALUES[values]);
        room.run(30 * CYCLE_MS);
        const dead = ids.filter((_id, i) => i % 10 === seed);
        room.crash(dead);
        room.run(4 * CYCLE_MS);
        room.notice(dead, true);
        room.run(11 * CYCLE_MS);
        expect(room.worstError()).toBeLessThan(0.01);
        expect(wrong(room)).toBe(0);
      }
    },
  );

  it('A2 holds with 100 ms a hop', () => {
    for (const seed of SEEDS) {
      const { room } = roomOf(seed, 100, VALUES['one tab holds all'], 100);
      room.run(15 * CYCLE_MS);
      expect(room.worstError()).toBeLessThan(0.01);
    }
  });

  it('A1 where a fifth of all messages is lost, every tab still comes to the mean', () => {
    const room = new AveragingRoom(4, { loss: 0.2 });
    for (const id of room.joinRegular(100, 8)) room.set(id, room.random());
    room.run(90 * CYCLE_MS);
    expect(room.worstError()).toBeLessThan(0.001);
    expect(wrong(room)).toBe(0);
  });

  it('A1 messages repeated and out of order do no lasting harm', () => {
    const room = new AveragingRoom(5, { repeated: 0.2, latencyMs: 200 });
    for (const id of room.joinRegular(50, 6)) room.set(id, room.random());
    room.run(90 * CYCLE_MS);
    expect(room.worstError()).toBeLessThan(0.001);
  });

  it('A3 nothing is sent once all agree, and next to nothing in five minutes', () => {
    const { room } = roomOf(1);
    room.run(40 * CYCLE_MS);
    const settled = room.sent.bytes;
    room.run(60 * CYCLE_MS);
    expect(room.sent.bytes).toBe(settled);
    room.run(300 * CYCLE_MS);
    expect((room.sent.bytes - settled) / 360 / 100).toBeLessThan(20);
    expect(room.worstError()).toBeLessThan(0.001);
  });

  it('A3 while values change all the time, a tab sends at most four messages a cycle', () => {
    const { room, ids } = roomOf(2);
    room.run(5 * CYCLE_MS);
    room.sent.messages = 0;
    for (let cycle = 0; cycle < 20; cycle++) {
      for (const id of ids) room.set(id, room.random());
      room.run(CYCLE_MS);
    }
    expect(room.sent.messages / 20 / 100).toBeLessThan(4.5);
  });

  it('A5 a link that ends between living tabs hardly moves an estimate', () => {
    const { room, ids } = roomOf(3);
    room.run(30 * CYCLE_MS);
    let worst = 0;
    for (let i = 0; i < 10; i++) {
      const one = ids[i] as PeerId;
      const [other] = room.links.get(one) ?? [];
      room.unlink(one, other as PeerId);
      for (let step = 0; step < 20; step++) {
        room.run(250);
        worst = Math.max(worst, room.worstError());
      }
    }
    expect(worst).toBeLessThan(0.03);
  });
});

describe('averaging', () => {
  it('A4 follows values that change, and the count of those who have one', () => {
    const { room, ids } = roomOf(6, 30);
    room.run(10 * CYCLE_MS);
    for (const [i, id] of ids.entries()) room.set(id, i < 10 ? undefined : 5 + i);
    room.run(15 * CYCLE_MS);
    expect(room.worstError()).toBeLessThan(0.001);
    expect(wrong(room)).toBe(0);
  });

  it('A6 a least value that is taken back is forgotten everywhere', () => {
    const { room, ids } = roomOf(7, 100);
    room.set(ids[0] as PeerId, -50);
    room.run(10 * CYCLE_MS);
    expect(wrong(room)).toBe(0);
    room.set(ids[0] as PeerId, 0.5);
    room.run(10 * CYCLE_MS);
    expect(wrong(room)).toBe(0);
  });

  it('A6 the least of equal values is settled on like any other', () => {
    const { room } = roomOf(8, 40, () => 7);
    room.run(20 * CYCLE_MS);
    const settled = room.sent.bytes;
    room.run(60 * CYCLE_MS);
    expect(room.sent.bytes).toBe(settled);
    expect(wrong(room)).toBe(0);
  });

  it('A6 a member declared dead by mistake takes its place again', () => {
    const { room, ids } = roomOf(9, 20);
    room.set(ids[0] as PeerId, -1);
    room.run(10 * CYCLE_MS);
    for (const id of ids.slice(1)) room.tabs.get(id)?.memberGone(ids[0] as PeerId, room.now);
    room.run(10 * CYCLE_MS);
    expect(wrong(room)).toBe(0);
  });

  it('A4 a tab that comes later learns the estimate without setting a value', () => {
    const { room, ids } = roomOf(10, 20);
    room.run(10 * CYCLE_MS);
    const late = room.join(...ids.slice(0, 8));
    room.run(10 * CYCLE_MS);
    expect(room.tabs.get(late)?.estimate('load')?.count).toBe(20);
    expect(room.worstError()).toBeLessThan(0.01);
  });

  it('A7 an aggregate that nobody sets any more is forgotten, and can come back', () => {
    const { room, ids } = roomOf(11, 20);
    room.run(10 * CYCLE_MS);
    for (const id of ids) room.set(id, undefined);
    room.run(120 * CYCLE_MS);
    for (const tab of room.tabs.values()) expect(tab.estimate('load')).toBeUndefined();
    const quiet = room.sent.bytes;
    room.run(60 * CYCLE_MS);
    expect(room.sent.bytes).toBe(quiet);
    for (const id of ids) room.set(id, 3);
    room.run(15 * CYCLE_MS);
    expect(room.worstError()).toBeLessThan(0.001);
  });

  it('tells of changes, and not of each small step', () => {
    const { room } = roomOf(12, 30);
    room.run(30 * CYCLE_MS);
    const told = room.changes.length / 30;
    expect(told).toBeGreaterThan(1);
    expect(told).toBeLessThan(40);
    room.run(60 * CYCLE_MS);
    expect(room.changes.length / 30).toBe(told);
  });

  it('A3 a neighbor that does not answer is asked ever less', () => {
    const { room, ids } = roomOf(13, 2, (i) => i);
    room.crash(ids.slice(1));
    room.run(600 * CYCLE_MS);
    expect(room.sent.messages).toBeLessThan(20);
  });

  it('a tab alone, or out of the room, reads its own value', () => {
    const { room, ids } = roomOf(14, 3, (i) => i);
    room.run(10 * CYCLE_MS);
    const [first, ...others] = ids as [PeerId, ...PeerId[]];
    for (const other of others) room.unlink(first, other);
    room.tabs.get(first)?.forgetOthers(room.now);
    expect(room.tabs.get(first)?.estimate('load')).toMatchObject({ mean: 0, min: 0, max: 0 });
    expect(room.tabs.get(first)?.estimate('other')).toBeUndefined();
  });

  it('without aggregates there is nothing to do', () => {
    const room = new AveragingRoom(15);
    for (const id of room.joinRegular(10, 4)) {
      expect(room.tabs.get(id)?.due).toBe(Number.POSITIVE_INFINITY);
    }
    room.run(10 * CYCLE_MS);
    expect(room.sent.messages).toBe(0);
  });
});

describe('averaging, bounded', () => {
  const PEER = 'b'.repeat(32);
  const sent: Uint8Array[] = [];

  function lone(): Averaging {
    sent.length = 0;
    return new Averaging('a'.repeat(32), { averagingInterval: 1_000 }, () => 0.5, {
      send: (_peer, payload) => sent.push(payload),
      changed: () => undefined,
      size: () => 2,
    });
  }

  function question(sequence: number, names: readonly string[], value = 1): Uint8Array {
    return encodeExchange({
      isAnswer: false,
      sequence,
      items: names.map((name) => ({
        name,
        flow: { value: 0, weight: 0 },
        estimate: { value, weight: 1 },
        claims: [{ holder: 'bbbbbbbbbbbb', version: 1, value, age: 0 }],
      })),
    });
  }

  it('A7 at the cap no name of others is taken in, and own values come first', () => {
    const tab = lone();
    tab.neighborUp(PEER, 0);
    const names = Array.from({ length: MAX_AGGREGATES }, (_, i) => `n${i}`);
    expect(tab.onPayload(PEER, question(1, names), 0)).toBe(true);
    expect(tab.estimate('n255')?.mean).toBe(1);
    tab.onPayload(PEER, question(2, ['one more']), 1);
    expect(tab.estimate('one more')).toBeUndefined();
    expect(decodeExchange(sent[1] as Uint8Array)?.items).toMatchObject([
      { name: 'one more', flow: { value: 0, weight: 0 }, estimate: { value: 1, weight: 1 } },
    ]);
    expect(tab.set('own', 5, 2)).toBe(true);
    expect(tab.estimate('own')?.mean).toBe(5);
    expect(tab.estimate('n0')).toBeUndefined();
  });

  it('A7 more own values than there may be are refused, and those set stay', () => {
    const tab = lone();
    for (let i = 0; i < MAX_AGGREGATES; i++) expect(tab.set(`n${i}`, i, 0)).toBe(true);
    expect(tab.set('one more', 1, 0)).toBe(false);
    expect(tab.set('n0', 7, 0)).toBe(true);
    expect(tab.estimate('n0')?.mean).toBe(7);
  });

  it('what cannot be read is told, and what comes from no neighbor is ignored', () => {
    const tab = lone();
    expect(tab.onPayload(PEER, new Uint8Array([7]), 0)).toBe(false);
    expect(tab.onPayload(PEER, question(1, ['x']), 0)).toBe(true);
    expect(sent).toEqual([]);
    expect(tab.estimate('x')).toBeUndefined();
  });

  it('A1 a question that is repeated is answered once', () => {
    const tab = lone();
    tab.neighborUp(PEER, 0);
    tab.set('x', 3, 0);
    tab.onPayload(PEER, question(4, ['x']), 0);
    tab.onPayload(PEER, question(4, ['x']), 1);
    tab.onPayload(PEER, question(3, ['x']), 2);
    expect(sent).toHaveLength(1);
  });

  it('A1 where both ask at once, the question of the smaller id stands', () => {
    const tab = lone();
    tab.neighborUp(PEER, 0);
    tab.set('x', 3, 0);
    tab.tick(tab.due);
    expect(sent).toHaveLength(1);
    tab.onPayload(PEER, question(1, ['x']), 600);
    expect(sent).toHaveLength(1);
    tab.onPayload(PEER, question(2, ['x']), 5_000);
    expect(sent).toHaveLength(2);
  });

  it('estimates stay between the least and the greatest value, whatever a neighbor says', () => {
    const tab = lone();
    tab.neighborUp(PEER, 0);
    tab.set('x', 3, 0);
    const [item] = decodeExchange(question(1, ['x']))?.items ?? [];
    const estimate = { value: 1e114, weight: 1e-3 };
    tab.onPayload(
      PEER,
      encodeExchange({
        isAnswer: false,
        sequence: 1,
        items: [{ ...item, name: 'x', estimate } as never],
      }),
      0,
    );
    expect(tab.estimate('x')?.mean).toBe(3);
  });
});
