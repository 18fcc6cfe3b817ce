import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type * as Y from 'yjs';
import { MemoryDisk } from '../storage/memory.ts';
import { MeshError } from '../util/errors.ts';
import { runs } from '../util/testing/runs.ts';
import { settled } from './testing/fake-clock.ts';
import { leafOf } from './testing/histories.ts';
import { Tab, updateOf } from './testing/tab.ts';

const quota = new MeshError('store-quota', 'The disk is full.');

/** Types `count` edits, each in a row of its own. */
async function typeRows(tab: Tab, text: Y.Text, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    text.insert(text.length, `${i} `);
    await tab.document.flush();
  }
}

async function stored(disk: MemoryDisk): Promise<Tab> {
  const tab = new Tab(disk);
  await tab.document.load();
  return tab;
}

describe('LogWriter (D6)', () => {
  it('edits of one moment are one row', async () => {
    const tab = new Tab();
    const { text } = await tab.open();
    for (let i = 0; i < 100; i++) text.insert(0, 'x');
    await tab.clock.pass(50);
    expect(tab.rows()).toBe(1);
    expect((await stored(tab.disk)).leaf()).toBe(tab.leaf());
  });

  it('flush resolves though edits keep coming', async () => {
    const tab = new Tab();
    const { text } = await tab.open();
    text.insert(0, 'x');
    let isFlushed = false;
    const flushing = tab.document.flush().then(() => {
      isFlushed = true;
    });
    for (let i = 0; i < 100 && !isFlushed; i++) {
      text.insert(0, 'y');
      await Promise.resolve();
    }
    expect(isFlushed).toBe(true);
    await flushing;
  });

  it('what came during a write is written right after it', async () => {
    const tab = new Tab();
    const { text } = await tab.open();
    text.insert(0, 'first');
    const flushing = tab.document.flush();
    text.insert(5, ' second');
    await flushing;
    await tab.clock.pass(0);
    expect((await stored(tab.disk)).leaf()).toBe(tab.leaf());
  });

  it('a long log is compacted to one row, open or closed, and keeps everything', async () => {
    for (const isOpen of [true, false]) {
      const tab = new Tab();
      const { text, detach } = await tab.open();
      await typeRows(tab, text, 100);
      expect(tab.rows()).toBe(100);
      if (!isOpen) detach();
      for (let i = 0; i < 28; i++) {
        tab.document.apply([updateOf('remote')]);
        await tab.document.flush();
      }
      expect(tab.rows()).toBe(1);
      expect((await stored(tab.disk)).leaf()).toBe(tab.leaf());
      expect(tab.errors).toEqual([]);
    }
  });

  it('a Y.Doc let go while its log is compacted costs nothing of the log', async () => {
    const tab = new Tab();
    const { text, detach } = await tab.open();
    await typeRows(tab, text, 127);
    text.insert(0, 'the last row');
    const flushing = tab.document.flush();
    while (tab.rows() < 128) await Promise.resolve();
    detach();
    await flushing;
    await settled();
    expect(tab.rows()).toBe(1);
    expect(tab.errors).toEqual([]);
    expect((await stored(tab.disk)).leaf()).toBe(tab.leaf());
  });

  it('rows that another tab wrote are told when a closed document is compacted', async () => {
    const disk = new MemoryDisk();
    const [tab, other] = [new Tab(disk), new Tab(disk)];
    for (let i = 0; i < 127; i++) {
      tab.document.apply([updateOf('mine')]);
      await tab.document.flush();
    }
    tab.document.apply([updateOf('the 128th')]);
    const flushing = tab.document.flush();
    other.document.apply([updateOf('between append and compaction')]);
    await Promise.all([flushing, other.document.flush()]);
    await tab.document.flush();
    expect(tab.leaf()).toBe((await stored(disk)).leaf());
    expect(tab.diskChanges).toBeGreaterThan(0);
  });

  it('several tabs on one disk lose nothing, whatever they do in whatever order', async () => {
    const step = fc.record({
      tab: fc.nat(2),
      does: fc.constantFrom('type', 'type', 'receive', 'flush', 'open', 'close', 'pass'),
      rows: fc.constantFrom(1, 1, 40),
    });
    const property = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const disk = new MemoryDisk();
      const tabs = [new Tab(disk), new Tab(disk), new Tab(disk)];
      const opened: (Awaited<ReturnType<Tab['open']>> | undefined)[] = [];
      const written: Uint8Array[] = [];
      const working: Promise<unknown>[] = [];
      for (const { tab: at, does, rows } of steps) {
        const tab = tabs[at] as Tab;
        if (does === 'open') opened[at] ??= await tab.open();
        else if (does === 'close') opened[at] = void opened[at]?.detach();
        else if (does === 'flush') working.push(tab.document.flush());
        else if (does === 'pass') await tab.clock.pass(60);
        else {
          for (let i = 0; i < rows; i++) {
            if (does === 'type') opened[at]?.text.insert(0, 'x');
            else written.push(receive(tab));
            if (rows > 1) await tab.document.flush();
          }
        }
      }
      await Promise.all(working);
      for (const tab of tabs) await tab.document.flush();
      const all = await stored(disk);
      const told = tabs.flatMap((tab) => tab.told);
      expect(all.leaf()).toBe(leafOf([...written, ...told]));
      // A look at the disk brings each tab up to all of it.
      for (const tab of tabs) {
        await tab.document.load();
        expect(tab.leaf()).toBe(all.leaf());
        expect(tab.errors).toEqual([]);
      }
    });
    await fc.assert(property, { numRuns: runs(60) });
  });

  it('tells of a full disk once, keeps everything, and writes it when there is room', async () => {
    const tab = new Tab();
    const { text } = await tab.open();
    tab.broken = quota;
    text.insert(0, 'kept in memory');
    await tab.clock.pass(10_000);
    expect(tab.errors).toEqual([quota]);
    await expect(tab.document.flush()).rejects.toBe(quota);
    text.insert(0, 'more ');
    await tab.clock.pass(60_000);
    expect(tab.errors).toEqual([quota]);
    tab.broken = undefined;
    await tab.clock.pass(30_000);
    expect((await stored(tab.disk)).leaf()).toBe(tab.leaf());
    tab.broken = quota;
    text.insert(0, 'again ');
    await tab.clock.pass(50);
    expect(tab.errors).toEqual([quota, quota]);
  });

  it('a flush that failed is tried again without being asked', async () => {
    const tab = new Tab();
    const { text } = await tab.open();
    text.insert(0, 'x');
    tab.broken = quota;
    await expect(tab.document.flush()).rejects.toBe(quota);
    tab.broken = undefined;
    await tab.clock.pass(1_000);
    expect((await stored(tab.disk)).leaf()).toBe(tab.leaf());
    expect(tab.clock.pending).toBe(0);
  });

  it('a log that cannot be compacted is told once and written to all the same', async () => {
    const tab = new Tab();
    const { text } = await tab.open();
    await typeRows(tab, text, 127);
    text.insert(0, 'append, then no room to compact');
    const flushing = tab.document.flush();
    while (tab.rows() < 128) await Promise.resolve();
    tab.broken = quota;
    await flushing;
    tab.broken = undefined;
    await typeRows(tab, text, 10);
    expect(tab.errors).toEqual([quota]);
    expect(tab.rows()).toBe(138);
    expect((await stored(tab.disk)).leaf()).toBe(tab.leaf());
  });

  it('closing writes what is queued, or rejects, and tries nothing afterwards', async () => {
    const tab = new Tab();
    const { text } = await tab.open();
    text.insert(0, 'x');
    await tab.document.close();
    expect((await stored(tab.disk)).leaf()).toBe(tab.leaf());
    const full = new Tab();
    (await full.open()).text.insert(0, 'x');
    full.broken = quota;
    await expect(full.document.close()).rejects.toBe(quota);
    await full.clock.pass(60_000);
    expect(full.clock.pending).toBe(0);
    expect(full.errors).toEqual([]);
  });

  it('an open document is written anew where the log was emptied', async () => {
    const tab = new Tab();
    const { text } = await tab.open();
    await typeRows(tab, text, 5);
    tab.disk.rows.length = 0;
    text.insert(0, 'after');
    await tab.clock.pass(50);
    expect((await stored(tab.disk)).leaf()).toBe(tab.leaf());
  });

  it('the rewriting of an emptied log is tried until it succeeds', async () => {
    const tab = new Tab();
    const { text } = await tab.open();
    await typeRows(tab, text, 5);
    tab.disk.rows.length = 0;
    text.insert(0, 'after');
    const flushing = tab.document.flush();
    while (tab.rows() < 1) await Promise.resolve();
    tab.broken = quota;
    await expect(flushing).rejects.toBe(quota);
    tab.broken = undefined;
    await tab.clock.pass(1_000);
    expect((await stored(tab.disk)).leaf()).toBe(tab.leaf());
  });

  it('of a closed document only what the emptied log still holds counts as held', async () => {
    const disk = new MemoryDisk();
    const tab = new Tab(disk);
    const [gone, foreign, own] = [updateOf('gone'), updateOf('foreign'), updateOf('own')];
    for (const update of [gone, updateOf('gone too')]) {
      tab.document.apply([update]);
      await tab.document.flush();
    }
    disk.rows.length = 0;
    const other = new Tab(disk);
    other.document.apply([foreign]);
    await other.document.flush();
    tab.document.apply([own]);
    await tab.document.flush();
    expect(tab.leaf()).toBe(leafOf([foreign, own]));
    expect(tab.leaf()).toBe((await stored(disk)).leaf());
    disk.rows.length = 0;
    await tab.document.updateSince(new Uint8Array([0]));
    expect(tab.leaf()).toBe(leafOf([]));
    expect(tab.errors).toEqual([]);
  });

  it('a row that cannot be read is told once and left out, and so is an update within a row', async () => {
    const tab = new Tab();
    const { text } = await tab.open();
    await typeRows(tab, text, 2);
    const rows = tab.disk.rows.filter(({ key }) => key[0] === 'doc');
    tab.disk.rows.push({ key: ['doc', 'notes', 3], value: new Uint8Array([9, 9, 9]) });
    tab.disk.rows.push({ key: ['doc', 'notes', 4], value: new Uint8Array([1, 2, 7, 7]) });
    tab.disk.rows.sort((a, b) => (String(a.key) < String(b.key) ? -1 : 1));
    expect(rows).toHaveLength(2);
    const after = await stored(tab.disk);
    expect(after.leaf()).toBe(tab.leaf());
    expect(after.errors).toEqual(['corrupt row', expect.any(Error)]);
    // The open tab meets the rows as those of another tab, and goes on writing.
    text.insert(0, 'more');
    await tab.document.flush();
    expect(tab.errors).toHaveLength(2);
    expect((await stored(tab.disk)).leaf()).toBe(tab.leaf());
  });
});

function receive(tab: Tab): Uint8Array {
  const update = updateOf('received');
  tab.document.apply([update]);
  return update;
}
