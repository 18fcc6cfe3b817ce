import { afterEach, describe, expect, it, vi } from 'vitest';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { MeshError } from '../util/errors.ts';
import type { MeshProvider } from './provider.ts';
import { MeshProvider as Provider } from './provider.ts';
import { Lab, until } from './testing/lab.ts';

const lab = new Lab();
afterEach(async () => {
  await lab.close();
  vi.unstubAllGlobals();
});

const textOf = (provider: MeshProvider) => provider.doc.getText('t');

describe('MeshProvider', () => {
  it('five tabs come to hold the same text, whoever typed, and know it', async () => {
    const tabs = await lab.providers(5);
    tabs.forEach((tab, i) => {
      textOf(tab).insert(0, `${i}`);
    });
    await until(() => tabs.every((tab) => textOf(tab).length === 5 && tab.synced));
    expect(new Set(tabs.map((tab) => textOf(tab).toString())).size).toBe(1);
    expect(new Set(tabs.map((tab) => tab.mesh?.digest())).size).toBe(1);
    expect(tabs[0]?.syncedWith).toHaveLength(4);
  });

  it('deletions made offline on both sides meet after reconnecting', async () => {
    const [a, b] = await lab.pair();
    textOf(a).insert(0, 'abcdef');
    await until(() => textOf(b).toString() === 'abcdef');
    a.disconnect();
    await until(() => !b.connected && !a.connected);
    textOf(a).delete(0, 1);
    textOf(b).delete(5, 1);
    a.connect();
    await until(() => [a, b].every((tab) => textOf(tab).toString() === 'bcde' && tab.synced));
  });

  it('a tab that has not opened a document holds it, and serves it after its author left', async () => {
    const [author, holder] = [await lab.mesh(), await lab.mesh()];
    const written = lab.provider('notes', author);
    lab.provider('another', holder);
    await written.whenLoaded;
    textOf(written).insert(0, 'outlives its author');
    await until(() => author.digest() === holder.digest() && written.synced);
    await written.destroy();
    await author.close();
    const reader = lab.provider('notes', await lab.mesh());
    await until(() => textOf(reader).toString() === 'outlives its author');
  });

  it('many documents over one mesh keep apart', async () => {
    const [one, other] = [await lab.mesh(), await lab.mesh()];
    const names = Array.from({ length: 20 }, (_, i) => `doc ${i}`);
    const here = names.map((name) => lab.provider(name, one));
    await Promise.all(here.map((provider) => provider.whenLoaded));
    for (const provider of here) textOf(provider).insert(0, provider.name);
    const there = names.map((name) => lab.provider(name, other));
    await until(() => there.every((provider) => textOf(provider).toString() === provider.name));
    await until(() => one.digest() === other.digest());
  });

  it('a Y.Doc that holds something already shares it, and takes the rest without doubling', async () => {
    const [a] = await lab.pair();
    textOf(a).insert(0, 'shared ');
    const copy = new Y.Doc();
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(a.doc));
    copy.getText('t').insert(7, 'and mine');
    const joined = lab.provider('notes', await lab.mesh(), copy);
    await until(() => textOf(a).toString() === 'shared and mine' && joined.synced);
    expect(textOf(joined).toString()).toBe('shared and mine');
  });

  it('remote changes come with the provider as their origin', async () => {
    const [a, b] = await lab.pair();
    const origins: unknown[] = [];
    b.doc.on('update', (_update: Uint8Array, origin: unknown) => origins.push(origin));
    textOf(a).insert(0, 'x');
    await until(() => textOf(b).length === 1);
    expect(origins).toEqual([b]);
  });

  it('tells status, synced, sync, peers and loaded', async () => {
    const [a, b] = [lab.provider('notes', lab.mesh()), lab.provider('notes', lab.mesh())];
    const told: Record<string, unknown[]> = {
      status: [],
      synced: [],
      sync: [],
      peers: [],
      loaded: [],
    };
    a.on('status', ({ status, connected }) => told.status?.push(status, connected));
    a.on('synced', ({ synced }) => told.synced?.push(synced));
    a.on('sync', (synced) => told.sync?.push(synced));
    a.on('peers', ({ added, removed, webrtcPeers }) =>
      told.peers?.push([added, removed, webrtcPeers]),
    );
    a.on('loaded', () => told.loaded?.push(true));
    await Promise.all([a.whenSynced(), b.whenSynced()]);
    expect(told.loaded).toEqual([true]);
    expect(told.status?.slice(-2)).toEqual(['connected', true]);
    expect([told.synced, told.sync]).toEqual([[true], [true]]);
    const peer = b.mesh?.id;
    expect(told.peers).toEqual([[[peer], [], [peer]]]);
    await b.destroy();
    await b.mesh?.close();
    await until(() => told.status?.at(-1) === false && told.sync?.at(-1) === false);
    expect(told.peers?.at(-1)).toEqual([[], [peer], []]);
    expect(a.synced).toBe(false);
  });

  it('synced is false from an edit until the neighbor has it', async () => {
    const [a, b] = await lab.pair();
    await Promise.all([a.whenSynced(), b.whenSynced()]);
    textOf(a).insert(0, 'x');
    await Promise.resolve();
    expect([a.synced, a.syncedWith]).toEqual([false, []]);
    await a.whenSynced();
    expect(textOf(b).toString()).toBe('x');
    expect(a.syncedWith).toEqual([b.mesh?.id]);
  });

  it('mounted, unmounted and mounted again it shares the document as if mounted once (StrictMode)', async () => {
    const [a] = await lab.pair();
    const mesh = await lab.mesh();
    const doc = new Y.Doc();
    const first = lab.provider('notes', mesh, doc);
    void first.destroy();
    const second = lab.provider('notes', mesh, doc);
    await second.whenLoaded;
    await expect(first.whenLoaded).rejects.toMatchObject({ code: 'closed' });
    doc.getText('t').insert(0, 'x');
    await until(() => textOf(a).toString() === 'x');
    textOf(a).insert(1, 'y');
    await until(() => doc.getText('t').toString() === 'xy');
    await second.destroy();
    doc.getText('t').insert(0, 'not shared ');
    textOf(a).insert(0, '!');
    await until(() => mesh.digest() === a.mesh?.digest());
    expect(textOf(a).toString()).toBe('!xy');
  });

  it('two editors of one document in one tab follow each other, cursors included', async () => {
    const mesh = await lab.mesh();
    const [one, other] = [lab.provider('notes', mesh), lab.provider('notes', mesh)];
    await Promise.all([one.whenLoaded, other.whenLoaded]);
    textOf(one).insert(0, 'x');
    expect(textOf(other).toString()).toBe('x');
    one.awareness.setLocalStateField('name', 'left');
    expect(other.awareness.getStates().get(one.awareness.clientID)).toEqual({ name: 'left' });
    expect(one.awareness.getStates().has(other.awareness.clientID)).toBe(true);
    await other.destroy();
    expect(one.awareness.getStates().size).toBe(1);
  });

  it('cursors come with the tab and go with it', async () => {
    const [a, b] = await lab.pair();
    a.awareness.setLocalStateField('name', 'Ada');
    await until(() => b.awareness.getStates().get(a.awareness.clientID)?.name === 'Ada');
    const late = lab.provider('notes', await lab.mesh());
    await until(() => late.awareness.getStates().get(a.awareness.clientID)?.name === 'Ada');
    await until(() => a.awareness.getStates().size === 3);
    await a.mesh?.close();
    const gone = a.awareness.clientID;
    await until(() => [b, late].every((tab) => !tab.awareness.getStates().has(gone)));
    await until(() => a.awareness.getStates().size === 1);
  });

  it('cursors come back after a disconnect', async () => {
    const [a, b] = await lab.pair();
    a.awareness.setLocalStateField('name', 'Ada');
    b.awareness.setLocalStateField('name', 'Bob');
    const see = (tab: MeshProvider, other: MeshProvider) =>
      tab.awareness.getStates().has(other.awareness.clientID);
    await until(() => see(a, b) && see(b, a));
    a.disconnect();
    await until(() => !see(a, b) && !see(b, a));
    a.connect();
    await until(() => see(a, b) && see(b, a));
  });

  it('an awareness of the app outlives the provider, and others forget its state at once', async () => {
    const [a] = await lab.pair();
    const doc = new Y.Doc();
    const awareness = new Awareness(doc);
    const mesh = await lab.mesh();
    const b = new Provider('notes', doc, { mesh, awareness });
    await b.whenLoaded;
    awareness.setLocalStateField('name', 'Bob');
    await until(() => a.awareness.getStates().has(awareness.clientID));
    await b.destroy();
    expect(awareness.getLocalState()).toEqual({ name: 'Bob' });
    await until(() => !a.awareness.getStates().has(awareness.clientID));
    const again = new Provider('notes', doc, { mesh, awareness });
    await until(() => a.awareness.getStates().has(awareness.clientID));
    await again.destroy();
    awareness.destroy();
  });

  it('with a mesh of its own it opens the room of its name, and closes it', async () => {
    const [a, b] = [lab.own('notes'), lab.own('notes')];
    await Promise.all([a.whenLoaded, b.whenLoaded]);
    expect(a.mesh?.room).toBe('notes');
    textOf(a).insert(0, 'x');
    await until(() => textOf(b).toString() === 'x');
    // The last edit of a tab is told though the tab closes in the same task.
    textOf(a).insert(1, ' last words');
    await Promise.all([a.destroy(), a.destroy()]);
    expect(a.mesh?.status).toBe('closed');
    await until(() => textOf(b).toString() === 'x last words');
  });

  it('destroyed while its mesh is opening it leaves nothing behind', async () => {
    const provider = lab.own('notes');
    const failed = expect(provider.whenLoaded).rejects.toMatchObject({ code: 'aborted' });
    await provider.destroy();
    await failed;
    expect(provider.mesh).toBeUndefined();
    const controller = new AbortController();
    controller.abort();
    const aborted = lab.own('notes', { signal: controller.signal });
    await expect(aborted.whenLoaded).rejects.toBeInstanceOf(MeshError);
  });

  it('disconnected before its mesh is open it does not join', async () => {
    const provider = lab.own('notes');
    provider.disconnect();
    await provider.whenLoaded;
    expect(provider.mesh?.status).toBe('disconnected');
    provider.connect();
    expect(provider.mesh?.status).not.toBe('disconnected');
  });

  it('goes with its Y.Doc, and with its signal', async () => {
    const mesh = await lab.mesh();
    const byDoc = lab.provider('notes', mesh);
    const controller = new AbortController();
    const bySignal = new Provider('notes', new Y.Doc(), { mesh, signal: controller.signal });
    await Promise.all([byDoc.whenLoaded, bySignal.whenLoaded]);
    const waits = [byDoc.whenSynced(), bySignal.whenSynced()];
    byDoc.doc.destroy();
    controller.abort();
    for (const wait of waits) await expect(wait).rejects.toMatchObject({ code: 'closed' });
    expect(mesh.status).not.toBe('closed');
  });

  it('whenSynced can be abandoned', async () => {
    const provider = lab.provider('notes', await lab.mesh());
    const controller = new AbortController();
    const wait = provider.whenSynced({ signal: controller.signal });
    controller.abort();
    await expect(wait).rejects.toMatchObject({ code: 'aborted' });
    await expect(provider.whenSynced({ signal: controller.signal })).rejects.toThrow(MeshError);
  });

  it('refuses names that cannot travel', () => {
    for (const name of ['', 'x'.repeat(1_025), '\uD83D', 7]) {
      expect(() => new Provider(name as string, new Y.Doc())).toThrow(MeshError);
    }
  });

  it('a closed mesh, and one that could not be opened, are errors of the loading', async () => {
    const mesh = await lab.mesh();
    await mesh.close();
    const closed = lab.provider('notes', mesh);
    const errors: MeshError[] = [];
    closed.on('error', (error) => errors.push(error));
    await expect(closed.whenLoaded).rejects.toMatchObject({ code: 'closed' });
    await until(() => errors.length === 1);
    const refused = lab.provider('notes', Promise.reject(new MeshError('unsupported', 'no mesh')));
    await expect(refused.whenLoaded).rejects.toMatchObject({ code: 'unsupported' });
    await refused.destroy();
  });

  it('an edit above 64 MiB is an error, and is not broadcast', async () => {
    const [a, b] = await lab.pair();
    const errors: MeshError[] = [];
    a.mesh?.addEventListener('error', ({ detail }) => errors.push(detail));
    a.doc.getMap('m').set('big', new Uint8Array(64 * 1024 * 1024 + 1));
    await until(() => errors.length > 0);
    expect(errors[0]?.code).toBe('value-too-large');
    expect(a.doc.getMap('m').size).toBe(1);
    expect(b.doc.getMap('m').size).toBe(0);
    a.disconnect();
  }, 30_000);

  it('a listener of the app that throws is reported to the page and stops nothing', async () => {
    const report = vi.fn();
    vi.stubGlobal('reportError', report);
    const [a, b] = [lab.provider('notes', lab.mesh()), lab.provider('notes', lab.mesh())];
    const broken = () => {
      throw new Error('of the app');
    };
    a.on('sync', broken);
    a.on('status', broken);
    textOf(b).insert(0, 'x');
    await until(() => textOf(a).toString() === 'x' && a.synced);
    expect(report).toHaveBeenCalled();
  });

  it('edits of the task in which the mesh is closed reach the others', async () => {
    const [a, b] = await lab.pair();
    textOf(a).insert(0, 'last words');
    await a.mesh?.close();
    await until(() => textOf(b).toString() === 'last words');
  });
});
