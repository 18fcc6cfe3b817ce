/** A room of membership machines alone, in virtual time, over a random regular graph. */

import type { PeerId } from '../../util/peer-id.ts';
import { type Random, randomBelow, seededRandom } from '../../util/random.ts';
import { type ProtocolConfig, resolveConfig } from '../config.ts';
import { Swim } from '../membership/swim.ts';
import type { Frame, FrameOf } from '../wire.ts';
import { encodeFrame } from '../wire-codec.ts';

type SwimFrame = FrameOf<'members' | 'ping' | 'pong' | 'pingReq' | 'nack' | 'round'>;

export interface RoomOptions {
  readonly tabs: number;
  readonly seed: number;
  readonly degree?: number;
  /** Milliseconds one way, spread evenly between the two. */
  readonly latency?: readonly [number, number];
  readonly loss?: number;
  readonly config?: Partial<ProtocolConfig>;
  /** Milliseconds between each tab's rounds; none where it is 0. */
  readonly roundInterval?: number;
  /** Which tabs are hidden from the start. */
  readonly isHidden?: (tab: number) => boolean;
  /** Whether tabs that lost neighbors link with others. */
  readonly repairs?: boolean;
}

export interface RoomTab {
  readonly id: PeerId;
  readonly index: number;
  readonly swim: Swim;
  readonly neighbors: Set<RoomTab>;
  readonly dialed: { peer: PeerId; at: number }[];
  isUp: boolean;
  hidden: boolean;
  frozenUntil: number;
  backlog: { from: RoomTab; frame: Frame }[];
  /** When the timer that is set goes off, and the due time that it was set for. */
  timerAt: number;
  timerDue: number;
  bytes: number;
  frames: number;
}

/** One verdict of death, as it was told to the layers above of `by`. */
export interface Death {
  readonly by: RoomTab;
  readonly of: PeerId;
  readonly at: number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class SwimRoom {
  readonly tabs: RoomTab[] = [];
  readonly deaths: Death[] = [];
  readonly suspicions: Death[] = [];
  /** Whether frames pass between two tabs. */
  connects: (a: RoomTab, b: RoomTab) => boolean = () => true;
  onDial: ((tab: RoomTab, peer: PeerId) => void) | undefined;
  now = 0;
  readonly random: Random;
  readonly #options: RoomOptions;
  readonly #config: ProtocolConfig;
  readonly #byId = new Map<PeerId, RoomTab>();
  readonly #heap: Event[] = [];
  #order = 0;

  constructor(options: RoomOptions) {
    this.#options = options;
    this.#config = resolveConfig(options.config);
    this.random = seededRandom(options.seed);
    for (let i = 0; i < options.tabs; i++) this.add(options.isHidden?.(i) ?? false);
    for (const [a, b] of regularGraph(this.random, options.tabs, options.degree ?? 8)) {
      this.link(this.tabs[a] as RoomTab, this.tabs[b] as RoomTab);
    }
    const { repairs } = options;
    if (repairs === true) this.#every(500, () => this.#repair());
  }

  /** A tab with no links yet. */
  add(hidden = false): RoomTab {
    let id = '';
    while (id.length < 32)
      id += randomBelow(this.random, 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    const index = this.tabs.length;
    const swim = new Swim({ id, hidden }, this.#config, seededRandom(index + 1), this.now, {
      send: (peer, frame) => this.#send(tab, peer, frame),
      changed: ({ entry }) => {
        const verdict = { by: tab, of: entry.id, at: this.now };
        if (entry.status === 'dead') this.deaths.push(verdict);
        if (entry.status === 'suspect') this.suspicions.push(verdict);
      },
      suspected: () => undefined,
      dead: (peer) => this.at(this.now, () => this.unlink(tab, this.tab(peer))),
      dial: (peer) => {
        tab.dialed.push({ peer, at: this.now });
        this.onDial?.(tab, peer);
      },
    });
    const tab: RoomTab = {
      ...{ id, index, swim, hidden, neighbors: new Set(), dialed: [], isUp: true },
      ...{ frozenUntil: 0, backlog: [], timerAt: Number.POSITIVE_INFINITY, timerDue: 0 },
      ...{ bytes: 0, frames: 0 },
    };
    this.tabs.push(tab);
    this.#byId.set(id, tab);
    swim.join(this.now);
    const { roundInterval = 0 } = this.#options;
    if (roundInterval > 0) this.#rounds(tab, roundInterval);
    this.#arm(tab);
    return tab;
  }

  tab(id: PeerId): RoomTab {
    return this.#byId.get(id) as RoomTab;
  }

  get up(): RoomTab[] {
    return this.tabs.filter(({ isUp }) => isUp);
  }

  link(a: RoomTab, b: RoomTab): void {
    if (a === b || a.neighbors.has(b)) return;
    a.neighbors.add(b);
    b.neighbors.add(a);
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      one.swim.hintSize(other.swim.size, this.now);
      one.swim.neighborUp(other.swim.self, other.swim.size, this.now);
      this.#arm(one);
    }
  }

