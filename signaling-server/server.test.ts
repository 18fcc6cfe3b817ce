import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import {
  type ClientMessage,
  encodeMessage,
  parseServerMessage,
  type ServerMessage,
} from '../src/signaling/messages.ts';
import type { MeshError } from '../src/util/errors.ts';
import { seededRandom } from '../src/util/random.ts';
import {
  createSignalingServer,
  type SignalingServer,
  type SignalingServerOptions,
} from './index.ts';

const PATIENCE = { timeout: 10_000, interval: 5 };
const topic = 'a'.repeat(64);
const key = 'c'.repeat(32);
const idOf = (i: number) => i.toString(16).padStart(32, '0');

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(options: SignalingServerOptions = {}): Promise<SignalingServer> {
  const server = createSignalingServer({ port: 0, ...options });
  cleanups.push(() => server.close());
  await server.ready;
  return server;
}

/** A client that writes down what it was told. */
class Client {
  readonly socket: WebSocket;
  readonly told: ServerMessage[] = [];
  closeCode: number | undefined;

  constructor(url: string, options: { headers?: Record<string, string>; autoPong?: boolean } = {}) {
    this.socket = new WebSocket(url, options);
    cleanups.push(() => this.socket.terminate());
    this.socket.on('error', () => undefined);
    this.socket.on('close', (code) => {
      this.closeCode = code;
    });
    this.socket.on('message', (data) => {
      const message = parseServerMessage(data.toString());
      if (message === undefined) throw new Error(`not a message: ${data}`);
      this.told.push(message);
    });
  }

  say(message: ClientMessage): void {
    this.socket.send(encodeMessage(message));
  }

  of<T extends ServerMessage['type']>(type: T): Extract<ServerMessage, { type: T }>[] {
    return this.told.filter(
      (message): message is Extract<ServerMessage, { type: T }> => message.type === type,
    );
  }

  get codes(): string[] {
    return this.of('error').map(({ code }) => code);
  }

  /** Joins and waits for the answer. */
  async join(peer: string, to = topic, withKey = key): Promise<void> {
    const before = this.told.length;
    this.say({ type: 'join', topic: to, peer, key: withKey });
    await vi.waitFor(() => expect(this.told.length).toBeGreaterThan(before), PATIENCE);
  }
}

async function connectTo(
  server: SignalingServer,
  options: ConstructorParameters<typeof Client>[1] = {},
  path = '/',
): Promise<Client> {
  const client = new Client(`${server.address?.url}${path}`, options);
  await vi.waitFor(() => expect(client.of('welcome')).toHaveLength(1), PATIENCE);
  return client;
}

