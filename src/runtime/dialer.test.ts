import { describe, expect, it } from 'vitest';
import type {
  Connection,
  ConnectionHandlers,
  DialOptions,
  SignalData,
  Transport,
} from '../ports/transport.ts';
import { MeshError } from '../util/errors.ts';
import { seededRandom } from '../util/random.ts';
import { Dialer } from './dialer.ts';

const SMALL = '1'.repeat(32);
const LARGE = '2'.repeat(32);

/** A connection that does what the test says. */
class FakeConnection implements Connection {
  state: 'connecting' | 'open' | 'closed' = 'connecting';
  queuedBytes = 0;
  receivingBytes = 0;
  restarts = 0;
  readonly signals: SignalData[] = [];
  readonly sent: Uint8Array[] = [];
  readonly options: DialOptions;
  readonly handlers: ConnectionHandlers;

  constructor(options: DialOptions, handlers: ConnectionHandlers) {
    this.options = options;
    this.handlers = handlers;
  }

  signal(data: SignalData): void {
    this.signals.push(data);
  }

  restart(): void {
    this.restarts++;
  }

  send(frame: Uint8Array): boolean {
    this.sent.push(frame);
    return this.state === 'open';
  }

  open(): void {
    this.state = 'open';
    this.handlers.open();
  }

  close(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    queueMicrotask(() => this.handlers.close(undefined));
  }

  fail(error: MeshError | undefined): void {
    this.state = 'closed';
    this.handlers.close(error);
  }
}

/** One dialer, what it was told, and what it put into signaling. */
class Side {
  readonly id: string;
  readonly connections: FakeConnection[] = [];
  readonly told: string[] = [];
  readonly outbox: { to: string; text: string }[] = [];
  readonly timers: { run: () => void; at: number; cancelled: boolean }[] = [];
  answers = true;
  isHeard = true;
  onClosed: (() => void) | undefined;
  readonly dialer: Dialer;

  constructor(id: string) {
    this.id = id;
    const transport: Transport = {
      dial: (options, handlers) => {
        const connection = new FakeConnection(options, handlers);
        this.connections.push(connection);
        return connection;
      },
    };
    this.dialer = new Dialer(
      {
        self: id,
        carry: (to, text) => {
          if (this.isHeard) this.outbox.push({ to, text });
          return this.isHeard;
        },
        transport,
        random: seededRandom(Number(id.charAt(0))),
        setTimer: (run, at) => {
          const timer = { run, at, cancelled: false };
          this.timers.push(timer);
          return () => {
            timer.cancelled = true;
          };
        },
        iceServers: () => [],
      },
      {
        wouldAnswer: () => this.answers,
        incoming: (peer) => this.told.push(`incoming ${peer.charAt(0)}`),
        knocked: (peer) => this.told.push(`knocked ${peer.charAt(0)}`),
        open: (peer) => this.told.push(`open ${peer.charAt(0)}`),
        frame: (_peer, bytes) => this.told.push(`frame ${bytes.join()}`),
        interrupted: (_peer, broken) => this.told.push(`interrupted ${broken}`),
        closed: (peer, { error, byPeer }) => {
          const why = byPeer ? ' by peer' : error === undefined ? '' : ` ${error.code}`;
          this.told.push(`closed ${peer.charAt(0)}${why}`);
          this.onClosed?.();
        },
      },
    );
  }

  connection(n: number): FakeConnection {
    return this.connections[n] ?? expect.fail(`no connection ${n}`);
  }

  /** The timer set last comes due. */
  fire(): void {
    const timer = this.timers.at(-1) ?? expect.fail('no timer is set');
    expect(timer.cancelled).toBe(false);
    timer.run();
  }

  /** Hands what this side said to the other. */
  deliverTo(other: Side): void {
    for (const { to, text } of this.outbox.splice(0)) {
      expect(to).toBe(other.id);
      other.dialer.message(this.id, text);
    }
  }
}

const offer = (n: number): SignalData => ({ type: 'offer', sdp: `offer ${n}` });
const answer = (n: number): SignalData => ({ type: 'answer', sdp: `answer ${n}` });

function pair(): [Side, Side] {
  return [new Side(SMALL), new Side(LARGE)];
}

/** The smaller side dials and offers; the larger has not heard of it. */
function offered(): [Side, Side] {
  const [small, large] = pair();
  small.dialer.dial(LARGE);
  small.connection(0).handlers.signal(offer(1));
  return [small, large];
}

/** Both sides dial and offer, neither having heard of the other. */
function inGlare(): [Side, Side] {
  const [small, large] = offered();
  large.dialer.dial(SMALL);
  large.connection(0).handlers.signal(offer(2));
  return [small, large];
}

