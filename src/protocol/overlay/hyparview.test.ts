import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../util/random.ts';
import { runs } from '../../util/testing/runs.ts';
import { type ProtocolConfig, resolveConfig } from '../config.ts';
import type { Effect } from '../effects.ts';
import { peer } from '../testing/links.ts';
import { claimOf } from '../testing/members.ts';
import { OverlayWorld } from '../testing/overlay-world.ts';
import type { Frame, MemberEntry } from '../wire.ts';
import { Overlay } from './hyparview.ts';
import type { RoomView } from './room-view.ts';

const ME = peer('8');
const idOf = (n: number) => (n + 1).toString(16).padStart(32, '0');

/** One overlay, what it said, and a room that knows who the test says. */
class Bench {
  now = 1_000;
  readonly sent: { to: string; frame: Frame }[] = [];
  readonly effects: Effect[] = [];
  readonly told: string[] = [];
  readonly members = new Map<string, MemberEntry>();
  readonly lists = new Map<string, string[]>();
  size = 100;
  isPartial = false;
  readonly overlay: Overlay;

  constructor(config: Partial<ProtocolConfig> = {}) {
    const bench = this;
    const room: RoomView = {
      self: claimOf(ME),
      get count() {
        return bench.members.size + 1;
      },
      get size() {
        return bench.size;
      },
      get isPartial() {
        return bench.isPartial;
      },
      graph: {
        version: 1,
        neighborsOf: (id) => bench.lists.get(id) ?? [],
        isSuspect: () => false,
        linksOf: (id) => bench.lists.get(id)?.length ?? 0,
      },
      isPresent: (id) => bench.members.has(id),
      present: () => bench.members.values(),
    };
    this.overlay = new Overlay(resolveConfig(config), seededRandom(5), room, {
      effect: (effect) => this.effects.push(effect),
      send: (to, frame) => this.sent.push({ to, frame }),
      neighborUp: ({ entry }) => this.told.push(`up ${entry.id}`),
      neighborDown: (of, reason, how) => this.told.push(`down ${of} ${reason} ${how}`),
    });
    this.overlay.start(this.now);
  }

  hello(id: string, { links = 3, hidden = false } = {}): void {
    this.overlay.incoming(id, this.now);
    this.overlay.linkUp(id, this.now);
    const entry = claimOf(id, 'alive', 0, { hidden });
    this.overlay.receive(id, { type: 'hello', entry, links, size: this.size }, this.now);
  }

  link(id: string, hello: { links?: number; hidden?: boolean } = {}): void {
    this.hello(id, hello);
    this.overlay.receive(id, { type: 'accept' }, this.now);
  }

  linkMany(count: number, hello: { links?: number; hidden?: boolean } = {}): string[] {
    const ids = Array.from({ length: count }, (_, n) => idOf(n));
    for (const id of ids) this.link(id, hello);
    return ids;
  }

  /** Lets time pass, with a tick whenever one is due. */
  run(ms: number): void {
    const end = this.now + ms;
    while (this.overlay.due <= end) {
      this.now = Math.max(this.now, this.overlay.due);
      this.overlay.tick(this.now);
    }
    this.now = end;
  }

  /** Signaling tells of the first `count` peers. */
  tellOf(count: number): void {
    const peers = Array.from({ length: count }, (_, n) => idOf(n));
    this.overlay.candidates(peers, this.now);
    this.run(0);
  }

  dialed(): string[] {
    return this.effects.flatMap((effect) => (effect.type === 'dial' ? [effect.peer] : []));
  }

  sentOf(type: Frame['type'], to?: string): Frame[] {
    const wanted = this.sent.filter((one) => one.frame.type === type && (to ?? one.to) === one.to);
    return wanted.map(({ frame }) => frame);
  }
}

