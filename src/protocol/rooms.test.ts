/** Rooms of many nodes in virtual time. A failure names its seed. */

import { describe, expect, it } from 'vitest';
import type { MemberEntry } from './frames.ts';
import { Network } from './testing/network.ts';
import type { Tab } from './testing/tab.ts';

const SEEDS = [1, 2, 3];

/** A room that has come to rest: everyone linked, everyone known. */
function settled(count: number, seed: number): { network: Network; tabs: Tab[] } {
  const network = new Network(seed);
  const tabs = network.openMany(count);
  network.runUntil(
    'the room settles',
    20_000,
    () => network.agree() && (count > 9 ? network.isOneComponent() : network.isFullyLinked()),
  );
  return { network, tabs };
}

describe.each(SEEDS)('rooms of nodes, seed %i', (seed) => {
  it.each([2, 5, 9])('L6: a room of %i becomes fully linked', (count) => {
    const { network } = settled(count, seed);
    network.runFor(60_000);
    expect(network.isFullyLinked()).toBe(true);
    expect(network.agree()).toBe(true);
    for (const tab of network.tabs) expect(tab.all('error')).toEqual([]);
  });

  it('L5: a room of 40 stays within activeMax links a tab and becomes one component', () => {
    const { network } = settled(40, seed);
    // The network itself checks activeMax after every input.
    network.runFor(20_000);
    expect(network.isOneComponent()).toBe(true);
    expect(network.agree()).toBe(true);
    for (const { node } of network.tabs) {
      expect(node.neighbors.length).toBeGreaterThanOrEqual(network.config.activeSize);
    }
  });

  it('M2: a quiet room suspects nobody, whatever it does', () => {
    const { network, tabs } = settled(5, seed);
    network.runFor(300_000);
    for (const tab of tabs) {
      for (const { id } of tabs) expect(tab.historyOf(id)).not.toContain('suspect');
    }
  });

  it('M4: a leaver is gone from all tables within a second', () => {
    const { network, tabs } = settled(12, seed);
    const [leaver] = tabs as [Tab];
    network.stop(leaver);
    network.runUntil('all forget the leaver', 1_000, () => network.agree());
    expect(leaver.node.members).toEqual([]);
    expect(leaver.node.neighbors).toEqual([]);
    for (const tab of network.inRoom) expect(tab.historyOf(leaver.id).at(-1)).toBe('left');
  });

  it('M5: a killed tab is gone from all tables within 10 seconds, and stays away', () => {
    const { network, tabs } = settled(12, seed);
    const [killed] = tabs as [Tab];
    network.runFor(5_000);
    network.kill(killed);
    network.runUntil('all forget the killed', 10_000, () => network.agree());
    network.runFor(400_000);
    for (const tab of network.inRoom) {
      expect(tab.historyOf(killed.id).filter((status) => status === 'dead')).toHaveLength(1);
      expect(tab.statusOf(killed.id)).toBeUndefined();
    }
  });

  it('M5: tabs killed together with all their neighbors are forgotten too', () => {
    const { network, tabs } = settled(30, seed);
    for (const tab of tabs.slice(0, 21)) network.kill(tab);
    network.runUntil('all forget the killed', 80_000, () => network.agree());
    expect(network.isOneComponent()).toBe(true);
  });

  it('M9: a hidden tab that freezes is not declared dead within 60 s, and is forgotten after hiddenTimeout', () => {
    const { network, tabs } = settled(4, seed);
    const [frozen, ...others] = tabs as [Tab, ...Tab[]];
    network.input(frozen, { type: 'visibility', hidden: true });
    network.runFor(1_000);
    network.freeze(frozen);
    network.runFor(60_000);
    for (const tab of others) expect(tab.statusOf(frozen.id)).toBe('alive');
    network.runFor(network.config.hiddenTimeout - 60_000 + network.config.suspicionTimeout + 2_000);
    for (const tab of others) expect(tab.statusOf(frozen.id)).toBeUndefined();
    network.thaw(frozen);
    network.runUntil('it is back', 30_000, () => network.agree() && network.isFullyLinked());
  });

  it('M9: a tab that was hidden before it joined again is known as hidden', () => {
    const { network, tabs } = settled(3, seed);
    const [first, other] = tabs as [Tab, Tab];
    network.stop(first);
    network.input(first, { type: 'visibility', hidden: true });
    network.runFor(1_000);
    network.start(first);
    network.runUntil('it is back', 10_000, () => network.agree() && network.isFullyLinked());
    expect(other.node.members.find(({ id }) => id === first.id)?.hidden).toBe(true);
  });

  it('M10: a tab that stalls for over a minute suspects nobody of its own', () => {
    const { network, tabs } = settled(12, seed);
    const [stalled] = tabs as [Tab];
    network.input(stalled, { type: 'visibility', hidden: true }); // others wait for it
    network.runFor(1_000);
    // Its links live on while its timers sleep, and nothing that was said meanwhile is there yet.
    network.freeze(stalled);
    network.runFor(65_000);
    const before = stalled.told.length;
    network.thaw(stalled);
    network.runFor(20_000);
    const suspected = stalled.told
      .slice(before)
      .flatMap(({ effect }) =>
        effect.type === 'member' && effect.change.entry.status !== 'alive' ? [effect] : [],
      );
    expect(suspected).toEqual([]);
    expect(network.agree()).toBe(true);
  });

  it('M6: after a partition heals the room is one again, and nobody is shown as dead for it', () => {
    const { network, tabs } = settled(8, seed);
    const [left, right] = [tabs.slice(0, 3), tabs.slice(3)];
    network.partition([left, right]);
    network.runUntil('each side knows itself alone', 20_000, () =>
      tabs.every((tab) => tab.node.members.length === (left.includes(tab) ? 3 : 5)),
    );
    network.heal();
    const told = tabs.map((tab) => tab.told.length);
    network.runUntil('the room is one', 40_000, () => network.agree() && network.isFullyLinked());
    for (const [i, tab] of tabs.entries()) {
      const gone = tab.told
        .slice(told[i])
        .filter(({ effect }) => effect.type === 'member' && effect.change.entry.status === 'dead');
      expect(gone).toEqual([]);
    }
  });

  it('L8: two halves that each have all links they seek find together after a partition', () => {
    const { network, tabs } = settled(30, seed);
    network.partition([tabs.slice(0, 15), tabs.slice(15)]);
    network.runUntil('each side knows itself alone', 30_000, () =>
      tabs.every((tab) => tab.node.members.length === 15),
    );
    network.runFor(30_000);
    network.heal();
    network.runUntil('the room is one', 120_000, () => network.agree() && network.isOneComponent());
  });

  it('L4: a link that breaks is made again, with nobody declared dead', () => {
    const { network, tabs } = settled(5, seed);
    const [a, b] = tabs as [Tab, Tab];
    network.breakWire(a, b);
    expect(a.node.neighbors).not.toContain(b.id);
    network.runUntil('all are linked again', 10_000, () => network.isFullyLinked());
    network.runFor(1_000);
    for (const tab of tabs)
      for (const { id } of tabs) expect(tab.historyOf(id)).not.toContain('dead');
  });

  it('L10: a link that fell silent is ended, though its peer is alive by others', () => {
    const { network, tabs } = settled(4, seed);
    const [a, b, c] = tabs as [Tab, Tab, Tab];
    network.silence(a, b);
    const { linkTimeout, suspicionTimeout } = network.config;
    network.runFor(linkTimeout + suspicionTimeout + 1_500);
    const suspicions = c.historyOf(b.id).filter((status) => status === 'suspect').length;
    expect(suspicions).toBeLessThanOrEqual(2); // once a silence, not once a tick
    network.runUntil('a and b are linked anew', 20_000, () => network.isFullyLinked());
    for (const tab of tabs)
      for (const { id } of tabs) expect(tab.historyOf(id)).not.toContain('dead');
  });

  it('M11: a tab that leaves and joins again is alive under a greater incarnation', () => {
    const { network, tabs } = settled(6, seed);
    const [returning, other] = tabs as [Tab, Tab];
    const entry = () => other.node.members.find(({ id }) => id === returning.id) as MemberEntry;
    const before = entry().incarnation;
    for (let i = 0; i < 3; i++) {
      network.stop(returning);
      network.runFor(700);
      network.start(returning);
      network.runUntil('all know it again', 15_000, () => network.agree());
    }
    expect(entry().incarnation).toBeGreaterThanOrEqual(before + 3);
    network.runUntil('it is linked again', 15_000, () => network.isFullyLinked());
  });

  it('L5: a tab without links gets into a room that is full, and the evicted find other links', () => {
    const network = new Network(seed, { activeSize: 3, activeMax: 4 });
    network.openMany(12);
    network.runUntil('the room settles', 30_000, () => network.agree() && network.isOneComponent());
    const newcomers = network.openMany(6);
    network.runUntil(
      'the newcomers are in',
      60_000,
      () => network.agree() && network.isOneComponent(),
    );
    for (const { node } of newcomers) expect(node.neighbors.length).toBeGreaterThan(0);
  });

  it('B1: every rumor reaches every tab once, small and large, and its origin never', () => {
    const { network, tabs } = settled(20, seed);
    const sizes = [10, 5_000, 40_000, 300_000];
    for (const [i, size] of sizes.entries()) {
      const payload = new Uint8Array(size).fill(i + 1);
      network.input(tabs[i] as Tab, { type: 'broadcast', channel: 7, payload });
    }
    network.runFor(5_000);
    for (const tab of tabs) {
      const got = tab.all('deliver').filter(({ channel }) => channel === 7);
      const expected = sizes.filter((_, i) => tabs[i] !== tab);
      expect(got.map(({ payload }) => payload.length).sort((a, b) => a - b)).toEqual(expected);
    }
  });
});
