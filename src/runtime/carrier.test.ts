import { describe, expect, it } from 'vitest';
import type { Signaling, SignalingHandlers, SignalingState } from '../ports/signaling.ts';
import { sealedSignaling } from '../signaling/sealed.ts';
import { deriveRoomKeys } from '../signaling/secret.ts';
import { MeshError } from '../util/errors.ts';
import { Carrier } from './carrier.ts';

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);
const TOPIC = 'topic';

/** A server that does what the test says. */
class FakeSignaling implements Signaling {
  readonly name = 'fake';
  state: SignalingState = 'connecting';
  readonly sent: { topic: string; to: string; text: string }[] = [];
  handlers: SignalingHandlers | undefined;

  start(_topics: readonly string[], handlers: SignalingHandlers): void {
    this.handlers = handlers;
  }

  find(topic: string): void {
    this.sent.push({ topic, to: '', text: 'find' });
  }

  send(topic: string, to: string, text: string): boolean {
    if (this.state === 'open') this.sent.push({ topic, to, text });
    return this.state === 'open';
  }

  tell(state: SignalingState, reason: string): void {
    this.state = state;
    this.handlers?.state(state, reason);
  }

  close(): void {
    this.state = 'closed';
  }
}

/** A carrier between a server and a mesh, and what it did with either. */
class Bench {
  readonly server = new FakeSignaling();
  readonly relayed: { to: string; sequence: number; text: string }[] = [];
  readonly told: string[] = [];
  isLinked = false;
  routable: string[] = [];
  readonly carrier = new Carrier(this.server, {
    topic: TOPIC,
    isLinked: () => this.isLinked,
    canRoute: (peer) => this.routable.includes(peer),
    relay: (to, sequence, payload) =>
      this.relayed.push({ to, sequence, text: new TextDecoder().decode(payload) }),
  });
  readonly handlers: SignalingHandlers = {
    state: (state, reason) => this.told.push(`${state} ${reason}`.trim()),
    peers: (_topic, peers) => this.told.push(`peers ${peers.length}`),
    message: (topic, from, text) => this.told.push(`${topic} ${from.charAt(0)}: ${text}`),
    unreachable: (_topic, to) => this.told.push(`unreachable ${to.charAt(0)}`),
    iceServers: (servers) => this.told.push(`ice ${servers.length}`),
    error: ({ code }) => this.told.push(code),
  };

  constructor() {
    this.carrier.start([TOPIC], this.handlers);
  }
}

