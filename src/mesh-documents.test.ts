/** Meshes for documents alone: what they leave out, and when they load it. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import * as code from './everything.ts';
import type { Mesh } from './mesh.ts';
import type { MeshOptions } from './mesh-options.ts';
import { openMesh } from './open-mesh.ts';
import { MemoryDisk, memoryStore } from './storage/memory.ts';
import { memoryTransport } from './transport/memory.ts';
import { MeshError } from './util/errors.ts';
import { codeOf } from './util/testing/code-of.ts';
import { MeshProvider } from './yjs/provider.ts';

vi.mock('./everything.ts', async (importOriginal) => {
  const original = await importOriginal<typeof code>();
  return { ...original, loadEverything: vi.fn(original.loadEverything) };
});
const loadEverything = vi.mocked(code.loadEverything);

const opened: Mesh[] = [];
let rooms = 0;

afterEach(async () => {
  await Promise.all(opened.splice(0).map((mesh) => mesh.close()));
  loadEverything.mockClear();
});

const config = { gossipInterval: 100, probeInterval: 1_000 };

/** Opens meshes of one room. */
function newRoom() {
  const room = `documents ${process.pid} ${rooms++}`;
  const common = { store: 'memory', config, transport: memoryTransport() } as const;
  return async (load: MeshOptions['load'], options: MeshOptions = {}): Promise<Mesh> => {
    const mesh = await openMesh(room, { ...common, load, ...options });
    opened.push(mesh);
    return mesh;
  };
}

const until = (what: string, condition: () => boolean) =>
  vi.waitFor(
    () => {
      if (!condition()) throw new Error(`still waiting: ${what}`);
    },
    { timeout: 10_000, interval: 10 },
  );

