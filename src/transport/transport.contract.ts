/**
 * What every Transport must do, as cases that run in any test runner or inside a page.
 *
 * Both sides of each connection are in one process. A case returns when it holds and throws when it
 * does not; it leaves nothing open either way.
 */

import type { Connection, Lane, SignalData, Transport } from '../ports/transport.ts';
import { equalBytes } from '../util/bytes.ts';
import { MeshError } from '../util/errors.ts';

/** One behaviour that a transport must show. */
export interface TransportCase {
  readonly name: string;
  /** Returns when the behaviour holds; throws an Error that tells what does not. */
  run(transport: Transport): Promise<void>;
}

const MIB = 1024 * 1024;
/** Longest wait for anything; 64 MiB take a few seconds on a slow machine. */
const PATIENCE_MS = 60_000;

/** One side of a connection, and all that its handlers were told. */
class Side {
  readonly connection: Connection;
  readonly events: string[] = [];
  readonly frames: Uint8Array[] = [];
  readonly signals: SignalData[] = [];
  error: MeshError | undefined;
  /** Where this side's signals go; until it is set they are kept. */
  onSignal: ((data: SignalData) => void) | undefined;
  onFrame: ((frame: Uint8Array) => void) | undefined;

  constructor(transport: Transport, initiator: boolean, maxFrameBytes: number) {
    this.connection = transport.dial(
      { initiator, iceServers: [], maxFrameBytes },
      {
        signal: (data) => {
          this.signals.push(data);
          this.onSignal?.(data);
        },
        open: () => {
          this.events.push('open');
        },
        frame: (frame) => {
          this.frames.push(frame);
          this.onFrame?.(frame);
        },
        interrupted: () => undefined,
        close: (error) => {
          this.events.push('close');
          this.error = error;
        },
      },
    );
  }

  get closed(): boolean {
    return this.events.includes('close');
  }
}

class Pair {
  readonly a: Side;
  readonly b: Side;

  constructor(transport: Transport, maxFrameBytes = MIB, otherMaxFrameBytes = maxFrameBytes) {
    this.a = new Side(transport, true, maxFrameBytes);
    this.b = new Side(transport, false, otherMaxFrameBytes);
  }

  /** Carries signals both ways, as signaling would: as text. */
  introduce(): void {
    for (const [from, to] of [
      [this.a, this.b],
      [this.b, this.a],
    ] as const) {
      const carry = (data: SignalData) => to.connection.signal(JSON.parse(JSON.stringify(data)));
      from.signals.forEach(carry);
      from.onSignal = carry;
    }
  }

  async opened(): Promise<void> {
    this.introduce();
    await until(() => this.a.connection.state === 'open', 'the initiator is open');
    await until(() => this.b.connection.state === 'open', 'the other side is open');
  }

  async end(): Promise<void> {
    this.a.connection.close();
    this.b.connection.close();
    await until(() => this.a.closed && this.b.closed, 'both sides are told of the close');
  }
}

/** Runs `body` on an open pair and closes it. */
async function withPair(
  transport: Transport,
  body: (pair: Pair) => Promise<void>,
  maxFrameBytes = MIB,
): Promise<void> {
  const pair = new Pair(transport, maxFrameBytes);
  try {
    await pair.opened();
    await body(pair);
  } finally {
    await pair.end();
  }
}

