/**
 * Plumtree machines on a graph in virtual time, for tests: links with latency and loss, all decided
 * by one seed. Frames of a link arrive in order.
 */

import { draw, happens, type Spread } from '../../simulation/chance.ts';
import { World } from '../../simulation/world.ts';
import type { PeerId } from '../../util/peer-id.ts';
import { type Random, randomBelow, sample } from '../../util/random.ts';
import { Plumtree } from '../broadcast/plumtree.ts';
import { type ProtocolConfig, resolveConfig } from '../config.ts';
import type { Frame, FrameOf, Rumor } from '../wire.ts';
import { decodeFrame, encodeFrame } from '../wire-codec.ts';

export interface GroveOptions {
  readonly config?: Partial<ProtocolConfig>;
  /** Of each link, drawn once. */
  readonly latency?: Spread;
  /** Share of its latency by which a frame may come later. */
  readonly jitter?: number;
}

/** One machine and what came to it. */
export interface Plant {
  readonly id: PeerId;
  readonly machine: Plumtree;
  readonly links: Map<PeerId, { readonly latency: number; freeAt: number }>;
  /** Rumors delivered, by key, with their hops and time. */
  readonly got: Map<string, { readonly hops: number; readonly at: number }>;
  alive: boolean;
  /** Takes and says nothing before this time; frames wait. */
  frozenUntil: number;
  wakeAt: number;
}

/** What was sent since the last reset. */
export interface Sent {
  readonly frames: Map<Frame['type'], number>;
  readonly bytes: Map<Frame['type'], number>;
}

type PlumtreeFrame = FrameOf<'rumor' | 'ihave' | 'graft' | 'prune' | 'gone'>;

export const keyOf = ({ origin, sequence }: Pick<Rumor, 'origin' | 'sequence'>): string =>
  `${origin}/${sequence}`;

export class Grove {
  readonly world: World;
  readonly plants: Plant[] = [];
  readonly sent: Sent = { frames: new Map(), bytes: new Map() };
  /** Probability that a frame is lost. */
  loss = 0;
  /** Called with each frame that is sent; false loses it. */
  filter: (from: PeerId, to: PeerId, frame: PlumtreeFrame) => boolean = () => true;
  readonly #config: ProtocolConfig;
  readonly #latency: Spread;
  readonly #jitter: number;
  readonly #random: Random;
  readonly #byId = new Map<PeerId, Plant>();
  /** The last frame and its bytes: the same goes to several neighbors in a row. */
  #last: { frame: Frame; bytes: Uint8Array } | undefined;

  constructor(seed: number, options: GroveOptions = {}) {
    this.world = new World(seed);
    this.#config = resolveConfig(options.config);
    this.#latency = options.latency ?? { medianMs: 20, sigma: 0 };
    this.#jitter = options.jitter ?? 0.1;
    this.#random = this.world.random('grove');
  }

  /** A graph of `size` tabs with about `degree` links each, an even number: rings in random orders. */
  static regular(size: number, degree: number, seed: number, options: GroveOptions = {}): Grove {
    const grove = new Grove(seed, options);
    for (let n = 0; n < size; n++) grove.plant();
    for (let ring = 0; ring < degree / 2; ring++) {
      const order = sample(grove.#random, grove.plants, size);
      order.forEach((plant, i) => {
        grove.link(plant, order[(i + 1) % size] as Plant);
      });
    }
    return grove;
  }

  /** Adds a tab without links. */
  plant(): Plant {
    const { world } = this;
    const random = world.random('plant', this.plants.length);
    const id = Array.from({ length: 32 }, () => randomBelow(random, 16).toString(16)).join('');
    const got: Plant['got'] = new Map();
    const plant: Plant = {
      id,
      machine: new Plumtree(id, this.#config, random, {
        send: (to, frame) => this.#send(plant, to, frame as PlumtreeFrame),
        deliver: (_from, rumor) => {
          if (got.has(keyOf(rumor))) throw new Error(`${keyOf(rumor)} was delivered twice`);
          got.set(keyOf(rumor), { hops: rumor.hops, at: world.now });
        },
      }),
      links: new Map(),
      got,
      alive: true,
      frozenUntil: 0,
      wakeAt: Number.POSITIVE_INFINITY,
    };
    this.plants.push(plant);
    this.#byId.set(id, plant);
    return plant;
  }

