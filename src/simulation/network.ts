/**
 * The network between processes: latency, loss, duplication, reordering, bandwidth, partitions.
 *
 * Frames are lost, doubled and reordered on open links although a data channel would not do so; what
 * the protocol is held to is harsher than what it will meet.
 */

import type { Transport } from '../ports/transport.ts';
import { draw, type Spread } from './chance.ts';
import { VirtualConnection } from './connection.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** How the network behaves. */
export interface NetworkModel {
  /** One way between two processes, drawn once a link. Default 25 ms, sigma 0.4. */
  readonly latency: Spread;
  /** Greatest share of the latency that is added to one frame, evenly drawn. Default 0.1. */
  readonly jitter: number;
  /** Probability that a frame is lost. Default 0. */
  readonly loss: number;
  /** Probability that a frame arrives twice. Default 0. */
  readonly duplication: number;
  /** Probability that a frame arrives up to `REORDER_MS` late, behind later ones. Default 0. */
  readonly reordering: number;
  /** Bytes that a process can send in a millisecond over all its links. Default unlimited. */
  readonly bytesPerMs: number;
  /** From the answer to an open channel: ICE and DTLS. Default 150 ms, sigma 0.4. */
  readonly setup: Spread;
  /** Probability that a link cannot be made. Default 0. */
  readonly setupFailure: number;
  /** Until a link that cannot be made fails. Default 15 s. */
  readonly setupTimeoutMs: number;
  /** Until a side is told that the path under a link broke (ICE disconnected). Default 5 s. */
  readonly interruptedAfterMs: number;
  /** Until a link whose path is broken fails (ICE failed). Default 17 s, as measured in Chromium. */
  readonly pathFailsAfterMs: number;
}

/** A broadband network that loses nothing. */
export const CALM: NetworkModel = {
  latency: { medianMs: 25, sigma: 0.4 },
  jitter: 0.1,
  loss: 0,
  duplication: 0,
  reordering: 0,
  bytesPerMs: Number.POSITIVE_INFINITY,
  setup: { medianMs: 150, sigma: 0.4 },
  setupFailure: 0,
  setupTimeoutMs: 15_000,
  interruptedAfterMs: 5_000,
  pathFailsAfterMs: 17_000,
};

/** Whether what `from` sends cannot reach `to`; need not be symmetric. */
export type Severed = (from: Process, to: Process) => boolean;

/** All links of a world. */
export class Network {
  readonly world: World;
  #model: NetworkModel;
  #severed: Severed | undefined;
  /** Open and half-open connections, by the id that their descriptions carry. */
  readonly connections = new Map<string, VirtualConnection>();
  #nextId = 1;

  constructor(world: World, model: Partial<NetworkModel> = {}) {
    this.world = world;
    this.#model = { ...CALM, ...model };
  }

  get model(): NetworkModel {
    return this.#model;
  }

  /** Changes how the network behaves from now on; links keep the latency that they have. */
  change(model: Partial<NetworkModel>): void {
    this.#model = { ...this.#model, ...model };
  }

  /** The transport of one process. */
  transport(process: Process): Transport {
    return {
      dial: (options, handlers) => {
        const id = String(this.#nextId++);
        return new VirtualConnection(this, process, id, options, handlers);
      },
    };
  }

  /** Cuts the network where `severed` says so, in place of what was cut before. */
  sever(severed: Severed): void {
    this.#severed = severed;
    this.#pathsChanged();
  }

  /** Everyone reaches everyone again. */
  heal(): void {
    this.#severed = undefined;
    this.#pathsChanged();
  }

  /** Whether what `from` sends arrives at `to`. */
  reaches(from: Process, to: Process): boolean {
    return this.#severed === undefined || !this.#severed(from, to);
  }

  /** A latency of one message outside links. */
  latency(process: Process): number {
    return draw(process.random, this.#model.latency);
  }

  #pathsChanged(): void {
    for (const connection of [...this.connections.values()]) connection.pathChanged();
  }
}
