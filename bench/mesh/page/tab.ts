/** One tab of the bench: a shared map, edits made in it, and when those of others arrive. */

import * as Y from 'yjs';
import { seededRandom } from '../../../src/util/random.ts';
import { indexOfValue, markedValue } from '../count-sends.ts';

/** A library that shares a Y.Doc, seen as the bench uses it. */
export interface Library {
  /** Shares `doc` in `room`; tells of each change in the number of open links. */
  join(room: string, doc: Y.Doc, signaling: string, onLinks: (count: number) => void): void;
}

/** What a tab saw since it joined; times are in ms, on a clock that all tabs of a machine share. */
export interface TabRecord {
  readonly joinedAt: number;
  /** When each edit of another tab arrived, by its number. */
  readonly arrivals: Readonly<Record<number, number>>;
  /** When each edit of this tab was made, by its number. */
  readonly written: Readonly<Record<number, number>>;
  /** Each change in the number of open links: when, and to how many. */
  readonly links: readonly (readonly [at: number, count: number])[];
}

/** Milliseconds since 1970, finer than Date's. */
const now = (): number => performance.timeOrigin + performance.now();

class Tab {
  readonly #library: Library;
  readonly #doc = new Y.Doc();
  readonly #edits = this.#doc.getMap<Uint8Array>('edits');
  readonly #arrivals: Record<number, number> = {};
  readonly #written: Record<number, number> = {};
  readonly #links: [number, number][] = [];
  #joinedAt = 0;

  constructor(library: Library) {
    this.#library = library;
  }

  /** Joins `room`, and tells the WebSocket server at `teller` the number of each edit that arrives. */
  async join(room: string, signaling: string, teller: string): Promise<void> {
    const socket = new WebSocket(teller);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error(`no connection to ${teller}`));
    });
    this.#edits.observe(({ keysChanged }, { local }) => {
      if (local) return;
      const at = now();
      for (const key of keysChanged) {
        const index = indexOfValue(this.#edits.get(key as string) as Uint8Array);
        this.#arrivals[index] = at;
        socket.send(String(index));
      }
    });
    this.#joinedAt = now();
    this.#library.join(room, this.#doc, signaling, (count) => this.#links.push([now(), count]));
  }

  /** Makes edit `index`; its value is the same in every run. */
  write(index: number): void {
    const value = markedValue(index, seededRandom(index));
    this.#written[index] = now();
    this.#edits.set(`edit ${index}`, value);
  }

  record(): TabRecord {
    return {
      joinedAt: this.#joinedAt,
      arrivals: this.#arrivals,
      written: this.#written,
      links: this.#links,
    };
  }
}

declare global {
  /** The tab that the bench drives. */
  var tab: Tab;
}

/** Puts a tab that shares by `library` on the page. */
export function startTab(library: Library): void {
  globalThis.tab = new Tab(library);
}
