/** Rooms of many nodes in virtual time, small enough to look at. A failure names its seed. */

import { describe, expect, it } from 'vitest';
import type { Effect } from '../protocol/effects.ts';
import type { MemberEntry, MemberStatus } from '../protocol/wire.ts';
import type { PeerId } from '../util/peer-id.ts';
import { LinkGraph } from './graph.ts';
import { Room, type RoomOptions } from './room.ts';
import type { Tab } from './tab.ts';

const SEEDS = [1, 2, 3];

/** A room whose tabs are asked what they were told. */
class WatchedRoom extends Room {
  readonly #told = new Map<Tab, Effect[]>();

  constructor(options: RoomOptions) {
    super(options);
    this.watch({ told: (tab, effect) => this.toldTo(tab).push(effect) });
  }

  /** Effects that the layers above a tab saw, in order. */
  toldTo(tab: Tab): Effect[] {
    const told = this.#told.get(tab) ?? [];
    this.#told.set(tab, told);
    return told;
  }

  /** Statuses of `peer` that `tab` was told of, in order. */
  historyOf(tab: Tab, peer: PeerId): MemberStatus[] {
    return this.toldTo(tab).flatMap((effect) =>
      effect.type === 'member' && effect.change.entry.id === peer
        ? [effect.change.entry.status]
        : [],
    );
  }

  /** Runs until `condition` holds; fails where that takes over `limitMs`. */
  until(what: string, limitMs: number, condition: () => boolean): void {
    if (this.runUntil(condition, limitMs) === undefined) {
      expect.fail(`not within ${limitMs} ms: ${what}\n${this.dump()}`);
    }
  }

  /** Whether all tabs in the room know exactly each other, all alive. */
  agree(): boolean {
    const tabs = this.present;
    return tabs.every(({ node }) => {
      const { members } = node;
      return members.length === tabs.length && members.every(({ status }) => status === 'alive');
    });
  }

  isFullyLinked(): boolean {
    const tabs = this.present;
    return tabs.every(({ neighbors }) => neighbors.size === tabs.length - 1);
  }

  isOneComponent(): boolean {
    return new LinkGraph(this.present).isOneComponent();
  }

  dump(): string {
    const short = (id: PeerId) => id.slice(0, 4);
    return this.present
      .map(({ id, node, neighbors }) => {
        const members = node.members.map((member) => `${short(member.id)}:${member.status}`);
        return `${short(id)} links ${[...neighbors].map(short).join(' ')} members ${members.join(' ')}`;
      })
      .join('\n');
  }
}

function entryAt(tab: Tab, id: PeerId): MemberEntry | undefined {
  return tab.node.members.find((member) => member.id === id);
}

/** A room that has come to rest: everyone linked, everyone known. */
function settled(count: number, seed: number, options: Omit<RoomOptions, 'seed'> = {}) {
  const room = new WatchedRoom({ ...options, seed });
  const tabs = Array.from({ length: count }, () => room.open());
  room.until(
    'the room settles',
    30_000,
    () => room.agree() && (count > 9 ? room.isOneComponent() : room.isFullyLinked()),
  );
  return { room, tabs };
}

