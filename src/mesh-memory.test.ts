/** The shared memory of whole meshes: the types as apps have them. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Mesh } from './mesh.ts';
import type { MeshOptions } from './mesh-options.ts';
import { openMesh } from './open-mesh.ts';
import { MemoryDisk, memoryStore } from './storage/memory.ts';
import { memoryTransport } from './transport/memory.ts';
import { MeshError } from './util/errors.ts';
import { codeOf } from './util/testing/code-of.ts';

const opened: Mesh[] = [];
let rooms = 0;

afterEach(async () => {
  await Promise.all(opened.splice(0).map((mesh) => mesh.close()));
});

const config = { gossipInterval: 100, probeInterval: 1_000 };
const newRoom = () => `memory ${process.pid} ${rooms++}`;

async function open(room: string, options: MeshOptions = {}): Promise<Mesh> {
  const mesh = await openMesh(room, { store: 'memory', config, ...options });
  opened.push(mesh);
  return mesh;
}

const until = (what: string, condition: () => boolean) =>
  vi.waitFor(
    () => {
      if (!condition()) throw new Error(`still waiting: ${what}`);
    },
    { timeout: 10_000, interval: 10 },
  );

async function openLinked(count: number, options: MeshOptions = {}): Promise<Mesh[]> {
  const room = newRoom();
  const transport = memoryTransport();
  const all = { transport, ...options };
  const meshes = await Promise.all(Array.from({ length: count }, () => open(room, all)));
  await until('all are linked', () => meshes.every((mesh) => mesh.neighbors.length === count - 1));
  return meshes;
}

const areEqual = (meshes: readonly Mesh[]) =>
  new Set(meshes.map((mesh) => mesh.digest())).size === 1;

describe('the shared memory of a room', () => {
  it('holds every type in all tabs, and digests tell that it is equal', async () => {
    const meshes = await openLinked(3);
    const [a, b, c] = meshes as [Mesh, Mesh, Mesh];
    a.map<{ title: string }>('todos').set('milk', { title: 'Buy milk' });
    b.set<string>('tags').add('shop').add('home');
    for (const mesh of meshes) mesh.counter('visits').add(2);
    b.counter('visits').add(-1);
    c.register<number>('volume').set(7);
    c.flag('done').set(true);
    a.episodes<string>('talk').add('we met', { id: 'e1', time: 5 });
    a.patterns('facts').observe('tea', { episodes: ['e1', 'e2'], confidence: 0.9 });
    b.patterns('facts').observe('tea', { episodes: ['e2', 'e3'], confidence: 0.7 });
    await until('all hold all', () => areEqual(meshes) && meshes.every((mesh) => mesh.synced));
    for (const mesh of meshes) {
      expect([...mesh.map('todos')]).toEqual([['milk', { title: 'Buy milk' }]]);
      expect([...mesh.set<string>('tags')].sort()).toEqual(['home', 'shop']);
      expect(mesh.counter('visits').value).toBe(5);
      expect(mesh.register('volume').value).toBe(7);
      expect(mesh.flag('done').value).toBe(true);
      expect([...mesh.episodes('talk')]).toEqual([{ id: 'e1', time: 5, content: 'we met' }]);
      const tea = mesh.patterns('facts').get('tea');
      expect(tea).toMatchObject({ support: 4, observers: 2, episodes: ['e1', 'e2', 'e3'] });
      expect(tea?.confidence).toBeCloseTo(0.8, 12);
      expect(mesh.stats().memory).toEqual({ records: 11, waiting: 0 });
    }
  });

  it('tells of changes what, before, and from whom, by events and by an iterable', async () => {
    const [a, b] = (await openLinked(2)) as [Mesh, Mesh];
    const events: unknown[] = [];
    a.map<number>('m').addEventListener('change', ({ detail }) => events.push(detail));
    const stream = b.map<number>('m').changes();
    a.map<number>('m').set('x', 1);
    a.map<number>('m').set('x', 2).delete('x');
    const told = [await stream.next(), await stream.next(), await stream.next()];
    expect(told.map(({ value }) => [value?.key, value?.before, value?.value])).toEqual([
      ['x', undefined, 1],
      ['x', 1, 2],
      ['x', 2, undefined],
    ]);
    expect(new Set(told.map(({ value }) => value?.origin))).toEqual(new Set(['remote']));
    expect(events).toMatchObject([{ origin: 'local' }, { origin: 'local' }, { origin: 'local' }]);
    await b.close();
    expect((await stream.next()).done).toBe(true);
  });

  it('shows what two tabs wrote at once as conflicts, until one is set', async () => {
    const [a, b] = (await openLinked(2)) as [Mesh, Mesh];
    a.disconnect();
    a.map<string>('m').set('x', 'of a');
    b.map<string>('m').set('x', 'of b');
    a.connect();
    await until('they are equal', () => a.synced && b.synced && areEqual([a, b]));
    const conflicts = a.map<string>('m').conflicts('x');
    expect(conflicts.toSorted()).toEqual(['of a', 'of b']);
    expect(b.map('m').conflicts('x')).toEqual(conflicts);
    expect(b.map('m').get('x')).toBe(conflicts[0]);
    b.map<string>('m').set('x', 'settled');
    await until('it is settled', () => a.map('m').conflicts('x').length === 1);
  });

  it('a transaction is one change to others, and none where it throws or is async', async () => {
    const [a, b] = (await openLinked(2)) as [Mesh, Mesh];
    const seen: unknown[] = [];
    b.map('m').addEventListener('change', () => seen.push([b.map('m').size, b.flag('f').value]));
    const given = a.transact(() => {
      for (let i = 0; i < 3; i++) a.map<number>('m').set(`${i}`, i);
      a.flag('f').set(true);
      return 'given';
    });
    expect(given).toBe('given');
    await until('it came', () => seen.length === 3);
    expect(seen).toEqual([
      [3, true],
      [3, true],
      [3, true],
    ]);
    const fails = () => {
      a.map('m').set('9', 9);
      throw new MeshError('bad-argument', 'no');
    };
    expect(codeOf(() => a.transact(fails))).toBe('bad-argument');
    expect(codeOf(() => a.transact(async () => a.map('m').set('9', 9)))).toBe('bad-argument');
    expect(a.map('m').has('9')).toBe(false);
  });

  it('may be changed while it is iterated', async () => {
    const mesh = await open(newRoom());
    const map = mesh.map<number>('m');
    for (let i = 0; i < 10; i++) map.set(`${i}`, i);
    for (const [key] of map) map.delete(key);
    expect(map.size).toBe(0);
    const patterns = mesh.patterns('p');
    for (let i = 0; i < 10; i++) patterns.observe(`${i}`, { confidence: 0.5 });
    for (const { id } of patterns) patterns.delete(id);
    expect(patterns.size).toBe(0);
  });

  it('refuses misuse with a code, and nothing changes', async () => {
    const mesh = await open(newRoom());
    const misuses = [
      () => mesh.map(''),
      () => mesh.map('a\0b'),
      () => mesh.map('m').set('k', (() => 0) as never),
      () => mesh.map('m').set('k'.repeat(1_025), 1),
      () => mesh.map('m').set('k', '\ud800'),
      () => mesh.set('s').add('v'.repeat(1_025)),
      () => mesh.counter('c').add(0.5),
      () => mesh.patterns('p').observe('id', { confidence: 1.1 }),
      () => mesh.patterns('p').observe('id', { confidence: 0.5, support: 0 }),
      () => mesh.episodes('e').add('x', { time: Number.NaN }),
      () => mesh.episodes('e').add('x', { id: '' }),
      () => mesh.episodes('e').add(undefined as never),
      () => mesh.episodes('e').add('x', 'id' as never),
      () => mesh.episodes('e').add('x', null as never),
      () => mesh.patterns('p').observe('id', { confidence: 1, episodes: 'e10' as never }),
      () => mesh.patterns('p').observe('id', { confidence: 1, episodes: 10 as never }),
      () => mesh.patterns('p').observe('id', { confidence: 1, episodes: ['e', ''] }),
      () => mesh.patterns('p').observe('', { confidence: 1 }),
      () => mesh.patterns('p').observe('id', undefined as never),
      () => mesh.flag('f').set('false' as never),
      () => mesh.flag('f').set(undefined as never),
      () => mesh.transact(undefined as never),
    ];
    for (const misuse of misuses) expect(codeOf(misuse)).toBe('bad-argument');
    expect(codeOf(() => mesh.map('m').set('k', 'v'.repeat(17 * 1024 * 1024)))).toBe(
      'value-too-large',
    );
    mesh.episodes('e').add('x', { id: 'taken' });
    expect(codeOf(() => mesh.episodes('e').add('y', { id: 'taken' }))).toBe('bad-argument');
    expect(mesh.stats().memory.records).toBe(1);
    await expect(open(newRoom(), { consistency: 'strong' as never })).rejects.toThrow('eventual');
  });

  it('can be read after close, and not be written', async () => {
    const mesh = await open(newRoom());
    mesh.map('m').set('k', 1);
    await mesh.close();
    expect(mesh.map('m').get('k')).toBe(1);
    expect(codeOf(() => mesh.map('m').set('k', 2))).toBe('closed');
    expect(mesh.map('m').get('k')).toBe(1);
  });

  it('is there when a tab opens, with nobody else in the room', async () => {
    const disk = new MemoryDisk();
    const room = newRoom();
    const before = await open(room, { store: memoryStore(disk) });
    before.map('m').set('k', 1);
    before.patterns('p').observe('id', { episodes: ['e'], confidence: 0.5 });
    const digest = before.digest();
    await before.close();
    const after = await open(room, { store: memoryStore(disk) });
    expect(after.digest()).toBe(digest);
    expect(after.map('m').get('k')).toBe(1);
    expect(after.patterns('p').get('id')?.episodes).toEqual(['e']);
  });

  it('rooms of differing consistency do not meet; causal tabs meet one another', async () => {
    const room = newRoom();
    const transport = memoryTransport();
    const plain = await open(room, { transport });
    const causal = await open(room, { transport, consistency: 'causal' });
    const other = await open(room, { transport, consistency: 'causal' });
    await until('the causal ones are linked', () => causal.neighbors.length === 1);
    causal.map('m').set('k', 1);
    await until('it came', () => other.map('m').get('k') === 1);
    expect([plain.neighbors, plain.map('m').size]).toEqual([[], 0]);
  });

  it('consolidates episodes: by what the app says, or by words that recur', async () => {
    const mesh = await open(newRoom());
    const talk = mesh.episodes<string>('talk');
    talk.add('The garden needs water', { id: '1', time: 1 });
    talk.add('Water the garden at night', { id: '2', time: 2 });
    talk.add('It rains', { id: '3', time: 3 });
    const patterns = mesh.patterns('talk');
    expect(await patterns.consolidate()).toEqual(['garden', 'water']);
    expect(patterns.get('water')).toEqual({
      ...{ id: 'water', confidence: 0.6, support: 2, observers: 1, episodes: ['1', '2'] },
    });
    const found = [{ id: 'weather', confidence: 1, episodes: ['3'] }];
    expect(await patterns.consolidate(async () => found)).toEqual(['weather']);
    const bad = [
      { id: 'fine', confidence: 1 },
      { id: 'bad', confidence: 2 },
    ];
    await expect(patterns.consolidate(() => bad)).rejects.toThrow('confidence');
    expect(patterns.get('fine')).toBeUndefined();
  });

  it('refuses to consolidate what is no consolidator, no list of findings, or no finding', async () => {
    const mesh = await open(newRoom());
    const patterns = mesh.patterns('p');
    const fine = { id: 'fine', confidence: 1 };
    const misuses = [
      () => patterns.consolidate('x' as never),
      () => patterns.consolidate((() => undefined) as never),
      () => patterns.consolidate((() => 'x') as never),
      () => patterns.consolidate(() => [fine, undefined as never]),
      () => patterns.consolidate(() => [fine, { ...fine, episodes: 'e10' as never }]),
      () => patterns.consolidate(() => [fine], 10 as never),
    ];
    for (const misuse of misuses) {
      await expect(misuse()).rejects.toMatchObject({ code: 'bad-argument' });
    }
    expect(mesh.stats().memory.records).toBe(0);
  });

  it('an observation that is refused within a transaction leaves nothing of itself there', async () => {
    const mesh = await open(newRoom());
    mesh.transact(() => {
      const bad = { confidence: 1, episodes: ['e', '\ud800'] };
      expect(codeOf(() => mesh.patterns('p').observe('id', bad))).toBe('bad-argument');
    });
    expect(mesh.stats().memory.records).toBe(0);
  });
});
