import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { toHex } from '../util/bytes.ts';
import { runs } from '../util/testing/runs.ts';
import type { HeldRanges } from './held.ts';
import type { Differing } from './reconcile-ports.ts';
import { type Delivery, deliver, edits, History, heldOf } from './testing/histories.ts';
import { updateBeyond } from './update-beyond.ts';

const delivery: fc.Arbitrary<Delivery> = fc.record({
  order: fc.array(fc.nat(), { maxLength: 80 }),
  lost: fc.array(fc.nat(79), { maxLength: 30 }),
  twice: fc.array(fc.nat(79), { maxLength: 10 }),
});

/** What a walk finds out for the side that holds `mine`. */
function differingOf(mine: HeldRanges, theirs: HeldRanges): Differing {
  const clients = new Set([...mine.ranges.keys(), ...theirs.ranges.keys()]);
  const isApart = (client: number) => {
    const [a, b] = [mine.ranges.get(client), theirs.ranges.get(client)];
    return !(a && b && a.structs.equals(b.structs) && a.deletes.equals(b.deletes));
  };
  return new Map(
    [...clients].filter(isApart).map((client) => [client, theirs.ranges.get(client)] as const),
  );
}

function docOf(updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc({ gc: false });
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc;
}

describe('the update beyond what another tab holds (D3)', () => {
  it('makes both sides hold the same, pending parts and deletions alone included', async () => {
    const property = fc.asyncProperty(edits, delivery, delivery, async (script, one, other) => {
      const { updates } = History.of(script);
      const parts = [deliver(updates, one), deliver(updates, other)] as const;
      const held = [heldOf(parts[0]), heldOf(parts[1])] as const;
      const [forB, forA] = await Promise.all(
        ([0, 1] as const).map((side) =>
          updateBeyond(
            held[side].ranges,
            differingOf(held[side], held[1 - side] as HeldRanges),
            async (vector) => Y.encodeStateAsUpdate(docOf(parts[side]), vector),
          ),
        ),
      );
      const lacks = (a: HeldRanges, b: HeldRanges) =>
        [...b.ranges.values()].some((entry) => !a.covers(entry));
      expect(forA !== undefined).toBe(lacks(held[0], held[1]));
      expect(forB !== undefined).toBe(lacks(held[1], held[0]));
      if (forA !== undefined) held[0].add(forA);
      if (forB !== undefined) held[1].add(forB);
      expect(toHex(held[0].leaf())).toBe(toHex(held[1].leaf()));
    });
    await fc.assert(property, { numRuns: runs(300) });
  });

  it('tells of deletions only those that are lacked', async () => {
    const doc = new Y.Doc();
    const text = doc.getText('t');
    for (let client = 1; client <= 200; client++) {
      doc.clientID = client;
      text.insert(0, 'abc');
      text.delete(1, 1);
    }
    const before = Y.encodeStateAsUpdate(doc);
    text.delete(0, 1);
    const [mine, theirs] = [heldOf([Y.encodeStateAsUpdate(doc)]), heldOf([before])];
    const update = await updateBeyond(mine.ranges, differingOf(mine, theirs), async (vector) =>
      Y.encodeStateAsUpdate(doc, vector),
    );
    expect(update?.length).toBeLessThan(10);
    theirs.add(update as Uint8Array);
    expect(toHex(theirs.leaf())).toBe(toHex(mine.leaf()));
  });
});
