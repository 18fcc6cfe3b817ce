/** What tabs send over their links: frames and bytes, by tab, by kind of frame, and by second. */

import { greatest, mean } from './figures.ts';
import { kindOf } from './frame-kinds.ts';
import type { Room } from './room.ts';
import type { Tab, TabWatcher } from './tab.ts';

const SECOND_MS = 1_000;

class TabTraffic {
  bytes = 0;
  /** The second that is being counted, its bytes, and the most that a second had. */
  second = -1;
  secondBytes = 0;
  peakBytes = 0;
}

/** What one kind of frame took. */
export interface KindTraffic {
  frames: number;
  bytes: number;
}

/** Application bytes: frames as the node gives them, without fragment headers, DTLS and IP. */
export class Traffic implements Pick<TabWatcher, 'sent'> {
  readonly #room: Room;
  #tabs = new Map<Tab, TabTraffic>();
  #kinds = new Map<string, KindTraffic>();
  #since: number;

  constructor(room: Room) {
    this.#room = room;
    this.#since = room.world.now;
    room.watch(this);
  }

  /** Counts anew from now on. */
  reset(): void {
    this.#tabs = new Map();
    this.#kinds = new Map();
    this.#since = this.#room.world.now;
  }

  /** Bytes a second and tab, over those that sent anything since `reset`. */
  bytesPerSecond(tabs: readonly Tab[]): number {
    const seconds = (this.#room.world.now - this.#since) / SECOND_MS;
    return mean(tabs.map((tab) => this.#tabs.get(tab)?.bytes ?? 0)) / seconds;
  }

  /** The most bytes that one tab sent in one second. */
  peakBytesPerSecond(): number {
    return greatest([...this.#tabs.values()].map(({ peakBytes }) => peakBytes));
  }

  /** Frames and bytes since `reset`, by kind of frame. */
  get kinds(): ReadonlyMap<string, KindTraffic> {
    return this.#kinds;
  }

  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#kinds.values()) sum += bytes;
    return sum;
  }

  sent(tab: Tab, _peer: string, bytes: Uint8Array): void {
    const { length } = bytes;
    let traffic = this.#tabs.get(tab);
    if (traffic === undefined) {
      traffic = new TabTraffic();
      this.#tabs.set(tab, traffic);
    }
    traffic.bytes += length;
    const second = Math.floor(this.#room.world.now / SECOND_MS);
    if (second !== traffic.second) {
      traffic.second = second;
      traffic.secondBytes = 0;
    }
    traffic.secondBytes += length;
    if (traffic.secondBytes > traffic.peakBytes) traffic.peakBytes = traffic.secondBytes;
    const kind = kindOf(bytes);
    const known = this.#kinds.get(kind);
    if (known === undefined) this.#kinds.set(kind, { frames: 1, bytes: length });
    else {
      known.frames++;
      known.bytes += length;
    }
  }
}
