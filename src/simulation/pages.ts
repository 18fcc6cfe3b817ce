/**
 * Apps in virtual time: pages that open real meshes over a virtual network, signaling server and
 * disk, so that an app's own tests can do to it what browsers and networks do.
 */

import { Everything } from '../everything.ts';
import { Mesh } from '../mesh.ts';
import { resolveConfig } from '../protocol/config.ts';
import type { PageLifeHandlers } from '../runtime/page-life.ts';
import { toHex } from '../util/bytes.ts';
import { MeshError } from '../util/errors.ts';
import { withDefaults } from '../util/option-rules.ts';
import { type Random, randomBelow } from '../util/random.ts';
import { sha256 } from '../util/sha256.ts';
import { Disk } from './disk.ts';
import { Network } from './network.ts';
import { CALM, type NetworkModel } from './network-model.ts';
import {
  checkCondition,
  checkMesh,
  checkMs,
  checkNetwork,
  checkPage,
  checkPages,
  checkSides,
  checkSimulation,
  type PageOptions,
  type SimulatedMeshOptions,
  type SimulationOptions,
} from './page-options.ts';
import { Process } from './process.ts';
import { SignalingServer } from './signaling.ts';
import { World } from './world.ts';

export type { PageOptions, SimulatedMeshOptions, SimulationOptions };

/** Longest that `advanceUntil` runs between two looks at its condition, in milliseconds. */
const LOOK_MS = 10;

/**
 * A world of its own for an app's tests: virtual time, a network, a signaling server, and pages.
 *
 * The meshes in it are those that run in browsers, and so are the answers to its faults. What Yjs
 * draws, its client ids, is not of the seed; all else is.
 *
 * What waits for a disk or the network, as `provider.whenLoaded` does, settles only while time passes:
 * whoever awaits it before calling `advance` waits for ever.
 *
 * @throws MeshError `bad-argument` for an option that there is not, of another type, or out of bounds.
 * @example
 * ```ts
 * const simulation = simulate({ seed: 7 })
 * const [a, b] = [simulation.openPage(), simulation.openPage()]
 * const share = async (page: Page) => {
 *   const doc = new Y.Doc()
 *   new MeshProvider('notes', doc, { mesh: await page.open('standup') })
 *   return doc.getText('text')
 * }
 * const [ours, theirs] = [await share(a), await share(b)]
 * await simulation.advance(5_000)
 * simulation.partition([a], [b])
 * ours.insert(0, 'offline')
 * await simulation.advance(60_000)
 * simulation.heal()
 * await simulation.advanceUntil(() => theirs.toString() === 'offline')
 * ```
 */
export function simulate(options: SimulationOptions = {}): Simulation {
  checkSimulation(options);
  return new Simulation(options);
}

/** What `simulate` gives. Time stands still but in `advance` and `advanceUntil`. */
export class Simulation {
  /** @internal */
  readonly world: World;
  /** @internal */
  readonly server: SignalingServer;
  readonly #network: Network;
  readonly #ids: Random;
  readonly #pages: Page[] = [];
  readonly #has = (page: Page) => this.#pages.includes(page);