/** The acceptance suite of the Transport port. */
export const transportCases: readonly TransportCase[] = [
  {
    name: 'a connection opens once on both sides, and closes once on both sides',
    run: async (transport) => {
      const pair = new Pair(transport);
      check(pair.a.connection.state === 'connecting', 'a new connection is connecting');
      check(!pair.a.connection.send(bytesOf(1, 0), 'control'), 'send is false before open');
      await pair.opened();
      pair.a.connection.close();
      pair.a.connection.close();
      check(pair.a.connection.state === 'closed', 'the state is closed at once');
      check(!pair.a.connection.send(bytesOf(1, 0), 'control'), 'send is false after close');
      await until(() => pair.a.closed && pair.b.closed, 'both sides are told of the close');
      await pair.end();
      for (const side of [pair.a, pair.b]) {
        check(side.events.join() === 'open,close', `open and close once: ${side.events}`);
      }
      check(pair.a.error === undefined, 'the side that closed has no error');
      check(pair.b.error === undefined, 'nor has the other: nothing broke');
    },
  },
  {
    name: 'frames of every size arrive whole and in the order of their lane, both ways at once',
    run: (transport) =>
      withPair(transport, async ({ a, b }) => {
        const sizes = [1, 16_382, 16_383, 16_384, 16_385, 32_766, 100_000, 0, 300 * 1024, 5];
        const sent = sizes.map((size, seed) => bytesOf(size, seed));
        for (const frame of sent) {
          check(a.connection.send(frame, 'bulk'), 'send takes the frame');
          b.connection.send(frame, 'control');
        }
        for (const side of [a, b]) {
          await until(() => side.frames.length >= sent.length, 'all frames arrived');
          check(
            side.frames.every((frame, i) => equalBytes(frame, sent[i] as Uint8Array)),
            'frames are equal and in order',
          );
        }
        await until(() => a.connection.queuedBytes === 0, 'nothing stays queued');
        check(a.connection.receivingBytes === 0, 'nothing stays half received');
      }),
  },
  {
    name: 'a frame sent from within open or frame arrives',
    run: async (transport) => {
      const pair = new Pair(transport);
      try {
        pair.b.onFrame = (frame) => pair.b.connection.send(frame, 'control');
        await pair.opened();
        pair.a.connection.send(bytesOf(9, 3), 'control');
        await until(() => pair.a.frames.length === 1, 'the echo arrived');
        check(equalBytes(pair.a.frames[0] as Uint8Array, bytesOf(9, 3)), 'the echo is equal');
      } finally {
        await pair.end();
      }
    },
  },
  {
    name: 'a control frame overtakes the bulk frame before it',
    run: (transport) =>
      withPair(
        transport,
        async ({ a, b }) => {
          a.connection.send(bytesOf(8 * MIB, 1), 'bulk');
          await until(() => b.connection.receivingBytes > 0, 'the bulk frame is on its way');
          a.connection.send(bytesOf(20, 2), 'control');
          await until(() => b.frames.length === 2, 'both frames arrived');
          check(b.frames[0]?.length === 20, 'the control frame came first');
          check(equalBytes(b.frames[1] as Uint8Array, bytesOf(8 * MIB, 1)), 'the bulk is whole');
        },
        8 * MIB,
      ),
  },
  {
    name: 'a frame of 64 MiB arrives whole',
    run: (transport) =>
      withPair(
        transport,
        async ({ a, b }) => {
          const frame = bytesOf(64 * MIB, 7);
          a.connection.send(frame, 'bulk');
          check(a.connection.queuedBytes > 32 * MIB, 'what waits is counted');
          await until(() => b.frames.length === 1, 'the frame arrived');
          check(equalBytes(b.frames[0] as Uint8Array, frame), 'the frame is equal');
        },
        64 * MIB,
      ),
  },
  {
    name: 'a frame over the limit is refused with value-too-large and nothing is queued',
    run: (transport) =>
      withPair(transport, async ({ a, b }) => {
        for (const lane of ['control', 'bulk'] satisfies Lane[]) {
          const error = thrownBy(() => a.connection.send(bytesOf(MIB + 1, 0), lane));
          check(error instanceof MeshError && error.code === 'value-too-large', `typed: ${error}`);
        }
        check(a.connection.queuedBytes === 0, 'nothing is queued');
        a.connection.send(bytesOf(MIB, 4), 'bulk');
        await until(() => b.frames.length > 0, 'a frame of exactly the limit arrives');
        check(b.frames[0]?.length === MIB, 'and nothing before it');
      }),
  },
  {
    name: 'a frame over the limit of its receiver closes the connection with bad-frame',
    run: async (transport) => {
      const pair = new Pair(transport, 2 * MIB, MIB);
      const { a, b } = pair;
      try {
        await pair.opened();
        a.connection.send(bytesOf(MIB + 1, 0), 'bulk');
        await until(() => a.closed && b.closed, 'both sides closed');
        check(b.error?.code === 'bad-frame', `the receiver says why: ${b.error}`);
        check(b.frames.length === 0, 'nothing of it was delivered');
      } finally {
        await pair.end();
      }
    },
  },
  {
    name: 'a small frame sent right before close arrives',
    run: async (transport) => {
      const pair = new Pair(transport);
      await pair.opened();
      pair.a.connection.send(bytesOf(40, 5), 'control');
      pair.a.connection.close();
      await until(() => pair.b.closed, 'the other side closed');
      await pair.end();
      check(pair.b.frames.length === 1, 'the frame arrived before the close');
    },
  },
  {
    name: 'a control frame sent right before close arrives, even from behind bulk that is dropped',
    run: (transport) =>
      withPair(
        transport,
        async ({ a, b }) => {
          a.connection.send(bytesOf(8 * MIB, 1), 'bulk');
          await until(() => b.connection.receivingBytes > 0, 'the bulk frame is on its way');
          a.connection.send(bytesOf(40, 5), 'control');
          a.connection.close();
          await until(() => a.closed && b.closed, 'both sides closed');
          check(b.frames.length === 1 && b.frames[0]?.length === 40, 'the control frame arrived');
          check(b.connection.receivingBytes === 0, 'what is left of the bulk is freed');
        },
        8 * MIB,
      ),
  },
  {
    name: 'closing while much is queued frees it and ends both sides',
    run: (transport) =>
      withPair(
        transport,
        async ({ a, b }) => {
          a.connection.send(bytesOf(32 * MIB, 1), 'bulk');
          await until(() => b.connection.receivingBytes > 0, 'the frame is on its way');
          a.connection.close();
          await until(() => a.closed && b.closed, 'both sides closed');
          check(a.connection.queuedBytes === 0, 'nothing stays queued');
          check(b.frames.length === 0, 'no part of a frame is delivered');
        },
        32 * MIB,
      ),
  },
  {
    name: 'closing before anything was exchanged is quiet',
    run: async (transport) => {
      const pair = new Pair(transport);
      await pair.end();
      for (const side of [pair.a, pair.b]) {
        check(side.events.join() === 'close', `close alone: ${side.events}`);
        check(side.error === undefined, 'without an error');
      }
    },
  },
  {
    name: 'hostile signals are dropped, before and after opening',
    run: async (transport) => {
      const pair = new Pair(transport);
      try {
        const attack = () => {
          for (const side of [pair.a, pair.b]) {
            for (const data of HOSTILE) side.connection.signal(data);
          }
        };
        attack();
        await pair.opened();
        // Signaling may deliver twice, when two servers both reach the other tab.
        for (const data of pair.a.signals) pair.b.connection.signal(data);
        for (const data of pair.b.signals) pair.a.connection.signal(data);
        attack();
        pair.a.connection.send(bytesOf(10, 1), 'control');
        pair.b.connection.send(bytesOf(10, 2), 'control');
        await until(() => pair.a.frames.length + pair.b.frames.length === 2, 'frames still pass');
        check(!pair.a.closed && !pair.b.closed, 'both sides stay open');
      } finally {
        await pair.end();
      }
      pair.a.connection.signal({ type: 'offer', sdp: 'v=0' });
      pair.a.connection.restart();
    },
  },
  {
    name: 'a restart from either side keeps the connection and its order',
    run: (transport) =>
      withPair(transport, async ({ a, b }) => {
        for (const [from, to] of [
          [a, b],
          [b, a],
        ] as const) {
          from.connection.send(bytesOf(MIB, 1), 'bulk');
          from.connection.restart();
          from.connection.send(bytesOf(10, 2), 'bulk');
          await until(() => to.frames.length === 2, 'both frames arrived');
          check(to.frames[0]?.length === MIB && to.frames[1]?.length === 10, 'in order');
        }
        check(!a.closed && !b.closed, 'both sides stay open');
      }),
  },
];

