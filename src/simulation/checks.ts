/** What must hold throughout a run, whatever its faults. */

import type { Effect } from '../protocol/effects.ts';
import { LinkGraph } from './graph.ts';
import type { Ledger, LedgerWatcher, Write } from './ledger.ts';
import type { Room } from './room.ts';
import type { Tab, TabWatcher } from './tab.ts';

/** Failures that are told; more would only say the same. */
const MAX_TOLD = 20;

/** Watches a room and its ledger, and remembers what broke. */
export class Checks implements Pick<TabWatcher, 'told'>, LedgerWatcher {
  readonly failures: string[] = [];
  readonly #room: Room;
  readonly #ledger: Ledger;
  readonly #held = new Map<Tab, number>();

  constructor(room: Room, ledger: Ledger) {
    this.#room = room;
    this.#ledger = ledger;
    room.watch(this);
    ledger.watch(this);
  }

  fail(what: string): void {
    if (this.failures.length < MAX_TOLD) {
      this.failures.push(`at ${(this.#room.world.now / 1_000).toFixed(3)} s: ${what}`);
    }
  }

  told(tab: Tab, effect: Effect): void {
    if (effect.type === 'neighborUp') {
      const { activeMax } = this.#room.config;
      if (tab.neighbors.size > activeMax) {
        this.fail(`tab ${tab.process.index} has ${tab.neighbors.size} links, over ${activeMax}`);
      }
    } else if (effect.type === 'error') {
      this.fail(`tab ${tab.process.index} met an error: ${effect.code}, ${effect.message}`);
    }
  }

  taken(tab: Tab, _write: Write, how: 'own' | 'rumor' | 'repair'): void {
    const held = (this.#held.get(tab) ?? 0) + 1;
    this.#held.set(tab, held);
    if (how !== 'own' && this.#ledger.countOf(tab) < held) {
      this.fail(`tab ${tab.process.index} lost a write that it held`);
    }
  }

  /** What must hold once all is quiet: links count on both sides, and the node agrees with its links. */
  settled(): void {
    const tabs = this.#room.present;
    const graph = new LinkGraph(tabs);
    for (const [place, tab] of tabs.entries()) {
      if (graph.degree(place) !== tab.neighbors.size) {
        this.fail(`tab ${tab.process.index} counts links that the other side does not`);
      }
    }
  }

  /** No write of a tab that lives is missing anywhere. */
  nothingLost(writers: readonly Tab[], tabs: readonly Tab[]): void {
    const missing = this.#ledger.missing(writers, tabs);
    if (missing.length > 0) {
      const [{ writer, sequence }] = missing as [Write];
      this.fail(
        `${missing.length} writes are missing somewhere, as the ${sequence}th of ${writer}`,
      );
    }
  }
}
