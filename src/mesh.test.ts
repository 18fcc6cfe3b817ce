/** Whole meshes in one process: BroadcastChannel for signaling, links in memory. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Mesh } from './mesh.ts';
import type { MeshOptions } from './mesh-options.ts';
import { openMesh } from './open-mesh.ts';
import type { Store } from './ports/store.ts';
import type { Transport } from './ports/transport.ts';
import { ATTACH, type Extension, type ExtensionHost } from './runtime/extension.ts';
import { memoryStore } from './storage/memory.ts';
import { memoryTransport } from './transport/memory.ts';
import { MeshError } from './util/errors.ts';

const opened: Mesh[] = [];
let rooms = 0;

afterEach(async () => {
  await Promise.all(opened.splice(0).map((mesh) => mesh.close()));
});

const config = { gossipInterval: 100, probeInterval: 1_000 };

/** Opens `count` meshes of a room of their own. */
async function openRoom(count: number, options: MeshOptions = {}): Promise<Mesh[]> {
  const room = `room ${process.pid} ${rooms++}`;
  const transport = memoryTransport();
  const all: MeshOptions = { transport, store: 'memory', config, ...options };
  const meshes = await Promise.all(Array.from({ length: count }, () => openMesh(room, all)));
  opened.push(...meshes);
  return meshes;
}

const until = (what: string, condition: () => boolean) =>
  vi.waitFor(
    () => {
      if (!condition()) throw new Error(`still waiting: ${what}`);
    },
    { timeout: 10_000, interval: 10 },
  );

const areLinked = (meshes: readonly Mesh[]) =>
  meshes.every((mesh) => mesh.neighbors.length === meshes.length - 1);

async function openLinked(count: number): Promise<Mesh[]> {
  const meshes = await openRoom(count);
  await until('all are linked', () => areLinked(meshes));
  return meshes;
}

/** How many there are of each kind of what keeps the process running. */
function handles(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** Waits until nothing runs that did not run `before`; the wait itself adds no timer. */
async function untilFreed(before: Record<string, number>): Promise<void> {
  const left = () =>
    Object.entries(handles()).filter(
      ([kind, count]) => kind !== 'Immediate' && count > (before[kind] ?? 0),
    );
  const deadline = performance.now() + 4_000;
  while (left().length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(left()).toEqual([]);
}

async function errorOf(work: Promise<unknown>): Promise<MeshError> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof MeshError) return thrown;
    throw thrown;
  }
  return expect.fail('nothing was thrown');
}

/** An extension that notes what it is told; `synced` is what it says of itself. */
class Probe implements Extension {
  readonly channel = 9;
  readonly host: ExtensionHost;
  readonly told: string[] = [];
  synced = true;
  closed = 0;

  constructor(host: ExtensionHost) {
    this.host = host;
  }

  static on(mesh: Mesh): Probe {
    return mesh[ATTACH](9, (host) => new Probe(host));
  }