describe('the carrier', () => {
  it('begins over the mesh with a peer that it once answered by signaling', () => {
    const bench = new Bench();
    bench.server.tell('open', '');
    bench.routable = [A];
    bench.server.handlers?.message(TOPIC, A, 'answer');
    bench.carrier.begun(A);
    bench.carrier.send(TOPIC, A, 'offer');
    expect(bench.server.sent).toEqual([]);
    expect(bench.relayed.map(({ text }) => text)).toEqual(['offer']);
  });

  it('answers by signaling what came by it, while it is open, though a route is known', () => {
    const bench = new Bench();
    bench.server.tell('open', '');
    bench.routable = [A];
    bench.server.handlers?.message(TOPIC, A, 'offer');
    expect(bench.carrier.send(TOPIC, A, 'answer')).toBe(true);
    expect(bench.server.sent.map(({ text }) => text)).toEqual(['answer']);
    bench.carrier.relayed(A, new TextEncoder().encode('candidate'));
    expect(bench.carrier.send(TOPIC, A, 'mine')).toBe(true);
    expect(bench.relayed.map(({ text }) => text)).toEqual(['mine']);
    bench.server.handlers?.message(TOPIC, A, 'offer');
    bench.server.tell('connecting', 'gone');
    expect(bench.carrier.send(TOPIC, A, 'without it')).toBe(true);
    expect(bench.relayed.map(({ text }) => text)).toEqual(['mine', 'without it']);
  });

  it('sends over the mesh where a route is known, else by signaling', () => {
    const bench = new Bench();
    bench.server.tell('open', '');
    bench.routable = [A];
    expect([bench.carrier.send(TOPIC, A, 'hi'), bench.carrier.send(TOPIC, B, 'ho')]).toEqual([
      true,
      true,
    ]);
    expect(bench.relayed).toEqual([{ to: A, sequence: 0, text: 'hi' }]);
    expect(bench.server.sent).toEqual([{ topic: TOPIC, to: B, text: 'ho' }]);
    bench.carrier.send('lobby', A, 'knock');
    expect(bench.server.sent.at(-1)).toEqual({ topic: 'lobby', to: A, text: 'knock' });
  });

  it('tries what the mesh could not carry by signaling, once', () => {
    const bench = new Bench();
    bench.server.tell('open', '');
    bench.routable = [A];
    bench.carrier.send(TOPIC, A, 'one');
    bench.carrier.send(TOPIC, A, 'two');
    bench.carrier.unroutable(A, 1);
    bench.carrier.unroutable(A, 1);
    bench.carrier.unroutable(B, 0); // another tab's word on what was not for it
    expect(bench.server.sent).toEqual([{ topic: TOPIC, to: A, text: 'two' }]);
    bench.server.tell('connecting', 'gone');
    bench.carrier.unroutable(A, 0);
    expect(bench.told.at(-1)).toBe('unreachable a');
  });

  it('remembers the latest 256 texts', () => {
    const bench = new Bench();
    bench.server.tell('open', '');
    bench.routable = [A];
    for (let i = 0; i <= 256; i++) bench.carrier.send(TOPIC, A, `${i}`);
    bench.carrier.unroutable(A, 0);
    expect(bench.server.sent).toEqual([]);
    bench.carrier.unroutable(A, 1);
    expect(bench.server.sent).toEqual([{ topic: TOPIC, to: A, text: '1' }]);
  });

  it('hands on what came over the mesh and what signaling tells, until it is closed', () => {
    const bench = new Bench();
    bench.carrier.relayed(B, new TextEncoder().encode('grüße'));
    bench.server.handlers?.message(TOPIC, A, 'hi');
    bench.server.handlers?.peers(TOPIC, [A]);
    bench.server.handlers?.unreachable(TOPIC, B);
    bench.server.handlers?.iceServers([]);
    bench.server.handlers?.error(new MeshError('signaling', 'x'));
    bench.carrier.find(TOPIC);
    expect(bench.server.sent).toEqual([{ topic: TOPIC, to: '', text: 'find' }]);
    expect([bench.carrier.name, bench.told]).toEqual([
      'fake',
      ['topic b: grüße', 'topic a: hi', 'peers 1', 'unreachable b', 'ice 0', 'signaling'],
    ]);
    bench.carrier.close();
    bench.carrier.relayed(B, new Uint8Array(1));
    expect([bench.told.length, bench.server.state]).toEqual([6, 'closed']);
  });

  it('is open with a link though the server is gone, and says so when links come and go', () => {
    const bench = new Bench();
    bench.server.tell('connecting', 'no server');
    bench.isLinked = true;
    bench.carrier.linksChanged();
    bench.carrier.linksChanged();
    bench.isLinked = false;
    bench.carrier.linksChanged();
    expect(bench.told).toEqual(['connecting no server', 'open no server', 'connecting no server']);
  });

  it('carries sealed text alone where the room has a secret, and opens what it gets', async () => {
    const { seal } = await deriveRoomKeys('room', 'secret');
    if (seal === undefined) throw new Error('a secret gives a seal');
    const told: string[] = [];
    const sides = [A, B].map((id) => {
      const bench = new Bench();
      bench.isLinked = true;
      bench.routable = [A, B];
      const signaling = sealedSignaling(bench.carrier, { peer: id, seal });
      signaling.start([TOPIC], {
        ...bench.handlers,
        message: (_topic, from, text) => told.push(`${from.charAt(0)}: ${text}`),
        error: ({ code }) => told.push(code),
      });
      return { bench, signaling };
    });
    const [a, b] = sides as [(typeof sides)[0], (typeof sides)[0]];
    expect(a.signaling.send(TOPIC, B, 'an offer')).toBe(true);
    await expect.poll(() => a.bench.relayed.length).toBe(1);
    const text = a.bench.relayed[0]?.text ?? '';
    expect(text).not.toContain('offer');
    b.bench.carrier.relayed(A, new TextEncoder().encode(text));
    await expect.poll(() => told).toEqual(['a: an offer']);
    b.bench.carrier.relayed('c'.repeat(32), new TextEncoder().encode(text)); // as if from another
    await expect.poll(() => told).toEqual(['a: an offer', 'bad-frame']);
  });
});