  unlink(a: RoomTab, b: RoomTab, how: 'lost' | 'closed' = 'closed'): void {
    if (!a.neighbors.delete(b)) return;
    b.neighbors.delete(a);
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      if (one.isUp) one.swim.neighborDown(other.id, how, this.now);
      this.#arm(one);
    }
  }

  /** The tab is gone without a word. */
  crash(tab: RoomTab): void {
    tab.isUp = false;
  }

  /** Nothing runs in the tab for so long; what comes meanwhile waits. */
  freeze(tab: RoomTab, ms: number): void {
    tab.frozenUntil = this.now + ms;
    this.at(tab.frozenUntil, () => this.#thaw(tab));
  }

  hide(tab: RoomTab, hidden: boolean): void {
    tab.hidden = hidden;
    tab.swim.setHidden(hidden, this.now);
    this.#arm(tab);
  }

  at(at: number, run: () => void): void {
    push(this.#heap, { at, order: this.#order++, run });
  }

  run(ms: number): void {
    const until = this.now + ms;
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      pop(this.#heap);
      this.now = next.at;
      next.run();
    }
    this.now = until;
  }

  /** Frames and bytes sent so far, over all tabs. */
  get traffic(): { frames: number; bytes: number } {
    let [frames, bytes] = [0, 0];
    for (const tab of this.tabs) {
      frames += tab.frames;
      bytes += tab.bytes;
    }
    return { frames, bytes };
  }

  /** The time at which every tab that is up had the member for dead; Infinity where one has not. */
  knownDeadAt(id: PeerId): number {
    const last = new Map<RoomTab, number>();
    for (const { by, of, at } of this.deaths) if (of === id) last.set(by, at);
    let known = 0;
    for (const tab of this.up) {
      if (tab.swim.isPresent(id)) return Number.POSITIVE_INFINITY;
      known = Math.max(known, last.get(tab) ?? 0);
    }
    return known;
  }

  #send(from: RoomTab, peer: PeerId, frame: Frame): void {
    const to = this.tab(peer);
    const { latency = [5, 50], loss = 0 } = this.#options;
    from.bytes += encodeFrame(frame).length;
    from.frames++;
    if (this.random() < loss || !this.connects(from, to)) return;
    const delay = latency[0] + (latency[1] - latency[0]) * this.random();
    this.at(this.now + delay, () => this.#receive(from, to, frame));
  }

  #receive(from: RoomTab, to: RoomTab, frame: Frame): void {
    if (!to.isUp || !to.neighbors.has(from)) return;
    if (to.frozenUntil > this.now) {
      to.backlog.push({ from, frame });
      return;
    }
    // As the node does: what is due is done when a frame comes, too.
    if (to.swim.due <= this.now) to.swim.tick(this.now, this.now - to.swim.due);
    to.swim.heard(from.id, this.now);
    to.swim.onFrame(from.id, frame as SwimFrame, this.now);
    this.#arm(to);
  }

  #thaw(tab: RoomTab): void {
    if (tab.frozenUntil > this.now) return;
    const { backlog } = tab;
    tab.backlog = [];
    tab.timerAt = Number.POSITIVE_INFINITY;
    if (tab.swim.due <= this.now) tab.swim.tick(this.now, this.now - tab.swim.due);
    for (const { from, frame } of backlog) this.#receive(from, tab, frame);
    this.#arm(tab);
  }

  /** Sets the tab's timer; that of a hidden page goes off at whole seconds of its own. */
  #arm(tab: RoomTab): void {
    const { due } = tab.swim;
    if (!tab.isUp || due === Number.POSITIVE_INFINITY) return;
    let at = Math.max(this.now, due);
    if (tab.hidden) {
      const phase = (tab.index * 37) % 1_000;
      at = Math.ceil((at - phase) / 1_000) * 1_000 + phase;
    }
    if (at >= tab.timerAt) return;
    tab.timerAt = at;
    tab.timerDue = due;
    this.at(at, () => {
      if (tab.timerAt !== at || !tab.isUp) return;
      if (tab.frozenUntil > this.now) return;
      tab.timerAt = Number.POSITIVE_INFINITY;
      const { due: dueNow } = tab.swim;
      if (dueNow <= this.now) tab.swim.tick(this.now, this.now - dueNow);
      this.#arm(tab);
    });
  }

  #rounds(tab: RoomTab, interval: number): void {
    this.at(this.now + interval * this.random() * 2, () => {
      if (!tab.isUp) return;
      const neighbors = [...tab.neighbors];
      const peer = neighbors[randomBelow(this.random, neighbors.length)];
      if (peer !== undefined && tab.frozenUntil <= this.now) {
        this.#send(tab, peer.id, tab.swim.round());
      }
      this.#rounds(tab, interval);
    });
  }

  #every(ms: number, run: () => void): void {
    this.at(this.now + ms, () => {
      run();
      this.#every(ms, run);
    });
  }

  /** A stand-in for the overlay: tabs that lack links are linked with members that they know. */
  #repair(): void {
    const { degree = 8 } = this.#options;
    for (const tab of this.up) {
      if (tab.neighbors.size >= degree - 1 || tab.frozenUntil > this.now) continue;
      const known = [...tab.swim.present()].map(({ id }) => this.tab(id));
      const other = known[randomBelow(this.random, known.length)];
      if (other?.isUp && other.neighbors.size < degree + 4 && this.connects(tab, other)) {
        this.link(tab, other);
      }
    }
  }
}

