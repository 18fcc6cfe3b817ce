/**
 * Members out of reach: those that no way over the gossiped graph leads to (SPEC.md, M14).
 *
 * SWIM leaves nobody without a prober, as everyone probes everyone. Over links, a member whose
 * neighbors all crashed with it has none; but it also has no neighbor left that lists it.
 */

import type { PeerId } from '../../util/peer-id.ts';

// Times are those of a small room; a larger one tells lists slower, and these are as many times as long.
/** The graph is walked at most this often, and only after it changed. */
const WALK_INTERVAL_MS = 2_000;
/** Out of reach for so long, a member is dialed by the tab chosen for it. */
const SEEK_MS = 4_000;
/** Out of reach for so long, it is taken for dead. Lists of neighbors wait up to 5 s to be told. */
export const LOST_MS = 8_000;

/** What a walk over the graph found. */
export interface ReachNews {
  /** Members to be dialed by the tab chosen for each. */
  readonly seek: readonly PeerId[];
  /** Members that have been out of reach for too long. */
  readonly lost: readonly PeerId[];
}

interface Unreached {
  since: number;
  stage: 'waiting' | 'sought' | 'lost';
}

export class Reach {
  readonly #unreached = new Map<PeerId, Unreached>();
  #due = Number.POSITIVE_INFINITY;
  #walkedAt = Number.NEGATIVE_INFINITY;
  /** How much slower than a small one the room was at the last walk. */
  #pace = 1;

  /** When `walk` is to be called next. */
  get due(): number {
    return this.#due;
  }

  /** An edge or a member came or went. */
  graphChanged(now: number): void {
    this.#due = Math.min(this.#due, Math.max(now, this.#walkedAt + this.#pace * WALK_INTERVAL_MS));
  }

  /** First-hand news of the member went round: it lives, and its neighbors may be told of yet. */
  renew(id: PeerId, now: number): void {
    const unreached = this.#unreached.get(id);
    if (unreached === undefined) return;
    unreached.since = now;
    unreached.stage = 'waiting';
  }

  forget(id: PeerId): void {
    this.#unreached.delete(id);
  }

  clear(): void {
    this.#unreached.clear();
    this.#due = Number.POSITIVE_INFINITY;
  }

  /** Members that were out of reach have their time anew: this tab itself slept. */
  excuse(now: number): void {
    for (const unreached of this.#unreached.values()) {
      if (unreached.stage !== 'lost') unreached.since = now;
    }
  }

  /** Judges `members` by who is `reachable`, in a room that is `pace` times slower than a small one. */
  walk(
    members: Iterable<PeerId>,
    reachable: ReadonlySet<PeerId>,
    pace: number,
    now: number,
  ): ReachNews {
    const [seek, lost]: [PeerId[], PeerId[]] = [[], []];
    this.#walkedAt = now;
    this.#pace = pace;
    const before = new Map(this.#unreached);
    this.#unreached.clear();
    for (const id of members) {
      if (reachable.has(id)) continue;
      this.#unreached.set(id, before.get(id) ?? { since: now, stage: 'waiting' });
    }
    this.#due = Number.POSITIVE_INFINITY;
    for (const [id, unreached] of this.#unreached) {
      if (unreached.stage === 'waiting' && now - unreached.since >= pace * SEEK_MS) {
        unreached.stage = 'sought';
        seek.push(id);
      }
      if (unreached.stage === 'sought' && now - unreached.since >= pace * LOST_MS) {
        unreached.stage = 'lost';
        lost.push(id);
      }
      if (unreached.stage !== 'lost') this.#due = now + pace * WALK_INTERVAL_MS;
    }
    return { seek, lost };
  }
}
