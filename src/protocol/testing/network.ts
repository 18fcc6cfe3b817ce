/**
 * A room of nodes in virtual time, for tests: connections, signaling and timers, all in memory and
 * all decided by one seed.
 *
 * Connections are reliable and ordered, and both sides may dial at once. A killed tab says nothing
 * to anyone: others find out by its silence.
 */

import { expect } from 'vitest';
import type { PeerId } from '../../util/peer-id.ts';
import { type Random, randomBelow, sample, seededRandom } from '../../util/random.ts';
import { type ProtocolConfig, resolveConfig } from '../config.ts';
import type { Effect, Input, TimerName } from '../effects.ts';
import { Node } from '../node.ts';
import { Tab, type Wire } from './tab.ts';

/** From sending to arrival, and about as much again at random for signaling. */
const LATENCY_MS = 20;
/** Peers that signaling tells of at once. */
const TOLD_PEERS = 6;

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class Network {
  now = 1_000;
  readonly tabs: Tab[] = [];
  readonly config: ProtocolConfig;
  /** Whether tabs can find each other and dial. */
  signalingUp = true;
  readonly #random: Random;
  readonly #byId = new Map<PeerId, Tab>();
  readonly #heap: Happening[] = [];
  #order = 0;
  /** Group of each tab while the network is split. */
  #groups = new Map<PeerId, number>();

  constructor(seed: number, config: Partial<ProtocolConfig> = {}) {
    this.#random = seededRandom(seed);
    this.config = resolveConfig(config);
  }

  /** A tab that joins now. */
  open(hidden = false): Tab {
    const id = Array.from({ length: 32 }, () => randomBelow(this.#random, 16).toString(16)).join(
      '',
    );
    const random = seededRandom(randomBelow(this.#random, 2 ** 31));
    const tab = new Tab(id, new Node(id, this.config, random, hidden, this.now));
    this.tabs.push(tab);
    this.#byId.set(id, tab);
    this.start(tab);
    return tab;
  }

  openMany(count: number): Tab[] {
    return Array.from({ length: count }, () => this.open());
  }

  start(tab: Tab): void {
    tab.joined = true;
    this.input(tab, { type: 'start' });
    this.#tellPeers(tab);
  }

  /** Leaves the room in an orderly way. */
  stop(tab: Tab): void {
    this.input(tab, { type: 'stop' });
    tab.joined = false;
    for (const peer of [...tab.wires.keys()]) this.#unplug(tab, peer);
  }

  /** The tab is gone without a word. */
  kill(tab: Tab): void {
    tab.alive = false;
    tab.joined = false;
  }

  /** Nothing runs in the tab until `thaw`: no timers, no messages. */
  freeze(tab: Tab): void {
    tab.waiting ??= [];
  }

  thaw(tab: Tab): void {
    const waiting = tab.waiting ?? [];
    tab.waiting = undefined;
    for (const run of waiting) run();
  }

  /** Splits the network: tabs reach only those of their own group. */
  partition(groups: readonly (readonly Tab[])[]): void {
    this.#groups = new Map();
    for (const [i, tabs] of groups.entries()) for (const { id } of tabs) this.#groups.set(id, i);
    for (const tab of this.tabs) {
      for (const [peer, wire] of tab.wires) if (!this.#reaches(tab.id, peer)) wire.cut = true;
    }
  }

  /** Ends the partition; connections that it cut and nobody gave up break. */
  heal(): void {
    this.#groups = new Map();
    for (const tab of this.tabs) {
      for (const [peer, wire] of [...tab.wires]) if (wire.cut) this.#broken(tab, peer, wire);
    }
  }

  /** Breaks the connection between two tabs; both see it. */
  breakWire(a: Tab, b: Tab): void {
    const wire = a.wires.get(b.id);
    if (wire === undefined) return;
    this.#broken(a, b.id, wire);
    this.#broken(b, a.id, wire);
  }

  /** Nothing passes between two tabs any more, and neither is told. */
  silence(a: Tab, b: Tab): void {
    const wire = a.wires.get(b.id);
    if (wire !== undefined) wire.cut = true;
  }

  /** Sends raw bytes from one tab to another over their connection. */
  inject(from: Tab, to: PeerId, bytes: Uint8Array): void {
    this.#carry(from, to, bytes);
  }

  input(tab: Tab, input: Input): void {
    if (!tab.alive) return;
    for (const effect of tab.node.handle(input, this.now)) this.#do(tab, effect);
    if (tab.node.neighbors.length > this.config.activeMax) {
      expect.fail(`more links than activeMax\n${this.dump()}`);
    }
  }

  runFor(ms: number): void {
    const end = this.now + ms;
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#pop();
      this.now = next.at;
      next.run();
    }
    this.now = end;
  }

  /** Runs until `condition` holds; milliseconds that it took. Fails where it takes over `limit`. */
  runUntil(what: string, limit: number, condition: () => boolean): number {
    const start = this.now;
    while (!condition()) {
      if (this.now - start >= limit) expect.fail(`not within ${limit} ms: ${what}\n${this.dump()}`);
      this.runFor(50);
    }
    return this.now - start;
  }

  /** Who sees whom, for people who read a failure. */
  dump(): string {
    return this.tabs
      .map((tab) => {
        const short = (id: PeerId) => id.slice(0, 4);
        const members = tab.node.members.map(({ id, status }) => `${short(id)}:${status}`);
        const state = tab.alive ? (tab.joined ? '' : ' (out)') : ' (killed)';
        return `${short(tab.id)}${state} links ${tab.node.neighbors.map(short).join(' ')} members ${members.join(' ')}`;
      })
      .join('\n');
  }

  get inRoom(): Tab[] {
    return this.tabs.filter((tab) => tab.alive && tab.joined);
  }

  /** Whether all tabs in the room know exactly each other, all alive. */
  agree(): boolean {
    const tabs = this.inRoom;
    return tabs.every(({ node }) => {
      const { members } = node;
      return members.length === tabs.length && members.every(({ status }) => status === 'alive');
    });
  }

  /** Whether everyone in the room is linked with everyone. */
  isFullyLinked(): boolean {
    return this.inRoom.every(({ node }) => node.neighbors.length === this.inRoom.length - 1);
  }

  /** Whether links that both sides count join all tabs in the room. */
  isOneComponent(): boolean {
    const tabs = new Map(this.inRoom.map((tab) => [tab.id, tab]));
    const [first] = tabs.keys();
    if (first === undefined) return true;
    const reached = new Set([first]);
    for (const id of reached) {
      for (const peer of tabs.get(id)?.node.neighbors ?? []) {
        if (tabs.get(peer)?.node.neighbors.includes(id) === true) reached.add(peer);
      }
    }
    return reached.size === tabs.size;
  }

  #do(tab: Tab, effect: Effect): void {
    switch (effect.type) {
      case 'send':
        return this.#carry(tab, effect.peer, effect.bytes);
      case 'dial':
        return this.#dial(tab, effect.peer);
      case 'hangUp':
        return this.#unplug(tab, effect.peer);
      case 'find':
        return this.#tellPeers(tab);
      case 'timer':
        return this.#setTimer(tab, effect.name, effect.delay);
      case 'cancelTimers':
        return tab.timers.clear();
      default:
        tab.told.push({ at: this.now, effect });
    }
  }

  #setTimer(tab: Tab, name: TimerName, delay: number): void {
    const token = {};
    tab.timers.set(name, token);
    this.#after(delay, tab, () => {
      if (tab.timers.get(name) === token) this.input(tab, { type: 'timer', name });
    });
  }

  #tellPeers(tab: Tab): void {
    this.#after(this.#signalingDelay(), tab, () => {
      if (!tab.joined || !this.signalingUp) return;
      const others = this.inRoom.filter(({ id }) => id !== tab.id && this.#reaches(id, tab.id));
      const peers = sample(this.#random, others, TOLD_PEERS).map(({ id }) => id);
      this.input(tab, { type: 'candidates', peers });
    });
  }

  /** As the runtime's dialer does it: an offer, its answer, and the smaller id's offer in glare. */
  #dial(tab: Tab, peer: PeerId): void {
    if (tab.wires.has(peer)) return;
    const wire: Wire = { initiator: tab.id, open: false, cut: false };
    tab.wires.set(peer, wire);
    if (!this.signalingUp || !this.#reaches(tab.id, peer)) return;
    const other = this.#byId.get(peer);
    if (other === undefined || !other.joined) {
      this.#after(LATENCY_MS, tab, () => this.#broken(tab, peer, wire));
      return;
    }
    this.#after(this.#signalingDelay(), other, () => this.#offered(other, tab, wire));
  }

  #offered(tab: Tab, from: Tab, wire: Wire): void {
    const current = tab.wires.get(from.id);
    if (current !== undefined && current.initiator === tab.id && !current.open) {
      if (tab.id < from.id) return;
    }
    if (!tab.node.wouldAnswer(from.id, this.now)) {
      this.#after(LATENCY_MS, from, () => this.#broken(from, tab.id, wire));
      return;
    }
    if (current?.open === true) this.#broken(tab, from.id, current);
    tab.wires.set(from.id, wire);
    this.input(tab, { type: 'incoming', peer: from.id });
    this.#after(this.#signalingDelay(), from, () => {
      if (from.wires.get(tab.id) !== wire || wire.cut) return;
      wire.open = true;
      this.input(from, { type: 'linkUp', peer: tab.id });
    });
    this.#after(3 * LATENCY_MS, tab, () => this.#answererOpens(tab, from, wire));
  }

  #answererOpens(tab: Tab, from: Tab, wire: Wire): void {
    if (tab.wires.get(from.id) !== wire || wire.cut) return;
    if (wire.open) this.input(tab, { type: 'linkUp', peer: from.id });
    else this.#after(LATENCY_MS, tab, () => this.#answererOpens(tab, from, wire));
  }

  #carry(tab: Tab, peer: PeerId, bytes: Uint8Array): void {
    const wire = tab.wires.get(peer);
    const other = this.#byId.get(peer);
    if (wire === undefined || wire.cut || other === undefined) return;
    const arrive = () => {
      if (other.wires.get(tab.id) === wire && !wire.cut) {
        this.input(other, { type: 'frame', peer: tab.id, bytes });
      }
    };
    // What the first side sends before the second has seen the channel open waits for it.
    this.#after(4 * LATENCY_MS, other, arrive);
  }

  /** The tab ends its side; the other sees it after what was sent before. */
  #unplug(tab: Tab, peer: PeerId): void {
    const wire = tab.wires.get(peer);
    if (wire === undefined) return;
    tab.wires.delete(peer);
    const other = this.#byId.get(peer);
    if (other === undefined || wire.cut) return;
    this.#after(4 * LATENCY_MS, other, () => this.#broken(other, tab.id, wire));
  }

  #broken(tab: Tab, peer: PeerId, wire: Wire): void {
    if (tab.wires.get(peer) !== wire) return;
    tab.wires.delete(peer);
    this.input(tab, { type: 'linkDown', peer, byPeer: true });
  }

  #reaches(a: PeerId, b: PeerId): boolean {
    return this.#groups.get(a) === this.#groups.get(b);
  }

  #signalingDelay(): number {
    return LATENCY_MS + randomBelow(this.#random, LATENCY_MS);
  }

  /** Runs `run` in the tab after `delay`, or when it thaws. */
  #after(delay: number, tab: Tab, run: () => void): void {
    this.#push({
      at: this.now + delay,
      order: this.#order++,
      run: () => {
        if (!tab.alive) return;
        if (tab.waiting === undefined) run();
        else tab.waiting.push(run);
      },
    });
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.push(happening) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!isBefore(happening, heap[up] as Happening)) break;
      heap[at] = heap[up] as Happening;
      at = up;
    }
    heap[at] = happening;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && isBefore(heap[down + 1] as Happening, heap[down] as Happening))
        down++;
      if (!isBefore(heap[down] as Happening, last)) break;
      heap[at] = heap[down] as Happening;
      at = down;
    }
    heap[at] = last;
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}
