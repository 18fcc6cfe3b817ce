import { describe, expect, it } from 'vitest';
import { peer } from '../testing/members.ts';
import { type LinkList, shortOf, shortsToBytes } from '../wire.ts';
import { OwnList } from './own-list.ts';
import { LOST_MS, Reach } from './reach.ts';
import { Topology } from './topology.ts';

const [ME, A, B, C, D] = [9, 1, 2, 3, 4].map(peer) as [string, string, string, string, string];

function topology(gone: readonly string[] = []) {
  const ids = new Map([ME, A, B, C, D].map((id) => [shortOf(id), id]));
  const versions = new Map<string, number>();
  const machine = new Topology(
    ME,
    {
      resolve: (short) => ids.get(short),
      isPresent: (id) => !gone.includes(id),
      isSuspect: () => false,
      isClaimed: (id) => !gone.includes(id),
      setListVersion: (id, version) => versions.set(id, version),
    },
    0,
  );
  return { machine, versions };
}

const listOf = (id: string, version: number, neighbors: readonly string[]): LinkList => ({
  id: shortOf(id),
  version,
  neighbors: shortsToBytes(neighbors.map(shortOf)),
});

describe('link lists', () => {
  it('M16: the greater version holds, and is news once', () => {
    const { machine, versions } = topology();
    const before = machine.graph.version;
    expect(machine.take(A, listOf(A, 2, [B]), B, 0)).toBe('news');
    expect(machine.take(A, listOf(A, 2, [B]), B, 0)).toBe('known');
    expect(machine.take(A, listOf(A, 1, [C]), B, 0)).toBe('old');
    expect(machine.graph.neighborsOf(A)).toEqual([B]);
    expect(machine.graph.version).toBe(before + 1);
    expect(versions.get(A)).toBe(2);
    expect(machine.listOf(A)).toEqual(listOf(A, 2, [B]));
  });

  it('M16: edges lead to present members, and from what is not known nowhere', () => {
    const { machine } = topology([C]);
    machine.take(
      A,
      {
        ...listOf(A, 1, [B, C]),
        neighbors: shortsToBytes([shortOf(B), shortOf(C), 'f'.repeat(12)]),
      },
      A,
      0,
    );
    expect(machine.graph.neighborsOf(A)).toEqual([B]);
    expect(machine.graph.neighborsOf(D)).toEqual([]);
  });

  it('M16: this tab goes on above a list that another made for it', () => {
    const { machine } = topology();
    expect(machine.listOf(ME)).toBeUndefined();
    machine.linksChanged([A], 0);
    expect(machine.graph.neighborsOf(ME)).toEqual([A]);
    expect(machine.take(ME, listOf(ME, 40, [B]), A, 0)).toBe('refused');
    machine.renew([A], 1_100);
    expect(machine.listOf(ME)).toEqual(listOf(ME, 41, [A]));
    expect(machine.take(ME, listOf(ME, 40, [B]), A, 700)).toBe('old');
  });

  it('M12: a version that jumps too far is believed of the member alone', () => {
    const { machine } = topology();
    expect(machine.take(A, listOf(A, 70_000, [B]), B, 0)).toBe('refused');
    expect(machine.take(ME, listOf(ME, 70_000, [B]), B, 0)).toBe('refused');
    machine.renew([], 600);
    expect(machine.listOf(ME)?.version).toBe(1);
    expect(machine.take(A, listOf(A, 70_000, [B]), A, 0)).toBe('news');
  });

  it('M16: new versions come at longer and longer pauses while links change, and soon after a calm', () => {
    const list = new OwnList(ME);
    const pauses: number[] = [];
    let now = 0;
    for (let i = 0; i < 6; i++) {
      list.changed(now);
      list.changed(now + 1);
      pauses.push(list.due - now);
      now = list.due;
      list.next([], now);
      expect(list.due).toBe(Number.POSITIVE_INFINITY);
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
    list.changed(now + 20_000);
    expect(list.due).toBe(now + 21_000);
  });
});

describe('reach', () => {
  const walk = (reach: Reach, reachable: readonly string[], now: number) =>
    reach.walk([A, B], new Set(reachable), 1, now);

  it('M14: who is out of reach is sought, and then lost; who is in reach is not', () => {
    const reach = new Reach();
    expect(walk(reach, [A], 0)).toEqual({ seek: [], lost: [] });
    expect(walk(reach, [A], 4_000)).toEqual({ seek: [B], lost: [] });
    expect(walk(reach, [A], LOST_MS)).toEqual({ seek: [], lost: [B] });
    expect(walk(reach, [A], 60_000)).toEqual({ seek: [], lost: [] });
    expect(reach.due).toBe(Number.POSITIVE_INFINITY);
  });

  it('M14: a room that tells lists slower judges slower', () => {
    const reach = new Reach();
    const slow = (now: number) => reach.walk([A], new Set<string>(), 5, now);
    expect(slow(0).seek).toEqual([]);
    expect(reach.due).toBe(10_000);
    expect(slow(19_999)).toEqual({ seek: [], lost: [] });
    expect(slow(20_000).seek).toEqual([A]);
    expect(slow(5 * LOST_MS).lost).toEqual([A]);
    reach.graphChanged(5 * LOST_MS + 1);
    expect(reach.due).toBe(5 * LOST_MS + 10_000);
  });

  it('M14: news of the member itself, and a way to it, start its time anew', () => {
    const reach = new Reach();
    walk(reach, [A], 0);
    reach.renew(B, 3_000);
    expect(walk(reach, [A], 6_999).seek).toEqual([]);
    expect(walk(reach, [A], 7_000).seek).toEqual([B]);
    walk(reach, [A, B], 7_001);
    walk(reach, [A], 7_002);
    expect(walk(reach, [A], LOST_MS + 1).lost).toEqual([]);
    reach.excuse(60_000);
    expect(walk(reach, [A], 60_001)).toEqual({ seek: [], lost: [] });
  });

  it('M14: the graph is walked only after it changed, or while someone is out of reach', () => {
    const reach = new Reach();
    expect(reach.due).toBe(Number.POSITIVE_INFINITY);
    reach.graphChanged(10);
    expect(reach.due).toBe(10);
    walk(reach, [A, B], 10);
    expect(reach.due).toBe(Number.POSITIVE_INFINITY);
    reach.graphChanged(11);
    expect(reach.due).toBe(2_010);
    walk(reach, [A], 2_010);
    expect(reach.due).toBe(4_010);
  });

  it('M14: members that list only one another are out of reach', () => {
    const { machine } = topology();
    machine.linksChanged([A], 0);
    machine.take(A, listOf(A, 1, [ME]), A, 0);
    machine.take(B, listOf(B, 1, [C]), A, 0);
    machine.take(C, listOf(C, 1, [B, A]), A, 0);
    expect([...machine.graph.reachableFrom(ME)].sort()).toEqual([ME, A].sort());
    machine.take(A, listOf(A, 2, [ME, B]), A, 0);
    expect([...machine.graph.reachableFrom(ME)].sort()).toEqual([ME, A, B, C].sort());
    machine.forget(B);
    expect([...machine.graph.reachableFrom(ME)].sort()).toEqual([ME, A, B].sort());
  });
});