/** What a tab on the other machine might send in place of signals. */
const HOSTILE = [
  {},
  { type: 'offer' },
  { type: 'offer', sdp: 7 },
  { type: 'offer', sdp: '' },
  { type: 'answer', sdp: 'x'.repeat(64 * 1024 + 1) },
  { type: 'candidate' },
  { type: 'candidate', candidate: null },
  { type: 'candidate', candidate: 'candidate:1' },
  { type: 'candidate', candidate: {} },
  { type: 'candidate', candidate: { candidate: 7 } },
  { type: 'candidate', candidate: { candidate: 'x'.repeat(5000), sdpMid: '0' } },
  { type: 'candidate', candidate: { candidate: '', sdpMid: 'nowhere', sdpMLineIndex: 99 } },
  { type: 'transceiverRequest', transceiverRequest: { kind: 'video' } },
  { type: 'rollback' },
  { renegotiate: true },
  { sdp: 'v=0', candidate: {}, transceiverRequest: { kind: 'audio' } },
  JSON.parse('{"type":"candidate","candidate":{"__proto__":{"candidate":"x"}}}'),
] satisfies SignalData[];

/** `size` bytes that differ from place to place and from seed to seed. */
function bytesOf(size: number, seed: number): Uint8Array {
  const out = new Uint8Array(size);
  for (let i = 0; i < size; i++) out[i] = (i * 31 + (i >>> 8) * 17 + seed) & 255;
  return out;
}

function thrownBy(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Does not hold: ${what}.`);
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Did not happen in time: ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
