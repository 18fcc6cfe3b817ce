import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomBelow, seededRandom } from '../util/random.ts';
import { Broadcast, type BroadcastEffect, type Rumor } from './broadcast.ts';
import { decodeFrame, encodeFrame, type Frame } from './frames.ts';
import { EAGER_BYTES } from './limits.ts';

const idOf = (n: number) => n.toString(16).padStart(32, '0');
const ME = 'f'.repeat(32);
const [A, B, C] = [idOf(1), idOf(2), idOf(3)] as const;
const LARGE = EAGER_BYTES + 1;

const rumorOf = (origin: string, sequence: number, size = 1): Rumor => ({
  origin,
  sequence,
  channel: 1,
  payload: new Uint8Array(size),
});
const sent = (effects: readonly BroadcastEffect[]) =>
  effects.flatMap((effect) =>
    effect.type === 'send' ? [`${effect.frame.type}>${effect.to.at(-1)}`] : [],
  );
const delivered = (effects: readonly BroadcastEffect[]) =>
  effects.filter(({ type }) => type === 'deliver').length;

interface Flight {
  readonly from: string;
  readonly to: string;
  readonly frame: Frame;
}

/** Machines on a connected graph; frames of a link arrive in order, links in an order of chance. */
class Graph {
  readonly machines = new Map<string, Broadcast>();
  readonly neighbors = new Map<string, Set<string>>();
  readonly got: string[] = [];
  readonly flights: Flight[] = [];
  readonly log: Flight[] = [];

  constructor(size: number, seed: number) {
    const random = seededRandom(seed);
    for (let n = 0; n < size; n++) {
      this.machines.set(idOf(n), new Broadcast(idOf(n)));
      this.neighbors.set(idOf(n), new Set());
      if (n > 0) this.link(n, randomBelow(random, n));
    }
    for (let i = 0; i < size; i++) this.link(randomBelow(random, size), randomBelow(random, size));
  }

  link(a: number, b: number): void {
    if (a === b) return;
    this.neighbors.get(idOf(a))?.add(idOf(b));
    this.neighbors.get(idOf(b))?.add(idOf(a));
  }

  publish(n: number, size: number): void {
    const neighbors = this.neighbors.get(idOf(n)) as Set<string>;
    const machine = this.machines.get(idOf(n)) as Broadcast;
    this.take(idOf(n), machine.publish(1, new Uint8Array(size), neighbors, 0));
  }

  take(at: string, effects: readonly BroadcastEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'deliver') {
        this.got.push(`${at} ${effect.rumor.origin}/${effect.rumor.sequence}`);
      } else {
        const flight = { from: at, to: effect.to, frame: effect.frame };
        this.flights.push(flight);
        this.log.push(flight);
      }
    }
  }

  run(seed: number): void {
    const random = seededRandom(seed);
    while (this.flights.length > 0) {
      const picked = this.flights[randomBelow(random, this.flights.length)] as Flight;
      const first = this.flights.findIndex(
        ({ from, to }) => from === picked.from && to === picked.to,
      );
      const [{ from, to, frame }] = this.flights.splice(first, 1) as [Flight];
      const machine = this.machines.get(to) as Broadcast;
      const read = decodeFrame(encodeFrame(frame)) as Frame;
      if (read.type === 'rumor') {
        this.take(to, machine.onRumor(from, read, this.neighbors.get(to) as Set<string>, 0));
      } else if (read.type === 'ihave') this.take(to, machine.onIHave(from, read.announced, 0));
      else if (read.type === 'graft') this.take(to, machine.onGraft(from, read));
      else if (read.type === 'gone') this.take(to, machine.onGone(from, read, 0));
    }
  }
}

