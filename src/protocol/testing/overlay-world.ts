/**
 * Overlays in virtual time, for tests of the overlay alone: connections take two round trips to make,
 * signaling can be down, and membership is an oracle that knows who is in the room and who is linked
 * with whom a moment after it is so.
 */

import { World } from '../../simulation/world.ts';
import type { PeerId } from '../../util/peer-id.ts';
import { jitter, type Random, randomBelow, sample, seededRandom } from '../../util/random.ts';
import { type ProtocolConfig, resolveConfig } from '../config.ts';
import type { Effect } from '../effects.ts';
import { Overlay } from '../overlay/hyparview.ts';
import type { RoomView } from '../overlay/room-view.ts';
import { everyone } from '../overlay/seeker.ts';
import type { Frame, MemberEntry } from '../wire.ts';
import { claimOf } from './members.ts';

const LATENCY_MS = 20;
const TOLD_PEERS = 6;
/** The oracle tells what it knows this late. */
const GOSSIP_MS = 300;
/** How long it takes to tell a neighbor that a tab is suspected, and then dead. */
const SUSPECTED_MS = 1_500;
const DEAD_MS = 4_000;

/** One tab: its overlay, and the ends of its connections. */
export class OverlayTab implements RoomView {
  readonly overlay: Overlay;
  readonly self: MemberEntry;
  readonly world: OverlayWorld;
  /** The other side of each connection; `open` once both may send. */
  readonly wires = new Map<PeerId, { open: boolean }>();
  readonly told: Effect[] = [];
  readonly sent: Record<string, number> = {};
  alive = true;
  #wakeAt = Number.POSITIVE_INFINITY;

  constructor(world: OverlayWorld, id: PeerId, hidden: boolean, seed: number) {
    this.world = world;
    this.self = claimOf(id, 'alive', 0, { hidden });
    this.overlay = new Overlay(world.config, seededRandom(seed), this, {
      effect: (effect) => world.effect(this, effect),
      send: (peer, frame) => {
        this.sent[frame.type] = (this.sent[frame.type] ?? 0) + 1;
        world.carry(this, peer, frame);
      },
      neighborUp: (hello, now) => {
        world.mostLinks = Math.max(world.mostLinks, this.overlay.neighbors().size);
        // Members are exchanged with a new neighbor.
        world.after(LATENCY_MS, this, () =>
          this.overlay.memberChanged(hello.entry, undefined, now),
        );
      },
      neighborDown: () => undefined,
    });
  }

  get id(): PeerId {
    return this.self.id;
  }

  /** A tab without links knows nobody. */
  get count(): number {
    return this.world.isPartial || this.overlay.neighbors().size === 0
      ? this.overlay.neighbors().size + 1
      : this.world.known.size;
  }

  get size(): number {
    return this.overlay.neighbors().size === 0 ? 1 : this.world.known.size;
  }

  get isPartial(): boolean {
    return this.world.isPartial;
  }

  get graph() {
    const { world } = this;
    return {
      get version() {
        return world.version;
      },
      neighborsOf: (id: PeerId) => world.lists.get(id) ?? [],
      isSuspect: () => false,
      linksOf: (id: PeerId) => world.lists.get(id)?.length ?? 0,
    };
  }

  isPresent(id: PeerId): boolean {
    if (id === this.id || this.overlay.isNeighbor(id)) return true;
    return !this.isPartial && this.overlay.neighbors().size > 0 && this.world.known.has(id);
  }

  *present(): Iterable<MemberEntry> {
    for (const entry of this.world.known.values()) if (this.isPresent(entry.id)) yield entry;
  }

