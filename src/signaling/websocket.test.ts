import { afterEach, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createSignalingServer, type SignalingServer } from '../../signaling-server/index.ts';
import type { Signaling } from '../ports/signaling.ts';
import { seededRandom } from '../util/random.ts';
import { MAX_RETRY_MS, MIN_RETRY_MS, retryDelay } from './backoff.ts';
import { encodeMessage, parseClientMessage, type ServerMessage } from './messages.ts';
import {
  ManualClock,
  PATIENCE,
  peerOf,
  Recorder,
  systemClock,
  topicOf,
} from './signaling.contract.ts';
import { type WebSocketLike, webSocketSignaling } from './websocket.ts';
import { STABLE_MS } from './websocket-connection.ts';
import { PING_INTERVAL_MS, PONG_DEADLINE_MS, WELCOME_DEADLINE_MS } from './websocket-session.ts';

const topic = topicOf('a');
const [alice, bob] = [peerOf('1'), peerOf('2')];
const limits = { messageBytes: 4_096, topics: 8, messagesPerSecond: 60, messageBurst: 300 };
const welcome: ServerMessage = { type: 'welcome', version: 1, iceServers: [], limits };

/** A WebSocket whose server is the test. */
class FakeSocket implements WebSocketLike {
  static all: FakeSocket[] = [];
  static get last(): FakeSocket {
    const socket = FakeSocket.all.at(-1);
    if (socket === undefined) throw new Error('nothing was dialed');
    return socket;
  }

  readonly url: string;
  bufferedAmount = 0;
  closed = false;
  readonly sent: string[] = [];
  readonly #listeners = new Map<string, (event: never) => void>();

  constructor(url: string) {
    this.url = url;
    FakeSocket.all.push(this);
  }

  send(data: string): void {
    this.sent.push(data);
  }

  close(): void {
    this.closed = true;
  }

  addEventListener(type: string, listener: (event: never) => void): void {
    this.#listeners.set(type, listener);
  }

  emit(type: 'open' | 'error' | 'close' | 'message', event: object = {}): void {
    this.#listeners.get(type)?.(event as never);
  }

  say(message: ServerMessage): void {
    this.emit('message', { data: encodeMessage(message) });
  }

  /** Does what a server does for a tab that joins. */
  accept(): void {
    this.emit('open');
    this.say(welcome);
    for (const message of this.messages) {
      if ('type' in message && message.type === 'join') {
        this.say({ type: 'peers', topic: message.topic, peers: [], count: 1 });
      }
    }
  }

  refuse(): void {
    this.emit('error');
    this.emit('close', { code: 1006, reason: '' });
  }

  get messages() {
    return this.sent.map(parseClientMessage);
  }

  get types(): string[] {
    return this.messages.map((message) => ('type' in message ? message.type : 'error'));
  }
}

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  FakeSocket.all = [];
  vi.unstubAllGlobals();
});

function startFake(topics = [topic]): { tab: Signaling; told: Recorder; clock: ManualClock } {
  const clock = new ManualClock();
  const tab = webSocketSignaling({
    urls: ['ws://server.example:4444/'],
    peer: alice,
    key: alice,
    clock,
    random: seededRandom(7),
    WebSocket: FakeSocket,
  });
  const told = new Recorder();
  tab.start(topics, told);
  cleanups.push(() => tab.close());
  return { tab, told, clock };
}

describe('retryDelay', () => {
  it('stays between half a second and 30 s, and its ceiling doubles', () => {
    for (let attempt = 0; attempt < 2_000; attempt++) {
      expect(retryDelay(() => 0, attempt)).toBe(MIN_RETRY_MS);
      const most = retryDelay(() => 1, attempt);
      expect(most).toBe(Math.min(MAX_RETRY_MS, 1_000 * 2 ** attempt));
    }
  });
});