  link(a: Plant, b: Plant): void {
    if (a === b || a.links.has(b.id)) return;
    const latency = draw(this.#random, this.#latency);
    a.links.set(b.id, { latency, freeAt: 0 });
    b.links.set(a.id, { latency, freeAt: 0 });
    for (const [at, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      at.machine.neighborUp(peer.id);
      this.#settle(at);
    }
  }

  unlink(a: Plant, b: Plant): void {
    for (const [at, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      at.links.delete(peer.id);
      if (!at.alive) continue;
      at.machine.neighborDown(peer.id, this.world.now);
      this.#settle(at);
    }
  }

  /** Ends a tab without a word; its neighbors find out after `noticedMs`. */
  kill(plant: Plant, noticedMs: number): void {
    plant.alive = false;
    this.world.after(noticedMs, () => {
      for (const peer of [...plant.links.keys()]) this.unlink(plant, this.#of(peer));
    });
  }

  publish(plant: Plant, bytes = 20): string {
    const sequence = [...plant.got.keys()].filter((key) => key.startsWith(plant.id)).length;
    const key = keyOf({ origin: plant.id, sequence });
    plant.got.set(key, { hops: 0, at: this.world.now });
    plant.machine.publish(1, new Uint8Array(bytes), this.world.now);
    this.#settle(plant);
    return key;
  }

  resetCounts(): void {
    this.sent.frames.clear();
    this.sent.bytes.clear();
  }

  /** Links from `plant` to each living tab that links connect it with, breadth first. */
  distances(plant: Plant): Map<PeerId, number> {
    const distances = new Map([[plant.id, 0]]);
    for (const [id, distance] of distances) {
      for (const peer of this.#of(id).links.keys()) {
        if (this.#of(peer).alive && !distances.has(peer)) distances.set(peer, distance + 1);
      }
    }
    return distances;
  }

  #of(id: PeerId): Plant {
    return this.#byId.get(id) as Plant;
  }

  #send(from: Plant, to: PeerId, frame: PlumtreeFrame): void {
    const link = from.links.get(to);
    if (link === undefined) throw new Error(`${frame.type} to ${to}, which is no neighbor`);
    if (this.#last?.frame !== frame) this.#last = { frame, bytes: encodeFrame(frame) };
    const { bytes } = this.#last;
    const { frames, bytes: sums } = this.sent;
    frames.set(frame.type, (frames.get(frame.type) ?? 0) + 1);
    sums.set(frame.type, (sums.get(frame.type) ?? 0) + bytes.length);
    if (!this.filter(from.id, to, frame) || happens(this.#random, this.loss)) return;
    const latency = link.latency * (1 + this.#jitter * this.#random());
    link.freeAt = Math.max(link.freeAt, this.world.now + latency);
    this.#arrive(from.id, this.#of(to), bytes, link.freeAt);
  }

  #arrive(from: PeerId, at: Plant, bytes: Uint8Array, time: number): void {
    this.world.at(time, () => {
      if (!at.alive || !at.links.has(from)) return;
      const { now } = this.world;
      if (now < at.frozenUntil) return this.#arrive(from, at, bytes, at.frozenUntil);
      at.machine.onFrame(from, decodeFrame(bytes) as PlumtreeFrame, now);
      this.#settle(at);
    });
  }

  /** Wakes the machine when it next wants to be. */
  #settle(plant: Plant): void {
    const { due } = plant.machine;
    if (due >= plant.wakeAt) return;
    plant.wakeAt = due;
    this.world.at(due, () => this.#wake(plant, due));
  }

  #wake(plant: Plant, due: number): void {
    if (plant.wakeAt !== due || !plant.alive) return;
    if (this.world.now < plant.frozenUntil) {
      return this.world.at(plant.frozenUntil, () => this.#wake(plant, due));
    }
    plant.wakeAt = Number.POSITIVE_INFINITY;
    plant.machine.tick(this.world.now, this.world.now - due);
    this.#settle(plant);
  }
}
