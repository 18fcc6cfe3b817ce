/** What a scenario works with: a room, its ledger, and everything that measures and checks them. */

import { presets } from '../protocol/presets.ts';
import { sample } from '../util/random.ts';
import { Checks } from './checks.ts';
import { Deaths } from './deaths.ts';
import { LinkGraph } from './graph.ts';
import { Ledger, type LedgerOptions } from './ledger.ts';
import { Room, type RoomOptions } from './room.ts';
import { Spreadings } from './spreading.ts';
import type { Tab } from './tab.ts';
import { Traffic } from './traffic.ts';

/** Size and seed of one run. */
export interface RunOptions {
  /** Tabs of the room. */
  readonly nodes: number;
  readonly seed: number;
}

/** What a run gave. */
export interface Outcome {
  /** What was measured, by name; milliseconds, bytes or counts as the name says. */
  readonly figures: Record<string, number>;
  /** What did not hold; empty where all did. */
  readonly failures: readonly string[];
  /** Fingerprint of all that happened: the same for the same scenario, size and seed. */
  readonly trace: string;
  /** Events that happened. */
  readonly events: number;
  readonly virtualSeconds: number;
}

/** One kind of run. */
export interface Scenario {
  readonly name: string;
  /** What happens in it, in a sentence. */
  readonly about: string;
  run(lab: Lab): void;
  /** What the room is made with. */
  readonly room?: (options: RunOptions) => Omit<RoomOptions, 'seed'>;
  readonly ledger?: LedgerOptions;
}

/** Share of the links it seeks that a tab does well with. */
const ENOUGH = 0.6;
const SETTLE_LIMIT_MS = 180_000;
/** Rooms of more tabs have the options that are meant for them. */
export const LARGE_ROOM = 2_000;

export class Lab {
  readonly nodes: number;
  readonly seed: number;
  readonly room: Room;
  readonly ledger: Ledger;
  readonly traffic: Traffic;
  readonly spreadings: Spreadings;
  readonly deaths: Deaths;
  readonly checks: Checks;
  readonly figures: Record<string, number> = {};

  constructor(options: RunOptions, room: Omit<RoomOptions, 'seed'> = {}, ledger?: LedgerOptions) {
    this.nodes = options.nodes;
    this.seed = options.seed;
    const config =
      options.nodes > LARGE_ROOM ? { ...presets.largeRoom, ...room.config } : room.config;
    this.room = new Room({ ...room, ...(config && { config }), seed: options.seed });
    this.ledger = new Ledger(this.room, ledger);
    this.traffic = new Traffic(this.room);
    this.spreadings = new Spreadings(this.room, this.ledger);
    this.deaths = new Deaths(this.room);
    this.checks = new Checks(this.room, this.ledger);
  }

  /** Notes a figure. */
  figure(name: string, value: number): void {
    this.figures[name] = value;
  }

  /** Opens all tabs, 50 a second or within 20 s, and waits until the room has settled. */
  settle(): void {
    const { room, nodes } = this;
    const overMs = Math.min(nodes * 20, 20_000);
    room.openMany(nodes, overMs);
    room.run(overMs);
    this.await({ settleMs: () => this.isSettled() }, SETTLE_LIMIT_MS, 500);
  }

  /** Whether links join all tabs, nobody lacks many, and everyone who should be is known. */
  isSettled(): boolean {
    const tabs = this.room.present;
    const wanted = Math.min(ENOUGH * this.room.config.activeSize, tabs.length - 1);
    if (tabs.some((tab) => tab.neighbors.size < wanted)) return false;
    return this.isOneComponent() && this.membersAgree();
  }

  /** Whether all tabs know exactly those that are there; always where membership is partial. */
  membersAgree(): boolean {
    const tabs = this.room.present;
    if (tabs.length > this.room.config.fullMembershipLimit) return true;
    return tabs.every(({ node }) => {
      const { members } = node;
      return members.length === tabs.length && members.every(({ status }) => status === 'alive');
    });
  }

  isOneComponent(): boolean {
    return new LinkGraph(this.room.present).isOneComponent();
  }

  /** Whether all tabs that are there hold the same writes. */
  isConverged(): boolean {
    return this.ledger.isEqual(this.room.present);
  }

  /** Some tabs that are there, drawn by the scenario's chance. */
  pick(count: number, among: readonly Tab[] = this.room.present): Tab[] {
    return sample(this.room.random, among, count);
  }

  /**
   * Runs until each of `conditions` held once; the milliseconds that each took are figures of its
   * name. A failure where one takes over `limitMs`, which then is its figure.
   */
  await(conditions: Record<string, () => boolean>, limitMs: number, everyMs = 250): void {
    const waiting = new Map(Object.entries(conditions));
    const start = this.room.world.now;
    const look = (): boolean => {
      for (const [name, condition] of waiting) {
        if (!condition()) continue;
        this.figure(name, this.room.world.now - start);
        waiting.delete(name);
      }
      return waiting.size === 0;
    };
    if (this.room.runUntil(look, limitMs, everyMs) !== undefined) return;
    for (const name of waiting.keys()) {
      this.figure(name, limitMs);
      this.checks.fail(`${name} not within ${limitMs} ms: ${this.picture()}`);
    }
  }

  /** A room in a few words, for people who read a failure. */
  picture(): string {
    const tabs = this.room.present;
    const graph = new LinkGraph(tabs);
    const links = tabs.map((tab) => tab.neighbors.size);
    const known = tabs.map(({ node }) => node.members.length);
    return (
      `${tabs.length} tabs, largest component ${graph.largestComponent()}, ` +
      `links ${Math.min(...links)} to ${Math.max(...links)}, ` +
      `members known ${Math.min(...known)} to ${Math.max(...known)}`
    );
  }

  /** The traffic since its `reset`, as figures. */
  figureTraffic(tabs: readonly Tab[]): void {
    this.figure('bytesPerTabSecond', this.traffic.bytesPerSecond(tabs));
    this.figure('peakBytesPerTabSecond', this.traffic.peakBytesPerSecond());
    for (const [kind, { frames, bytes }] of this.traffic.kinds) {
      this.figure(`frames.${kind}`, frames);
      this.figure(`bytes.${kind}`, bytes);
    }
  }
}

/** Runs a scenario once. */
export function runScenario(scenario: Scenario, options: RunOptions): Outcome {
  const lab = new Lab(options, scenario.room?.(options), scenario.ledger);
  scenario.run(lab);
  const { world } = lab.room;
  return {
    figures: lab.figures,
    failures: lab.checks.failures,
    trace: world.trace.digest(),
    events: world.happened,
    virtualSeconds: world.now / 1_000,
  };
}
