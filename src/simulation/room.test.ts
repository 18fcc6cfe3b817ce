import { describe, expect, it } from 'vitest';
import { LinkGraph } from './graph.ts';
import { runScenario } from './lab.ts';
import { Ledger } from './ledger.ts';
import { Room, type RoomOptions } from './room.ts';
import { SCENARIOS } from './scenarios/table.ts';
import type { Tab } from './tab.ts';

/** A room of tabs that are all linked with all. */
function linked(count: number, options: Partial<RoomOptions> = {}): { room: Room; tabs: Tab[] } {
  const room = new Room({ seed: 1, ...options });
  const tabs = Array.from({ length: count }, () => room.open());
  const ms = room.runUntil(() => tabs.every((tab) => tab.neighbors.size === count - 1), 30_000);
  expect(ms).toBeDefined();
  return { room, tabs };
}

describe('a simulated room', () => {
  it('links its tabs by the server, and all hold what one writes', () => {
    const { room, tabs } = linked(5);
    const ledger = new Ledger(room);
    const write = ledger.write(tabs[0] as Tab);
    expect(room.runUntil(() => ledger.isEqual(tabs), 1_000)).toBeDefined();
    expect(tabs.every((tab) => ledger.has(tab, write))).toBe(true);
    expect(ledger.missing(tabs, tabs)).toEqual([]);
  });

  it('repairs by comparing what a broken network lost', () => {
    const { room, tabs } = linked(4);
    const ledger = new Ledger(room);
    room.run(5_000); // frames of young links are spared
    room.network.change({ loss: 1 });
    for (const tab of tabs) ledger.write(tab);
    room.run(500);
    expect(ledger.missing(tabs, tabs)).toHaveLength(4);
    room.network.change({ loss: 0 });
    expect(room.runUntil(() => ledger.isEqual(tabs), 30_000)).toBeDefined();
    expect(ledger.missing(tabs, tabs)).toEqual([]);
  });

  it('shows each side of a partition to itself alone, and is one again after it', () => {
    const { room, tabs } = linked(6);
    const sides = [tabs.slice(0, 3), tabs.slice(3)];
    room.partition(sides);
    const isApart = () => tabs.every(({ node }) => node.members.length === 3);
    expect(room.runUntil(isApart, 60_000)).toBeDefined();
    expect(new LinkGraph(tabs).largestComponent()).toBe(3);
    room.heal();
    const isOne = () => new LinkGraph(tabs).isOneComponent();
    expect(room.runUntil(isOne, 120_000)).toBeDefined();
  });

  it('has a tab that was reloaded as another, with the old one gone', () => {
    const { room, tabs } = linked(4);
    const [old] = tabs as [Tab];
    const next = room.reload(old);
    expect(next.id).not.toBe(old.id);
    expect(old.isIn).toBe(false);
    const isKnown = () =>
      room.present.every(({ node }) => {
        const ids = node.members.map(({ id }) => id);
        return ids.length === 4 && ids.includes(next.id);
      });
    expect(room.runUntil(isKnown, 30_000)).toBeDefined();
  });

  it('keeps out tabs that come while the server is down, until it is back', () => {
    const { room } = linked(3);
    room.server.goDown();
    const late = room.open();
    room.run(20_000);
    expect(late.neighbors.size).toBe(0);
    room.server.comeBack();
    expect(room.runUntil(() => late.neighbors.size === 3, 60_000)).toBeDefined();
  });

  it('tells who is linked with whom, and how far they are', () => {
    const { tabs } = linked(3);
    const graph = new LinkGraph(tabs);
    expect([...graph.depths(0)]).toEqual([0, 1, 1]);
    expect(graph.depth(0)).toBe(1);
    expect(graph.degree(1)).toBe(2);
    expect(graph.isOneComponent()).toBe(true);
    expect(new LinkGraph([]).isOneComponent()).toBe(true);
  });
});

describe('a run', () => {
  const run = (seed: number) => {
    const scenario = SCENARIOS.get('loss');
    if (scenario === undefined) throw new Error('no such scenario');
    return runScenario(scenario, { nodes: 8, seed });
  };

  it('is the same to the byte with the same seed, and another with another', () => {
    const first = run(1);
    expect(run(1)).toEqual(first);
    expect(run(2).trace).not.toBe(first.trace);
  });
});