async function healthOf(server: SignalingServer): Promise<Record<string, unknown>> {
  const response = await fetch(`http://127.0.0.1:${server.address?.port}/health`);
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

/** HTTP status with which an upgrade is refused. */
async function refusalOf(server: SignalingServer, headers = {}): Promise<number> {
  const socket = new WebSocket(server.address?.url ?? '', { headers });
  const [error] = (await once(socket, 'error')) as [Error];
  return Number(/^Unexpected server response: (\d+)$/.exec(error.message)?.[1]);
}

describe('the signaling server', () => {
  it('greets with its version, its limits and its ICE servers, on any path', async () => {
    const iceServers = [{ urls: 'stun:stun.example.org:3478' }];
    const server = await serve({ iceServers, limits: { topicsPerConnection: 3 } });
    const client = await connectTo(server, {}, '/behind/a/proxy?token=1');
    expect(client.told).toEqual([
      {
        type: 'welcome',
        version: 1,
        iceServers: [{ urls: ['stun:stun.example.org:3478'] }],
        limits: { messageBytes: 65_536, topics: 3, messagesPerSecond: 60, messageBurst: 300 },
      },
    ]);
  });

  it('makes fresh TURN credentials for each client', async () => {
    const iceServers = [{ urls: 'turn:turn.example.org' }];
    const server = await serve({ iceServers, turnSecret: 'shared', turnTtlSeconds: 120 });
    const [welcome] = (await connectTo(server)).of('welcome');
    const expires = Number(welcome?.iceServers[0]?.username);
    expect(expires - Date.now() / 1_000).toBeGreaterThan(60);
    expect(expires - Date.now() / 1_000).toBeLessThanOrEqual(120);
    expect(welcome?.iceServers[0]?.credential).toMatch(/^[A-Za-z0-9+/]{27}=$/);
  });

  it('renews TURN credentials on a ping once half their life is over', async () => {
    const iceServers = [{ urls: 'turn:turn.example.org' }];
    const server = await serve({ iceServers, turnSecret: 'shared', turnTtlSeconds: 3_600 });
    const client = await connectTo(server);
    const pinged = async (times: number) => {
      client.say({ type: 'ping' });
      await vi.waitFor(() => expect(client.of('pong')).toHaveLength(times), PATIENCE);
      return client.of('welcome').length;
    };
    expect(await pinged(1)).toBe(1);
    const start = performance.now();
    const time = vi.spyOn(performance, 'now').mockReturnValue(start + 1_801_000);
    cleanups.push(() => time.mockRestore());
    expect(await pinged(2)).toBe(2);
    expect(await pinged(3)).toBe(2);
  });

  it('tells who joins of a few others at random, and how many there are', async () => {
    const server = await serve({ limits: { peersTold: 3 }, random: seededRandom(2) });
    const clients: Client[] = [];
    for (let i = 0; i < 8; i++) {
      const client = await connectTo(server);
      await client.join(idOf(i));
      clients.push(client);
    }
    const [answer] = clients.at(-1)?.of('peers') ?? [];
    expect(answer).toMatchObject({ topic, count: 8 });
    expect(new Set(answer?.peers).size).toBe(3);
    expect(answer?.peers).not.toContain(idOf(7));
    expect(clients[0]?.of('peers')).toEqual([{ type: 'peers', topic, peers: [], count: 1 }]);

    clients[0]?.say({ type: 'find', topic });
    await vi.waitFor(() => expect(clients[0]?.of('peers')[1]?.peers).toHaveLength(3), PATIENCE);
  });

  it('forwards addressed text, and says who is not there', async () => {
    const server = await serve();
    const [a, b] = [await connectTo(server), await connectTo(server)];
    await a.join(idOf(1));
    await b.join(idOf(2));
    a.say({ type: 'send', topic, to: idOf(2), data: 'ä"\u0000' });
    await vi.waitFor(() => expect(b.of('message')).toHaveLength(1), PATIENCE);
    expect(b.of('message')).toEqual([{ type: 'message', topic, from: idOf(1), data: 'ä"\u0000' }]);

    b.socket.terminate();
    await vi.waitFor(() => {
      a.say({ type: 'send', topic, to: idOf(2), data: 'gone?' });
      expect(a.of('unreachable')).toContainEqual({ type: 'unreachable', topic, to: idOf(2) });
    }, PATIENCE);
  });

  it('lets nobody speak or look in a topic without joining it, or after leaving it', async () => {
    const server = await serve();
    const [a, b] = [await connectTo(server), await connectTo(server)];
    await a.join(idOf(1));
    await b.join(idOf(2));
    b.say({ type: 'leave', topic });
    b.say({ type: 'find', topic });
    b.say({ type: 'send', topic, to: idOf(1), data: 'uninvited' });
    await vi.waitFor(() => expect(b.codes).toEqual(['not-joined', 'not-joined']), PATIENCE);
    expect(a.of('message')).toEqual([]);
    expect(await healthOf(server)).toMatchObject({ topics: 1, connections: 2 });
  });

  it('forgets everything about clients that went', async () => {
    const server = await serve();
    const clients = await Promise.all(Array.from({ length: 20 }, () => connectTo(server)));
    await Promise.all(clients.map((client, i) => client.join(idOf(i), idOf(i).repeat(2))));
    expect(await healthOf(server)).toMatchObject({ topics: 20, connections: 20 });
    for (const client of clients) client.socket.terminate();
    await vi.waitFor(async () => {
      expect(await healthOf(server)).toMatchObject({ topics: 0, connections: 0 });
    }, PATIENCE);
  });

  it('hands a peer id over to a connection with the same key, and to no other', async () => {
    const server = await serve();
    const [old, thief] = [await connectTo(server), await connectTo(server)];
    const again = await connectTo(server);
    await old.join(idOf(1));
    await thief.join(idOf(1), topic, 'd'.repeat(32));
    expect(thief.codes).toEqual(['peer-taken']);
    await again.join(idOf(1));
    await vi.waitFor(() => expect(old.closeCode).toBe(4_000), PATIENCE);
    expect(old.codes).toEqual(['replaced']);
    thief.say({ type: 'join', topic, peer: idOf(2), key });
    thief.say({ type: 'send', topic, to: idOf(1), data: 'to the new one' });
    await vi.waitFor(() => expect(again.of('message')).toHaveLength(1), PATIENCE);
  });

  it('asks the authorize hook, whose no and whose failure keep a client out', async () => {
    const errors: MeshError[] = [];
    const server = await serve({
      authorize: async (request, asked) => {
        if (asked === 'e'.repeat(64)) throw new Error('database gone');
        return request.url === '/?token=good';
      },
      onError: (error) => errors.push(error),
    });
    const good = await connectTo(server, {}, '/?token=good');
    const bad = await connectTo(server, {}, '/?token=bad');
    await good.join(idOf(1));
    await bad.join(idOf(2));
    await good.join(idOf(1), 'e'.repeat(64));
    expect(good.of('peers')).toHaveLength(1);
    expect([good.codes, bad.codes]).toEqual([['unauthorized'], ['unauthorized']]);
    expect(errors.map(({ code }) => code)).toEqual(['signaling']);
    expect(errors[0]?.message).toMatch(/database gone/);
  });

  it('does not let in a client that left while it was being authorized', async () => {
    let decide: (allowed: boolean) => void = () => undefined;
    const server = await serve({
      authorize: () =>
        new Promise((resolve) => {
          decide = resolve;
        }),
    });
    const client = await connectTo(server);
    client.say({ type: 'join', topic, peer: idOf(1), key });
    client.say({ type: 'leave', topic });
    client.say({ type: 'ping' });
    await vi.waitFor(() => expect(client.of('pong')).toHaveLength(1), PATIENCE);
    decide(true);
    client.say({ type: 'find', topic });
    await vi.waitFor(() => expect(client.codes).toEqual(['not-joined']), PATIENCE);
    expect(await healthOf(server)).toMatchObject({ topics: 0 });
  });
});

describe('limits of the signaling server', () => {
  it('hold topics a connection and peers a topic', async () => {
    const server = await serve({ limits: { topicsPerConnection: 2, peersPerTopic: 2 } });
    const [a, b, c] = await Promise.all([0, 1, 2].map(() => connectTo(server)));
    await a?.join(idOf(1));
    await a?.join(idOf(1), 'b'.repeat(64));
    await a?.join(idOf(1), 'd'.repeat(64));
    expect(a?.codes).toEqual(['too-many-topics']);
    await b?.join(idOf(2));
    await c?.join(idOf(3));
    expect(c?.codes).toEqual(['topic-full']);
    b?.say({ type: 'leave', topic });
    await vi.waitFor(async () => {
      await c?.join(idOf(3));
      expect(c?.of('peers')).not.toEqual([]);
    }, PATIENCE);
  });

  it('hold connections in total and an address, and free the places again', async () => {
    const total = await serve({ limits: { connections: 2 } });
    const held = [await connectTo(total), await connectTo(total)];
    expect(await refusalOf(total)).toBe(503);
    held[0]?.socket.terminate();
    await vi.waitFor(async () => expect(await healthOf(total)).toMatchObject({ connections: 1 }));
    await connectTo(total);

    const each = await serve({ limits: { connectionsPerAddress: 1 }, trustProxy: true });
    const from = (address: string) => ({ headers: { 'x-forwarded-for': `9.9.9.9, ${address}` } });
    const first = await connectTo(each, from('192.0.2.1'));
    await connectTo(each, from('192.0.2.2'));
    expect(await refusalOf(each, from('192.0.2.1').headers)).toBe(429);
    first.socket.terminate();
    await vi.waitFor(async () => expect(await healthOf(each)).toMatchObject({ connections: 1 }));
    await connectTo(each, from('192.0.2.1'));
  });

  it('let in only pages of the allowed origins', async () => {
    const server = await serve({ allowedOrigins: ['https://app.example'] });
    expect(await refusalOf(server, { origin: 'https://evil.example' })).toBe(403);
    expect(await refusalOf(server)).toBe(403);
    await connectTo(server, { headers: { origin: 'https://app.example' } });
  });

  it('drop messages over the rate with a word, and close on who goes on', async () => {
    const limits = { messagesPerSecond: 1, messageBurst: 5, offences: 4 };
    const server = await serve({ limits });
    const client = await connectTo(server);
    for (let i = 0; i < 7; i++) client.say({ type: 'ping' });
    await vi.waitFor(
      () => expect(client.codes).toEqual(['rate-limited', 'rate-limited']),
      PATIENCE,
    );
    expect(client.of('pong')).toHaveLength(5);
    expect(client.closeCode).toBeUndefined();
    for (let i = 0; i < 20; i++) client.say({ type: 'ping' });
    await vi.waitFor(() => expect(client.closeCode).toBe(1_008), PATIENCE);
  });

  it('close on a message over the size with 1009, and take one of that size', async () => {
    const server = await serve({ limits: { messageBytes: 4_096 } });
    const [a, b] = [await connectTo(server), await connectTo(server)];
    await a.join(idOf(1));
    await b.join(idOf(2));
    const frame = encodeMessage({ type: 'send', topic, to: idOf(2), data: '' }).length;
    a.say({ type: 'send', topic, to: idOf(2), data: 'x'.repeat(4_096 - frame) });
    await vi.waitFor(() => expect(b.of('message')).toHaveLength(1), PATIENCE);
    a.say({ type: 'send', topic, to: idOf(2), data: 'x'.repeat(4_097 - frame) });
    await vi.waitFor(() => expect(a.closeCode).toBe(1_009), PATIENCE);
  });

  it('drop a client that does not answer pings', async () => {
    const server = await serve({ heartbeatSeconds: 1 });
    const dead = await connectTo(server, { autoPong: false });
    const alive = await connectTo(server);
    await vi.waitFor(() => expect(dead.closeCode).toBe(1_006), PATIENCE);
    expect(alive.socket.readyState).toBe(WebSocket.OPEN);
  }, 20_000);

  it('drop a client that does not read', async () => {
    const limits = { bufferedBytes: 65_536, messagesPerSecond: 100_000, messageBurst: 100_000 };
    const server = await serve({ limits });
    const [a, deaf] = [await connectTo(server), await connectTo(server)];
    await a.join(idOf(1));
    await deaf.join(idOf(2));
    deaf.socket.pause();
    const data = 'x'.repeat(60_000);
    await vi.waitFor(() => {
      for (let i = 0; i < 20; i++) a.say({ type: 'send', topic, to: idOf(2), data });
      expect(a.of('unreachable')).not.toEqual([]);
    }, PATIENCE);
    expect(await healthOf(server)).toMatchObject({ connections: 1 });
  }, 20_000);
});

describe('hostile input to the signaling server', () => {
  it('is answered or closed on, and the server lives: random bytes and random JSON', async () => {
    const server = await serve({ limits: { messageBytes: 4_096 } });
    const random = seededRandom(42);
    const bytes = (length: number) => Uint8Array.from({ length }, () => Math.floor(random() * 256));
    const pieces = [
      ...['{', '}', '[', ']', ',', ':', '"type"', '"join"', '"send"', '"topic"', `"${topic}"`],
      ...['"to"', '"peer"', `"${idOf(1)}"`, '"__proto__"', 'null', '1e999', '-0', '"\\ud800"'],
    ];
    const json = () =>
      Array.from({ length: 12 }, () => pieces[Math.floor(random() * pieces.length)]).join('');
    const shape = () =>
      JSON.stringify({
        type: ['join', 'leave', 'find', 'send', 'ping', 'welcome'][Math.floor(random() * 6)],
        topic: [topic, '', 7, null, [topic]][Math.floor(random() * 5)],
        peer: [idOf(1), {}, 'x'][Math.floor(random() * 3)],
        key: [key, '', false][Math.floor(random() * 3)],
        to: [idOf(1), [], -1][Math.floor(random() * 3)],
        data: ['x', {}, 'y'.repeat(Math.floor(random() * 8_000))][Math.floor(random() * 3)],
      });
    let closed = 0;
    let client = await connectTo(server);
    for (let i = 0; i < 200; i++) {
      if (client.socket.readyState !== WebSocket.OPEN) {
        closed++;
        client = await connectTo(server);
      }
      const kind = i % 4;
      if (kind === 0) client.socket.send(bytes(Math.floor(random() * 6_000)));
      else if (kind === 1) client.socket.send(json());
      else if (kind === 2) client.socket.send(shape());
      else client.socket.send(bytes(40), { binary: false });
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    // Raw bytes where a WebSocket frame or an HTTP request should be.
    for (let i = 0; i < 20; i++) {
      const raw = connect(server.address?.port ?? 0, '127.0.0.1');
      raw.on('error', () => undefined);
      raw.resume();
      if (i % 2 === 0) {
        raw.write(
          'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
            'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
        );
      }
      raw.end(bytes(500));
      await once(raw, 'close');
    }
    expect(closed).toBeGreaterThan(0);
    const [a, b] = [await connectTo(server), await connectTo(server)];
    await a.join(idOf(8), 'b'.repeat(64));
    await b.join(idOf(9), 'b'.repeat(64));
    expect(b.of('peers')[0]).toMatchObject({ peers: [idOf(8)], count: 2 });
  }, 30_000);

  it('gets an error reply for one bad frame, and the connection stays', async () => {
    const server = await serve();
    const client = await connectTo(server);
    client.socket.send('not JSON');
    client.socket.send(new Uint8Array([1, 2, 3]));
    await client.join(idOf(1));
    await vi.waitFor(() => expect(client.of('peers')).toHaveLength(1), PATIENCE);
    expect(client.codes).toEqual(['bad-message', 'bad-message']);
  });
});

describe('the life of the signaling server', () => {
  it('tells its health, and a friendly 404 elsewhere', async () => {
    const server = await serve();
    await connectTo(server);
    expect(await healthOf(server)).toEqual({
      status: 'ok',
      connections: 1,
      topics: 0,
      uptimeSeconds: expect.any(Number),
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
    const base = `http://127.0.0.1:${server.address?.port}`;
    for (const [path, method] of [
      ['/', 'GET'],
      ['/healthy', 'GET'],
      ['/health', 'POST'],
    ]) {
      const response = await fetch(`${base}${path}`, { method: method ?? 'GET' });
      expect(response.status).toBe(404);
      expect(await response.text()).toMatch(/mnemesh signaling server/);
    }
  });

  it('tells its address while it listens', async () => {
    const server = createSignalingServer({ port: 0 });
    await server.ready;
    const { host, port, url } = server.address ?? {};
    expect(host).toBe('127.0.0.1');
    expect(url).toBe(`ws://127.0.0.1:${port}`);
    await server.close();
    expect(server.address).toBeUndefined();
  });

  it('rejects `ready` where the port is taken, and closes all the same', async () => {
    const { port = 0 } = (await serve()).address ?? {};
    const second = createSignalingServer({ port });
    await expect(second.ready).rejects.toMatchObject({
      code: 'signaling',
      message: expect.stringContaining(`port ${port} on 127.0.0.1 is taken`),
    });
    await second.close();
  });

  it('closes with 1001, twice the same, also with clients that never answer, and leaves no handle', async () => {
    const handles = () => process.getActiveResourcesInfo().filter((one) => /TCP|Timeout/.test(one));
    const before = handles().length;
    const server = createSignalingServer({ port: 0 });
    await server.ready;
    const client = await connectTo(server);
    // A TCP connection that never speaks, and one that upgrades and is then deaf to closing.
    const idle = connect(server.address?.port ?? 0, '127.0.0.1');
    const deaf = connect(server.address?.port ?? 0, '127.0.0.1');
    deaf.write(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    for (const socket of [idle, deaf]) {
      socket.on('error', () => undefined);
      socket.resume();
    }
    await once(deaf, 'data');
    const closing = server.close();
    expect(server.close()).toBe(closing);
    await closing;
    await vi.waitFor(() => expect(client.closeCode).toBe(1_001), PATIENCE);
    idle.destroy();
    deaf.destroy();
    await vi.waitFor(() => expect(handles().length).toBeLessThanOrEqual(before), PATIENCE);
    await expect(fetch(client.socket.url.replace('ws', 'http'))).rejects.toThrow();
  }, 20_000);
});
