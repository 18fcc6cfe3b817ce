/** How writes spread: who took each, when, over how many hops, and how often it was sent. */

import type { Effect } from '../protocol/effects.ts';
import type { PeerId } from '../util/peer-id.ts';
import { isRumorOn } from './frame-kinds.ts';
import {
  LEDGER_CHANNEL,
  type Ledger,
  type LedgerWatcher,
  readRumor,
  type Write,
} from './ledger.ts';
import type { Room } from './room.ts';
import type { Tab, TabWatcher } from './tab.ts';

/** How one write spread. */
export interface Spreading {
  readonly write: Write;
  readonly writtenAt: number;
  /** Tabs that took it, with their distance from the writer along the ways that it went. */
  readonly hops: Map<PeerId, number>;
  lastAt: number;
  /** Tabs that broadcast brought it to, be it after they found it by comparing. */
  delivered: number;
}

/** Follows every write from its beginning. */
export class Spreadings implements LedgerWatcher, Pick<TabWatcher, 'received' | 'told'> {
  readonly #room: Room;
  #writes = new Map<number, Map<number, Spreading>>();
  #copies = 0;
  #deliveries = 0;

  constructor(room: Room, ledger: Ledger) {
    this.#room = room;
    room.watch(this);
    ledger.watch(this);
  }

  /** Follows only what is written from now on. */
  reset(): void {
    this.#writes = new Map();
    this.#copies = 0;
    this.#deliveries = 0;
  }

  /** All writes followed. */
  get all(): Spreading[] {
    return [...this.#writes.values()].flatMap((sequences) => [...sequences.values()]);
  }

  /** Payloads received ÷ payloads needed − 1. */
  get redundancy(): number {
    return this.#deliveries === 0 ? 0 : this.#copies / this.#deliveries - 1;
  }

  of(write: Write): Spreading | undefined {
    return this.#writes.get(write.writer)?.get(write.sequence);
  }

  received(_tab: Tab, _peer: PeerId, bytes: Uint8Array): void {
    if (isRumorOn(LEDGER_CHANNEL, bytes)) this.#copies++;
  }

  taken(tab: Tab, write: Write, how: 'own' | 'rumor' | 'repair', from: PeerId | undefined): void {
    const { now } = this.#room.world;
    if (how === 'own') {
      const hops = new Map([[tab.id, 0]]);
      let sequences = this.#writes.get(write.writer);
      if (sequences === undefined) {
        sequences = new Map();
        this.#writes.set(write.writer, sequences);
      }
      sequences.set(write.sequence, { write, writtenAt: now, hops, lastAt: now, delivered: 0 });
      return;
    }
    const spreading = this.of(write);
    if (spreading === undefined) return;
    const before = from === undefined ? undefined : spreading.hops.get(from);
    spreading.hops.set(tab.id, (before ?? 0) + 1);
    spreading.lastAt = now;
  }

  told(_tab: Tab, effect: Effect): void {
    if (effect.type !== 'deliver' || effect.channel !== LEDGER_CHANNEL) return;
    this.#deliveries++;
    const write = readRumor(effect.payload);
    const spreading = write === undefined ? undefined : this.of(write);
    if (spreading !== undefined) spreading.delivered++;
  }
}
