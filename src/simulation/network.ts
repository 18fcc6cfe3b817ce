/** The network between processes: all links, and which paths are cut. */

import type { Transport } from '../ports/transport.ts';
import { draw } from './chance.ts';
import { type Medium, VirtualConnection } from './connection.ts';
import { CALM, type NetworkModel } from './network-model.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

/** Whether what `from` sends cannot reach `to`; need not be symmetric. */
export type Severed = (from: Process, to: Process) => boolean;

/** All links of a world. */
export class Network implements Medium {
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
