import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import type { ClientEntry } from '../memory/reconcile/reconcile-clients-wire.ts';
import { MemoryDisk } from '../storage/memory.ts';
import { runs } from '../util/testing/runs.ts';
import { HeldRanges } from './held.ts';
import { settled } from './testing/fake-clock.ts';
import { edits, History, leafOf } from './testing/histories.ts';
import { Tab, updateOf } from './testing/tab.ts';

const textOf = (update: Uint8Array) => {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, update);
  return doc.getText('t').toString();
};
const EVERYTHING = new Uint8Array([0]);

afterEach(() => vi.unstubAllGlobals());

describe('SharedDocument', () => {
  it('D6: what was typed goes to the disk at the end of the task, without any timer', async () => {
    const tab = new Tab();
    const { text } = await tab.open();
    text.insert(0, 'hello');
    text.insert(5, ' world');
    expect(tab.rows()).toBe(0);
    await settled();
    expect(tab.rows()).toBe(1);
    const after = new Tab(tab.disk);
    expect((await after.open()).text.toString()).toBe('hello world');
  });

  it('D6: a tab that is killed loses what was typed in the task at hand and nothing else', async () => {
    const tab = new Tab();
    const { text } = await tab.open();
    text.insert(0, 'kept');
    await settled();
    text.insert(4, ' lost');
    const left = new MemoryDisk();
    left.rows.push(...tab.disk.rows);
    expect((await new Tab(left).open()).text.toString()).toBe('kept');
  });

  it('D6: opening a document and closing it again writes nothing and tells nothing', async () => {
    const tab = new Tab();
    const { text } = await tab.open();
    text.insert(0, 'a'.repeat(100));
    text.delete(10, 50);
    await tab.document.flush();
    const before = [...tab.disk.rows];
    const after = new Tab(tab.disk);
    await after.document.load();
    const opened = await after.open();
    opened.detach();
    await after.clock.pass(1_000);
    await after.document.close();
    expect(tab.disk.rows).toEqual(before);
    expect(after.told).toEqual([]);
    expect(after.diskChanges).toBe(1);
  });

  it('a Y.Doc attached twice and let go once stays attached (StrictMode)', async () => {
    const tab = new Tab();
    const doc = new Y.Doc();
    const [first] = await Promise.all([tab.open(doc), tab.open(doc)]);
    first.detach();
    doc.getText('t').insert(0, 'still told');
    await settled();
    expect(tab.told).toHaveLength(1);
    tab.document.apply([updateOf('remote ')]);
    expect(doc.getText('t').toString()).toContain('remote ');
  });

  it('a Y.Doc attached twice has each edit told and written once', async () => {
    const tab = new Tab();
    const doc = new Y.Doc();
    await Promise.all([tab.open(doc), tab.open(doc)]);
    doc.getText('t').insert(0, 'a');
    tab.document.apply([updateOf('b')]);
    await settled();
    expect(tab.told.map(textOf)).toEqual(['a']);
    await tab.document.flush();
    expect(tab.leaf()).toBe(leafOf([Y.encodeStateAsUpdate(doc)]));
  });

  it('two Y.Docs on one document follow each other at once', async () => {
    const tab = new Tab();
    const [one, other] = await Promise.all([tab.open(), tab.open()]);
    one.text.insert(0, 'one');
    expect(other.text.toString()).toBe('one');
    other.text.insert(3, ' other');
    expect(one.text.toString()).toBe('one other');
    await settled();
    expect(tab.told).toHaveLength(2);
  });

  it('a Y.Doc let go while the store is read is left as it is', async () => {
    const tab = new Tab();
    tab.document.apply([updateOf('stored')]);
    const doc = new Y.Doc();
    const controller = new AbortController();
    const attaching = tab.document.attach(doc, controller, controller.signal);
    controller.abort();
    await attaching;
    expect(doc.getText('t').toString()).toBe('');
    doc.getText('t').insert(0, 'mine');
    await settled();
    expect(tab.told).toEqual([]);
  });

  it('a document closed while a Y.Doc is being attached does not attach it', async () => {
    const tab = new Tab();
    const doc = new Y.Doc();
    const attaching = tab.document.attach(doc, tab, new AbortController().signal);
    await Promise.all([attaching, tab.document.close()]);
    doc.getText('t').insert(0, 'not shared');
    await settled();
    expect(tab.told).toEqual([]);
    expect(doc._observers.has('update')).toBe(false);
  });

  it('updates that arrive while the store is read are not lost', async () => {
    const tab = new Tab();
    tab.document.apply([updateOf('first ')]);
    await tab.document.flush();
    const opening = tab.open();
    tab.document.apply([updateOf('second ')]);
    const flushed = tab.document.flush();
    const { text } = await opening;
    await flushed;
    expect(text.toString()).toContain('first ');
    expect(text.toString()).toContain('second ');
  });

  it('what a Y.Doc holds when it is attached counts as edited here, once', async () => {
    const tab = new Tab();
    const doc = new Y.Doc();
    doc.getText('t').insert(0, 'brought along');
    const { detach } = await tab.open(doc);
    await settled();
    expect(tab.told.map(textOf)).toEqual(['brought along']);
    detach();
    await tab.open(doc);
    await settled();
    expect(tab.told).toHaveLength(1);
  });

  it('an edit made in the task that lets go of the Y.Doc is told', async () => {
    const tab = new Tab();
    const { text, detach } = await tab.open();
    text.insert(0, 'last words');
    detach();
    expect(tab.told.map(textOf)).toEqual(['last words']);
    await settled();
    expect(tab.told).toHaveLength(1);
  });

  it('what Yjs deletes by itself on remote changes is held and written, and not told', async () => {
    let consequences = 0;
    const property = fc.asyncProperty(edits, async (script) => {
      const { updates } = History.of(script);
      const tab = new Tab();
      const { doc } = await tab.open();
      for (const update of updates) tab.document.apply([update]);
      await settled();
      expect(tab.told).toEqual([]);
      expect(tab.leaf()).toBe(leafOf([Y.encodeStateAsUpdate(doc)]));
      if (tab.leaf() !== leafOf(updates)) consequences++;
      await tab.document.flush();
      const after = new Tab(tab.disk);
      await after.document.load();
      expect(after.leaf()).toBe(tab.leaf());
    });
    await fc.assert(property, { numRuns: runs(200), seed: 7 });
    expect(consequences).toBeGreaterThan(0);
  });

  it('an edit that an observer makes on a remote change is told', async () => {
    const tab = new Tab();
    const { doc } = await tab.open();
    const seen = doc.getMap('seen');
    doc.getText('t').observe((_event, { local }) => {
      if (!local) seen.set('remote', true);
    });
    tab.document.apply([updateOf('x')]);
    await settled();
    expect(tab.told).toHaveLength(1);
  });

  it('an observer that throws is reported to the page and stops nothing', async () => {
    const report = vi.fn();
    vi.stubGlobal('reportError', report);
    const tab = new Tab();
    const [one, other] = [await tab.open(), await tab.open()];
    const broken = new Error('of the app');
    one.text.observe(() => {
      throw broken;
    });
    expect(tab.document.apply([updateOf('x')])).toBe(true);
    expect([one.text.toString(), other.text.toString()]).toEqual(['x', 'x']);
    expect(report).toHaveBeenCalledWith(broken);
  });

  it('bytes that are no update are refused, and those before them are taken', () => {
    const tab = new Tab();
    expect(() => tab.document.apply([updateOf('x'), new Uint8Array([9, 9])])).toThrow();
    expect(tab.leaf()).not.toBe(leafOf([]));
  });

  it('a closed document answers with what is stored and what is not yet', async () => {
    const tab = new Tab();
    tab.document.apply([updateOf('stored ')]);
    await tab.document.flush();
    tab.document.apply([updateOf('queued ')]);
    const answer = await tab.document.updateSince(EVERYTHING);
    expect(textOf(answer)).toContain('stored ');
    expect(textOf(answer)).toContain('queued ');
    expect(leafOf([answer])).toBe(tab.leaf());
  });

  it('D3: open or closed, it gives just what is lacked of the clients in which another differs', async () => {
    const tab = new Tab();
    for (let i = 0; i < 5; i++) tab.document.apply([updateOf(`${i}`)]);
    const source = new Y.Doc();
    source.clientID = 77;
    source.getText('t').insert(0, 'theirs');
    const part = Y.encodeStateAsUpdate(source);
    source.getText('t').delete(1, 2);
    source.getText('t').insert(0, 'more');
    tab.document.apply([Y.encodeStateAsUpdate(source)]);
    const other = new HeldRanges();
    other.add(part);
    const theirs = new Map([[77, other.ranges.get(77)]]);
    const closed = await tab.document.updateBeyond(theirs);
    await tab.open();
    const open = await tab.document.updateBeyond(theirs);
    for (const update of [closed, open]) {
      const held = new HeldRanges();
      held.add(update as Uint8Array);
      expect([...held.ranges.keys()]).toEqual([77]);
      expect(held.ranges.get(77)?.structs.has(0)).toBe(false);
      held.add(part);
      expect(held.covers(tab.document.held.ranges.get(77) as ClientEntry)).toBe(true);
    }
    expect(await tab.document.updateBeyond(new Map())).toBeUndefined();
  });

  it('keeps deleted content of a closed document, for Y.Docs that do not collect it', async () => {
    const tab = new Tab();
    const doc = new Y.Doc({ gc: false });
    const text = doc.getText('t');
    text.insert(0, 'history');
    const snapshot = Y.snapshot(doc);
    text.delete(0, 7);
    tab.document.apply([Y.encodeStateAsUpdate(doc)]);
    const later = new Y.Doc({ gc: false });
    Y.applyUpdate(later, await tab.document.updateSince(EVERYTHING));
    expect(Y.createDocFromSnapshot(later, snapshot).getText('t').toString()).toBe('history');
  });
});
