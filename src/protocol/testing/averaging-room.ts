/** Averaging machines on a graph in virtual time, for tests: latency, loss, repetition, deaths and joins. */

import { toHex } from '../../util/bytes.ts';
import type { PeerId } from '../../util/peer-id.ts';
import { jitter, type Random, randomBelow, sample, seededRandom } from '../../util/random.ts';
import { Averaging } from '../aggregates/averaging.ts';

const NETWORK = { averagingInterval: 1_000, latencyMs: 30, loss: 0, repeated: 0 };

export type RoomOptions = Partial<typeof NETWORK>;

export class AveragingRoom {
  readonly random: Random;
  readonly tabs = new Map<PeerId, Averaging>();
  readonly links = new Map<PeerId, Set<PeerId>>();
  readonly values = new Map<PeerId, number>();
  readonly sent = { messages: 0, bytes: 0 };
  readonly changes: { peer: PeerId; name: string }[] = [];
  now = 0;
  readonly #options: typeof NETWORK;
  #underWay: { at: number; from: PeerId; to: PeerId; payload: Uint8Array }[] = [];
  readonly #deaf = new Set<PeerId>();

  constructor(seed: number, options: RoomOptions = {}) {
    this.random = seededRandom(seed);
    this.#options = { ...NETWORK, ...options };
  }

  /** Adds a tab with links to these. */
  join(...neighbors: PeerId[]): PeerId {
    const id = toHex(Uint8Array.from({ length: 16 }, () => randomBelow(this.random, 256)));
    const random = seededRandom(randomBelow(this.random, 2 ** 32));
    this.tabs.set(
      id,
      new Averaging(id, this.#options, random, {
        send: (to, payload) => this.#send(id, to, payload),
        changed: (name) => this.changes.push({ peer: id, name }),
        size: () => this.tabs.size,
      }),
    );
    this.links.set(id, new Set());
    for (const neighbor of neighbors) this.link(id, neighbor);
    return id;
  }

  /** Adds `count` tabs, linked at random with `degree` links each (the pairing model). */
  joinRegular(count: number, degree: number): PeerId[] {
    const ids = Array.from({ length: count }, () => this.join());
    for (let round = 0; round < degree; round++) {
      const open = ids.filter((id) => this.#linksOf(id).size <= round);
      const order = sample(this.random, open, open.length);
      while (order.length > 1) {
        const id = order.pop() as PeerId;
        const at = order.findIndex((other) => !this.#linksOf(id).has(other));
        if (at >= 0) this.link(id, ...order.splice(at, 1));
      }
    }
    return ids;
  }

  link(one: PeerId, ...others: PeerId[]): void {
    for (const other of others) {
      this.#linksOf(one).add(other);
      this.#linksOf(other).add(one);
      this.tabs.get(one)?.neighborUp(other, this.now);
      this.tabs.get(other)?.neighborUp(one, this.now);
    }
  }

  unlink(one: PeerId, other: PeerId): void {
    for (const [id, peer] of [
      [one, other],
      [other, one],
    ] as const) {
      this.#linksOf(id).delete(peer);
      this.tabs.get(id)?.neighborDown(peer, this.now);
    }
  }

  set(id: PeerId, value: number | undefined, name = 'load'): void {
    this.tabs.get(id)?.set(name, value, this.now);
    if (value === undefined) this.values.delete(id);
    else this.values.set(id, value);
  }

  /** These tabs fall silent; `notice` makes the others notice. */
  crash(ids: readonly PeerId[]): void {
    for (const id of ids) {
      this.#deaf.add(id);
      this.values.delete(id);
    }
  }

  notice(ids: readonly PeerId[], relink = false): void {
    for (const id of ids) {
      const neighbors = [...this.#linksOf(id)];
      for (const neighbor of neighbors) {
        this.#linksOf(neighbor).delete(id);
        this.tabs.get(neighbor)?.neighborDown(id, this.now);
      }
      this.tabs.delete(id);
      this.links.delete(id);
      for (const tab of this.tabs.values()) tab.memberGone(id, this.now);
      if (!relink) continue;
      while (neighbors.length > 1) {
        const [one, other] = [neighbors.pop() as PeerId, neighbors.pop() as PeerId];
        if (this.tabs.has(one) && this.tabs.has(other) && !this.#linksOf(one).has(other))
          this.link(one, other);
      }
    }
  }

  /** Lets `ms` go by. */
  run(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      let next = end;
      for (const [id, tab] of this.tabs) if (!this.#deaf.has(id)) next = Math.min(next, tab.due);
      for (const { at } of this.#underWay) next = Math.min(next, at);
      if (next >= end) break;
      this.now = Math.max(this.now, next);
      const due = this.#underWay.filter(({ at }) => at <= this.now);
      this.#underWay = this.#underWay.filter(({ at }) => at > this.now);
      for (const { from, to, payload } of due) {
        if (this.#deaf.has(to) || !this.links.get(to)?.has(from)) continue;
        if (this.tabs.get(to)?.onPayload(from, payload, this.now) === false) {
          throw new Error('unreadable');
        }
      }
      for (const [id, tab] of this.tabs) {
        if (!this.#deaf.has(id) && tab.due <= this.now) tab.tick(this.now);
      }
    }
    this.now = end;
  }

  get truth(): { mean: number; count: number; min: number; max: number } {
    const all = [...this.values.values()];
    return {
      mean: all.reduce((sum, value) => sum + value, 0) / all.length,
      count: all.length,
      min: Math.min(...all),
      max: Math.max(...all),
    };
  }

  /** The worst relative error of the mean over all tabs; 1 where one has none. */
  worstError(name = 'load'): number {
    const { mean } = this.truth;
    let worst = 0;
    for (const [id, tab] of this.tabs) {
      if (this.#deaf.has(id)) continue;
      const estimate = tab.estimate(name);
      worst = Math.max(worst, estimate === undefined ? 1 : Math.abs(estimate.mean / mean - 1));
    }
    return worst;
  }

  #linksOf(id: PeerId): Set<PeerId> {
    return this.links.get(id) as Set<PeerId>;
  }

  #send(from: PeerId, to: PeerId, payload: Uint8Array): void {
    this.sent.messages++;
    this.sent.bytes += payload.length;
    if (this.random() < this.#options.loss) return;
    const copies = this.random() < this.#options.repeated ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      const at = this.now + jitter(this.random, this.#options.latencyMs, 0.5);
      this.#underWay.push({ at, from, to, payload });
    }
  }
}