  /** Runs `act` in the tab, and then what is due. */
  run(act: (now: number) => void): void {
    if (!this.alive) return;
    act(this.world.now);
    if (this.overlay.due <= this.world.now) this.overlay.tick(this.world.now);
    const { due } = this.overlay;
    if (due >= this.#wakeAt) return;
    this.#wakeAt = due;
    this.world.after(Math.max(0, due - this.world.now), this, () => {
      if (this.#wakeAt <= this.world.now) this.#wakeAt = Number.POSITIVE_INFINITY;
    });
  }
}

export class OverlayWorld {
  readonly config: ProtocolConfig;
  readonly isPartial: boolean;
  readonly tabs: OverlayTab[] = [];
  /** Members and lists as the oracle tells of them. */
  readonly known = new Map<PeerId, MemberEntry>();
  readonly lists = new Map<PeerId, readonly PeerId[]>();
  version = 0;
  /** Neighbors that any tab ever had at once. */
  mostLinks = 0;
  signalingUp = true;
  readonly #random: Random;
  readonly #world: World;
  readonly #byId = new Map<PeerId, OverlayTab>();

  constructor(seed: number, config: Partial<ProtocolConfig> = {}, isPartial = false) {
    this.#world = new World(seed);
    this.#random = this.#world.random('overlays');
    this.config = resolveConfig(config);
    this.isPartial = isPartial;
    this.#gossip();
  }

  /** A tab that joins now. */
  open(hidden = false): OverlayTab {
    const digits = Array.from({ length: 32 }, () => randomBelow(this.#random, 16).toString(16));
    const seed = randomBelow(this.#random, 2 ** 31);
    const tab = new OverlayTab(this, digits.join(''), hidden, seed);
    this.tabs.push(tab);
    this.#byId.set(tab.id, tab);
    tab.run((now) => tab.overlay.start(now));
    this.#tellPeers(tab);
    return tab;
  }

  openMany(count: number, everyMs = 0): OverlayTab[] {
    return Array.from({ length: count }, () => {
      const tab = this.open();
      this.runFor(everyMs);
      return tab;
    });
  }

  /** The tab is gone without a word; its neighbors suspect it after a while, and then take it for dead. */
  kill(tab: OverlayTab): void {
    tab.alive = false;
    this.#world.after(SUSPECTED_MS + DEAD_MS, () => this.known.delete(tab.id));
    for (const peer of tab.overlay.neighbors()) {
      const other = this.#byId.get(peer);
      if (other === undefined) continue;
      const noticed = jitter(this.#random, SUSPECTED_MS, 0.5);
      this.after(noticed, other, () => other.overlay.suspected(tab.id, true, this.now));
      this.after(noticed + DEAD_MS, other, () => other.overlay.dead(tab.id, this.now));
    }
  }

  leave(tab: OverlayTab): void {
    tab.run((now) => tab.overlay.stop(now));
    tab.alive = false;
    this.known.delete(tab.id);
  }

  get now(): number {
    return this.#world.now;
  }

  runFor(ms: number): void {
    this.#world.run(ms);
  }

  /** Runs until `condition` holds, `limit` at most; the milliseconds that it took. */
  runUntil(limit: number, condition: () => boolean): number {
    const start = this.now;
    while (!condition() && this.now - start < limit) this.runFor(50);
    return this.now - start;
  }

  get living(): OverlayTab[] {
    return this.tabs.filter(({ alive }) => alive);
  }

  /** Neighbors of each living tab that live. */
  degrees(): number[] {
    return this.living.map(
      (tab) => [...tab.overlay.neighbors()].filter((id) => this.#byId.get(id)?.alive).length,
    );
  }

  isOneComponent(): boolean {
    const [first] = this.living;
    if (first === undefined) return true;
    const reached = new Set([first]);
    for (const tab of reached) {
      for (const id of tab.overlay.neighbors()) {
        const other = this.#byId.get(id);
        if (other?.alive && other.overlay.isNeighbor(tab.id)) reached.add(other);
      }
    }
    return reached.size === this.living.length;
  }

  /** Effects of one type that all tabs had. */
  told(type: Effect['type']): number {
    return this.tabs.reduce(
      (sum, tab) => sum + tab.told.filter((effect) => effect.type === type).length,
      0,
    );
  }

  /** Links that one side counts and the other does not. */
  oneSided(): number {
    return this.living.reduce((sum, tab) => {
      const others = [...tab.overlay.neighbors()].map((id) => this.#byId.get(id));
      return sum + others.filter((other) => !other?.overlay.isNeighbor(tab.id)).length;
    }, 0);
  }

  /** Frames of one kind that all tabs sent. */
  sent(type: Frame['type']): number {
    return this.tabs.reduce((sum, tab) => sum + (tab.sent[type] ?? 0), 0);
  }

  effect(tab: OverlayTab, effect: Effect): void {
    tab.told.push(effect);
    if (effect.type === 'dial') this.#dial(tab, effect.peer);
    else if (effect.type === 'hangUp') this.#unplug(tab, effect.peer);
    else if (effect.type === 'find') this.#tellPeers(tab);
  }

  carry(tab: OverlayTab, peer: PeerId, frame: Frame): void {
    const wire = tab.wires.get(peer);
    const other = this.#byId.get(peer);
    if (wire === undefined || other === undefined) return;
    this.after(LATENCY_MS, other, () => {
      if (other.wires.get(tab.id) === wire) other.overlay.receive(tab.id, frame, this.now);
    });
  }

  after(delay: number, tab: OverlayTab, act: () => void): void {
    this.#world.after(delay, () => tab.run(act));
  }

  #tellPeers(tab: OverlayTab): void {
    this.after(2 * LATENCY_MS, tab, () => {
      if (!this.signalingUp) return;
      const others = this.living.filter((other) => other !== tab);
      const peers = sample(this.#random, others, TOLD_PEERS).map(({ id }) => id);
      tab.overlay.candidates(peers, this.now);
    });
  }

  /** As the dialer does it; who is reached neither by signaling nor over the mesh is never linked. */
  #dial(tab: OverlayTab, peer: PeerId): void {
    if (tab.wires.has(peer)) return;
    const wire = { open: false };
    tab.wires.set(peer, wire);
    const other = this.#byId.get(peer);
    const isReached = this.signalingUp || tab.overlay.canRoute(peer, this.now);
    if (other === undefined || !isReached || !other.alive) return;
    const fail = () => this.#broken(tab, peer, wire);
    this.after(2 * LATENCY_MS, other, () => {
      const current = other.wires.get(tab.id);
      if (current !== undefined && !current.open && other.id < tab.id) return;
      if (!other.overlay.wouldAnswer(tab.id, this.now)) return this.after(LATENCY_MS, tab, fail);
      if (current?.open === true) this.#broken(other, tab.id, current);
      other.wires.set(tab.id, wire);
      other.overlay.incoming(tab.id, this.now);
      this.after(4 * LATENCY_MS, other, () => this.#opened(other, tab, wire));
    });
  }

  #opened(a: OverlayTab, b: OverlayTab, wire: { open: boolean }): void {
    if (a.wires.get(b.id) !== wire || b.wires.get(a.id) !== wire || !b.alive) return;
    wire.open = true;
    a.overlay.linkUp(b.id, this.now);
    b.run((now) => b.overlay.linkUp(a.id, now));
  }

  #unplug(tab: OverlayTab, peer: PeerId): void {
    const wire = tab.wires.get(peer);
    tab.wires.delete(peer);
    const other = this.#byId.get(peer);
    if (wire === undefined || other === undefined) return;
    this.after(2 * LATENCY_MS, other, () => this.#broken(other, tab.id, wire));
  }

  #broken(tab: OverlayTab, peer: PeerId, wire: object): void {
    if (tab.wires.get(peer) !== wire) return;
    tab.wires.delete(peer);
    tab.overlay.linkDown(peer, true, this.now);
  }

  /** The oracle learns how things are. */
  #gossip(): void {
    this.version++;
    for (const { id } of this.tabs.filter(({ alive }) => !alive)) this.lists.delete(id);
    for (const tab of this.living) {
      const isNew = !this.known.has(tab.id) && tab.overlay.neighbors().size > 0;
      if (tab.overlay.neighbors().size > 0) this.known.set(tab.id, tab.self);
      this.lists.set(tab.id, [...tab.overlay.neighbors()]);
      if (isNew && this.known.size <= everyone(this.config)) this.#tellOf(tab);
    }
    this.#world.after(GOSSIP_MS, () => this.#gossip());
  }

  #tellOf(came: OverlayTab): void {
    for (const tab of this.living) {
      if (tab !== came) tab.run((now) => tab.overlay.memberChanged(came.self, undefined, now));
    }
  }
}
