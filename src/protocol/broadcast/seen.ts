/**
 * Which rumors this tab has had, so that each is delivered and passed on once (SPEC.md, section 6).
 *
 * This is apart from the memory on purpose: a tab that learned something by reconciliation still
 * passes the rumor of it on.
 */

import { IntervalSet } from '../../util/intervals.ts';
import type { ShortId, ShortRumorId } from '../wire.ts';

/** Origins whose rumors are remembered. */
const MAX_ORIGINS = 4_096;
/** Gaps remembered an origin. */
const MAX_GAPS = 64;

/** Sequences seen of each origin; the origin heard longest ago is forgotten first. */
export class Seen {
  /** In the order of last use. */
  readonly #origins = new Map<ShortId, IntervalSet>();

  /** Whether the rumor was had, or counts as such. */
  has({ origin, sequence }: ShortRumorId): boolean {
    return this.#origins.get(origin)?.has(sequence) ?? false;
  }

  /** Notes a rumor; false where it was had before. Beyond 64 gaps an origin's oldest counts as seen. */
  add({ origin, sequence }: ShortRumorId): boolean {
    let sequences = this.#origins.get(origin);
    if (sequences === undefined) sequences = new IntervalSet();
    else this.#origins.delete(origin);
    this.#origins.set(origin, sequences);
    if (this.#origins.size > MAX_ORIGINS) {
      const [oldest] = this.#origins.keys();
      if (oldest !== undefined) this.#origins.delete(oldest);
    }
    const isNew = sequences.add(sequence, sequence + 1);
    if (sequences.intervals > MAX_GAPS) sequences.bridgeLowest();
    return isNew;
  }
}
