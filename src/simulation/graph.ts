/** The graph of a room's links, as far as both sides count them. */

import type { Tab } from './tab.ts';

/** Links of tabs by their places in `tabs`. */
export class LinkGraph {
  readonly #next: number[][];

  constructor(tabs: readonly Tab[]) {
    const places = new Map(tabs.map((tab, place) => [tab.id, place]));
    this.#next = tabs.map((tab) =>
      [...tab.neighbors].flatMap((peer) => {
        const place = places.get(peer);
        const isMutual = place !== undefined && tabs[place]?.neighbors.has(tab.id);
        return isMutual === true ? [place] : [];
      }),
    );
  }

  /** Links of one tab. */
  degree(place: number): number {
    return this.#next[place]?.length ?? 0;
  }

  /** Hops from `start` to each tab by the shortest way; -1 where there is none. */
  depths(start: number): Int32Array {
    const depths = new Int32Array(this.#next.length).fill(-1);
    if (start >= depths.length) return depths;
    depths[start] = 0;
    const queue = [start];
    for (const place of queue) {
      for (const next of this.#next[place] as number[]) {
        if (depths[next] !== -1) continue;
        depths[next] = (depths[place] as number) + 1;
        queue.push(next);
      }
    }
    return depths;
  }

  /** Hops from `start` to the farthest tab that can be reached. */
  depth(start: number): number {
    return this.depths(start).reduce((most, depth) => Math.max(most, depth), 0);
  }

  /** Tabs in the largest component. */
  largestComponent(): number {
    const seen = new Uint8Array(this.#next.length);
    let largest = 0;
    for (let start = 0; start < seen.length; start++) {
      if (seen[start] === 1) continue;
      let size = 0;
      for (const [place, depth] of this.depths(start).entries()) {
        if (depth < 0) continue;
        seen[place] = 1;
        size++;
      }
      largest = Math.max(largest, size);
    }
    return largest;
  }

  /** Whether links join all tabs. */
  isOneComponent(): boolean {
    return this.#next.length === 0 || !this.depths(0).includes(-1);
  }
}
