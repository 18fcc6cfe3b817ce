import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IntervalSet } from '../../util/intervals.ts';
import { runs } from '../../util/testing/runs.ts';
import { ClientTrie, ClientWalk, decodeClientStep, encodeClientStep } from './reconcile-clients.ts';

const set = (...intervals: readonly (readonly [number, number])[]) => {
  const ranges = new IntervalSet();
  for (const [start, end] of intervals) ranges.add(start, end);
  return ranges;
};
const random53 = (n: number) => 2 ** 45 + n * 104_729 * 7_919;

/** Clients by number, each with how many structs and deletions are held of it. */
function trieOf(clients: ReadonlyMap<number, readonly [number, number]>): ClientTrie {
  const trie = new ClientTrie();
  for (const [client, [structs, deletes]] of clients) {
    trie.set({ client, structs: set([0, structs]), deletes: set([0, deletes]) });
  }
  return trie;
}

function walk(a: ClientTrie, b: ClientTrie) {
  const nonces = [new Uint8Array(6).fill(1), new Uint8Array(6).fill(2)] as const;
  const sides = [
    new ClientWalk(b.trie, nonces, 0, true),
    new ClientWalk(a.trie, nonces, 0, false),
  ] as const;
  let bytes = 0;
  let messages = 0;
  let step = sides[0].reply(nonces[1]);
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
    const { bytes, messages } = walk(trieOf(clients), trieOf(others));
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
        const [trieA, trieB] = [trieOf(a), trieOf(b)];
        const { ofA, ofB } = walk(trieA, trieB);
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

  it('bytes of any kind throw nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        decodeClientStep(bytes);
      }),
      { numRuns: runs(2_000) },
    );
  });
});
