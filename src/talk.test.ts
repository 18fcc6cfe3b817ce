/** Topics and aggregates over whole meshes in one process. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Mesh } from './mesh.ts';
import { openMesh } from './open-mesh.ts';
import { memoryTransport } from './transport/memory.ts';

const opened: Mesh[] = [];
let rooms = 0;

afterEach(async () => {
  await Promise.all(opened.splice(0).map((mesh) => mesh.close()));
});

async function openLinked(count: number, config = {}): Promise<Mesh[]> {
  const room = `talk ${process.pid} ${rooms++}`;
  const transport = memoryTransport();
  const options = { transport, store: 'memory', config } as const;
  const meshes = await Promise.all(Array.from({ length: count }, () => openMesh(room, options)));
  opened.push(...meshes);
  await until(() => meshes.every(({ neighbors }) => neighbors.length > 0));
  await until(() => meshes.every(({ members }) => members.length === count));
  return meshes;
}

const until = (condition: () => boolean) =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 20_000, interval: 10 });

describe('mesh.topic', () => {
  it('what one tab publishes is heard by all others that listen, once, and not by itself', async () => {
    const meshes = await openLinked(4);
    const heard = meshes.map((mesh) => {
      const values: unknown[] = [];
      mesh.topic('cursor').addEventListener('message', ({ detail }) => values.push(detail));
      return values;
    });
    const [first] = meshes as [Mesh];
    expect(first.topic('cursor').publish({ x: 1, y: 2 })).toBe(true);
    await until(() => heard.slice(1).every((values) => values.length === 1));
    expect(heard[0]).toEqual([]);
    expect(heard[1]).toEqual([{ value: { x: 1, y: 2 }, from: first.id, direct: false }]);
  });

  it('send reaches one tab alone, and a reader by for await gets it', async () => {
    const [a, b, c] = (await openLinked(3)) as [Mesh, Mesh, Mesh];
    const others: unknown[] = [];
    c.topic('chat').addEventListener('message', ({ detail }) => others.push(detail));
    const messages = b.topic<string>('chat').messages();
    for (const text of ['one', 'two']) expect(a.topic('chat').send(b.id, text)).toBe(true);
    const got: string[] = [];
    for await (const { value, from, direct } of messages) {
      expect([from, direct]).toEqual([a.id, true]);
      got.push(value);
      if (got.length === 2) break;
    }
    expect(got).toEqual(['one', 'two']);
    expect(others).toEqual([]);
    expect(a.topic('chat').send('0'.repeat(32), 'nobody')).toBe(false);
  });

  it('in a room of few links, send reaches a tab that is no neighbor', async () => {
    const meshes = await openLinked(12, { activeSize: 3, activeMax: 4 });
    const [first] = meshes as [Mesh];
    const heard = new Set<string>();
    for (const mesh of meshes) {
      mesh.topic('hi').addEventListener('message', () => heard.add(mesh.id));
    }
    const others = meshes.slice(1).map(({ id }) => id);
    expect(first.neighbors.length).toBeLessThan(others.length);
    await until(() => {
      for (const id of others) if (!heard.has(id)) first.topic('hi').send(id, 'hello');
      return heard.size === others.length;
    });
  });

  it('a topic that is closed sends nothing and ends its readers; taken again it works', async () => {
    const [a, b] = (await openLinked(2)) as [Mesh, Mesh];
    const topic = a.topic('t');
    expect(a.topic('t')).toBe(topic);
    const reading = topic.messages().next();
    topic.close();
    topic.close();
    expect(await reading).toEqual({ done: true, value: undefined });
    expect((await topic.messages().next()).done).toBe(true);
    expect(() => topic.publish(1)).toThrow(/is closed/);
    expect(a.topic('t')).not.toBe(topic);
    b.topic('t').publish(1);
    const { value } = await a.topic('t').messages().next();
    expect(value?.value ?? 1).toBe(1);
  });

  it('topics are no part of the digest, and a closed mesh has none', async () => {
    const [a, b] = (await openLinked(2)) as [Mesh, Mesh];
    const reading = a.topic('t').messages().next();
    expect(a.digest()).toBe(b.digest());
    await a.close();
    expect((await reading).done).toBe(true);
    expect(() => a.topic('t')).toThrow(/closed/);
    expect(() => b.topic('')).toThrow(/1 to 1024 bytes/);
  });
});

describe('mesh.aggregate', () => {
  it('every tab comes to the same figures, and they follow who leaves', async () => {
    const meshes = await openLinked(5, { averagingInterval: 200 });
    for (const [i, mesh] of meshes.entries()) mesh.aggregate('load').set(10 * (i + 1));
    const reads = (mesh: Mesh, mean: number, count: number, min: number, max: number) => {
      const estimate = mesh.aggregate('load').estimate;
      return (
        estimate?.count === count &&
        estimate.min === min &&
        estimate.max === max &&
        Math.abs(estimate.mean / mean - 1) < 0.01 &&
        Math.abs(estimate.sum / (mean * count) - 1) < 0.01
      );
    };
    await until(() => meshes.every((mesh) => reads(mesh, 30, 5, 10, 50)));
    await (meshes[4] as Mesh).close();
    await until(() => meshes.slice(0, 4).every((mesh) => reads(mesh, 25, 4, 10, 40)));
    (meshes[0] as Mesh).aggregate('load').clear();
    await until(() => meshes.slice(0, 4).every((mesh) => reads(mesh, 30, 3, 20, 40)));
  });

  it('changes are told to listeners and readers, and end with the mesh', async () => {
    const [a, b] = (await openLinked(2, { averagingInterval: 200 })) as [Mesh, Mesh];
    const seen: (number | undefined)[] = [];
    a.aggregate('n').addEventListener('change', ({ detail }) => seen.push(detail?.mean));
    const changes = a.aggregate('n').changes();
    b.aggregate('n').set(4);
    expect((await changes.next()).value?.mean).toBe(4);
    expect(seen).toContain(4);
    const aggregate = a.aggregate('n');
    const rest = aggregate.changes();
    await a.close();
    expect((await rest.next()).done).toBe(true);
    expect(() => aggregate.set(1)).toThrow(/closed/);
  });

  it('a value set while out of the room counts after joining', async () => {
    const [a, b] = (await openLinked(2, { averagingInterval: 200 })) as [Mesh, Mesh];
    a.disconnect();
    a.aggregate('n').set(7);
    expect(a.aggregate('n').estimate?.mean).toBe(7);
    a.connect();
    await until(() => b.aggregate('n').estimate?.mean === 7);
  });

  it('what is no number, and one name too many, are refused', async () => {
    const mesh = await openMesh(`talk alone ${process.pid}`, {
      store: 'memory',
      transport: memoryTransport(),
    });
    opened.push(mesh);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1e101, '1' as never]) {
      expect(() => mesh.aggregate('x').set(value)).toThrow(/An aggregate takes a number/);
    }
    for (let i = 1; i < 256; i++) mesh.aggregate(`x${i}`);
    expect(() => mesh.aggregate('one more')).toThrow(/256 aggregates/);
  });
});