describe('webSocketSignaling', () => {
  it.each(['http://example.org', 'example.org', '', 'ws://example.org/#x'])(
    'refuses %j as a URL',
    (url) => {
      const options = { peer: alice, key: alice, clock: systemClock, random: Math.random };
      expect(() => webSocketSignaling({ ...options, urls: [url] })).toThrow(
        expect.objectContaining({ code: 'bad-argument' }),
      );
    },
  );

  it('refuses no URL and more than eight', () => {
    const options = { peer: alice, key: alice, clock: systemClock, random: Math.random };
    for (const count of [0, 9]) {
      const urls = Array.from({ length: count }, (_, i) => `ws://${i}.example.org`);
      expect(() => webSocketSignaling({ ...options, urls })).toThrow(
        expect.objectContaining({ code: 'bad-argument' }),
      );
    }
  });

  it('looks up WebSocket only when started, and is closed with a reason where there is none', () => {
    vi.stubGlobal('WebSocket', undefined);
    const options = { peer: alice, key: alice, clock: systemClock, random: Math.random };
    const tab = webSocketSignaling({ ...options, urls: ['ws://example.org'] });
    const told = new Recorder();
    tab.start([topic], told);
    expect(told.states).toEqual([{ state: 'closed', reason: 'this platform has no WebSocket' }]);
    expect(told.errors.map(({ code }) => code)).toEqual(['unsupported']);
  });

  it('is named without the query, which may hold a token', () => {
    const options = { peer: alice, key: alice, clock: systemClock, random: Math.random };
    const urls = ['wss://user:pw@example.org/signal?token=s3cret'];
    expect(webSocketSignaling({ ...options, urls }).name).toBe('wss://example.org/signal');
  });

  it('joins after the greeting, and is open once a topic is joined', () => {
    const { tab, told } = startFake();
    const socket = FakeSocket.last;
    socket.emit('open');
    expect(socket.sent).toEqual([]);
    socket.say(welcome);
    expect(socket.messages).toMatchObject([{ type: 'join', topic, peer: alice }]);
    expect(tab.state).toBe('connecting');
    socket.say({ type: 'peers', topic, peers: [bob, alice], count: 2 });
    expect(tab.state).toBe('open');
    expect(told.met).toEqual([{ topic, peer: bob }]);
    expect(told.reason).toBe('');
  });

  it('retries within the back-off bounds, tells when, and tells the outage once', () => {
    const { told, clock } = startFake();
    for (let attempt = 0; attempt < 12; attempt++) {
      FakeSocket.last.refuse();
      expect(told.reason).toMatch(/refused the connection; next try in \d+ s$/);
      expect(clock.nextIn).toBeGreaterThanOrEqual(MIN_RETRY_MS);
      expect(clock.nextIn).toBeLessThanOrEqual(Math.min(MAX_RETRY_MS, 1_000 * 2 ** attempt));
      const dialed = FakeSocket.all.length;
      clock.advance(clock.nextIn);
      expect(FakeSocket.all).toHaveLength(dialed + 1);
    }
    expect(told.codes).toEqual(['signaling']);
  });

  it('begins the back-off anew after a connection that lasted, and tells the next outage', () => {
    const { told, clock } = startFake();
    for (let i = 0; i < 8; i++) {
      FakeSocket.last.refuse();
      clock.advance(clock.nextIn);
    }
    FakeSocket.last.accept();
    clock.advance(STABLE_MS);
    FakeSocket.last.emit('close', { code: 1001, reason: 'going away' });
    expect(told.reason).toMatch(/closed the connection \(1001: going away\)/);
    expect(clock.nextIn).toBeLessThanOrEqual(1_000);
    expect(told.codes).toEqual(['signaling', 'signaling']);
  });

  it('keeps backing off from a server that greets and drops', () => {
    const { clock } = startFake();
    const waits: number[] = [];
    for (let i = 0; i < 30; i++) {
      FakeSocket.last.accept();
      FakeSocket.last.emit('close', { code: 1006, reason: '' });
      waits.push(clock.nextIn);
      clock.advance(clock.nextIn);
    }
    expect(Math.max(...waits)).toBeGreaterThan(15_000);
  });

  it('retries at once when the browser comes online, and listens no more once closed', () => {
    const page = new EventTarget();
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
    const { tab, clock } = startFake();
    FakeSocket.last.refuse();
    page.dispatchEvent(new Event('online'));
    expect(FakeSocket.all).toHaveLength(2);
    expect(clock.pending).toBe(1);
    FakeSocket.last.refuse();
    tab.close();
    page.dispatchEvent(new Event('online'));
    expect(FakeSocket.all).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  it('gives up a server that does not greet', () => {
    const { told, clock } = startFake();
    FakeSocket.last.emit('open');
    FakeSocket.last.emit('message', { data: '<html>' });
    clock.advance(WELCOME_DEADLINE_MS);
    expect(FakeSocket.last.closed).toBe(true);
    expect(told.reason).toMatch(/did not greet/);
  });

  it('leaves a server that speaks another version', () => {
    const { told } = startFake();
    FakeSocket.last.emit('open');
    FakeSocket.last.say({ ...welcome, version: 2 } as ServerMessage);
    expect(FakeSocket.last.closed).toBe(true);
    expect(told.reason).toMatch(/version 2/);
  });

  it('pings, stays while anything answers, and leaves when nothing does', () => {
    const { tab, told, clock } = startFake();
    const socket = FakeSocket.last;
    socket.accept();
    for (let i = 0; i < 10; i++) {
      clock.advance(PING_INTERVAL_MS);
      expect(socket.types.filter((type) => type === 'ping')).toHaveLength(i + 1);
      socket.say({ type: 'pong' });
    }
    expect(tab.state).toBe('open');
    clock.advance(PING_INTERVAL_MS + PONG_DEADLINE_MS);
    expect(socket.closed).toBe(true);
    expect(tab.state).toBe('connecting');
    expect(told.reason).toMatch(/fell silent/);
  });

  it('sends nothing while disconnected, congested or over the limit, and says so', () => {
    const { tab } = startFake();
    expect(tab.send(topic, bob, 'early')).toBe(false);
    const socket = FakeSocket.last;
    socket.accept();
    expect(tab.send(topic, bob, 'now')).toBe(true);
    expect(tab.send(topicOf('b'), bob, 'elsewhere')).toBe(false);
    expect(tab.send(topic, bob, 'ä'.repeat(2_048))).toBe(false);
    socket.bufferedAmount = 2 ** 21;
    expect(tab.send(topic, bob, 'congested')).toBe(false);
    socket.emit('close', { code: 1006, reason: '' });
    expect(tab.send(topic, bob, 'late')).toBe(false);
    expect(socket.types).toEqual(['join', 'send']);
  });

  it('asks again later for a topic that was refused, and keeps the others', () => {
    const other = topicOf('b');
    const { tab, told, clock } = startFake([topic, other]);
    const socket = FakeSocket.last;
    socket.emit('open');
    socket.say(welcome);
    socket.say({ type: 'peers', topic, peers: [], count: 1 });
    for (let i = 0; i < 3; i++) {
      socket.say({ type: 'error', code: 'topic-full', message: 'the topic is full', topic: other });
      expect(tab.state).toBe('open');
      expect(told.reason).toMatch(/the topic is full.*next try in/);
      socket.sent.length = 0;
      for (let waited = 0; waited < 40_000 && !socket.types.includes('join'); waited += 1_000) {
        clock.advance(1_000);
        socket.say({ type: 'pong' });
      }
      expect(socket.messages).toContainEqual(expect.objectContaining({ topic: other }));
      expect(socket.messages).not.toContainEqual(expect.objectContaining({ topic }));
    }
    expect(told.codes).toEqual(['signaling']);
  });

  it('does not fight another connection of its own session', () => {
    const { told, clock } = startFake();
    FakeSocket.last.accept();
    FakeSocket.last.emit('close', { code: 4000, reason: 'replaced' });
    expect(clock.nextIn).toBe(MAX_RETRY_MS);
    expect(told.errors).toEqual([]);
  });

  it('ignores messages that are hostile, foreign or not text', () => {
    const { told } = startFake();
    const socket = FakeSocket.last;
    socket.accept();
    const calls = told.calls;
    socket.say({ type: 'message', topic: topicOf('f'), from: bob, data: 'foreign' });
    for (const data of ['', '{', '[]', '{"type":"peers"}', new Uint8Array(3), null]) {
      socket.emit('message', { data });
    }
    expect(told.calls).toBe(calls);
  });

  it('hands on the ICE servers, also when they are renewed', () => {
    const { told } = startFake();
    FakeSocket.last.accept();
    const iceServers = [{ urls: ['stun:stun.example.org'] }];
    FakeSocket.last.say({ ...welcome, iceServers } as ServerMessage);
    expect(told.ice.at(-1)).toEqual(iceServers);
  });

  it('closes the socket even where a handler closes it in the midst of starting', () => {
    const clock = new ManualClock();
    const urls = ['ws://one.example', 'ws://two.example'];
    const random = seededRandom(1);
    const tab = webSocketSignaling({
      urls,
      peer: alice,
      key: alice,
      clock,
      random,
      WebSocket: FakeSocket,
    });
    const told = new Recorder();
    told.state = () => tab.close();
    tab.start([topic], told);
    expect(FakeSocket.all.every((socket) => socket.closed)).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('survives a platform that refuses to dial, as a browser does from an https page', () => {
    const clock = new ManualClock();
    class Refusing extends FakeSocket {
      constructor(url: string) {
        super(url);
        throw new Error('mixed content');
      }
    }
    const urls = ['ws://one.example'];
    const random = seededRandom(1);
    const tab = webSocketSignaling({
      urls,
      peer: alice,
      key: alice,
      clock,
      random,
      WebSocket: Refusing,
    });
    const told = new Recorder();
    tab.start([topic], told);
    clock.advance(0);
    expect(told.reason).toMatch(/mixed content.*next try/);
    tab.close();
    expect(clock.pending).toBe(0);
  });
});

describe('webSocketSignaling with real servers', () => {
  async function serve(port = 0): Promise<SignalingServer> {
    const server = createSignalingServer({ port });
    cleanups.push(() => server.close());
    await server.ready;
    return server;
  }

  function open(peer: string, urls: string[], key = peer): [Signaling, Recorder] {
    const random = seededRandom(3);
    const tab = webSocketSignaling({ urls, peer, key, clock: systemClock, random, WebSocket });
    const told = new Recorder();
    cleanups.push(() => tab.close());
    tab.start([topic], told);
    return [tab, told];
  }

  const urlOf = (server: SignalingServer) => server.address?.url ?? '';

  it('joins again after the server was gone, and meets who is there', async () => {
    const first = await serve();
    const { port } = first.address ?? {};
    const [a, toldA] = open(alice, [urlOf(first)]);
    await vi.waitFor(() => expect(a.state).toBe('open'), PATIENCE);
    await first.close();
    await vi.waitFor(() => expect(a.state).toBe('connecting'), PATIENCE);
    expect(a.send(topic, bob, 'nobody there')).toBe(false);
    await serve(port);
    await vi.waitFor(() => expect(a.state).toBe('open'), PATIENCE);
    const [, toldB] = open(bob, [`ws://127.0.0.1:${port}`]);
    await vi.waitFor(() => expect(toldB.peersMet).toContain(alice), PATIENCE);
    expect(toldA.codes).toEqual(['signaling']);
  }, 20_000);

  it('meets tabs that know only one of its servers, and answers by the right one', async () => {
    const [one, two] = [await serve(), await serve()];
    const [a] = open(alice, [urlOf(one), urlOf(two)]);
    await vi.waitFor(() => expect(a.state).toBe('open'), PATIENCE);
    const [b, toldB] = open(bob, [urlOf(two)]);
    await vi.waitFor(() => {
      b.find(topic);
      expect(toldB.peersMet).toContain(alice);
    }, PATIENCE);
    expect(a.send(topic, bob, 'found you')).toBe(true);
    await vi.waitFor(() => {
      if (toldB.texts.length === 0) a.send(topic, bob, 'found you');
      expect(toldB.texts).toContain('found you');
    }, PATIENCE);
  });

  it('takes over from its own earlier connection, and not from another tab', async () => {
    const server = await serve();
    const key = 'd'.repeat(32);
    const [, toldOld] = open(alice, [urlOf(server)], key);
    await vi.waitFor(() => expect(toldOld.reason).toBe(''), PATIENCE);
    const [again] = open(alice, [urlOf(server)], key);
    await vi.waitFor(() => expect(again.state).toBe('open'), PATIENCE);
    await vi.waitFor(() => expect(toldOld.reason).toMatch(/4000/), PATIENCE);
    const [thief, toldThief] = open(alice, [urlOf(server)], 'e'.repeat(32));
    await vi.waitFor(() => expect(toldThief.codes).toEqual(['signaling']), PATIENCE);
    expect(toldThief.errors[0]?.message).toMatch(/peer-taken/);
    expect(thief.state).toBe('connecting');
    expect(again.state).toBe('open');
  });
});