  /** @internal */
  constructor({ seed = 1, network = {} }: SimulationOptions) {
    this.world = new World(seed);
    this.#network = new Network(this.world, withDefaults(CALM, network));
    this.server = new SignalingServer(this.world, this.#network);
    this.#ids = this.world.random('ids');
  }

  /** Virtual milliseconds since the simulation began. */
  get now(): number {
    return this.world.now;
  }

  /** Fingerprint of all that happened: two runs that gave the same are the same. */
  get trace(): string {
    return this.world.trace.digest();
  }

  /**
   * Opens a page; it does nothing until meshes are opened in it.
   * @throws MeshError `bad-argument` for an option that there is not or that cannot be; nothing was opened.
   */
  openPage(options: PageOptions = {}): Page {
    checkPage(options);
    const page = new Page(this, this.#network, this.#pages.length, options);
    this.#pages.push(page);
    return page;
  }

  /**
   * Lets time pass. Promises that code waits for are settled between any two events.
   * @param ms - Milliseconds, 0 or more.
   * @throws MeshError `bad-argument` for anything else; no time has passed.
   */
  async advance(ms: number): Promise<void> {
    checkMs('ms', ms);
    const end = this.world.now + ms;
    const turns = new Turns();
    await turns.next();
    while (this.world.step(end)) await turns.next();
    this.world.run(end - this.world.now);
    turns.close();
  }

  /**
   * Lets time pass until `condition` holds; resolves with the milliseconds that it took.
   * @throws MeshError `aborted` where it does not hold within `limitMs`, `bad-argument` where it
   * answers by a promise, which would count as true.
   */
  async advanceUntil(condition: () => boolean, limitMs = 60_000): Promise<number> {
    checkCondition(condition);
    checkMs('limitMs', limitMs);
    const start = this.world.now;
    await this.advance(0);
    while (!answer(condition)) {
      if (this.world.now - start >= limitMs) {
        throw new MeshError(
          'aborted',
          `The condition did not hold within ${limitMs} ms of virtual time. Time has passed.`,
        );
      }
      await this.advance(LOOK_MS);
    }
    return this.world.now - start;
  }

  /**
   * Changes how the network behaves from now on; links keep the latency that they have.
   * @throws MeshError `bad-argument` for a field that there is not or out of bounds; nothing changed.
   */
  changeNetwork(model: Partial<NetworkModel>): void {
    checkNetwork('model', model);
    this.#network.change(withDefaults(this.#network.model, model));
  }

  /**
   * Splits the network: pages reach those of their own side alone, and the first side the server.
   * Pages of no side stay where they were, at first with the first.
   * @throws MeshError `bad-argument` for fewer than two sides, for what is no list of this simulation's
   * pages, and for a page in two of them; nothing changed.
   */
  partition(...sides: readonly (readonly Page[])[]): void {
    checkSides(sides, this.#has);
    for (const [i, pages] of sides.entries()) for (const { process } of pages) process.group = i;
    this.server.group = 0;
    this.#network.sever((from, to) => from.group !== to.group);
    this.server.pathsChanged();
  }

  /**
   * What `from` send does not arrive at `to`; the other way it does.
   * @throws MeshError `bad-argument` for what is no list of this simulation's pages; nothing changed.
   */
  partitionOneWay(from: readonly Page[], to: readonly Page[]): void {
    checkPages('from', from, this.#has);
    checkPages('to', to, this.#has);
    const senders = new Set(from.map(({ process }) => process));
    const receivers = new Set(to.map(({ process }) => process));
    this.#network.sever((a, b) => senders.has(a) && receivers.has(b));
  }

  /** Ends partitions. */
  heal(): void {
    for (const { process } of this.#pages) process.group = 0;
    this.server.group = undefined;
    this.#network.heal();
  }

  /** The signaling server goes away, with all its connections. */
  stopServer(): void {
    this.server.goDown();
  }

  /** The signaling server is there again; meshes come back to it by themselves. */
  startServer(): void {
    this.server.comeBack();
  }

  /** @internal */
  newId(): string {
    let id = '';
    while (id.length < 32) id += randomBelow(this.#ids, 16).toString(16);
    return id;
  }
}

/** A page of a browser, and what may befall it. */
export class Page {
  /** @internal */
  readonly process: Process;
  /** What it keeps; a page opened with the same disk finds it there. */
  readonly disk: Disk;
  readonly #simulation: Simulation;
  readonly #network: Network;
  readonly #options: PageOptions;
  readonly #lives = new Set<PageLifeHandlers>();

  /** @internal */
  constructor(simulation: Simulation, network: Network, index: number, options: PageOptions) {
    this.#simulation = simulation;
    this.#network = network;
    this.#options = options;
    const { clockRate = 1, busyMs = 0 } = options;
    this.process = new Process(simulation.world, index, { clockRate, busyMs });
    this.disk = options.disk ?? new Disk();
    if (options.hidden === true) this.process.setHidden(true);
  }

  /**
   * Opens a room in this page, as `openMesh` does in a real one, and in no time. The page's disk takes
   * some: `whenLoaded` of a provider on this mesh pends until someone calls `advance`.
   * @throws MeshError `bad-argument` for a room or option that cannot be used, `closed` where the page
   * is gone; nothing was opened.
   */
  async open(room: string, options: SimulatedMeshOptions = {}): Promise<Mesh> {
    checkMesh(room, options);
    const { secret = '', consistency = 'eventual' } = options;
    const config = resolveConfig(options.config);
    if (this.process.isDead) {
      throw new MeshError('closed', 'The page is gone. Nothing was opened; open another page.');
    }
    const isCausal = consistency === 'causal';
    const { process } = this;
    const simulation = this.#simulation;
    const topic = toHex(
      sha256(new TextEncoder().encode(JSON.stringify([room, secret, consistency]))),
    );
    const id = simulation.newId();
    const random = simulation.world.random(`records ${id}`);
    const randomBytes = (count: number) =>
      Uint8Array.from({ length: count }, () => randomBelow(random, 256));
    return new Mesh({
      id,
      room,
      topic,
      config,
      clock: process,
      random: simulation.world.random(`mesh ${id}`),
      store: this.disk.store(topic, process),
      everything: {
        begin: (engine) => new Everything(engine, { isCausal, randomBytes }),
        release: () => undefined,
      },
      transport: this.#network.transport(process),
      createSignaling: (carry) => carry(simulation.server.client(process, id)),
      iceServers: undefined,
      page: {
        isHidden: () => process.isHidden,
        follow: (handlers) => {
          this.#lives.add(handlers);
          return () => this.#lives.delete(handlers);
        },
      },
      errors: [],
      signal: undefined,
    });
  }

  /** It is gone without a word, and what was not on its disk with it. */
  crash(): void {
    this.process.crash();
  }

  /** A person closes it: its meshes may say good-bye, and then it is gone. */
  close(): void {
    for (const life of [...this.#lives]) life.hide();
    this.process.crash();
  }

  /** Closes it, and opens it anew over the same disk. */
  reload(): Page {
    const hidden = this.process.isHidden;
    this.close();
    return this.#simulation.openPage({ ...this.#options, hidden, disk: this.disk });
  }

  /** The page goes to the background: its timers slow down. */
  hide(): void {
    this.#setHidden(true);
  }

  /** The page comes to the front. */
  show(): void {
    this.#setHidden(false);
  }

  /** The browser stops it: nothing runs until `thaw`, and messages wait. */
  freeze(): void {
    this.process.freeze();
  }

  thaw(): void {
    this.process.thaw();
  }

  /**
   * Its machine sleeps for so long, by its clock, in no time.
   * @throws MeshError `bad-argument` for anything but milliseconds, 0 or more; nothing changed.
   */
  sleep(ms: number): void {
    checkMs('ms', ms);
    this.process.jump(ms);
  }

  #setHidden(hidden: boolean): void {
    if (hidden === this.process.isHidden) return;
    this.process.setHidden(hidden);
    this.process.run(() => {
      for (const life of [...this.#lives]) life.visibility(hidden);
    });
  }
}

function answer(condition: () => boolean): boolean {
  const holds: unknown = condition();
  if (typeof Object(holds).then !== 'function') return Boolean(holds);
  throw new MeshError(
    'bad-argument',
    'The condition of advanceUntil answered by a promise, which always counts as true; it must tell ' +
      'at once. Time has passed up to this look at it.',
  );
}

/** Turns of the platform's task queue: between two of them all promises settle that can. */
class Turns {
  readonly #channel = new MessageChannel();
  #resolve: () => void = () => undefined;

  constructor() {
    this.#channel.port1.onmessage = () => this.#resolve();
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#channel.port2.postMessage(undefined);
    });
  }

  close(): void {
    this.#channel.port1.close();
  }
}
