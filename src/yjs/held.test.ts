import fc from 'fast-check';
import { writeVarUint } from 'lib0/encoding';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { toHex } from '../util/bytes.ts';
import { encode } from '../util/codec.ts';
import { runs } from '../util/testing/runs.ts';
import { HeldRanges } from './held.ts';
import { type Delivery, deliver, edits, History, heldOf, leafOf } from './testing/histories.ts';

const delivery: fc.Arbitrary<Delivery> = fc.record({
  order: fc.array(fc.nat(), { maxLength: 80 }),
  lost: fc.array(fc.nat(79), { maxLength: 30 }),
  twice: fc.array(fc.nat(79), { maxLength: 10 }),
});

describe('HeldRanges', () => {
  it('D1: leaves are equal exactly where the same updates are held, in whatever order they came', () => {
    fc.assert(
      fc.property(edits, delivery, delivery, (script, one, other) => {
        const { updates } = History.of(script);
        const [a, b] = [deliver(updates, one), deliver(updates, other)];
        const [heldA, heldB] = [heldOf(a), heldOf(b)];
        const isSame = rangesOf(a) === rangesOf(b);
        expect(toHex(heldA.leaf()) === toHex(heldB.leaf())).toBe(isSame);
        for (const update of updates) {
          heldA.add(update);
          heldB.add(update);
        }
        expect(toHex(heldA.leaf())).toBe(toHex(heldB.leaf()));
        for (const update of updates) expect(heldA.add(update)).toBeUndefined();
      }),
      { numRuns: runs(300) },
    );
  });

  it('D1: what Yjs gives of a document, pending parts included, holds what was applied to it', () => {
    fc.assert(
      fc.property(edits, delivery, fc.boolean(), (script, how, gc) => {
        const received = deliver(History.of(script).updates, how);
        const doc = new Y.Doc({ gc });
        const held = new HeldRanges();
        doc.on('update', (update: Uint8Array) => held.add(update));
        for (const update of received) {
          held.add(update);
          Y.applyUpdate(doc, update);
        }
        expect(leafOf([Y.encodeStateAsUpdate(doc)])).toBe(toHex(held.leaf()));
      }),
      { numRuns: runs(500) },
    );
  });

  it('D1: garbage collection does not change the leaf', () => {
    fc.assert(
      fc.property(edits, (script) => {
        const collected = History.of(script, true);
        const kept = History.of(script, false);
        expect(leafOf([Y.encodeStateAsUpdate(collected.whole())])).toBe(
          leafOf([Y.encodeStateAsUpdate(kept.whole())]),
        );
      }),
      { numRuns: runs(200) },
    );
  });

  it('D1: an edit that only deletes changes the leaf', () => {
    const doc = new Y.Doc();
    const text = doc.getText('t');
    text.insert(0, 'abc');
    const held = heldOf([Y.encodeStateAsUpdate(doc)]);
    const before = toHex(held.leaf());
    text.delete(1, 1);
    expect(held.add(Y.encodeStateAsUpdate(doc))).toBe('deletes');
    expect(toHex(held.leaf())).not.toBe(before);
  });

  it('D1: what a peer with the state vector sends completes what is held, gaps included', () => {
    fc.assert(
      fc.property(edits, delivery, (script, how) => {
        const history = History.of(script);
        const held = heldOf(deliver(history.updates, how));
        held.add(Y.encodeStateAsUpdate(history.whole(), held.stateVector()));
        const all = heldOf([Y.encodeStateAsUpdate(history.whole()), ...history.updates]);
        for (const update of history.updates) held.add(update); // deletions of what a merge dropped
        expect(toHex(held.leaf())).toBe(toHex(all.leaf()));
      }),
      { numRuns: runs(300) },
    );
  });

  it('D1: the state vector ends at the first gap, so that all behind it is asked for', () => {
    const doc = new Y.Doc();
    doc.clientID = 2 ** 52 + 7;
    const updates: Uint8Array[] = [];
    doc.on('update', (update: Uint8Array) => updates.push(update));
    for (const letter of 'abcd') doc.getText('t').insert(0, letter);
    const held = heldOf([updates[0], updates[2], updates[3]] as Uint8Array[]);
    expect([...Y.decodeStateVector(held.stateVector())]).toEqual([[doc.clientID, 1]]);
    expect(heldOf([updates[1] as Uint8Array]).stateVector()).toEqual(new Uint8Array([0]));
  });

  it('refuses bytes that are no update and notes nothing of them', () => {
    const doc = new Y.Doc();
    doc.getText('t').insert(0, 'some text');
    const valid = Y.encodeStateAsUpdate(doc);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(valid.length - 1), (bytes, cut) => {
        const held = new HeldRanges();
        for (const hostile of [bytes, valid.subarray(0, cut)]) {
          try {
            held.add(hostile);
          } catch (thrown) {
            expect(thrown).toBeInstanceOf(Error);
            expect(toHex(held.leaf())).toBe(leafOf([]));
            return;
          }
        }
      }),
      { numRuns: runs(2000) },
    );
  });

  it('refuses clocks beyond the safe integers, which no state vector could carry', () => {
    const deletions = encode((encoder) => {
      writeVarUint(encoder, 0);
      for (const value of [1, 7, 1, Number.MAX_SAFE_INTEGER, 2]) writeVarUint(encoder, value);
    });
    const held = new HeldRanges();
    expect(() => held.add(deletions)).toThrow(RangeError);
    expect(held.isEmpty).toBe(true);
  });

  it('is empty until something is noted', () => {
    const held = new HeldRanges();
    expect(held.isEmpty).toBe(true);
    expect(held.add(Y.encodeStateAsUpdate(new Y.Doc()))).toBeUndefined();
    expect(held.isEmpty).toBe(true);
  });
});

/** The ranges of `updates`, by a model that lists every number. */
function rangesOf(updates: readonly Uint8Array[]): string {
  const numbers = new Set<string>();
  for (const update of updates) {
    const { structs, ds } = Y.decodeUpdate(update);
    for (const struct of structs) {
      if (struct instanceof Y.Skip) continue;
      const { id, length } = struct;
      for (let i = 0; i < length; i++) numbers.add(`s${id.client}.${id.clock + i}`);
    }
    for (const [client, items] of ds.clients) {
      for (const { clock, len } of items) {
        for (let i = 0; i < len; i++) numbers.add(`d${client}.${clock + i}`);
      }
    }
  }
  return [...numbers].sort().join();
}
