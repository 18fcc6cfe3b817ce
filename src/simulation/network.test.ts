import { describe, expect, it } from 'vitest';
import type { Connection, ConnectionHandlers, SignalData } from '../ports/transport.ts';
import { MeshError } from '../util/errors.ts';
import { Network } from './network.ts';
import type { NetworkModel } from './network-model.ts';
import { Process } from './process.ts';
import { World } from './world.ts';

const LATENCY_MS = 10;
const EVEN: Partial<NetworkModel> = {
  latency: { medianMs: LATENCY_MS, sigma: 0 },
  jitter: 0,
  setup: { medianMs: 100, sigma: 0 },
};
/** Set-up is over and frames are no longer spared. */
const OLD_MS = 5_000;

class Side {
  readonly log: string[] = [];
  readonly process: Process;
  readonly handlers: ConnectionHandlers;
  connection!: Connection;
  other!: Side;

  constructor(world: World, index: number) {
    this.process = new Process(world, index);
    this.handlers = {
      signal: (data: SignalData) => this.other.connection.signal(data),
      open: () => this.log.push('open'),
      frame: (frame) => this.log.push(`frame ${frame[0]}`),
      interrupted: (broken) => this.log.push(`interrupted ${broken}`),
      close: (error) => this.log.push(`close ${error?.code ?? ''}`.trim()),
    };
  }

  send(first: number, bytes = 1, lane: 'control' | 'bulk' = 'control'): boolean {
    const frame = new Uint8Array(bytes);
    frame[0] = first;
    return this.connection.send(frame, lane);
  }
}

function pair(model: Partial<NetworkModel> = {}, ms = OLD_MS) {
  const world = new World(1);
  const network = new Network(world, { ...EVEN, ...model });
  const a = new Side(world, 0);
  const b = new Side(world, 1);
  a.other = b;
  b.other = a;
  for (const side of [b, a]) {
    side.connection = network
      .transport(side.process)
      .dial({ initiator: side === a, iceServers: [], maxFrameBytes: 1_000 }, side.handlers);
  }
  world.run(ms);
  return { world, network, a, b };
}

describe('a virtual link', () => {
  it('opens on both sides and carries frames in order, one latency later', () => {
    const { world, a, b } = pair();
    for (let i = 0; i < 5; i++) expect(a.send(i)).toBe(true);
    expect(a.connection.queuedBytes).toBe(5);
    expect(b.connection.receivingBytes).toBe(5);
    world.run(LATENCY_MS - 1);
    expect(b.log).toEqual(['open']);
    world.run(1);
    expect(b.log).toEqual(['open', ...[0, 1, 2, 3, 4].map((i) => `frame ${i}`)]);
    expect(a.connection.queuedBytes).toBe(0);
  });

  it('carries what the first side to open sends at once', () => {
    const { world, a, b } = pair({}, 99);
    a.handlers.open = () => a.send(7);
    world.run(1_000);
    expect(b.log).toEqual(['open', 'frame 7']);
  });

  it('refuses a frame over the limit, and any before it is open', () => {
    const { a } = pair();
    expect(() => a.send(1, 1_001)).toThrow(MeshError);
    const young = pair({}, 0);
    expect(young.a.send(1)).toBe(false);
  });

  it('delivers what was sent before one side closed it, then the end', () => {
    const { world, a, b } = pair();
    a.send(1);
    a.connection.close();
    world.run(1_000);
    expect(a.log).toEqual(['open', 'close']);
    expect(b.log).toEqual(['open', 'frame 1', 'close']);
    expect(b.send(1)).toBe(false);
  });

  it('loses, doubles and reorders as many frames as the model says, and none in its first second', () => {
    const frames = 1_000;
    const arrived = (model: Partial<NetworkModel>) => {
      const { world, network, a, b } = pair({}, 200);
      network.change(model);
      for (let i = 0; i < 10; i++) a.send(1);
      world.run(OLD_MS);
      const spared = b.log.length - 1;
      for (let i = 0; i < frames; i++) {
        a.send(i % 256);
        world.run(1);
      }
      world.run(OLD_MS);
      const order = b.log.slice(11).map((entry) => Number(entry.slice(6)));
      const late = order.filter((first, i) => i > 0 && first === ((order[i - 1] ?? 0) + 255) % 256);
      return { spared, count: order.length, late: late.length };
    };
    expect(arrived({})).toEqual({ spared: 10, count: frames, late: 0 });
    const lossy = arrived({ loss: 0.2 });
    expect(lossy.spared).toBe(10);
    expect(lossy.count).toBeGreaterThan(750);
    expect(lossy.count).toBeLessThan(850);
    const doubling = arrived({ duplication: 0.2 });
    expect(doubling.count).toBeGreaterThan(1_150);
    expect(doubling.count).toBeLessThan(1_250);
    expect(arrived({ reordering: 0.2 }).count).toBe(frames);
  });

  it('loses frames over a cut path, is told of it, and goes on where the path comes back in time', () => {
    const { world, network, a, b } = pair();
    network.sever((from) => from === a.process);
    a.send(1);
    b.send(2);
    world.run(6_000);
    expect(a.log).toEqual(['open', 'frame 2', 'interrupted true']);
    expect(b.log).toEqual(['open', 'interrupted true']);
    network.heal();
    a.send(3);
    world.run(60_000);
    expect(b.log.slice(2)).toEqual(['interrupted false', 'frame 3']);
  });

  it('fails on both sides where the path stays cut', () => {
    const { world, network, a, b } = pair();
    network.sever(() => true);
    world.run(20_000);
    for (const side of [a, b]) {
      expect(side.log).toEqual(['open', 'interrupted true', 'close link']);
    }
  });

  it('is found broken by the other side after a crash', () => {
    const { world, a, b } = pair();
    a.process.crash();
    world.run(4_000);
    expect(b.log).toEqual(['open']);
    world.run(20_000);
    expect(b.log).toEqual(['open', 'interrupted true', 'close link']);
  });

  it('cannot be made where the model says so, which takes its time', () => {
    const { world, a, b } = pair({ setupFailure: 1 });
    expect(a.log).toEqual([]);
    world.run(20_000);
    expect(a.log).toEqual(['close link']);
    expect(b.log).toEqual(['close link']);
  });

  it('takes as long as its bandwidth needs, control before bulk', () => {
    const { world, a, b } = pair({ bytesPerMs: 1 });
    a.send(1, 500, 'bulk');
    a.send(2, 500, 'bulk');
    a.send(3, 10);
    world.run(30);
    expect(b.log).toEqual(['open', 'frame 3']);
    world.run(600);
    expect(b.log).toEqual(['open', 'frame 3', 'frame 1']);
    world.run(600);
    expect(b.log).toEqual(['open', 'frame 3', 'frame 1', 'frame 2']);
  });
});