describe('a room of overlays', () => {
  it('L6: of up to nine tabs is fully linked', () => {
    for (const count of [2, 3, 9]) {
      const world = new OverlayWorld(count);
      world.openMany(count, 100);
      const isFull = () => world.degrees().every((links) => links === count - 1);
      expect(world.runUntil(20_000, isFull)).toBeLessThan(20_000);
    }
  });

  it('L6: that is larger gives each tab activeSize links and none over activeMax, ever', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 60 }), fc.nat(400), fc.nat(), (count, every, seed) => {
        const world = new OverlayWorld(seed);
        world.openMany(count, every);
        world.runFor(30_000);
        expect(Math.min(...world.degrees())).toBeGreaterThanOrEqual(6);
        expect(world.mostLinks).toBeLessThanOrEqual(12);
        expect([world.isOneComponent(), world.oneSided()]).toEqual([true, 0]);
      }),
      { numRuns: runs(8) },
    );
  });

  it('L6: settles two links under activeMax, so that there is room for those who come', () => {
    const world = new OverlayWorld(4);
    world.openMany(100, 20);
    world.runFor(60_000);
    expect(Math.max(...world.degrees())).toBeLessThanOrEqual(10);
    const dials = world.told('dial');
    world.runFor(60_000);
    expect(world.told('dial')).toBe(dials); // and it is quiet then
  });

  it('L6: a crowd of 300 in three seconds has all its links two walks later, at few dials each', () => {
    const world = new OverlayWorld(5);
    world.openMany(300, 10);
    const isSettled = () => world.degrees().every((links) => links >= 6) && world.isOneComponent();
    expect(world.runUntil(60_000, isSettled)).toBeLessThan(15_000);
    expect(world.told('dial') / 300).toBeLessThan(12);
    expect(world.sent('walk') / 300).toBeLessThan(60);
  });

  it('L7: of whom four in five die at once, the rest are one component within ten seconds', () => {
    for (const seed of [1, 2, 3]) {
      const world = new OverlayWorld(seed);
      world.openMany(300, 10);
      world.runFor(30_000);
      for (const [i, tab] of world.living.entries()) if (i % 5 > 0) world.kill(tab);
      world.runFor(5_000);
      expect(world.runUntil(5_000, () => world.isOneComponent())).toBeLessThan(5_000);
      world.runFor(30_000);
      expect(Math.min(...world.degrees())).toBeGreaterThanOrEqual(6);
      expect(world.isOneComponent()).toBe(true);
    }
  });

  it('L14: without a server makes new links through the mesh alone', () => {
    const world = new OverlayWorld(6);
    world.openMany(12, 200);
    world.runFor(10_000);
    world.signalingUp = false;
    for (const tab of world.living.slice(0, 6)) {
      world.leave(tab);
      world.runFor(200);
    }
    const isFull = () => world.degrees().every((links) => links === 5);
    expect(world.runUntil(30_000, isFull)).toBeLessThan(30_000);
  });

  it('L6: where nobody knows all members is as well linked, and shuffles keep views fresh', () => {
    const world = new OverlayWorld(7, { shuffleInterval: 5_000 }, true);
    world.openMany(150, 20);
    world.runFor(60_000);
    expect(Math.min(...world.degrees())).toBeGreaterThanOrEqual(6);
    expect(world.isOneComponent()).toBe(true);
    expect(world.sent('shuffle')).toBeGreaterThan(150);
  });
});

/** A tab that signaling told of so many: its first dial brought a link, its second was refused. */
function refused(told: number): { bench: Bench; first: string } {
  const bench = new Bench();
  bench.tellOf(told);
  const [first, second] = bench.dialed() as [string, string];
  bench.link(first, { links: 5 });
  bench.overlay.linkDown(second, false, bench.now);
  bench.run(10);
  return { bench, first };
}

