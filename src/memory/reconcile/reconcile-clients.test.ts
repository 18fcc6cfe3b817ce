import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntervalSet } from '../../util/intervals.ts';
import { runs } from '../../util/testing/runs.ts';
import {
  type ClientStep,
  ClientWalk,
  decodeClientStep,
  encodeClientStep,
} from './reconcile-clients.ts';
import type { ClientEntry } from './reconcile-clients-wire.ts';

const set = (...intervals: readonly (readonly [number, number])[]) => {
  const ranges = new IntervalSet();
  for (const [start, end] of intervals) ranges.add(start, end);
  return ranges;
};
const random53 = (n: number) => 2 ** 45 + n * 104_729 * 7_919;

/** Clients by number, each with how many structs and deletions are held of it. */
function heldOf(clients: ReadonlyMap<number, readonly [number, number]>): ClientEntry[] {
  return Array.from(clients, ([client, [structs, deletes]]) => ({
    client,
    structs: set([0, structs]),
    deletes: set([0, deletes]),
  }));
}

function walk(a: readonly ClientEntry[], b: readonly ClientEntry[]) {
  const nonce = new Uint8Array(6).fill(1);
  const sides = [new ClientWalk(b, nonce, true), new ClientWalk(a, nonce, false)] as const;
  let bytes = 0;
  let messages = 0;
  let step = sides[0].reply(nonce);
  while (step !== undefined) {
    const encoded = encodeClientStep(step);
    bytes += encoded.length;
    messages++;
    const to = sides[messages % 2] as ClientWalk;
    const decoded = decodeClientStep(encoded);
    expect(decoded).toEqual(step);
    expect(to.receive(decoded as NonNullable<typeof decoded>)).toBeUndefined();
    step = to.reply();
  }
  expect(sides.map(({ isDone }) => isDone)).toEqual([true, true]);
  return { bytes, messages, ofA: sides[0].differing, ofB: sides[1].differing };
}

describe('the walk over the clients of a document (W11)', () => {
  it('with 10,000 past clients and 3 differing takes less than 1 KB', () => {
    const clients = new Map<number, readonly [number, number]>();
    for (let n = 0; n < 10_000; n++) clients.set(random53(n), [1 + (n % 900), n % 30]);
    const others = new Map(clients);
    others.set(random53(1), [1_000, 3]);
    others.set(random53(2), [3, 200]);
    clients.set(random53(20_000), [12, 0]);
    const { bytes, messages } = walk(heldOf(clients), heldOf(others));
    expect(bytes).toBeLessThanOrEqual(1_024);
    expect(messages).toBeLessThanOrEqual(6);
  });

  it('tells both sides exactly in which clients they differ, and what the other holds', () => {
    const held = fc.uniqueArray(fc.tuple(fc.nat(300), fc.nat(5), fc.nat(5)), {
      maxLength: 120,
      selector: ([client]) => client,
    });
    fc.assert(
      fc.property(held, held, (left, right) => {
        const some = ([, structs, deletes]: readonly [number, number, number]) =>
          structs + deletes > 0;
        const [a, b] = [left, right].map(
          (list) => new Map(list.filter(some).map(([client, s, d]) => [client, [s, d] as const])),
        ) as [Map<number, readonly [number, number]>, Map<number, readonly [number, number]>];
        const [heldA, heldB] = [heldOf(a), heldOf(b)];
        const { ofA, ofB } = walk(heldA, heldB);
        for (const [mine, theirs, found] of [
          [a, b, ofB],
          [b, a, ofA],
        ] as const) {
          const clients = [...new Set([...mine.keys(), ...theirs.keys()])];
          const expected = clients.filter((c) => `${mine.get(c)}` !== `${theirs.get(c)}`);
          expect([...found.keys()].sort()).toEqual(expected.sort());
          for (const client of expected) {
            const entry = found.get(client);
            const ranges = theirs.get(client);
            expect(entry && [entry.structs.end(), entry.deletes.end()]).toEqual(
              ranges && [...ranges],
            );
          }
        }
      }),
      { numRuns: runs(100) },
    );
  });

  it('a side that tells one thing at a time, for ever, is told to be wrong', () => {
    const clients = new Map<number, readonly [number, number]>();
    for (let n = 0; n < 5_000; n++) clients.set(random53(n), [1, 0]);
    const others = new Map([...clients.keys()].map((client) => [client, [2, 0] as const]));
    const nonce = new Uint8Array(6);
    const honest = new ClientWalk(heldOf(clients), nonce, true);
    const slow = new ClientWalk(heldOf(others), nonce, false);
    slow.receive(honest.reply(nonce) as ClientStep);
    honest.receive(slow.reply() as ClientStep);
    slow.receive(honest.reply() as ClientStep);
    const { sections } = slow.reply() as ClientStep;
    expect(sections.length).toBeGreaterThan(200);
    const told = sections.map((section) =>
      honest.receive({ nonce: undefined, sections: [section], entries: [] }),
    );
    expect(told.find((wrong) => wrong !== undefined)).toBe('a walk that never ends');
  });

  it('bytes of any kind throw nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        decodeClientStep(bytes);
      }),
      { numRuns: runs(2_000) },
    );
  });
});
