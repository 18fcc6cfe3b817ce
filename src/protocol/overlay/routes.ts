/**
 * Source routes to tabs without a link of one's own (SPEC.md, section 4).
 *
 * A route is learned from what came that way (random walks, relayed frames; as in dynamic source
 * routing: Johnson, Maltz 1996), or found breadth first in the gossiped graph of who is linked with
 * whom. It names the tabs after this one, the last being the target.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { MAX_ROUTE } from '../limits.ts';
import type { LinkTable } from './link-table.ts';

const MAX_LEARNED = 256;
/** A route that was walked so lately is taken before the graph is asked. */
const FRESH_MS = 30_000;
/** How long a link over which nothing could be passed on is not routed over. */
const BROKEN_MS = 30_000;
const MAX_BROKEN = 256;

/** Who is linked with whom, by what members say. */
export interface RouteGraph {
  /** Changes whenever an edge does. */
  readonly version: number;
  /** Present members that `id` lists as neighbors; empty where it is not known. */
  neighborsOf(id: PeerId): readonly PeerId[];
  /** Whether the member may be dead, so that nothing is sent over it. */
  isSuspect(id: PeerId): boolean;
}

interface Learned {
  readonly route: readonly PeerId[];
  readonly at: number;
}

export class Routes {
  readonly #self: PeerId;
  readonly #links: LinkTable;
  readonly #graph: RouteGraph;
  /** By target, the earliest learned first. */
  readonly #learned = new Map<PeerId, Learned>();
  /** Links that failed, as `from` + `to`, with the time until which they are shunned. */
  readonly #broken = new Map<string, number>();
  /** Targets that the graph does not reach at its present version. */
  readonly #unreached = new Set<PeerId>();
  #version = -1;

  constructor(self: PeerId, links: LinkTable, graph: RouteGraph) {
    this.#self = self;
    this.#links = links;
    this.#graph = graph;
  }

  /** Notes a route that was just walked; it is cut short where it passes a neighbor of this tab. */
  learn(walked: readonly PeerId[], now: number): void {
    const target = walked.at(-1);
    if (target === undefined || target === this.#self || walked.includes(this.#self)) return;
    let from = walked.length - 1;
    while (from > 0 && !this.#links.isLive(walked[from] as PeerId)) from--;
    this.#remember(target, walked.slice(from), now);
  }

  /** A way to `target` that starts at a neighbor; `undefined` where none is known. */
  to(target: PeerId, now: number): readonly PeerId[] | undefined {
    if (target === this.#self) return undefined;
    if (this.#links.isLive(target)) return [target];
    const learned = this.#learned.get(target);
    const first = learned?.route[0];
    const isUsable = first !== undefined && this.#links.isLive(first);
    if (learned !== undefined && isUsable && now - learned.at < FRESH_MS) return learned.route;
    const found = this.#search(target, now);
    if (found !== undefined) this.#remember(target, found, now);
    return found ?? (isUsable ? learned?.route : undefined);
  }

  /** `from` could not pass on what was for `target`: the link after it on the way there is shunned. */
  failed(from: PeerId, target: PeerId, now: number): void {
    const route = this.#learned.get(target)?.route ?? [];
    const at = route.indexOf(from);
    if (at >= 0) this.#shun(route.slice(at, at + 2), now);
    this.#learned.delete(target);
  }

  /** What was sent to `target` brought no answer: all links between on the way there are shunned. */
  unanswered(target: PeerId, now: number): void {
    this.#shun(this.#learned.get(target)?.route ?? [], now);
    this.#learned.delete(target);
  }

  /** This tab's own links changed, so that others may be reached. */
  linksChanged(): void {
    this.#unreached.clear();
  }

  /** Forgets what was learned, for a fresh start after a pause. */
  reset(): void {
    this.#learned.clear();
    this.#broken.clear();
    this.#unreached.clear();
  }

  #shun(way: readonly PeerId[], now: number): void {
    this.#unreached.clear();
    for (let i = 0; i + 1 < way.length; i++) {
      this.#broken.set(`${way[i]}${way[i + 1]}`, now + BROKEN_MS);
      const [oldest] = this.#broken.keys();
      if (this.#broken.size > MAX_BROKEN && oldest !== undefined) this.#broken.delete(oldest);
    }
  }

  #remember(target: PeerId, route: readonly PeerId[], now: number): void {
    this.#learned.delete(target);
    this.#learned.set(target, { route, at: now });
    const [oldest] = this.#learned.keys();
    if (this.#learned.size > MAX_LEARNED && oldest !== undefined) this.#learned.delete(oldest);
  }

  /** Breadth first from this tab over links that members list; visible neighbors go first. */
  #search(target: PeerId, now: number): readonly PeerId[] | undefined {
    if (this.#version !== this.#graph.version) {
      this.#version = this.#graph.version;
      this.#unreached.clear();
    }
    if (this.#unreached.has(target)) return undefined;
    const before = new Map<PeerId, PeerId>([[this.#self, this.#self]]);
    let ring: PeerId[] = [];
    const first = this.#links.neighborLinks().filter(({ suspected }) => !suspected);
    for (const { peer } of first.sort((a, b) => Number(a.hidden) - Number(b.hidden))) {
      before.set(peer, this.#self);
      ring.push(peer);
    }
    for (let hops = 2; hops <= MAX_ROUTE && ring.length > 0; hops++) {
      const next: PeerId[] = [];
      for (const at of ring) {
        for (const peer of this.#graph.neighborsOf(at)) {
          if (before.has(peer) || this.#isBroken(at, peer, now)) continue;
          if (peer !== target && this.#graph.isSuspect(peer)) continue;
          before.set(peer, at);
          if (peer === target) return this.#wayBack(target, before);
          next.push(peer);
        }
      }
      ring = next;
    }
    if (this.#unreached.size < MAX_LEARNED) this.#unreached.add(target);
    return undefined;
  }

  #wayBack(target: PeerId, before: ReadonlyMap<PeerId, PeerId>): PeerId[] {
    const route: PeerId[] = [];
    for (let at = target; at !== this.#self; at = before.get(at) as PeerId) route.push(at);
    return route.reverse();
  }

  #isBroken(from: PeerId, to: PeerId, now: number): boolean {
    if (this.#broken.size === 0) return false;
    const until = this.#broken.get(from + to);
    return until !== undefined && until > now;
  }
}
