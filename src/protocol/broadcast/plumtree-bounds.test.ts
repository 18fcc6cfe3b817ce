import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../util/testing/runs.ts';
import {
  A,
  B,
  C,
  D,
  gone,
  graft,
  idOf,
  LARGE,
  lab,
  ME,
  news,
  O,
  prune,
  rumorOf,
  settled,
} from '../testing/plumtree-lab.ts';

describe('plumtree: large payloads', () => {
  const announce = (n: number, size = LARGE) => news(idOf(50), n, 3, size);

  it('B10: a large rumor is announced at once and pushed to nobody, children included', () => {
    const { machine, said, hear } = settled();
    machine.publish(1, new Uint8Array(LARGE), 9_000);
    expect(said()).toEqual(['ihave>1', 'ihave>2', 'ihave>3']);
    hear(A, rumorOf(O, 1, 3, LARGE), 9_000);
    expect(said()).toEqual(['ihave>2', 'ihave>3']);
    hear(C, graft(O, 1), 9_000);
    expect(said()).toEqual(['rumor>3']);
    hear(A, rumorOf(O, 2), 9_000);
    expect(said()).toEqual(['rumor>2']); // to fetch a large one makes no child
  });

  it('B10: it is fetched from one announcer at a time, each asked once, and who owes it is known', () => {
    const { machine, said, hear, pass } = lab([A, B, C]);
    for (const peer of [A, B, C, A, B, C]) hear(peer, announce(0));
    expect(said()).toEqual(['graft>1']);
    expect([...machine.asked(5)]).toEqual([{ peer: A, waited: 5 }]);
    hear(A, gone(idOf(50), 0));
    expect(said()).toEqual(['graft>2']);
    pass(15_000);
    expect(said()).toEqual([]);
    pass(16_000);
    expect(said()).toEqual(['graft>3']);
    pass(40_000);
    expect(said()).toEqual([]);
    expect([...machine.asked(0)]).toEqual([]);
    hear(B, announce(0), 40_000);
    expect(said()).toEqual(['graft>2']);
  });

  it('B10: a late payload of one asked before still counts, once', () => {
    const { machine, said, hear, pass, delivered } = lab([A, B]);
    for (const peer of [A, B]) hear(peer, announce(0));
    pass(16_000);
    for (const peer of [A, B]) hear(peer, rumorOf(idOf(50), 0, 3, LARGE), 16_000);
    expect(delivered).toHaveLength(1);
    expect([...machine.asked(0)]).toEqual([]);
    expect(said()).toEqual(['graft>1', 'graft>2']);
  });

  it('B10: what could never arrive is not asked for; 64 at once is the most', () => {
    const { said, hear } = lab([A, B]);
    hear(A, announce(0, 2 ** 40));
    expect(said()).toEqual([]);
    for (let n = 0; n < 100; n++) hear(A, announce(n));
    expect(said()).toHaveLength(64);
    for (let n = 0; n < 100; n++) hear(B, announce(n));
    expect(said()).toEqual([]);
  });
});

describe('plumtree: bounds', () => {
  it('B11: small rumors are kept for 10 s to answer grafts, large ones for a minute', () => {
    const { machine, said, hear, pass } = lab([A]);
    machine.publish(1, new Uint8Array(1), 0);
    machine.publish(1, new Uint8Array(LARGE), 0);
    const ask = () => {
      said();
      for (const sequence of [0, 1]) hear(A, graft(ME, sequence));
      return said();
    };
    pass(9_999);
    expect(ask()).toEqual(['rumor>1', 'rumor>1']);
    pass(59_999);
    expect(ask()).toEqual(['gone>1', 'rumor>1']);
    pass(60_000);
    expect(ask()).toEqual(['gone>1', 'gone>1']);
    expect(machine.due).toBe(Number.POSITIVE_INFINITY);
  });

  it('B12: at most 1,024 small rumors are awaited at once', () => {
    const { said, hear } = lab([A, B]);
    for (let n = 0; n < 1_100; n++) hear(A, news(O, n));
    expect(said()).toHaveLength(1_024);
  });

  it('B12: an origin whose tree was forgotten is met anew, and nothing is lost or doubled', () => {
    const { said, hear } = lab([A, B], { treesMax: 16 });
    hear(A, rumorOf(O, 0));
    hear(B, graft(O, 0, false));
    for (let n = 0; n < 16; n++) hear(A, rumorOf(idOf(200 + n), 0));
    said();
    hear(A, rumorOf(O, 1));
    expect(said()).toEqual(['ihave>2']);
    hear(B, graft(O, 1));
    expect(said()).toEqual(['rumor>2']);
  });

  it('letting go forgets links, trees and payloads, keeps what was seen, and goes on counting', () => {
    const { machine, said, hear, frames, delivered } = settled();
    machine.publish(1, new Uint8Array(1), 9_000);
    machine.letGo();
    frames();
    expect(machine.due).toBe(Number.POSITIVE_INFINITY);
    machine.neighborUp(A);
    hear(A, rumorOf(O, 0), 9_000);
    expect(delivered).toHaveLength(1);
    hear(A, graft(ME, 0), 9_000);
    expect(said()).toEqual(['prune>1', 'gone>1']);
    machine.publish(1, new Uint8Array(1), 9_000);
    expect(frames()[0]?.frame).toMatchObject({ origin: ME, sequence: 1 });
  });

  it('any frames in any order are taken without a throw, and what is held stays bounded', () => {
    const peer = fc.constantFrom(A, B, C, D);
    const origin = fc.constantFrom(O, A, ME, idOf(7));
    const small = fc.nat(5);
    const frame = fc.oneof(
      fc.tuple(origin, small, fc.nat(255), fc.constantFrom(1, LARGE)).map((a) => rumorOf(...a)),
      fc.tuple(origin, small, fc.nat(255), fc.constantFrom(0, LARGE)).map((a) => news(...a)),
      fc.tuple(origin, small, fc.boolean()).map((a) => graft(...a)),
      origin.map(prune),
      fc.tuple(origin, small).map((a) => gone(...a)),
      fc.constantFrom('up' as const, 'down' as const, 'tick' as const, 'publish' as const),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(peer, frame), { maxLength: 60 }), (events) => {
        const { machine, delivered, hear, frames } = lab([A, B]);
        const neighbors = new Set([A, B]);
        let now = 0;
        for (const [from, event] of events) {
          now += 50;
          if (event === 'up') {
            neighbors.add(from);
            machine.neighborUp(from);
          } else if (event === 'down') {
            neighbors.delete(from);
            machine.neighborDown(from, now);
          } else if (event === 'tick') machine.tick(now, 0);
          else if (event === 'publish') machine.publish(1, new Uint8Array(1), now);
          else hear(from, event, now);
          for (const { to } of frames()) expect(neighbors.has(to)).toBe(true);
        }
        const keys = delivered.map(({ origin, sequence }) => `${origin}/${sequence}`);
        expect(new Set(keys).size).toBe(keys.length);
        while (machine.due < Number.POSITIVE_INFINITY) machine.tick(machine.due, 0);
      }),
      { numRuns: runs(200) },
    );
  });
});