/** Edges of a random graph in which each of `n` has `degree` neighbors, or nearly so. */
function regularGraph(random: Random, n: number, degree: number): [number, number][] {
  const edges: [number, number][] = [];
  if (n <= degree + 1) {
    for (let a = 0; a < n; a++) for (let b = a + 1; b < n; b++) edges.push([a, b]);
    return edges;
  }
  // Rings in random order: each adds two neighbors, and one alone connects all.
  for (let ring = 0; ring < degree / 2; ring++) {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = randomBelow(random, i + 1);
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    for (let i = 0; i < n; i++) edges.push([order[i] as number, order[(i + 1) % n] as number]);
  }
  return edges;
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Event[], event: Event): void {
  let i = heap.length;
  heap.push(event);
  while (i > 0) {
    const up = (i - 1) >> 1;
    if (!isBefore(event, heap[up] as Event)) break;
    heap[i] = heap[up] as Event;
    i = up;
  }
  heap[i] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop() as Event;
  if (heap.length === 0) return;
  let i = 0;
  for (;;) {
    let down = 2 * i + 1;
    if (down >= heap.length) break;
    if (down + 1 < heap.length && isBefore(heap[down + 1] as Event, heap[down] as Event)) down++;
    if (!isBefore(heap[down] as Event, last)) break;
    heap[i] = heap[down] as Event;
    i = down;
  }
  heap[i] = last;
}
