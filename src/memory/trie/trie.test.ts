import { sha256 } from '@noble/hashes/sha2.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../util/bytes.ts';
import { runs } from '../../util/testing/runs.ts';
import { Trie } from './trie.ts';

const hash = (text: string) => sha256(new TextEncoder().encode(text));
/** Keys of which many share their first digits. */
const keyOf = (n: number) => {
  const key = hash(`key ${n}`);
  if (n % 2 === 0) key.fill(0xab, 0, n % 3 === 0 ? 8 : 3);
  return key;
};

type Edit = readonly [key: number, value: number | undefined];
const edits = fc.array(fc.tuple(fc.nat(80), fc.option(fc.nat(3), { nil: undefined, freq: 3 })), {
  maxLength: 200,
});

function apply(trie: Trie<number>, model: Map<number, number>, list: readonly Edit[]): void {
  for (const [key, value] of list) {
    if (value === undefined) {
      expect(trie.delete(keyOf(key))).toBe(model.delete(key));
    } else {
      trie.set(keyOf(key), hash(`value ${value}`), value);
      model.set(key, value);
    }
  }
}

function rebuilt(model: ReadonlyMap<number, number>): Trie<number> {
  const trie = new Trie<number>();
  for (const [key, value] of [...model].reverse()) {
    trie.set(keyOf(key), hash(`value ${value}`), value);
  }
  return trie;
}

describe('the trie', () => {
  it('is a map, and its root is of what it holds alone (T1, T2)', () => {
    fc.assert(
      fc.property(edits, fc.nat(200), (list, at) => {
        const trie = new Trie<number>();
        const model = new Map<number, number>();
        apply(trie, model, list.slice(0, at));
        trie.root();
        apply(trie, model, list.slice(at));
        expect(trie.size).toBe(model.size);
        expect(toHex(trie.root())).toBe(toHex(rebuilt(model).root()));
        for (let key = 0; key <= 80; key++) {
          expect(trie.get(keyOf(key))?.value).toBe(model.get(key));
        }
        const keys = [...trie].map(({ bytes }) => bytes);
        expect(keys).toEqual([...keys].sort());
      }),
      { numRuns: runs(200) },
    );
  });

  it('changes its root with every key, value and removal', () => {
    const trie = new Trie<number>();
    const roots = new Set([toHex(trie.root())]);
    for (let n = 0; n < 100; n++) {
      trie.set(keyOf(n), hash('one'), 1);
      roots.add(toHex(trie.root()));
      trie.set(keyOf(n), hash('two'), 2);
      roots.add(toHex(trie.root()));
    }
    expect(roots.size).toBe(201);
    for (let n = 99; n >= 0; n--) {
      trie.delete(keyOf(n));
      trie.root();
    }
    expect(toHex(trie.root())).toBe(toHex(new Trie().root()));
  });

  it('holds keys that agree in their first 64 bits (T1)', () => {
    const trie = new Trie<number>();
    const model = new Map<number, number>();
    for (let n = 0; n < 20 * 6; n += 6) apply(trie, model, [[n, 1]]);
    expect(trie.size).toBe(20);
    expect(toHex(trie.root())).toBe(toHex(rebuilt(model).root()));
    for (let n = 0; n < 20 * 6; n += 6) expect(trie.delete(keyOf(n))).toBe(true);
    expect(toHex(trie.root())).toBe(toHex(new Trie().root()));
  });

  it('keeps a snapshot as it was, whichever of the two changes (T4)', () => {
    fc.assert(
      fc.property(edits, edits, edits, (first, second, third) => {
        const trie = new Trie<number>();
        const model = new Map<number, number>();
        apply(trie, model, first);
        const snapshot = trie.snapshot();
        const other = new Map(model);
        apply(trie, model, second);
        apply(snapshot, other, third);
        expect(toHex(trie.root())).toBe(toHex(rebuilt(model).root()));
        expect(toHex(snapshot.root())).toBe(toHex(rebuilt(other).root()));
      }),
      { numRuns: runs(100) },
    );
  });

  it('tells exactly in which keys it differs from another (T5)', () => {
    fc.assert(
      fc.property(edits, edits, fc.boolean(), (first, second, isShared) => {
        const trie = new Trie<number>();
        const model = new Map<number, number>();
        apply(trie, model, first);
        const other = isShared ? trie.snapshot() : rebuilt(model);
        const otherModel = new Map(model);
        apply(other, otherModel, second);
        const found = [...trie.differences(other)].map(({ mine, other: theirs }) => [
          (mine ?? theirs)?.bytes.slice(0, 32),
          mine?.value,
          theirs?.value,
        ]);
        const expected = Array.from({ length: 81 }, (_, key) => key)
          .filter((key) => model.get(key) !== otherModel.get(key))
          .map((key) => [String.fromCharCode(...keyOf(key)), model.get(key), otherModel.get(key)]);
        expect(found.sort()).toEqual(expected.sort());
      }),
      { numRuns: runs(100) },
    );
  });
});