function expectSmallerOfferStands(small: Side, large: Side): void {
  expect(small.connections).toHaveLength(1);
  expect(large.connections).toHaveLength(2);
  expect(large.connection(0).state).toBe('closed');
  expect(large.connection(1).options.initiator).toBe(false);
  expect(large.connection(1).signals).toEqual([offer(1)]);
  large.connection(1).handlers.signal(answer(1));
  large.deliverTo(small);
  expect(small.connection(0).signals).toEqual([answer(1)]);
  small.connection(0).open();
  large.connection(1).open();
  expect(small.told).toEqual(['open 2']);
  expect(large.told).toEqual(['incoming 1', 'open 1']);
}

describe('the dialer', () => {
  it('carries the signals of one attempt both ways until it is open', () => {
    const [small, large] = pair();
    large.dialer.dial(SMALL);
    large.dialer.dial(SMALL);
    expect(large.connections).toHaveLength(1);
    large.connection(0).handlers.signal(offer(1));
    large.connection(0).handlers.signal({ type: 'candidate' });
    large.deliverTo(small);
    expect(small.connection(0).signals).toEqual([offer(1), { type: 'candidate' }]);
    small.connection(0).handlers.signal(answer(1));
    small.deliverTo(large);
    expect(large.connection(0).signals).toEqual([answer(1)]);
    large.connection(0).open();
    large.connection(0).handlers.frame(Uint8Array.of(1, 2));
    expect(large.told).toEqual(['open 1', 'frame 1,2']);
    expect(large.dialer.send(SMALL, Uint8Array.of(3), 'control')).toBe(true);
    expect(large.dialer.send('3'.repeat(32), Uint8Array.of(3), 'control')).toBe(false);
  });

  it('L11: in glare the offer of the smaller id stands, where the larger id hears of it first', () => {
    const [small, large] = inGlare();
    small.deliverTo(large);
    large.deliverTo(small);
    expectSmallerOfferStands(small, large);
  });

  it('L11: in glare the offer of the smaller id stands, where the smaller id hears of the other first', () => {
    const [small, large] = inGlare();
    large.deliverTo(small);
    small.deliverTo(large);
    expectSmallerOfferStands(small, large);
  });

  it('L11: what nobody answers is said again after 1.5 s, then after twice as long, until it is answered', () => {
    const [small, large] = offered();
    small.connection(0).handlers.signal({ type: 'candidate' });
    small.outbox.splice(0); // lost
    small.fire();
    small.outbox.splice(0); // lost again
    small.fire();
    expect(small.timers.map(({ at }) => at)).toEqual([1_500, 3_000, 6_000]);
    small.deliverTo(large);
    expect(large.connection(0).signals).toEqual([offer(1), { type: 'candidate' }]);
    large.connection(0).handlers.signal(answer(1));
    large.deliverTo(small);
    expect(small.connection(0).signals).toEqual([answer(1)]);
    expect(small.timers.at(-1)?.cancelled).toBe(true);
  });

  it('L11: an answer that was lost is said again where the offer comes again, and is the same', () => {
    const [small, large] = offered();
    small.deliverTo(large);
    large.connection(0).handlers.signal(answer(1));
    large.outbox.splice(0); // lost
    small.fire();
    small.deliverTo(large);
    large.deliverTo(small);
    expect(large.connections).toHaveLength(1);
    expect(large.connection(0).signals).toEqual([offer(1)]);
    expect(small.connection(0).signals).toEqual([answer(1)]);
  });

  it('L11: a candidate is no answer: the offer is said again where that alone came', () => {
    const [small, large] = offered();
    small.deliverTo(large);
    large.connection(0).handlers.signal(answer(1));
    large.outbox.splice(0); // lost
    large.connection(0).handlers.signal({ type: 'candidate' });
    large.deliverTo(small);
    small.fire();
    small.deliverTo(large);
    large.deliverTo(small);
    expect(small.connection(0).signals).toContainEqual(answer(1));
  });

  it('L11: in glare too the offer that stands is said again', () => {
    const [small, large] = inGlare();
    small.outbox.splice(0); // lost
    large.deliverTo(small);
    expect(small.outbox).toEqual([]);
    small.fire();
    small.deliverTo(large);
    expectSmallerOfferStands(small, large);
  });

  it('L11: the offer of an attempt that was given up is refused, so that nobody waits for an answer', () => {
    const [small, large] = offered();
    small.deliverTo(large);
    large.dialer.hangUp(SMALL);
    small.fire();
    small.deliverTo(large);
    large.deliverTo(small);
    expect(large.connections).toHaveLength(1);
    expect(small.told).toEqual(['closed 2']);
  });

  it('an offer of an open connection that comes again goes to the connection, which renews its path so', () => {
    const [small, large] = offered();
    small.deliverTo(large);
    large.connection(0).open();
    small.connection(0).open();
    small.connection(0).handlers.signal(offer(3));
    small.deliverTo(large);
    expect(large.connection(0).signals).toEqual([offer(1), offer(3)]);
  });

  it('a refusal ends the attempt that it is about and no other', () => {
    const [small, large] = pair();
    large.answers = false;
    small.dialer.dial(LARGE);
    small.connection(0).handlers.signal(offer(1));
    small.deliverTo(large);
    expect(large.connections).toEqual([]);
    const refusal = large.outbox[0]?.text ?? '';
    large.deliverTo(small);
    expect(small.told).toEqual(['closed 2']);
    small.dialer.dial(LARGE);
    small.dialer.message(LARGE, refusal);
    expect(small.connection(1).state).toBe('connecting');
    expect(small.told).toEqual(['closed 2']);
  });

  it('a refusal of an open connection, or of one never begun, changes nothing', () => {
    const [small, large] = offered();
    const { dial } = JSON.parse(small.outbox[0]?.text ?? '') as { dial: string };
    small.connection(0).open();
    small.dialer.message(LARGE, JSON.stringify({ dial, refused: true }));
    large.dialer.message(SMALL, JSON.stringify({ dial, refused: true }));
    expect(small.told).toEqual(['open 2']);
    expect(large.told).toEqual([]);
  });

  it('late messages and events of a given-up attempt reach nothing', async () => {
    const [small, large] = offered();
    small.deliverTo(large);
    large.connection(0).handlers.signal(answer(1));
    const late = large.outbox.splice(0);
    small.dialer.hangUp(LARGE);
    small.dialer.dial(LARGE);
    for (const { text } of late) small.dialer.message(LARGE, text);
    small.connection(0).handlers.open();
    small.connection(0).handlers.frame(Uint8Array.of(1));
    small.connection(0).handlers.interrupted(true);
    small.connection(0).handlers.signal({ type: 'candidate' });
    await Promise.resolve();
    expect(small.connection(1).signals).toEqual([]);
    expect(small.told).toEqual([]);
    expect(small.outbox).toEqual([]);
    expect(small.timers.map(({ cancelled }) => cancelled)).toEqual([true, false]);
  });

  it('news of an unknown attempt that is no offer begins nothing', () => {
    const [small] = pair();
    for (const type of ['answer', 'candidate', 'renegotiate', undefined]) {
      small.dialer.message(LARGE, JSON.stringify({ dial: 'x', signal: { type } }));
    }
    expect(small.connections).toEqual([]);
  });

  it('a new offer replaces an open connection, whose end is told first', () => {
    const [small, large] = pair();
    small.dialer.dial(LARGE);
    small.connection(0).open();
    large.dialer.dial(SMALL);
    large.connection(0).handlers.signal(offer(2));
    large.deliverTo(small);
    expect(small.connection(0).state).toBe('closed');
    expect(small.told).toEqual(['open 2', 'closed 2', 'incoming 2']);
    expect(small.connection(1).signals).toEqual([offer(2)]);
  });

  it('begins nothing where whoever was told of the end of a connection closed the dialer', () => {
    const [small, large] = pair();
    small.dialer.dial(LARGE);
    small.connection(0).open();
    small.onClosed = () => small.dialer.close();
    large.dialer.dial(SMALL);
    large.connection(0).handlers.signal(offer(2));
    large.deliverTo(small);
    expect(small.connections).toHaveLength(1);
  });

  it('a knock asks the other side to dial and makes no connection on either', () => {
    const [small, large] = pair();
    small.dialer.knock(LARGE);
    small.deliverTo(large);
    expect(large.told).toEqual(['knocked 1']);
    expect([...small.connections, ...large.connections]).toEqual([]);
  });

  it('hostile text changes nothing', () => {
    const [small] = pair();
    small.dialer.dial(LARGE);
    const before = [...small.told];
    for (const text of [
      '',
      'null',
      '7',
      '[]',
      '{',
      '{"dial":7,"signal":{"type":"offer"}}',
      '{"dial":"x"}',
      '{"dial":"x","signal":null}',
      '{"dial":"x","signal":[]}',
      '{"dial":"x","refused":"yes"}',
      JSON.stringify({ dial: 'x'.repeat(17), signal: offer(1) }),
      JSON.stringify({ dial: 'x', signal: { type: 'offer', sdp: 'x'.repeat(70_000) } }),
      '{"__proto__":{"dial":"x","refused":true}}',
    ]) {
      small.dialer.message(LARGE, text);
    }
    expect(small.told).toEqual(before);
    expect(small.connections).toHaveLength(1);
    expect(small.connection(0).state).toBe('connecting');
  });

  it('an unreachable peer ends an attempt in the making and no open connection', () => {
    const [small] = pair();
    small.dialer.dial(LARGE);
    small.dialer.unreachable(LARGE);
    small.dialer.unreachable(LARGE);
    expect(small.told).toEqual(['closed 2']);
    small.dialer.dial(LARGE);
    small.connection(1).open();
    small.dialer.unreachable(LARGE);
    expect(small.told).toEqual(['closed 2', 'open 2']);
  });

  it('an offer that cannot be sent ends the attempt at once, a candidate does not', () => {
    const [small] = pair();
    small.isHeard = false;
    small.dialer.dial(LARGE);
    small.connection(0).handlers.signal({ type: 'candidate' });
    expect(small.told).toEqual([]);
    small.connection(0).handlers.signal(offer(1));
    expect(small.told).toEqual(['closed 2']);
    expect(small.connection(0).state).toBe('closed');
    small.dialer.dial(LARGE);
    small.connection(1).open();
    small.connection(1).handlers.signal(offer(2)); // a new path for an open connection
    expect(small.connection(1).state).toBe('open');
  });

  it('a path that stays broken is renewed once, one that comes back is left alone', () => {
    const [small] = pair();
    small.dialer.dial(LARGE);
    const connection = small.connection(0);
    connection.open();
    connection.handlers.interrupted(true);
    connection.handlers.interrupted(false);
    expect(small.timers.map(({ cancelled }) => cancelled)).toEqual([true, true]);
    connection.handlers.interrupted(true);
    expect(small.timers[2]?.at).toBe(1_500);
    small.fire();
    expect(connection.restarts).toBe(1);
    connection.handlers.interrupted(true);
    connection.fail(new MeshError('link', 'it broke'));
    expect(small.timers[3]?.cancelled).toBe(true);
    expect(small.told.at(-1)).toBe('closed 2 link');
  });

  it('tells whether the other side closed a connection, or it broke or never opened', () => {
    const [small] = pair();
    small.dialer.dial(LARGE);
    small.connection(0).fail(undefined);
    small.dialer.dial(LARGE);
    small.connection(1).open();
    small.connection(1).fail(undefined);
    expect(small.told).toEqual(['closed 2', 'open 2', 'closed 2 by peer']);
  });

  it('close ends every connection and tells nobody', async () => {
    const [small] = pair();
    small.dialer.dial(LARGE);
    small.dialer.dial('3'.repeat(32));
    small.connection(0).open();
    small.dialer.close();
    await Promise.resolve();
    expect(small.connections.map(({ state }) => state)).toEqual(['closed', 'closed']);
    expect(small.told).toEqual(['open 2']);
  });

  it('counts the bytes under way to and from a peer', () => {
    const [small] = pair();
    expect(small.dialer.bytesUnderWay(LARGE, 0)).toBe(0);
    small.dialer.dial(LARGE);
    small.connection(0).queuedBytes = 5;
    small.connection(0).receivingBytes = 7;
    expect(small.dialer.bytesUnderWay(LARGE, 0)).toBe(12);
  });

  it('an offer that comes again after its attempt ended begins nothing, whoever repeats it', () => {
    const [small, large] = offered();
    const first = small.outbox[0]?.text ?? '';
    small.deliverTo(large);
    large.connection(0).open();
    large.connection(0).fail(undefined);
    small.connection(0).fail(undefined);
    small.dialer.dial(LARGE);
    small.connection(1).handlers.signal(offer(2));
    small.deliverTo(large);
    large.connection(1).open();
    large.dialer.message(SMALL, first);
    expect(large.connections).toHaveLength(2);
    expect(large.connection(1).state).toBe('open');
  });

  it('bytes that stand still for 10 s are not under way, and are again once they move', () => {
    const [small] = pair();
    small.dialer.dial(LARGE);
    const connection = small.connection(0);
    connection.receivingBytes = 50_000;
    expect(small.dialer.bytesUnderWay(LARGE, 1_000)).toBe(50_000);
    expect(small.dialer.bytesUnderWay(LARGE, 10_900)).toBe(50_000);
    expect(small.dialer.bytesUnderWay(LARGE, 11_000)).toBe(0);
    connection.queuedBytes = 1;
    expect(small.dialer.bytesUnderWay(LARGE, 12_000)).toBe(50_001);
    expect(small.dialer.bytesUnderWay(SMALL, 12_000)).toBe(0);
  });
});
