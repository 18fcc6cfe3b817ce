import { describe, expect, it } from 'vitest';
import { runs } from '../../util/testing/runs.ts';
import { type RoomTab, SwimRoom } from '../testing/swim-room.ts';

/** A room of a hundred, and of a thousand in a soak. */
const TABS = runs(1) > 1 ? 1_000 : 100;
/** What the issue asks for at that size. */
const KNOWN_MS = TABS > 100 ? 10_000 : 6_000;

const pick = (room: SwimRoom): RoomTab =>
  room.up[Math.floor(room.random() * room.up.length)] as RoomTab;
const counts = (tabs: readonly RoomTab[]) => new Set(tabs.map(({ swim }) => swim.count));

describe('a room of membership machines', () => {
  it('learns of everyone, is quiet when idle, and knows a crash in time', () => {
    const room = new SwimRoom({ tabs: TABS, seed: 1, roundInterval: 30_000 });
    room.run(10_000);
    expect(counts(room.tabs)).toEqual(new Set([TABS]));
    // A room of so many tells link lists more slowly (SPEC M16).
    room.run(TABS > 100 ? 90_000 : 0);
    const before = room.traffic.bytes;
    room.run(30_000);
    expect((room.traffic.bytes - before) / 30 / TABS).toBeLessThan(30);
    const known: number[] = [];
    for (let crash = 0; crash < 5; crash++) {
      const victim = pick(room);
      room.run(1_000 * room.random());
      const at = room.now;
      room.crash(victim);
      room.run(15_000);
      known.push(room.knownDeadAt(victim.id) - at);
    }
    expect(known.sort((a, b) => a - b)[2]).toBeLessThan(KNOWN_MS);
    expect(known[4]).toBeLessThan(2 * KNOWN_MS);
    // Nobody died but those.
    expect(counts(room.up)).toEqual(new Set([TABS - 5]));
  });

  it('takes nobody for dead who lives, with lost frames and frozen hidden tabs', () => {
    const room = new SwimRoom({
      ...{ tabs: 60, seed: 2, loss: 0.05, roundInterval: 30_000 },
      isHidden: (tab) => tab % 2 === 1,
    });
    for (let minute = 0; minute < runs(10); minute++) {
      for (const tab of room.tabs) {
        if (tab.hidden && tab.frozenUntil <= room.now && room.random() < 0.1) {
          room.freeze(tab, 60_000);
        }
      }
      room.run(60_000);
    }
    expect(room.deaths).toEqual([]);
    room.run(70_000);
    expect(counts(room.tabs)).toEqual(new Set([60]));
  });

  it('is rid of all that crashed in a wave, also of those whose neighbors all crashed', () => {
    const room = new SwimRoom({ tabs: 100, seed: 3, repairs: true, roundInterval: 30_000 });
    room.run(10_000);
    const victims = new Set(room.tabs.filter(() => room.random() < 0.8).map(({ id }) => id));
    for (const id of victims) room.crash(room.tab(id));
    room.run(3_500);
    // Each survivor has found every dead neighbor out.
    for (const { swim, neighbors } of room.up) {
      for (const { id, isUp } of neighbors) expect(swim.get(id)?.status === 'alive').toBe(isUp);
    }
    room.run(41_500);
    expect(counts(room.up)).toEqual(new Set([room.up.length]));
    expect(room.deaths.filter(({ of }) => !victims.has(of))).toEqual([]);
  });

  it('knows the crash of a hidden tab once it could not be frozen any more', () => {
    const room = new SwimRoom({ tabs: 30, seed: 4, isHidden: (tab) => tab === 7 });
    room.run(5_000);
    const victim = room.tabs[7] as RoomTab;
    room.crash(victim);
    room.run(60_000);
    expect(room.deaths).toEqual([]);
    room.run(30_000);
    expect(room.knownDeadAt(victim.id)).toBeLessThan(95_000);
  });

  it('knows the crash of a hidden tab soon where two of its links broke', () => {
    const room = new SwimRoom({ tabs: 30, seed: 5, isHidden: (tab) => tab === 7 });
    room.run(5_000);
    const victim = room.tabs[7] as RoomTab;
    room.crash(victim);
    for (const neighbor of [...victim.neighbors].slice(0, 3)) room.unlink(neighbor, victim, 'lost');
    room.run(10_000);
    expect(room.knownDeadAt(victim.id)).toBeLessThan(15_000);
  });

  it('that was cut in two becomes one again, and nobody dies of it on its own side', () => {
    const room = new SwimRoom({ tabs: 60, seed: 6, repairs: true, roundInterval: 10_000 });
    room.run(10_000);
    const side = (tab: RoomTab) => tab.index % 2;
    room.connects = (a, b) => side(a) === side(b);
    room.run(120_000);
    expect(counts(room.tabs)).toEqual(new Set([30]));
    room.connects = () => true;
    room.deaths.length = 0;
    const [one, other] = [room.tabs[0], room.tabs[1]] as [RoomTab, RoomTab];
    const before = room.traffic.bytes;
    room.link(one, other);
    room.run(10_000);
    expect(counts(room.tabs)).toEqual(new Set([60]));
    expect(room.deaths).toEqual([]);
    expect((room.traffic.bytes - before) / 60).toBeLessThan(60_000);
  });

  it('forgets a tab that was alone, which comes back without suspecting anyone', () => {
    const room = new SwimRoom({ tabs: 30, seed: 7, roundInterval: 10_000 });
    room.run(10_000);
    const lonely = pick(room);
    room.connects = (a, b) => a !== lonely && b !== lonely;
    room.run(60_000);
    expect(lonely.swim.count).toBe(1);
    expect(counts(room.tabs.filter((tab) => tab !== lonely))).toEqual(new Set([29]));
    room.connects = () => true;
    room.deaths.length = 0;
    room.suspicions.length = 0;
    room.link(lonely, room.tabs.find((tab) => tab !== lonely) as RoomTab);
    room.run(20_000);
    expect(counts(room.tabs)).toEqual(new Set([30]));
    expect(room.deaths).toEqual([]);
    // It was dead to them, which it refutes; those that it found silent refute as well.
    expect(new Set(room.suspicions.map(({ of }) => of)).size).toBeLessThan(12);
  });
});