describe('a mesh for documents', () => {
  it('offers nothing else until it is loaded, and then all of it', async () => {
    const mesh = await newRoom()('documents');
    const uses = [
      () => mesh.map('m'),
      () => mesh.set('s'),
      () => mesh.counter('c'),
      () => mesh.register('r'),
      () => mesh.flag('f'),
      () => mesh.patterns('p'),
      () => mesh.episodes('e'),
      () => mesh.topic('t'),
      () => mesh.aggregate('a'),
      () => mesh.transact(() => undefined),
    ];
    for (const use of uses) expect(codeOf(use)).toBe('not-loaded');
    expect(mesh.stats().memory).toEqual({ records: 0, waiting: 0 });
    await Promise.all([mesh.loadEverything(), mesh.loadEverything()]);
    for (const use of uses) expect(codeOf(use)).toBe('nothing was thrown');
    mesh.map('m').set('k', 1);
    mesh.aggregate('a').set(7);
    await until('the aggregate is known', () => mesh.aggregate('a').estimate?.mean === 7);
    expect(mesh.stats().memory.records).toBe(1);
    await mesh.flush();
  });

  it('loads nothing while the room has documents alone', async () => {
    const open = newRoom();
    const [a, b] = [await open('documents'), await open('documents')];
    const docs = [new Y.Doc(), new Y.Doc()] as const;
    const providers = [a, b].map((mesh, i) => new MeshProvider('d', docs[i] as Y.Doc, { mesh }));
    await Promise.all(providers.map((provider) => provider.whenLoaded));
    docs[0].getText('t').insert(0, 'shared');
    await until('it came', () => docs[1].getText('t').toJSON() === 'shared');
    await until('both are synced', () => a.synced && b.synced && a.digest() === b.digest());
    expect(loadEverything).not.toHaveBeenCalled();
  });

  it('carries the memory of its room, and is synced only with it', async () => {
    const open = newRoom();
    const before = await open('everything');
    before.map<number>('m').set('k', 1);
    const digest = before.digest();
    const carrier = await open('documents');
    const wrong: string[] = [];
    carrier.addEventListener('synced', ({ detail }) => {
      if (detail.synced && carrier.digest() !== digest) wrong.push(carrier.digest());
    });
    await carrier.whenSynced();
    expect(carrier.digest()).toBe(digest);
    expect(wrong).toEqual([]);
    expect(codeOf(() => carrier.map('m'))).toBe('not-loaded');
    await before.close();
    const after = await open('everything');
    await until('it came', () => after.map('m').get('k') === 1);
    await carrier.loadEverything();
    expect(carrier.map('m').get('k')).toBe(1);
  });

  it('begins to carry it when another tab of the room begins to use it', async () => {
    const open = newRoom();
    const meshes = await Promise.all([open('documents'), open('documents'), open('documents')]);
    await until('all are linked', () => meshes.every((mesh) => mesh.neighbors.length === 2));
    const [a, b, c] = meshes as [Mesh, Mesh, Mesh];
    await a.loadEverything();
    a.map<number>('m').set('k', 1);
    await until('all hold it', () =>
      [b, c].every((mesh) => mesh.synced && mesh.digest() === a.digest()),
    );
    expect(loadEverything).toHaveBeenCalledTimes(3);
    await Promise.all([b.loadEverything(), c.loadEverything()]);
    a.aggregate('sum').set(1);
    c.aggregate('sum').set(2);
    await until('they agree on the aggregate', () =>
      [a, b, c].every((mesh) => mesh.aggregate('sum').estimate?.count === 2),
    );
  });

  it('has at its opening what this device stores', async () => {
    const open = newRoom();
    const disk = new MemoryDisk();
    const before = await open('everything', { store: memoryStore(disk) });
    before.map<number>('m').set('k', 1);
    const digest = before.digest();
    await before.close();
    const after = await open('documents', { store: memoryStore(disk) });
    expect(after.digest()).toBe(digest);
    expect(after.stats().memory.records).toBe(1);
    expect(codeOf(() => after.map('m'))).toBe('not-loaded');
    const other = await open('documents', { store: memoryStore(new MemoryDisk()) });
    expect(other.stats().memory.records).toBe(0);
  });

  it('tries again where it cannot be loaded, tells so, and loses nothing', async () => {
    const open = newRoom();
    const before = await open('everything');
    before.map<number>('m').set('k', 1);
    const missing = new MeshError('not-loaded', 'The code cannot be fetched.');
    loadEverything.mockRejectedValueOnce(missing).mockRejectedValueOnce(missing);
    const carrier = await open('documents');
    const errors: MeshError[] = [];
    carrier.addEventListener('error', ({ detail }) => errors.push(detail));
    await until('it was told', () => errors.length === 1);
    expect([errors[0]?.code, carrier.synced]).toEqual(['not-loaded', false]);
    await carrier.whenSynced();
    expect(carrier.digest()).toBe(before.digest());
    expect(errors).toHaveLength(1);
  });

  it('rejects what asks for the rest where that cannot be loaded, and can be asked again', async () => {
    const open = newRoom();
    const missing = new MeshError('not-loaded', 'The code cannot be fetched.');
    loadEverything.mockRejectedValueOnce(missing);
    await expect(open('everything')).rejects.toBe(missing);
    const mesh = await open('documents');
    loadEverything.mockRejectedValueOnce(missing);
    await expect(mesh.loadEverything()).rejects.toBe(missing);
    expect(codeOf(() => mesh.map('m'))).toBe('not-loaded');
    await mesh.loadEverything();
    expect(mesh.map('m').size).toBe(0);
  });

  it('can be closed while it loads, which frees what was loaded', async () => {
    const mesh = await newRoom()('documents');
    const release = vi.fn();
    const begin = vi.fn();
    loadEverything.mockResolvedValueOnce({ begin, release });
    const loading = mesh.loadEverything();
    await mesh.close();
    await expect(loading).rejects.toMatchObject({ code: 'closed' });
    expect(release).toHaveBeenCalledTimes(1);
    expect(begin).not.toHaveBeenCalled();
    expect(codeOf(() => mesh.map('m'))).toBe('closed');
    await expect(mesh.loadEverything()).rejects.toMatchObject({ code: 'closed' });
  });

  it('is what a provider opens for itself, unless it is told otherwise', async () => {
    const options = { store: 'memory', config } as const;
    const name = `provider ${process.pid} ${rooms++}`;
    const slim = new MeshProvider(name, new Y.Doc(), options);
    await slim.whenLoaded;
    expect(codeOf(() => slim.mesh?.map('m'))).toBe('not-loaded');
    expect(loadEverything).not.toHaveBeenCalled();
    await slim.mesh?.loadEverything();
    expect(slim.mesh?.map('m').size).toBe(0);
    await slim.destroy();
    const whole = new MeshProvider(name, new Y.Doc(), { ...options, load: 'everything' });
    await whole.whenLoaded;
    expect(whole.mesh?.map('m').size).toBe(0);
    await whole.destroy();
  });
});