describe('broadcast', () => {
  it('B1: in any connected graph each rumor is delivered once at every other tab', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 15 }),
        fc.nat(),
        fc.array(fc.tuple(fc.nat(14), fc.constantFrom(1, 100, LARGE)), { maxLength: 6 }),
        (size, seed, writes) => {
          const graph = new Graph(size, seed);
          for (const [n, bytes] of writes) graph.publish(n % size, bytes);
          graph.run(seed);
          expect(new Set(graph.got).size).toBe(graph.got.length);
          expect(graph.got.length).toBe(writes.length * (size - 1));
        },
      ),
    );
  });

  it('B2: a tab sends a rumor to a neighbor at most once, never to its sender or its origin', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 15 }), fc.nat(), (size, seed) => {
        const graph = new Graph(size, seed);
        graph.publish(0, 10);
        graph.run(seed);
        const pairs = graph.log.map(({ from, to }) => `${from}>${to}`);
        expect(new Set(pairs).size).toBe(pairs.length);
        expect(graph.log.every(({ to }) => to !== idOf(0))).toBe(true);
        const { machines } = graph;
        const received = [...machines.values()].reduce(
          (sum, { counts }) => sum + counts.received,
          0,
        );
        expect(received).toBe(graph.log.length);
      }),
    );
  });

  it('B2: what comes from a neighbor does not go back to it', () => {
    const machine = new Broadcast(ME);
    expect(sent(machine.onRumor(A, rumorOf(B, 0), [A, B, C], 0))).toEqual(['rumor>3']);
    expect(machine.onRumor(C, rumorOf(B, 0), [A, B, C], 0)).toEqual([]);
    expect(machine.counts).toEqual({ received: 2, duplicates: 1 });
  });

  it('B3: a large rumor is announced, fetched from one announcer alone, and arrives once a tab', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 15 }), fc.nat(), (size, seed) => {
        const graph = new Graph(size, seed);
        graph.publish(0, LARGE);
        graph.run(seed);
        const payloads = graph.log.filter(({ frame }) => frame.type === 'rumor');
        expect(payloads).toHaveLength(size - 1);
        for (const { counts } of graph.machines.values()) expect(counts.duplicates).toBe(0);
      }),
    );
  });

  it('B4: gone, a lost link and a stall each turn to another announcer, and none left ends the fetch', () => {
    const machine = new Broadcast(ME);
    const announced = [{ origin: idOf(9), sequence: 0, size: LARGE }];
    const graft = announced[0] as { origin: string; sequence: number };
    const announcers = [1, 2, 3, 4].map(idOf);
    const [first, second, third, fourth] = announcers as [string, string, string, string];
    expect(sent(machine.onIHave(first, announced, 0))).toEqual(['graft>1']);
    for (const from of [...announcers, ...announcers]) {
      expect(machine.onIHave(from, announced, 0)).toEqual([]);
    }
    expect(machine.onGone(second, graft, 0)).toEqual([]); // it was not asked
    expect(sent(machine.onGone(first, graft, 0))).toEqual(['graft>2']);
    expect(machine.linkDown(third, 0)).toEqual([]);
    expect(sent(machine.linkDown(second, 0))).toEqual(['graft>4']);
    expect([...machine.asked(0)]).toHaveLength(1);
    expect(machine.tick(10_000)).toEqual([]);
    expect(sent(machine.tick(20_000))).toEqual([]);
    expect([...machine.asked(0)]).toEqual([]);
    expect(sent(machine.onIHave(fourth, announced, 0))).toEqual(['graft>4']);
  });

  it('B4: a stalled fetch asks the next announcer, and a late payload still counts once', () => {
    const machine = new Broadcast(ME);
    const announced = [{ origin: idOf(9), sequence: 0, size: LARGE }];
    for (const from of [A, B]) machine.onIHave(from, announced, 0);
    expect(sent(machine.tick(16_000))).toEqual(['graft>2']);
    expect(delivered(machine.onRumor(A, rumorOf(idOf(9), 0, LARGE), [A, B], 0))).toBe(1);
    expect(delivered(machine.onRumor(B, rumorOf(idOf(9), 0, LARGE), [A, B], 0))).toBe(0);
    expect([...machine.asked(0)]).toEqual([]);
  });

  it('B4: what was announced by oneself, is known, or could never arrive is not fetched', () => {
    const machine = new Broadcast(ME);
    machine.onRumor(A, rumorOf(B, 0), [A], 0);
    const announced = [
      { origin: ME, sequence: 5, size: LARGE },
      { origin: B, sequence: 0, size: LARGE },
      { origin: B, sequence: 1, size: 2 ** 40 },
    ];
    expect(machine.onIHave(A, announced, 0)).toEqual([]);
    expect([...machine.asked(0)]).toEqual([]);
  });

  it('B5: large payloads are kept for a minute to answer fetches, then are gone', () => {
    const machine = new Broadcast(ME);
    machine.publish(1, new Uint8Array(LARGE), [A], 0);
    machine.publish(1, new Uint8Array(1), [A], 0);
    const own = { origin: ME, sequence: 0 };
    machine.tick(59_999);
    expect(sent(machine.onGraft(A, own))).toEqual(['rumor>1']);
    machine.tick(60_000);
    expect(sent(machine.onGraft(A, own))).toEqual(['gone>1']);
    expect(sent(machine.onGraft(A, { origin: ME, sequence: 1 }))).toEqual(['gone>1']);
  });

  it('B5: payloads kept are bounded in bytes, the oldest going first, the latest always there', () => {
    const machine = new Broadcast(ME);
    const payload = new Uint8Array(50 * 1024 * 1024);
    for (let i = 0; i < 4; i++) machine.publish(1, payload, [A], 0);
    const has = (sequence: number) => sent(machine.onGraft(A, { origin: ME, sequence }))[0];
    expect([0, 1, 2, 3].map(has)).toEqual(['gone>1', 'gone>1', 'rumor>1', 'rumor>1']);
    machine.letGo();
    expect([2, 3].map(has)).toEqual(['gone>1', 'gone>1']);
  });

  it('B5: a payload that comes again, its origin forgotten meanwhile, counts once towards the bound', () => {
    const machine = new Broadcast(ME);
    const large = { ...rumorOf(A, 0), payload: new Uint8Array(60 * 1024 * 1024) };
    for (let again = 0; again < 3; again++) {
      expect(delivered(machine.onRumor(B, large, [B], 0))).toBe(1);
      for (let n = 0; n < 4_096; n++) machine.onRumor(B, rumorOf(idOf(1_000 + n), again), [B], 0);
    }
    machine.onRumor(B, { ...large, sequence: 1 }, [B], 0);
    expect(sent(machine.onGraft(C, large))).toEqual(['rumor>3']);
  });

  it('B6: at most 64 large rumors are fetched at once', () => {
    const machine = new Broadcast(ME);
    const announced = Array.from({ length: 256 }, (_, sequence) => ({
      origin: A,
      sequence,
      size: LARGE,
    }));
    expect(sent(machine.onIHave(B, announced, 0))).toHaveLength(64);
    expect(sent(machine.onIHave(C, announced, 0))).toHaveLength(0);
  });

  it('B7: what was seen is remembered for 4,096 origins, those heard longest ago going first', () => {
    const machine = new Broadcast(ME);
    for (let n = 0; n < 4_096; n++) machine.onRumor(A, rumorOf(idOf(n), 0), [], 0);
    machine.onRumor(A, rumorOf(idOf(0), 1), [], 0);
    machine.onRumor(A, rumorOf(idOf(4_096), 0), [], 0);
    expect(delivered(machine.onRumor(A, rumorOf(idOf(0), 0), [], 0))).toBe(0);
    expect(delivered(machine.onRumor(A, rumorOf(idOf(4_095), 0), [], 0))).toBe(0);
    expect(delivered(machine.onRumor(A, rumorOf(idOf(1), 0), [], 0))).toBe(1);
  });

  it('B7: gaps of one origin are bounded; the oldest then count as seen', () => {
    const machine = new Broadcast(ME);
    for (let n = 0; n <= 64; n++) machine.onRumor(A, rumorOf(B, 2 * n), [], 0);
    expect(delivered(machine.onRumor(A, rumorOf(B, 1), [], 0))).toBe(0);
    expect(delivered(machine.onRumor(A, rumorOf(B, 127), [], 0))).toBe(1);
    expect(delivered(machine.onRumor(A, rumorOf(B, 129), [], 0))).toBe(1);
  });
});
