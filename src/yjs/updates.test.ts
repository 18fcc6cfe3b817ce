import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../util/testing/runs.ts';
import { batches, packUpdates, unpackUpdates } from './updates.ts';

const MIB = 1024 * 1024;

describe('batches of updates', () => {
  it('hold all updates in order, each batch within 8 MiB or a single update', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 12 });
    fc.assert(
      fc.property(sizes, (mebibytes) => {
        const buffer = new Uint8Array(20 * MIB);
        const updates = mebibytes.map((size) => buffer.subarray(0, size * MIB));
        const cut = [...batches(updates)];
        expect(cut.flat()).toHaveLength(updates.length);
        expect(cut.flat().every((update, i) => update === updates[i])).toBe(true);
        for (const batch of cut) {
          const bytes = batch.reduce((sum, update) => sum + update.length, 0);
          expect(batch.length > 0 && (batch.length === 1 || bytes <= 8 * MIB)).toBe(true);
        }
      }),
    );
  });

  it('a batch holds at most 65,536 updates', () => {
    const updates = Array.from({ length: 65_537 }, () => new Uint8Array(1));
    expect([...batches(updates)].map((batch) => batch.length)).toEqual([65_536, 1]);
  });

  it('are unpacked as they were packed', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (updates) => {
        expect(unpackUpdates(packUpdates(updates))).toEqual(updates);
      }),
    );
  });

  it('any bytes are a batch or undefined', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const updates = unpackUpdates(bytes);
        if (updates !== undefined) expect(unpackUpdates(packUpdates(updates))).toEqual(updates);
      }),
      { numRuns: runs(2000) },
    );
  });
});
