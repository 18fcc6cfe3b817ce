import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../util/testing/runs.ts';
import { DocumentLog } from './document-log.ts';
import { MemoryDisk, memoryStore } from './memory.ts';

const bytes = (...values: number[]) => Uint8Array.from(values);

/** A document of the model: the set of the byte values that were written to it. */
const encodeSet = (set: Iterable<number>) =>
  Uint8Array.from([...new Set(set)].sort((a, b) => a - b));

/** One tab: what it holds of the document, and how far it read the log. */
class Tab {
  readonly held = new Set<number>();
  readonly log: DocumentLog;
  after = 0;

  constructor(log: DocumentLog) {
    this.log = log;
  }

  async append(value: number): Promise<void> {
    this.held.add(value);
    this.take(await this.log.append('d', bytes(value), this.after));
  }

  async compact(): Promise<void> {
    const written = await this.log.compact('d', this.after, (foreign) =>
      encodeSet([...this.held, ...foreign.flatMap((row) => [...row.bytes])]),
    );
    this.take(written);
  }

  take({ seq, foreign }: { seq: number; foreign: readonly { bytes: Uint8Array }[] }): void {
    for (const row of foreign) for (const value of row.bytes) this.held.add(value);
    this.after = seq;
  }
}

describe('DocumentLog', () => {
  it('numbers rows from 1 and reads them in order, all or those after a row', async () => {
    const log = new DocumentLog(memoryStore());
    expect(await log.append('d', bytes(7), 0)).toEqual({ seq: 1, foreign: [] });
    expect(await log.append('d', bytes(8), 1)).toEqual({ seq: 2, foreign: [] });
    expect(await log.read('d')).toEqual({
      rows: [
        { seq: 1, bytes: bytes(7) },
        { seq: 2, bytes: bytes(8) },
      ],
      last: 2,
    });
    expect(await log.read('d', 1)).toEqual({ rows: [{ seq: 2, bytes: bytes(8) }], last: 2 });
    expect(await log.read('d', 2)).toEqual({ rows: [], last: 2 });
    expect(await log.read('none')).toEqual({ rows: [], last: 0 });
  });

  it('names the documents that have rows, once each, and keeps their rows apart', async () => {
    const log = new DocumentLog(memoryStore());
    await log.append('b', bytes(1), 0);
    await log.append('a', bytes(2), 0);
    await log.append('b', bytes(3), 1);
    expect(await log.names()).toEqual(['a', 'b']);
    expect((await log.read('a')).rows).toEqual([{ seq: 1, bytes: bytes(2) }]);
  });

  it('hands a writer what others wrote since it looked, and nothing of its own', async () => {
    const log = new DocumentLog(memoryStore());
    await log.append('d', bytes(1), 0);
    await log.append('d', bytes(2), 1);
    expect(await log.append('d', bytes(3), 1)).toEqual({
      seq: 3,
      foreign: [{ seq: 2, bytes: bytes(2) }],
    });
    expect(await log.append('d', bytes(4), 0)).toMatchObject({
      seq: 4,
      foreign: [{ seq: 1 }, { seq: 2 }, { seq: 3 }],
    });
  });

  it('compacts to one row, whose number is above all others', async () => {
    const log = new DocumentLog(memoryStore());
    for (const seq of [0, 1, 2]) await log.append('d', bytes(seq), seq);
    const seen: number[] = [];
    const written = await log.compact('d', 2, (foreign) => {
      seen.push(...foreign.map((row) => row.seq));
      return bytes(9);
    });
    expect(seen).toEqual([3]);
    expect(written.seq).toBe(4);
    expect(await log.read('d')).toEqual({ rows: [{ seq: 4, bytes: bytes(9) }], last: 4 });
    expect(await log.append('d', bytes(1), 4)).toEqual({ seq: 5, foreign: [] });
  });

  it('gives the compacted row to a tab that lacks any of what it covers', async () => {
    const log = new DocumentLog(memoryStore());
    await log.append('d', bytes(1), 0);
    await log.append('d', bytes(2), 1);
    await log.compact('d', 2, () => bytes(1, 2));
    expect(await log.append('d', bytes(3), 1)).toEqual({
      seq: 4,
      foreign: [{ seq: 3, bytes: bytes(1, 2) }],
    });
  });

  it('changes nothing when merging throws', async () => {
    const log = new DocumentLog(memoryStore());
    await log.append('d', bytes(1), 0);
    const failing = log.compact('d', 1, () => {
      throw new Error('cannot merge');
    });
    await expect(failing).rejects.toThrow('cannot merge');
    expect(await log.read('d')).toEqual({ rows: [{ seq: 1, bytes: bytes(1) }], last: 1 });
  });

  it('tells by a low number that the log was emptied, and hands over all that is there', async () => {
    const disk = new MemoryDisk();
    const log = new DocumentLog(memoryStore(disk));
    for (const seq of [0, 1, 2, 3]) await log.append('d', bytes(seq), seq);
    disk.rows.length = 0;
    expect(await log.append('d', bytes(5), 4)).toEqual({ seq: 1, foreign: [] });
    expect(await log.append('d', bytes(6), 4)).toEqual({
      seq: 2,
      foreign: [{ seq: 1, bytes: bytes(5) }],
    });
    expect(await log.names()).toEqual(['d']);
  });

  it('loses nothing, whatever tabs append and compact in whatever order', async () => {
    const step = fc.record({
      tab: fc.nat(2),
      action: fc.constantFrom('append', 'append', 'compact', 'together' as const),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const disk = new MemoryDisk();
        const tabs = [0, 1, 2].map(() => new Tab(new DocumentLog(memoryStore(disk))));
        const written = new Set<number>();
        let value = 0;
        for (const { tab, action } of steps) {
          const one = tabs[tab] as Tab;
          if (action === 'compact') {
            await one.compact();
          } else if (action === 'append') {
            written.add(value);
            await one.append(value++);
          } else {
            // All tabs at once: their transactions queue behind one another.
            const values = tabs.map(() => value++);
            for (const each of values) written.add(each);
            await Promise.all(
              tabs.map((each, i) =>
                i === tab ? each.compact() : each.append(values[i] as number),
              ),
            );
            written.delete(values[tab] as number);
          }
        }
        const { rows, last } = await new DocumentLog(memoryStore(disk)).read('d');
        expect(encodeSet(rows.flatMap((row) => [...row.bytes]))).toEqual(encodeSet(written));
        expect(Math.max(0, ...tabs.map((each) => each.after))).toBe(last);
        for (const each of tabs) {
          const { rows: missed } = await each.log.read('d', each.after);
          const held = [...each.held, ...missed.flatMap((row) => [...row.bytes])];
          expect(encodeSet(held)).toEqual(encodeSet(written));
        }
      }),
      { numRuns: runs(60) },
    );
  });
});
