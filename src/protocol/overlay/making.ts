/**
 * Links in the making: dials within their bounds (SPEC.md, section 4).
 *
 * Few at once and by a budget, since browsers stop making connections after some hundreds in the
 * life of a page.
 */

import type { PeerId } from '../../util/peer-id.ts';
import type { ProtocolConfig } from '../config.ts';
import { Budget } from './budget.ts';
import type { LinkTable } from './link-table.ts';
import type { PassiveView } from './passive-view.ts';

export class Making {
  readonly #self: PeerId;
  readonly #config: ProtocolConfig;
  readonly #links: LinkTable;
  readonly #passive: PassiveView;
  readonly #budget: Budget;
  /** With the time by which each must be a neighbor. */
  readonly #deadlines = new Map<PeerId, number>();
  #due = Number.POSITIVE_INFINITY;

  constructor(self: PeerId, config: ProtocolConfig, links: LinkTable, passive: PassiveView) {
    this.#self = self;
    this.#config = config;
    this.#links = links;
    this.#passive = passive;
    this.#budget = new Budget(config.dialBudget, config.dialRefill);
  }

  get size(): number {
    return this.#deadlines.size;
  }

  /** When the next may have taken too long. */
  get due(): number {
    return this.#due;
  }

  has(peer: PeerId): boolean {
    return this.#deadlines.has(peer);
  }

  peers(): PeerId[] {
    return [...this.#deadlines.keys()];
  }

  /** Whether `peer` may be dialed now. */
  canDial(peer: PeerId, now: number): boolean {
    if (peer === this.#self || this.has(peer) || this.#links.get(peer) !== undefined) return false;
    if (this.#passive.notBefore(peer) > now) return false;
    return this.size < this.#config.dialsAtOnce && this.#budget.available(now) >= 1;
  }

  /** Whether one more connection that another tab begins is dealt with. */
  get hasPlace(): boolean {
    return this.size < 2 * this.#config.dialsAtOnce;
  }

  /** Notes and pays for a dial; false where it cannot be made. */
  dial(peer: PeerId, now: number): boolean {
    if (!this.canDial(peer, now) || !this.#budget.take(1, now)) return false;
    this.add(peer, now);
    return true;
  }

  /** A link is being made from now on, by whichever side. */
  add(peer: PeerId, now: number): void {
    const by = now + this.#config.dialTimeout;
    this.#deadlines.set(peer, by);
    this.#due = Math.min(this.#due, by);
  }

  /** It became a neighbor, or nothing. */
  delete(peer: PeerId): void {
    this.#deadlines.delete(peer);
  }

  clear(): void {
    this.#deadlines.clear();
    this.#due = Number.POSITIVE_INFINITY;
  }

  /** Those that took too long; the caller ends them. */
  overdue(now: number): PeerId[] {
    if (now < this.#due) return [];
    const late: PeerId[] = [];
    this.#due = Number.POSITIVE_INFINITY;
    for (const [peer, by] of this.#deadlines) {
      if (by <= now) late.push(peer);
      else this.#due = Math.min(this.#due, by);
    }
    return late;
  }
}