describe.each(SEEDS)('rooms of nodes, seed %i', (seed) => {
  it.each([2, 5, 9])(
    'L6: a room of %i becomes fully linked, and stays so without an error',
    (n) => {
      const { room, tabs } = settled(n, seed);
      room.run(60_000);
      expect(room.isFullyLinked()).toBe(true);
      expect(room.agree()).toBe(true);
      for (const tab of tabs)
        expect(room.toldTo(tab).filter((e) => e.type === 'error')).toEqual([]);
    },
  );

  it('L5: a room of 40 stays within activeMax links a tab and becomes one component', () => {
    const { room, tabs } = settled(40, seed);
    room.run(30_000);
    expect(room.isOneComponent()).toBe(true);
    expect(room.agree()).toBe(true);
    for (const { neighbors } of tabs) {
      expect(neighbors.size).toBeGreaterThanOrEqual(room.config.activeSize - 2);
      expect(neighbors.size).toBeLessThanOrEqual(room.config.activeMax);
    }
  });

  it('M2: a quiet room suspects nobody', () => {
    const { room, tabs } = settled(5, seed);
    room.run(300_000);
    for (const tab of tabs) {
      for (const { id } of tabs) expect(room.historyOf(tab, id)).not.toContain('suspect');
    }
  });

  it('M4: a leaver is gone from all tables within a second', () => {
    const { room, tabs } = settled(12, seed);
    const [leaver] = tabs as [Tab];
    leaver.leave();
    room.until('all forget the leaver', 1_000, () => room.agree());
    expect(leaver.node.members).toEqual([]);
    expect(leaver.neighbors.size).toBe(0);
    for (const tab of room.present) expect(room.historyOf(tab, leaver.id).at(-1)).toBe('left');
  });

  it('M5: a crashed tab is dead to all within 10 seconds, and stays away', () => {
    const { room, tabs } = settled(12, seed);
    const [crashed] = tabs as [Tab];
    room.run(5_000);
    crashed.process.crash();
    room.until('all forget the crashed', 10_000, () => room.agree());
    room.run(400_000);
    for (const tab of room.present) {
      const history = room.historyOf(tab, crashed.id);
      expect(history.filter((status) => status === 'dead')).toHaveLength(1);
      expect(entryAt(tab, crashed.id)).toBeUndefined();
    }
  });

  it('M14: tabs that crash together with all their neighbors are forgotten too', () => {
    const { room, tabs } = settled(30, seed);
    for (const { process } of tabs.slice(0, 21)) process.crash();
    room.until('all forget the crashed', 40_000, () => room.agree() && room.isOneComponent());
  });

  it('M9: a hidden tab that freezes is not declared dead within 60 s, and is after hiddenTimeout', () => {
    const { room, tabs } = settled(4, seed);
    const [frozen, ...others] = tabs as [Tab, ...Tab[]];
    frozen.setHidden(true);
    room.run(1_000);
    frozen.process.freeze();
    room.run(60_000);
    for (const tab of others) expect(entryAt(tab, frozen.id)).toBeDefined();
    room.until('it is forgotten', 120_000, () =>
      others.every((tab) => entryAt(tab, frozen.id) === undefined),
    );
    frozen.process.thaw();
    room.until('it is back', 60_000, () => room.agree() && room.isFullyLinked());
  });

  it('M9: a tab that was hidden before it joined again is known as hidden', () => {
    const { room, tabs } = settled(3, seed);
    const [first, other] = tabs as [Tab, Tab];
    first.leave();
    first.setHidden(true);
    room.run(1_000);
    first.join();
    room.until('it is back', 20_000, () => room.agree() && room.isFullyLinked());
    expect(entryAt(other, first.id)?.hidden).toBe(true);
  });

  it('M10: a tab that stalls for over a minute suspects nobody of its own', () => {
    const { room, tabs } = settled(12, seed);
    const [stalled] = tabs as [Tab];
    stalled.setHidden(true); // others wait for it
    room.run(1_000);
    stalled.process.freeze();
    room.run(65_000);
    const before = room.toldTo(stalled).length;
    stalled.process.thaw();
    room.run(20_000);
    const doubts = room
      .toldTo(stalled)
      .slice(before)
      .filter((effect) => effect.type === 'member' && effect.change.entry.status !== 'alive');
    expect(doubts).toEqual([]);
    expect(room.agree()).toBe(true);
  });

  it('L8: after a partition the room is one again, and nobody is shown as dead for it', () => {
    const { room, tabs } = settled(30, seed);
    room.partition([tabs.slice(0, 15), tabs.slice(15)]);
    room.until('each side knows itself alone', 60_000, () =>
      tabs.every((tab) => tab.node.members.length === 15),
    );
    room.run(30_000);
    room.heal();
    const told = tabs.map((tab) => room.toldTo(tab).length);
    room.until('the room is one', 60_000, () => room.agree() && room.isOneComponent());
    for (const [i, tab] of tabs.entries()) {
      const gone = room
        .toldTo(tab)
        .slice(told[i])
        .filter((effect) => effect.type === 'member' && effect.change.entry.status === 'dead');
      expect(gone).toEqual([]);
    }
  });

  it('M11: a tab that leaves and joins again is alive under a greater incarnation', () => {
    const { room, tabs } = settled(6, seed);
    const [returning, other] = tabs as [Tab, Tab];
    const before = entryAt(other, returning.id)?.incarnation ?? 0;
    for (let i = 0; i < 3; i++) {
      returning.leave();
      room.run(700);
      returning.join();
      room.until('all know it again', 20_000, () => room.agree());
    }
    expect(entryAt(other, returning.id)?.incarnation).toBeGreaterThanOrEqual(before + 3);
    room.until('it is linked again', 40_000, () => room.isFullyLinked());
  });

  it('L5: tabs without links get into a room that is full', () => {
    const config = { activeSize: 3, activeMax: 4 };
    const { room } = settled(12, seed, { config });
    const newcomers = Array.from({ length: 6 }, () => room.open());
    room.until('the newcomers are in', 60_000, () => room.agree() && room.isOneComponent());
    for (const { neighbors } of newcomers) expect(neighbors.size).toBeGreaterThan(0);
  });

  it('B1: every rumor reaches every tab once, small and large, and its origin never', () => {
    const { room, tabs } = settled(20, seed);
    const sizes = [10, 5_000, 40_000, 300_000];
    for (const [i, size] of sizes.entries()) {
      const payload = new Uint8Array(size).fill(i + 1);
      (tabs[i] as Tab).input({ type: 'broadcast', channel: 7, payload });
    }
    room.run(10_000);
    for (const tab of tabs) {
      const got = room
        .toldTo(tab)
        .flatMap((effect) => (effect.type === 'deliver' ? [effect.payload.length] : []));
      const expected = sizes.filter((_, i) => tabs[i] !== tab);
      expect(got.sort((a, b) => a - b)).toEqual(expected);
    }
  });
});