  neighborUp = () => void this.told.push('up');
  neighborDown = () => void this.told.push('down');
  memberGone = () => void this.told.push('gone');
  storeLost = () => void this.told.push('store lost');
  deliver = (_origin: string, payload: Uint8Array) =>
    void this.told.push(`rumor ${payload.length}`);
  direct = (_peer: string, payload: Uint8Array) => void this.told.push(`direct ${payload.length}`);
  compare = () => undefined;
  digest = () => new Uint8Array(32).fill(this.synced ? 1 : 2);
  isSynced = () => this.synced;
  flush = () => Promise.resolve();
  settle = () => Promise.resolve();
  leaving = (): void => undefined;

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

describe('meshes of one room', () => {
  it('find each other with no server: members, neighbors, status and reason agree', async () => {
    const meshes = await openLinked(4);
    const ids = meshes.map(({ id }) => id).sort();
    expect(new Set(ids).size).toBe(4);
    await until('all know all', () => meshes.every(({ members }) => members.length === 4));
    for (const mesh of meshes) {
      expect(mesh.members.map(({ id }) => id).sort()).toEqual(ids);
      expect(mesh.members.filter(({ self }) => self)).toEqual([
        { id: mesh.id, status: 'alive', hidden: false, self: true },
      ]);
      expect(mesh.neighbors.map(({ id }) => id).sort()).toEqual(ids.filter((id) => id !== mesh.id));
      expect(mesh.status).toBe('connected');
      expect(mesh.reason).toBe('linked with 3 tabs');
      expect(mesh.stats()).toMatchObject({
        members: 4,
        neighbors: 3,
        store: { kind: 'memory', durable: false },
      });
      expect(mesh.stats().sent.frames).toBeGreaterThan(0);
      expect(mesh.stats().received.bytes).toBeGreaterThan(0);
    }
  });

  it('a mesh with nobody else is alone, and says so', async () => {
    const [mesh] = (await openRoom(1)) as [Mesh];
    await until('it is alone', () => mesh.status === 'alone');
    expect(mesh.reason).toContain('no other tab is in the room');
    expect(mesh.neighbors).toEqual([]);
    expect(mesh.synced).toBe(false);
  });

  it('other rooms, and other secrets of one room, do not link', async () => {
    const transport = memoryTransport();
    const room = `secret ${process.pid}`;
    const open = async (name: string, secret?: string) => {
      const mesh = await openMesh(name, { transport, store: 'memory', config, secret });
      opened.push(mesh);
      const errors: MeshError[] = [];
      mesh.addEventListener('error', ({ detail }) => errors.push(detail));
      return { mesh, errors };
    };
    const [one, same, other, stranger] = await Promise.all([
      open(room, 'correct horse'),
      open(room, 'correct horse'),
      open(room, 'battery staple'),
      open(`${room} next door`),
    ]);
    await until('those of one secret are linked', () => areLinked([one.mesh, same.mesh]));
    await until('both sides are told', () =>
      [one, other].every(({ errors }) => errors.some(({ code }) => code === 'secret-mismatch')),
    );
    expect([...other.mesh.neighbors, ...stranger.mesh.neighbors]).toEqual([]);
    expect(stranger.errors).toEqual([]);
  });

  it('tell of members and neighbors that come and go by events', async () => {
    const transport = memoryTransport();
    const [first] = (await openRoom(1, { transport })) as [Mesh];
    const told: string[] = [];
    first.addEventListener('member', ({ detail }) => told.push(`member ${detail.status}`));
    first.addEventListener('neighbor', ({ detail }) => told.push(`neighbor ${detail.linked}`));
    first.addEventListener('status', ({ detail }) => told.push(`status ${detail.status}`));
    await until('it is alone', () => first.status === 'alone');
    const second = await openMesh(first.room, { transport, store: 'memory', config });
    await until('they are linked', () => areLinked([first, second]));
    await second.close();
    await until('the first is alone', () => first.status === 'alone');
    expect(told.filter((text) => text !== 'status connecting')).toEqual([
      'member alive',
      'status connected',
      'neighbor true',
      'member left',
      'neighbor false',
      'status alone',
    ]);
  });

  it('says why no link can be made, and is alone again when that peer is gone', async () => {
    const none = memoryTransport();
    const failing: Transport = {
      dial: (options, handlers) => {
        const connection = none.dial(options, { ...handlers, signal: () => undefined });
        setTimeout(() => {
          if (connection.state === 'closed') return;
          connection.close();
          handlers.close(new MeshError('link', 'there is no path between the two'));
        }, 0);
        return connection;
      },
    };
    const [first, second] = (await openRoom(2, { transport: failing })) as [Mesh, Mesh];
    const errors: string[] = [];
    first.addEventListener('error', ({ detail }) => errors.push(detail.code));
    await until('the reason is told', () => first.reason.includes('there is no path'));
    expect(first.status).toBe('connecting');
    expect(errors).toContain('link');
    await second.close();
    await until('it is alone', () => first.status === 'alone');
  });

  it('a mesh that disconnects is gone for the others, keeps its memory, and comes back', async () => {
    const [first, second, third] = (await openLinked(3)) as [Mesh, Mesh, Mesh];
    const told: string[] = [];
    second.addEventListener('member', ({ detail }) => {
      if (detail.id === first.id) told.push(detail.status);
    });
    first.disconnect();
    first.disconnect();
    expect(first.status).toBe('disconnected');
    expect(first.reason).toBe('disconnected by this tab');
    expect(first.neighbors).toEqual([]);
    await until('the others see it leave', () =>
      [second, third].every(({ members }) => members.every(({ id }) => id !== first.id)),
    );
    first.connect();
    first.connect();
    await until('it is linked again', () => areLinked([first, second, third]));
    expect(first.status).toBe('connected');
    expect(told).toEqual(['left', 'alive']);
  });

  it('a page that goes into the back-forward cache leaves, and joins when it is shown again', async () => {
    const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
    const window = new EventTarget();
    vi.stubGlobal('document', document);
    vi.stubGlobal('window', window);
    const [first] = (await openRoom(1)) as [Mesh];
    vi.unstubAllGlobals();
    const show = () =>
      window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    window.dispatchEvent(new Event('pagehide'));
    expect(first.status).toBe('disconnected');
    show();
    await until('it is back', () => first.status === 'alone');
    first.disconnect();
    window.dispatchEvent(new Event('pagehide'));
    show();
    expect(first.status).toBe('disconnected'); // as the app left it
  });

  it('a mesh may leave and come back within a listener of its own events', async () => {
    const [first, second] = (await openLinked(2)) as [Mesh, Mesh];
    second.addEventListener('neighbor', ({ detail }) => {
      if (detail.linked || second.status === 'closed') return;
      second.disconnect();
      second.connect();
    });
    first.disconnect();
    await until('the second lost it', () => second.neighbors.length === 0);
    first.connect();
    await until('they are linked again', () => areLinked([first, second]));
    second.disconnect(); // whose own listener, told while it leaves, connects again
    await until('they are linked again', () => areLinked([first, second]));
  });
});

describe('closing', () => {
  it('is idempotent, and later calls that need an open mesh give MeshError closed', async () => {
    const [mesh, other] = (await openLinked(2)) as [Mesh, Mesh];
    const probe = Probe.on(mesh);
    const statuses: string[] = [];
    mesh.addEventListener('status', ({ detail }) => statuses.push(detail.status));
    const [first, second] = [mesh.close(), mesh.close()];
    expect(mesh.status).toBe('closed');
    expect(() => mesh.connect()).toThrow(MeshError); // already while it closes
    await Promise.all([first, second, mesh.close()]);
    expect(statuses).toEqual(['closed']);
    expect(probe.closed).toBe(1);
    expect(mesh.neighbors).toEqual([]);
    expect(() => mesh.connect()).toThrow(expect.objectContaining({ code: 'closed' }));
    expect(() => Probe.on(mesh)).toThrow(expect.objectContaining({ code: 'closed' }));
    expect((await errorOf(mesh.flush())).code).toBe('closed');
    expect((await errorOf(mesh.whenSynced())).code).toBe('closed');
    mesh.disconnect();
    expect(mesh.status).toBe('closed');
    expect(mesh.stats().neighbors).toBe(0);
    await until('the other is alone', () => other.status === 'alone');
  });

  it('within a listener of an event leaves no timer behind', async () => {
    const before = handles();
    const [first, second] = (await openRoom(2)) as [Mesh, Mesh];
    let closing: Promise<void> | undefined;
    first.addEventListener('neighbor', () => {
      closing ??= first.close();
    });
    await until('it closed', () => first.status === 'closed');
    await Promise.all([closing, second.close()]);
    expect(first.neighbors).toEqual([]);
    await untilFreed(before);
  });

  it('leaves no handle open, whatever was under way', async () => {
    const before = handles();
    const linked = await openLinked(3);
    const linking = await openRoom(3); // closed in the middle of their handshakes
    await Promise.all([...linked, ...linking].map((mesh) => mesh.close()));
    await untilFreed(before);
  });

  it('comes with `await using` and with an AbortSignal', async () => {
    const [other] = (await openRoom(1)) as [Mesh];
    const transport = memoryTransport();
    let kept: Mesh;
    {
      await using mesh = await openMesh(other.room, { transport, store: 'memory' });
      kept = mesh;
    }
    expect(kept.status).toBe('closed');
    const abort = new AbortController();
    const mesh = await openMesh(other.room, { transport, store: 'memory', signal: abort.signal });
    abort.abort();
    expect(mesh.status).toBe('closed');
    await mesh.close();
  });
});

describe('opening', () => {
  it('is refused with an AbortSignal that is aborted, also in the middle, and nothing stays open', async () => {
    const before = handles();
    const aborted = errorOf(openMesh('a', { signal: AbortSignal.abort() }));
    expect((await aborted).code).toBe('aborted');
    const abort = new AbortController();
    const opening = errorOf(openMesh('a', { store: 'memory', signal: abort.signal }));
    abort.abort(new Error('no more'));
    expect(await opening).toMatchObject({ code: 'aborted', cause: abort.signal.reason });
    await untilFreed(before);
  });

  it.each<[string, unknown, unknown, RegExp]>([
    ['an empty room', '', {}, /room/],
    ['a room that is no text', 7, {}, /room/],
    ['options that are no object', 'a', 7, /options of openMesh/],
    ['null options', 'a', null, /options of openMesh/],
    ['a secret that is no text', 'a', { secret: 7 }, /secret/],
    ['an empty secret', 'a', { secret: '' }, /secret/],
    ['a URL that is none', 'a', { signaling: 'localhost:4444' }, /"localhost:4444"/],
    [
      'a URL of another protocol',
      'a',
      { signaling: ['https://example.org'] },
      /"https:\/\/example/,
    ],
    [
      'a signaling of another type',
      'a',
      { signaling: Symbol() },
      /options\.signaling must be a URL/,
    ],
    [
      'an option with a typing mistake',
      'a',
      { signalling: 'ws://a' },
      /signalling is not an option.*signaling/,
    ],
    ['a list of options', 'a', ['ws://a'], /options of openMesh/],
    ['an unknown store', 'a', { store: 'disk' }, /options\.store must be 'indexeddb', 'memory'/],
    ['a store that is none', 'a', { store: {} }, /options\.store must be .* or a Store/],
    ['a transport that is none', 'a', { transport: {} }, /options\.transport must be a Transport/],
    ['a signal that is none', 'a', { signal: {} }, /options\.signal must be an AbortSignal/],
    ['ICE servers that are no list', 'a', { iceServers: 'stun:x' }, /options\.iceServers/],
    [
      'ICE servers that are texts',
      'a',
      { iceServers: ['stun:x'] },
      /iceServers\[0\] must have urls/,
    ],
    [
      'an ICE server of another protocol',
      'a',
      { iceServers: [{ urls: 'http://x' }] },
      /must have urls/,
    ],
    ['a TURN server without credentials', 'a', { iceServers: [{ urls: 'turn:x' }] }, /credential/],
    ['a config out of bounds', 'a', { config: { fanout: 100 } }, /config\.fanout is 100.*1 to 8/],
    ['an unknown config', 'a', { config: { fanuot: 1 } }, /config\.fanuot is not an option/],
    ['a config that is no object', 'a', { config: 'fast' }, /config must be an object/],
  ])('is refused with useful words for %s', async (_what, room, options, words) => {
    const error = await errorOf(openMesh(room as string, options as MeshOptions));
    expect(error.code).toBe('bad-argument');
    expect(error.message).toMatch(words);
    expect(error.message).toContain('Nothing was opened');
  });

  it('goes on in memory where IndexedDB cannot be used, and tells so by an event afterwards', async () => {
    const [mesh] = (await openRoom(1, { store: 'indexeddb' })) as [Mesh]; // Node has none
    const errors: MeshError[] = [];
    mesh.addEventListener('error', ({ detail }) => errors.push(detail));
    expect(mesh.stats().store).toEqual({ kind: 'memory', durable: false });
    await until('the error is told', () => errors.length > 0);
    expect(errors.map(({ code }) => code)).toEqual(['store-unavailable']);
  });

  it('errors of opening are not told after close', async () => {
    const [mesh] = (await openRoom(1, { store: 'indexeddb' })) as [Mesh];
    const errors: MeshError[] = [];
    mesh.addEventListener('error', ({ detail }) => errors.push(detail));
    await mesh.close();
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(errors).toEqual([]);
  });

  it('takes a store of the app, and closes it', async () => {
    const store: Store = memoryStore();
    const close = vi.spyOn(store, 'close');
    const [mesh] = (await openRoom(1, { store })) as [Mesh];
    await mesh.close();
    expect(close).toHaveBeenCalledTimes(1);
  });
});

describe('synced', () => {
  it('whenSynced waits for a neighbor, and resolves at once where synced is true', async () => {
    const [first] = (await openRoom(1)) as [Mesh];
    const told: boolean[] = [];
    first.addEventListener('synced', ({ detail }) => told.push(detail.synced));
    let isDone = false;
    const waiting = first.whenSynced().then(() => {
      isDone = true;
    });
    await until('it is alone', () => first.status === 'alone');
    expect([isDone, first.synced]).toEqual([false, false]);
    const [second, third] = (await openLinked(2)) as [Mesh, Mesh];
    await second.whenSynced();
    await second.whenSynced();
    await until('the other is too', () => third.synced);
    await first.close();
    expect((await errorOf(waiting)).code).toBe('closed');
    expect(told).toEqual([]);
  });

  it('is what all extensions say, told by an event when it changes', async () => {
    const [mesh, other] = (await openLinked(2)) as [Mesh, Mesh];
    await mesh.whenSynced();
    const told: boolean[] = [];
    mesh.addEventListener('synced', ({ detail }) => told.push(detail.synced));
    const before = mesh.digest();
    const probe = mesh[ATTACH](9, (host) => Object.assign(new Probe(host), { synced: false }));
    expect(told).toEqual([false]);
    expect(mesh.digest()).not.toBe(before);
    expect(mesh.digest()).toMatch(/^[0-9a-f]{64}$/);
    const waiting = mesh.whenSynced();
    probe.synced = true;
    probe.host.syncedChanged();
    probe.host.syncedChanged();
    await waiting;
    expect(told).toEqual([false, true]);
    other.disconnect();
    await until('the neighbor is gone', () => mesh.neighbors.length === 0);
    expect(told).toEqual([false, true, false]);
  });

  it('whenSynced is given up by its AbortSignal, and leaves no listener on it', async () => {
    const [mesh] = (await openRoom(1)) as [Mesh];
    const abort = new AbortController();
    const remove = vi.spyOn(abort.signal, 'removeEventListener');
    const waiting = errorOf(mesh.whenSynced({ signal: abort.signal }));
    abort.abort();
    expect((await waiting).code).toBe('aborted');
    expect((await errorOf(mesh.whenSynced({ signal: abort.signal }))).code).toBe('aborted');
    remove.mockRestore();
  });
});

describe('extensions', () => {
  it('get rumors once, direct frames, and neighbors in order, also those that were there before', async () => {
    const meshes = (await openLinked(3)) as [Mesh, Mesh, Mesh];
    const [a, b, c] = meshes.map((mesh) => Probe.on(mesh)) as [Probe, Probe, Probe];
    expect(Probe.on(meshes[0])).toBe(a);
    for (const probe of [a, b, c]) expect(probe.told).toEqual(['up', 'up']);
    a.host.broadcast(new Uint8Array(10));
    a.host.broadcast(new Uint8Array(100_000));
    expect(a.host.send(meshes[1].id, new Uint8Array(5))).toBe(true);
    expect(a.host.send('0'.repeat(32), new Uint8Array(5))).toBe(false);
    const rumors = (probe: Probe) => probe.told.filter((text) => text.startsWith('rumor'));
    await until('all arrived', () => [b, c].every((probe) => rumors(probe).length === 2));
    expect(rumors(b)).toEqual(['rumor 10', 'rumor 100000']);
    expect(rumors(a)).toEqual([]);
    await until('the direct frame arrived', () => b.told.includes('direct 5'));
    expect(c.told).not.toContain('direct 5');
    meshes[0].disconnect();
    await until('the neighbor went', () => [b, c].every(({ told }) => told.includes('down')));
    expect(a.told.filter((text) => text === 'gone')).toHaveLength(2);
    expect(a.host.send(meshes[1].id, new Uint8Array(5))).toBe(false);
  });

  it('that attach within an event are told of each neighbor once', async () => {
    const [first, second] = (await openRoom(2)) as [Mesh, Mesh];
    let probe: Probe | undefined;
    first.addEventListener('member', () => {
      probe ??= Probe.on(first);
    });
    await until('they are linked', () => areLinked([first, second]));
    expect(probe?.told).toEqual(['up']);
  });

  it('a peer that an extension calls misbehaved is dropped with an error event, and avoided', async () => {
    const [first, second] = (await openLinked(2)) as [Mesh, Mesh];
    const errors: MeshError[] = [];
    first.addEventListener('error', ({ detail }) => errors.push(detail));
    Probe.on(first).host.misbehaved(second.id, 'nonsense');
    expect(first.neighbors).toEqual([]);
    expect(errors.map(({ code }) => code)).toEqual(['bad-frame']);
    await until('the other knows', () => second.neighbors.length === 0);
  });

  it('hear of edits that were not told yet before the mesh leaves', async () => {
    const [first, second] = (await openLinked(2)) as [Mesh, Mesh];
    const [a, b] = [Probe.on(first), Probe.on(second)];
    a.leaving = () => a.host.broadcast(new Uint8Array(7));
    await first.close();
    await until('the rumor arrived', () => b.told.includes('rumor 7'));
  });
});

describe('a page with a mesh', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('that comes back from the back-forward cache joins again, unless the app disconnected', async () => {
    const window = new EventTarget();
    vi.stubGlobal('window', window);
    vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
    const [mesh] = (await openRoom(1)) as [Mesh];
    const pageshow = () =>
      window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
    window.dispatchEvent(new Event('pagehide'));
    expect(mesh.status).toBe('disconnected');
    pageshow();
    expect(mesh.status).not.toBe('disconnected');
    window.dispatchEvent(new Event('pagehide'));
    mesh.disconnect();
    pageshow();
    expect(mesh.status).toBe('disconnected');
  });

  it('is the same session to the signaling server after it was disconnected', async () => {
    const joins: string[] = [];
    class Socket extends EventTarget {
      readonly bufferedAmount = 0;
      constructor() {
        super();
        const limits = {
          messageBytes: 65_536,
          topics: 8,
          messagesPerSecond: 60,
          messageBurst: 300,
        };
        const data = JSON.stringify({ type: 'welcome', version: 1, iceServers: [], limits });
        queueMicrotask(() => this.dispatchEvent(new MessageEvent('message', { data })));
      }
      close(): void {
        // Nothing is open.
      }
      send(text: string): void {
        const { type, key } = JSON.parse(text) as { type: string; key: string };
        if (type === 'join') joins.push(key);
      }
    }
    vi.stubGlobal('WebSocket', Socket);
    const [mesh] = (await openRoom(1, { signaling: 'ws://127.0.0.1:1' })) as [Mesh];
    await until('it joins', () => joins.length === 2);
    mesh.disconnect();
    mesh.connect();
    await until('it joins again', () => joins.length === 4);
    expect(new Set(joins).size).toBe(1);
  });
});
