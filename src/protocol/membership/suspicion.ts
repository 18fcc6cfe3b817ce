/**
 * Suspicions: how long each suspect has to refute (SPEC.md, M5).
 *
 * Lifeguard (Dadgar, Phillips, Currey 2018, section 4): the time starts long and falls with the
 * logarithm of the number of others that found the suspect silent as well, so that one tab's bad
 * link kills nobody and a crash that all neighbors see is known soon.
 */

import type { PeerId } from '../../util/peer-id.ts';
import type { ProtocolConfig } from '../config.ts';
import type { ShortId } from '../wire.ts';

/** Tabs that must have lost their link to a hidden member before it is judged like a shown one. */
const HIDDEN_WITNESSES = 2;
/** A running suspicion is looked at this often: others that could confirm it may be gone meanwhile. */
const REVIEW_MS = 500;

/** What the time of a suspicion depends on beside the confirmations. */
export interface Circumstances {
  /** Members of the room. */
  readonly members: number;
  /** Whether the suspect's page is hidden, so that it may be frozen. */
  readonly hidden: boolean;
  /** Present members that have a link to it and are not suspect themselves. */
  readonly witnesses: number;
}

interface Suspicion {
  since: number;
  /** When it is to be looked at again. */
  reviewAt: number;
  /** Who suspects it of its own knowledge. */
  readonly by: Set<ShortId>;
  /** Nobody's confirmation is waited for. */
  isCertain: boolean;
}

export class Suspicions {
  readonly #config: ProtocolConfig;
  readonly #suspicions = new Map<PeerId, Suspicion>();
  #due = Number.POSITIVE_INFINITY;

  constructor(config: ProtocolConfig) {
    this.#config = config;
  }

  /** When `overdue` is to be asked next. */
  get due(): number {
    return this.#due;
  }

  /** A suspicion begins, or begins anew under another incarnation. */
  begin(id: PeerId, by: ShortId | '', now: number): void {
    const reviewAt = now + this.#config.suspicionMin;
    const witnesses = new Set(by === '' ? [] : [by]);
    this.#suspicions.set(id, { since: now, reviewAt, by: witnesses, isCertain: false });
    this.#due = Math.min(this.#due, reviewAt);
  }

  /** Another one suspects it too; false where that is known or no longer matters. */
  confirm(id: PeerId, by: ShortId | '', now: number): boolean {
    const suspicion = this.#suspicions.get(id);
    if (suspicion === undefined || by === '' || suspicion.by.has(by)) return false;
    if (suspicion.by.size > this.#config.suspicionConfirmations) return false;
    suspicion.by.add(by);
    suspicion.reviewAt = Math.max(now, suspicion.since + this.#config.suspicionMin);
    this.#due = Math.min(this.#due, suspicion.reviewAt);
    return true;
  }

  /** Nobody's confirmation is needed any more. */
  makeCertain(id: PeerId): void {
    const suspicion = this.#suspicions.get(id);
    if (suspicion !== undefined) suspicion.isCertain = true;
  }

  end(id: PeerId): void {
    this.#suspicions.delete(id);
  }

  /** Who suspects it of its own knowledge, the first one first. */
  suspectedBy(id: PeerId): ReadonlySet<ShortId> {
    return this.#suspicions.get(id)?.by ?? new Set();
  }

  /** When the suspicion began; Infinity where there is none. */
  since(id: PeerId): number {
    return this.#suspicions.get(id)?.since ?? Number.POSITIVE_INFINITY;
  }

  /** Gives each suspect its full time anew: this tab itself slept. */
  excuse(now: number): void {
    for (const id of this.#suspicions.keys()) this.restart(id, now);
  }

  /** Gives the suspect its full time anew. */
  restart(id: PeerId, now: number): void {
    const suspicion = this.#suspicions.get(id);
    if (suspicion === undefined) return;
    suspicion.since = now;
    suspicion.reviewAt = now + this.#config.suspicionMin;
    this.#due = Math.min(this.#due, suspicion.reviewAt);
  }

  /** Suspects whose time is over at `now`. */
  overdue(circumstancesOf: (id: PeerId) => Circumstances, now: number): PeerId[] {
    if (now < this.#due) return [];
    const over: PeerId[] = [];
    this.#due = Number.POSITIVE_INFINITY;
    for (const [id, suspicion] of this.#suspicions) {
      if (suspicion.reviewAt <= now) {
        const end = suspicion.since + this.#timeout(suspicion, circumstancesOf(id));
        if (end <= now) over.push(id);
        suspicion.reviewAt = end <= now ? now + REVIEW_MS : Math.min(end, now + REVIEW_MS);
      }
      this.#due = Math.min(this.#due, suspicion.reviewAt);
    }
    return over;
  }

  #timeout({ by, isCertain }: Suspicion, { members, hidden, witnesses }: Circumstances): number {
    const { hiddenTimeout, suspicionMin, suspicionSpread, suspicionConfirmations } = this.#config;
    const least = suspicionMin * Math.max(1, Math.log10(members) / 2);
    if (isCertain) return least;
    if (hidden && by.size < Math.min(HIDDEN_WITNESSES, Math.max(1, witnesses))) {
      return Math.max(hiddenTimeout, least);
    }
    const wanted = Math.min(suspicionConfirmations, witnesses - 1);
    const confirmations = Math.max(0, by.size - 1);
    if (confirmations >= wanted) return least;
    const share = Math.log(confirmations + 1) / Math.log(wanted + 1);
    return least * (suspicionSpread - (suspicionSpread - 1) * share);
  }
}
