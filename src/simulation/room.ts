/** A simulated room: tabs over one network and one signaling server, and what may befall them. */

import { type ProtocolConfig, resolveConfig } from '../protocol/config.ts';
import type { Effect } from '../protocol/effects.ts';
import type { PeerId } from '../util/peer-id.ts';
import { type Random, randomBelow } from '../util/random.ts';
import { Network } from './network.ts';
import type { NetworkModel } from './network-model.ts';
import { Process, type ProcessModel } from './process.ts';
import { SignalingServer } from './signaling.ts';
import { Tab, type TabWatcher } from './tab.ts';
import { World } from './world.ts';

/** What a room is made with. */
export interface RoomOptions {
  readonly seed: number;
  readonly config?: Partial<ProtocolConfig>;
  readonly network?: Partial<NetworkModel>;
}

/** How often `runUntil` looks at its condition. */
const LOOK_MS = 50;

export class Room implements TabWatcher {
  readonly world: World;
  readonly network: Network;
  readonly server: SignalingServer;
  readonly config: ProtocolConfig;
  /** Every tab that was ever opened, in order. */
  readonly tabs: Tab[] = [];
  /** Chance of what the scenario does. */
  readonly random: Random;
  readonly #byId = new Map<PeerId, Tab>();
  readonly #ids: Random;
  readonly #sent: TabWatcher['sent'][] = [];
  readonly #received: TabWatcher['received'][] = [];
  readonly #told: TabWatcher['told'][] = [];

  constructor({ seed, config, network }: RoomOptions) {
    this.world = new World(seed);
    this.network = new Network(this.world, network);
    this.server = new SignalingServer(this.world, this.network);
    this.config = resolveConfig(config);
    this.random = this.world.random('scenario');
    this.#ids = this.world.random('ids');
  }

  /** Calls the parts of `watcher` that are there, from now on. */
  watch(watcher: Partial<TabWatcher>): void {
    const { sent, received, told } = watcher;
    if (sent !== undefined) this.#sent.push(sent.bind(watcher));
    if (received !== undefined) this.#received.push(received.bind(watcher));
    if (told !== undefined) this.#told.push(told.bind(watcher));
  }

  /** A tab that joins now. */
  open(model: Partial<ProcessModel> = {}, hidden = false): Tab {
    const process = new Process(this.world, this.tabs.length, model);
    if (hidden) process.setHidden(true);
    let id = '';
    while (id.length < 32) id += randomBelow(this.#ids, 16).toString(16);
    const { config, network, server } = this;
    const tab = new Tab({ id, process, config, network, server, watcher: this });
    this.tabs.push(tab);
    this.#byId.set(id, tab);
    tab.join();
    return tab;
  }

  /** `count` tabs that join evenly over the next `overMs`; they are there once that time is over. */
  openMany(count: number, overMs: number): void {
    for (let i = 0; i < count; i++) this.world.after((i * overMs) / count, () => this.open());
  }

  /** A new session of the tab: the old one ends with or without its good-byes. */
  reload(tab: Tab, orderly = true): Tab {
    const hidden = tab.process.isHidden;
    if (orderly) tab.leave();
    tab.process.crash();
    return this.open(tab.process.model, hidden);
  }

  /** Splits the network: tabs reach only those of their own group; the server is with the first. */
  partition(groups: readonly (readonly Tab[])[]): void {
    for (const [i, tabs] of groups.entries()) for (const { process } of tabs) process.group = i;
    this.server.group = 0;
    this.network.sever((from, to) => from.group !== to.group);
    this.server.pathsChanged();
  }

  /** What `from` sends does not arrive at `to`; the other way it does. */
  partitionOneWay(from: readonly Tab[], to: readonly Tab[]): void {
    const froms = new Set(from.map(({ process }) => process));
    const tos = new Set(to.map(({ process }) => process));
    this.network.sever((a, b) => froms.has(a) && tos.has(b));
  }

  /** Everyone reaches everyone, and the server if it is up. */
  heal(): void {
    for (const { process } of this.tabs) process.group = 0;
    this.server.group = undefined;
    this.network.heal();
  }

  tab(id: PeerId): Tab | undefined {
    return this.#byId.get(id);
  }

  /** Tabs that live and are in the room. */
  get present(): Tab[] {
    return this.tabs.filter((tab) => tab.isIn);
  }

  run(ms: number): void {
    this.world.run(ms);
  }

  /** Runs until `condition` holds; milliseconds that it took, `undefined` where it takes over `limitMs`. */
  runUntil(condition: () => boolean, limitMs: number, everyMs = LOOK_MS): number | undefined {
    const start = this.world.now;
    while (!condition()) {
      if (this.world.now - start >= limitMs) return undefined;
      this.run(everyMs);
    }
    return this.world.now - start;
  }

  sent(tab: Tab, peer: PeerId, bytes: Uint8Array): void {
    for (const tell of this.#sent) tell(tab, peer, bytes);
  }

  received(tab: Tab, peer: PeerId, bytes: Uint8Array): void {
    for (const tell of this.#received) tell(tab, peer, bytes);
  }

  told(tab: Tab, effect: Effect, from: PeerId | undefined): void {
    for (const tell of this.#told) tell(tab, effect, from);
  }
}
