import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../util/bytes.ts';
import { sha256 } from '../../util/sha256.ts';
import { runs } from '../../util/testing/runs.ts';
import type { Hasher } from '../hasher.ts';
import { Trie } from './trie.ts';
import type { TrieItem } from './trie-nodes.ts';

/** Paths of which many share their first digits. */
const pathOf = (n: number) => {
  const path = sha256(new TextEncoder().encode(`key ${n}`));
  if (n % 2 === 0) path.fill(0xab, 0, n % 3 === 0 ? 8 : 3);
  return String.fromCharCode(...path);
};

class Item implements TrieItem {
  readonly path: string;
  readonly key: number;
  readonly value: number;
  /** How often it writes itself: a hundred times is more than is kept of one item when a trie is built. */
  readonly times: number;

  constructor(key: number, value: number, times = 1) {
    this.path = pathOf(key);
    this.key = key;
    this.value = value;
    this.times = times;
  }

  write(to: Hasher): void {
    for (let i = 0; i < this.times; i++) {
      to.uint(this.key);
      to.uint(this.value);
      to.codes('some more');
    }
  }
}

type Edit = readonly [key: number, value: number | undefined];
const edits = fc.array(fc.tuple(fc.nat(80), fc.option(fc.nat(3), { nil: undefined, freq: 3 })), {
  maxLength: 200,
});

function apply(trie: Trie<Item>, model: Map<number, number>, list: readonly Edit[]): void {
  for (const [key, value] of list) {
    if (value === undefined) {
      expect(trie.delete(pathOf(key))).toBe(model.delete(key));
    } else {
      trie.set(new Item(key, value));
      model.set(key, value);
    }
  }
}

function rebuilt(model: ReadonlyMap<number, number>): Trie<Item> {
  const trie = new Trie<Item>();
  for (const [key, value] of [...model].reverse()) {
    trie.set(new Item(key, value));
  }
  return trie;
}

describe('the trie', () => {
  it('is a map, and its root is of what it holds alone (T1, T2)', () => {
    fc.assert(
      fc.property(edits, fc.nat(200), (list, at) => {
        const trie = new Trie<Item>();
        const model = new Map<number, number>();
        apply(trie, model, list.slice(0, at));
        trie.root();
        apply(trie, model, list.slice(at));
        expect(trie.size).toBe(model.size);
        expect(toHex(trie.root())).toBe(toHex(rebuilt(model).root()));
        for (let key = 0; key <= 80; key++) {
          expect(trie.get(pathOf(key))?.value).toBe(model.get(key));
        }
        const keys = [...trie].map(({ path }) => path);
        expect(keys).toEqual([...keys].sort());
      }),
      { numRuns: runs(200) },
    );
  });

  it('of many items at once is the one of the same items set one by one (T1, T2)', () => {
    const values = fc.uniqueArray(fc.nat(3_000), { maxLength: 300 });
    fc.assert(
      fc.property(values, fc.nat(5), edits, (keys, long, later) => {
        const items = keys.map((key) => new Item(key, key % 7, key % 6 < long ? 100 : 1));
        const built = new Trie(items);
        const one = new Trie<Item>();
        for (const item of items) one.set(item);
        expect(toHex(built.root())).toBe(toHex(one.root()));
        expect([...built]).toEqual([...one]);
        expect(built.size).toBe(one.size);
        for (const trie of [built, one]) apply(trie, new Map(items.map((i) => [i.key, 0])), later);
        expect(toHex(built.root())).toBe(toHex(one.root()));
      }),
      { numRuns: runs(100) },
    );
  });

  it('changes its root with every key, value and removal', () => {
    const trie = new Trie<Item>();
    const roots = new Set([toHex(trie.root())]);
    for (let n = 0; n < 100; n++) {
      trie.set(new Item(n, 1));
      roots.add(toHex(trie.root()));
      trie.set(new Item(n, 2));
      roots.add(toHex(trie.root()));
    }
    expect(roots.size).toBe(201);
    for (let n = 99; n >= 0; n--) {
      trie.delete(pathOf(n));
      trie.root();
    }
    expect(toHex(trie.root())).toBe(toHex(new Trie().root()));
  });

  it('holds keys that agree in their first 64 bits (T1)', () => {
    const trie = new Trie<Item>();
    const model = new Map<number, number>();
    for (let n = 0; n < 20 * 6; n += 6) apply(trie, model, [[n, 1]]);
    expect(trie.size).toBe(20);
    expect(toHex(trie.root())).toBe(toHex(rebuilt(model).root()));
    for (let n = 0; n < 20 * 6; n += 6) expect(trie.delete(pathOf(n))).toBe(true);
    expect(toHex(trie.root())).toBe(toHex(new Trie().root()));
  });

  it('keeps a snapshot as it was, whichever of the two changes (T4)', () => {
    fc.assert(
      fc.property(edits, edits, edits, (first, second, third) => {
        const trie = new Trie<Item>();
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
        const trie = new Trie<Item>();
        const model = new Map<number, number>();
        apply(trie, model, first);
        const other = isShared ? trie.snapshot() : rebuilt(model);
        const otherModel = new Map(model);
        apply(other, otherModel, second);
        const found = [...trie.differences(other)].map(({ mine, other: theirs }) => [
          (mine ?? theirs)?.path,
          mine?.value,
          theirs?.value,
        ]);
        const expected = Array.from({ length: 81 }, (_, key) => key)
          .filter((key) => model.get(key) !== otherModel.get(key))
          .map((key) => [pathOf(key), model.get(key), otherModel.get(key)]);
        expect(found.sort()).toEqual(expected.sort());
      }),
      { numRuns: runs(100) },
    );
  });

  it('tells without hashing what was set or removed since a snapshot of it (T5)', () => {
    fc.assert(
      fc.property(edits, edits, (first, second) => {
        const trie = new Trie<Item>();
        const model = new Map<number, number>();
        apply(trie, model, first);
        const snapshot = trie.snapshot();
        const before = new Map(model);
        apply(trie, model, second);
        const found = new Set(
          [...trie.changes(snapshot)].map((each) => (each.mine ?? each.other)?.key),
        );
        const set = new Set(second.map(([key]) => key));
        for (const key of found) expect(set).toContain(key);
        for (const key of set) {
          if (model.get(key) !== before.get(key)) expect(found).toContain(key);
        }
        if (found.size > 0) expect(trie.isUnchanged(snapshot)).toBe(false);
        expect(snapshot.isUnchanged(snapshot.snapshot())).toBe(true);
      }),
      { numRuns: runs(100) },
    );
  });
});