describe('one overlay', () => {
  it('L3: keeps frames of a link that is no neighbor from the layers above, and answers pings', () => {
    const bench = new Bench();
    bench.hello(idOf(0));
    const ping: Frame = { type: 'ping', sequence: 7 };
    expect(
      bench.overlay.receive(idOf(0), { type: 'nack', sequence: 1 }, bench.now),
    ).toBeUndefined();
    expect(bench.overlay.receive(idOf(0), ping, bench.now)).toBeUndefined();
    expect(bench.sentOf('pong', idOf(0))).toEqual([{ type: 'pong', sequence: 7 }]);
    bench.overlay.receive(idOf(0), { type: 'accept' }, bench.now);
    expect(bench.overlay.receive(idOf(0), ping, bench.now)).toBe(ping);
    expect(bench.overlay.receive(idOf(9), ping, bench.now)).toBeUndefined();
  });

  it('L4: gives up a link that is no neighbor within dialTimeout', () => {
    const bench = new Bench({ dialTimeout: 5_000 });
    bench.hello(idOf(0));
    bench.run(4_999);
    expect(bench.effects).not.toContainEqual({ type: 'hangUp', peer: idOf(0) });
    bench.run(1);
    expect(bench.effects).toContainEqual({ type: 'hangUp', peer: idOf(0) });
    expect(bench.sentOf('bye').at(-1)).toMatchObject({ reason: 'timeout' });
  });

  it('L5: full, refuses one that has links, and lets go a neighbor for one that has none, once a second', () => {
    const bench = new Bench({ activeSize: 4, activeMax: 5 });
    bench.linkMany(5, { links: 4 });
    bench.hello(idOf(20), { links: 2 });
    expect(bench.sentOf('bye', idOf(20))).toMatchObject([{ reason: 'full' }]);
    bench.hello(idOf(21), { links: 0 });
    bench.hello(idOf(22), { links: 0 });
    const byes = bench.sent.filter(({ frame }) => frame.type === 'bye').map(({ frame }) => frame);
    expect(byes).toMatchObject([{ reason: 'full' }, { reason: 'evicted' }, { reason: 'full' }]);
    expect(bench.overlay.neighbors().size).toBe(4);
    expect(bench.sentOf('accept', idOf(21))).toHaveLength(1);
  });

  it('L5: lets go hidden neighbors first, and none that has hardly another link', () => {
    const bench = new Bench({ activeSize: 4, activeMax: 4 });
    bench.linkMany(3, { links: 2 });
    bench.link(idOf(3), { links: 5 });
    bench.hello(idOf(20), { links: 0 });
    expect(bench.told.at(-1)).toBe(`down ${idOf(3)} evicted closed`);
    const hidden = new Bench({ activeSize: 4, activeMax: 4 });
    hidden.linkMany(3, { links: 5 });
    hidden.link(idOf(3), { links: 5, hidden: true });
    hidden.hello(idOf(20), { links: 0 });
    expect(hidden.told.at(-1)).toBe(`down ${idOf(3)} evicted closed`);
  });

  it('L5: a suspected neighbor does not count, and gives way to any other', () => {
    const bench = new Bench({ activeSize: 4, activeMax: 4 });
    const [first] = bench.linkMany(4, { links: 5 }) as [string];
    expect(bench.overlay.wouldAnswer(idOf(20), bench.now)).toBe(true);
    bench.overlay.suspected(first, true, bench.now);
    bench.hello(idOf(20), { links: 5 });
    expect(bench.told.at(-1)).toBe(`down ${first} dead closed`);
    expect(bench.sentOf('accept', idOf(20))).toHaveLength(1);
  });

  it('L7: answers no more connections than can become links, and twice dialsAtOnce at a time', () => {
    const bench = new Bench({ activeSize: 20, activeMax: 30, dialsAtOnce: 3 });
    for (let n = 0; n < 6; n++) {
      expect(bench.overlay.wouldAnswer(idOf(n), bench.now)).toBe(true);
      bench.overlay.incoming(idOf(n), bench.now);
    }
    expect(bench.overlay.wouldAnswer(idOf(9), bench.now)).toBe(false);
    expect(bench.overlay.wouldAnswer(idOf(0), bench.now)).toBe(true);
    bench.overlay.linkDown(idOf(0), false, bench.now);
    expect(bench.overlay.wouldAnswer(idOf(9), bench.now)).toBe(true);
  });

  it('L6: dials for all its links at once where it is new, and three at a time where that brought nothing', () => {
    const bench = new Bench({ dialBudget: 100 });
    bench.tellOf(40);
    expect(bench.dialed()).toHaveLength(6);
    const failed = bench.dialed();
    for (const id of failed) bench.overlay.linkDown(id, false, bench.now);
    bench.run(0);
    const before = bench.dialed().length;
    bench.run(400);
    expect(bench.dialed().length - before).toBe(3);
  });

  it('L6: a tab that is new asks by a walk at once for a link that it was refused', () => {
    const { bench, first } = refused(6);
    expect(bench.sentOf('walk', first)).toHaveLength(1);
  });

  it('L6: a tab that is new and has few links dials another in place of one that refused it', () => {
    const { bench } = refused(7);
    expect(new Set(bench.dialed()).size).toBe(7);
    expect(bench.sentOf('walk')).toEqual([]);
  });

  it('L7: dials for all links at first, at most a burst of 24 ever, then one in two seconds', () => {
    const bench = new Bench();
    bench.tellOf(40);
    expect(bench.dialed()).toHaveLength(6);
    let next = 100;
    const failAll = () => {
      for (const id of bench.dialed()) bench.overlay.linkDown(id, false, bench.now);
      bench.overlay.candidates(
        Array.from({ length: 8 }, () => idOf(next++)),
        bench.now,
      );
    };
    for (let i = 0; i < 100; i++) {
      failAll();
      bench.run(100);
    }
    expect(bench.dialed().length).toBeLessThanOrEqual(24 + 5);
    for (let i = 0; i < 600; i++) {
      failAll();
      bench.run(100);
    }
    expect(bench.dialed().length).toBeLessThanOrEqual(24 + 36);
    expect(bench.dialed().length).toBeGreaterThan(40);
  });

  it('L8: with all links dials one stranger at a time, and no member', () => {
    const bench = new Bench({ activeSize: 4, activeMax: 6 });
    for (const id of bench.linkMany(4)) bench.members.set(id, claimOf(id));
    bench.members.set(idOf(10), claimOf(idOf(10)));
    bench.overlay.candidates([idOf(10), idOf(20), idOf(21)], bench.now);
    bench.run(1_900);
    expect(bench.dialed()).toEqual([]); // who is new may not have heard yet that they are members
    bench.run(600);
    expect(bench.dialed()).toHaveLength(1);
    expect([idOf(20), idOf(21)]).toContain(bench.dialed()[0]);
  });

  it('L8: asks signaling by chance, more seldom the more members there are', () => {
    const finds = (size: number) => {
      const bench = new Bench({ activeSize: 4 });
      for (const id of bench.linkMany(4)) bench.members.set(id, claimOf(id));
      bench.size = size;
      bench.run(600_000);
      return bench.effects.filter(({ type }) => type === 'find').length;
    };
    expect(finds(10)).toBeGreaterThanOrEqual(2);
    expect(finds(10)).toBeLessThanOrEqual(8);
    expect(finds(1_000)).toBeLessThanOrEqual(1);
  });

  it('L9: what cannot be read ends the link, and its peer is avoided', () => {
    const bench = new Bench();
    bench.link(idOf(0));
    bench.overlay.receive(idOf(0), undefined, bench.now);
    expect(bench.told.at(-1)).toBe(`down ${idOf(0)} avoided closed`);
    expect(bench.effects).toContainEqual(expect.objectContaining({ code: 'bad-frame' }));
    expect(bench.overlay.wouldAnswer(idOf(0), bench.now + 299_999)).toBe(false);
    bench.hello(idOf(1));
    const foreign: Frame = { type: 'hello', entry: claimOf(idOf(2)), links: 0, size: 1 };
    bench.overlay.receive(idOf(1), foreign, bench.now);
    expect(bench.sentOf('bye', idOf(1))).toMatchObject([{ reason: 'avoided' }]);
  });

  it('L12: hears a lifeline, and links with it anew', () => {
    const bench = new Bench();
    bench.link(idOf(0));
    bench.overlay.dead(idOf(0), bench.now);
    expect(bench.told.at(-1)).toBe(`down ${idOf(0)} dead closed`);
    bench.run(10_000);
    expect(bench.sentOf('ping', idOf(0)).length).toBeGreaterThanOrEqual(1);
    const hellos = bench.sentOf('hello', idOf(0)).length;
    bench.overlay.receive(idOf(0), { type: 'pong', sequence: 0 }, bench.now);
    expect(bench.sentOf('hello', idOf(0))).toHaveLength(hellos + 1);
    const entry = claimOf(idOf(0));
    bench.overlay.receive(idOf(0), { type: 'hello', entry, links: 1, size: 2 }, bench.now);
    bench.overlay.receive(idOf(0), { type: 'accept' }, bench.now);
    expect(bench.told.at(-1)).toBe(`up ${idOf(0)}`);
  });

  it('L12: one that revives and does not answer again is given up', () => {
    const bench = new Bench();
    bench.link(idOf(0));
    bench.overlay.dead(idOf(0), bench.now);
    bench.overlay.receive(idOf(0), { type: 'pong', sequence: 0 }, bench.now);
    bench.run(20_000);
    expect(bench.effects).toContainEqual({ type: 'hangUp', peer: idOf(0) });
  });

  it('L13: knocks at one without a link, pings a lifeline, and dials who knocks where there is room', () => {
    const bench = new Bench({ activeSize: 4, activeMax: 4 });
    bench.overlay.knock(idOf(9), bench.now);
    expect(bench.effects).toEqual([{ type: 'knock', peer: idOf(9) }]);
    bench.linkMany(4);
    bench.overlay.dead(idOf(0), bench.now);
    bench.overlay.knock(idOf(0), bench.now);
    expect(bench.sentOf('ping', idOf(0))).toHaveLength(1);
    bench.overlay.knock(idOf(1), bench.now);
    expect(bench.effects).toHaveLength(1);
    bench.overlay.knocked(idOf(9), bench.now);
    expect(bench.dialed()).toEqual([idOf(9)]);
    bench.overlay.knocked(idOf(10), bench.now);
    expect(bench.dialed()).toEqual([idOf(9)]);
  });

  it('leaves with a good-bye to all, and wants no tick then', () => {
    const bench = new Bench();
    bench.linkMany(3);
    bench.overlay.dead(idOf(2), bench.now);
    bench.overlay.candidates([idOf(30)], bench.now);
    bench.run(0);
    bench.sent.length = bench.effects.length = 0;
    bench.overlay.stop(bench.now);
    expect(bench.sent.map(({ frame }) => frame)).toEqual(
      Array.from({ length: 3 }, () => ({ type: 'bye', reason: 'leaving', suggested: [] })),
    );
    expect(bench.overlay.neighbors().size).toBe(0);
    expect(bench.overlay.due).toBe(Number.POSITIVE_INFINITY);
  });

  it('takes any frames in any order without an exception, and holds its bounds', () => {
    const ids = [ME, ...Array.from({ length: 20 }, (_, n) => idOf(n))];
    const id = fc.constantFrom(...ids);
    const path = fc.array(id, { maxLength: 6 });
    const ttl = fc.nat(255);
    const frame: fc.Arbitrary<Frame | undefined> = fc.oneof(
      fc.constant(undefined),
      fc.record({
        type: fc.constant('hello' as const),
        entry: id.map((one) => claimOf(one)),
        links: fc.nat(3),
        size: fc.nat(99),
      }),
      fc.constant({ type: 'accept' } as const),
      fc.record({
        type: fc.constant('bye' as const),
        reason: fc.constantFrom('dead', 'full', 'leaving', 'surplus', 'avoided'),
        suggested: path,
      }),
      fc.record({ type: fc.constant('walk' as const), origin: id, ttl, path }),
      fc.record({ type: fc.constant('shuffle' as const), origin: id, ttl, path, sample: path }),
      fc.record({
        type: fc.constant('relay' as const),
        kind: fc.constantFrom('signal', 'message', 'shuffle', 'unroutable'),
        origin: id,
        route: fc.array(id, { minLength: 1, maxLength: 6 }),
        at: fc.constant(0),
        channel: fc.nat(9),
        payload: fc.uint8Array({ maxLength: 40 }),
      }),
    );
    const step = fc.oneof(
      fc.record({ do: fc.constant('frame' as const), id, frame }),
      fc.record({ do: fc.constant('link' as const), id }),
      fc.record({ do: fc.constant('dead' as const), id }),
      fc.record({ do: fc.constant('down' as const), id }),
      fc.record({ do: fc.constant('run' as const), ms: fc.nat(3_000) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const bench = new Bench({ activeSize: 3, activeMax: 5 });
        for (const one of steps) {
          if (one.do === 'frame') bench.overlay.receive(one.id, one.frame, bench.now);
          else if (one.do === 'link' && one.id !== ME) bench.link(one.id);
          else if (one.do === 'dead') bench.overlay.dead(one.id, bench.now);
          else if (one.do === 'down') bench.overlay.linkDown(one.id, true, bench.now);
          else if (one.do === 'run') bench.run(one.ms);
          expect(bench.overlay.neighbors().size).toBeLessThanOrEqual(5);
        }
        expect(bench.dialed()).not.toContain(ME);
        const ups = bench.told.filter((what) => what.startsWith('up')).length;
        expect(ups - (bench.told.length - ups)).toBe(bench.overlay.neighbors().size);
      }),
      { numRuns: runs(100) },
    );
  });
});
