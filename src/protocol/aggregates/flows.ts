/**
 * Flow Updating for one aggregate (Jesus, Baquero, Almeida 2009: "Fault-Tolerant Aggregation by Flow
 * Updating"), with pairwise exchanges.
 *
 * Nobody hands mass over. For each neighbor a tab remembers a flow, and the neighbor the same flow
 * with the other sign; the estimate is the tab's own value less its flows. An exchange that is lost,
 * repeated or cut short is put right by the next one, since a flow is told whole and not as a change;
 * and what a dead neighbor had brought in goes with its flow.
 */

import type { PeerId } from '../../util/peer-id.ts';
import type { Mass } from './averaging-codec.ts';

/** Estimates closer than this part of themselves are taken for equal. */
export const TOLERANCE = 2e-4;
/** Part of the tabs below which an aggregate counts as set by nobody. */
export const MIN_WEIGHT = 1e-6;
/** Links ended of late that are remembered; beyond, the flow of the oldest ends at once. */
const MAX_FADING = 64;
const NOTHING: Mass = { value: 0, weight: 0 };

/** What is common with one neighbor. */
interface Flow {
  given: Mass;
  /** The neighbor's estimate after the last exchange; `undefined` where none was completed. */
  theirs: Mass | undefined;
}

/** The flow of a link that ended. */
interface Fading {
  readonly peer: PeerId;
  readonly given: Mass;
  readonly since: number;
}

export class Flows {
  readonly #fadeMs: number;
  #own: Mass = NOTHING;
  readonly #flows = new Map<PeerId, Flow>();
  #fading: Fading[] = [];

  /** Flows of links that ended without a death take `fadeMs` to end, alike on both sides. */
  constructor(fadeMs: number) {
    this.#fadeMs = fadeMs;
  }

  /** Sets or clears this tab's value. */
  set(value: number | undefined): void {
    this.#own = value === undefined ? NOTHING : { value, weight: 1 };
  }

  /** The mean over all tabs of the room, as far as it came about. */
  estimate(now: number): Mass {
    let { value, weight } = this.#own;
    for (const { given } of this.#flows.values()) {
      value -= given.value;
      weight -= given.weight;
    }
    for (const { given, since } of this.#fading) {
      const left = Math.max(0, 1 - (now - since) / this.#fadeMs);
      value -= left * given.value;
      weight -= left * given.weight;
    }
    return { value, weight };
  }

  /** Whether the estimate still moves with time, since a link ended. */
  isFading(now: number): boolean {
    this.#fading = this.#fading.filter(({ since }) => now - since < this.#fadeMs);
    return this.#fading.length > 0;
  }

  /** What was given to `peer`, less what came from it. */
  given(peer: PeerId): Mass {
    return this.#flows.get(peer)?.given ?? NOTHING;
  }

  /** An exchange with `peer` begins; until it is completed, nothing is known of it. */
  begin(peer: PeerId): void {
    this.#flow(peer).theirs = undefined;
  }

  /** Answers `peer`, whose flow and estimate these are: both come to the mean of the two. */
  meet(peer: PeerId, flow: Mass, theirs: Mass, now: number): void {
    const entry = this.#flow(peer);
    entry.given = opposite(flow);
    const own = this.estimate(now);
    entry.given = {
      value: entry.given.value + (own.value - theirs.value) / 2,
      weight: entry.given.weight + (own.weight - theirs.weight) / 2,
    };
    entry.theirs = this.estimate(now);
  }

  /** Takes the answer of `peer`. */
  complete(peer: PeerId, flow: Mass, theirs: Mass): void {
    const entry = this.#flow(peer);
    entry.given = opposite(flow);
    entry.theirs = theirs;
  }

  /** Whether an exchange with `peer` would change nothing that counts; `scale` is the largest value. */
  isSettled(peer: PeerId, scale: number, now: number): boolean {
    const theirs = this.#flows.get(peer)?.theirs;
    if (theirs === undefined) return false;
    const own = this.estimate(now);
    if (Math.abs(own.weight) < MIN_WEIGHT && Math.abs(theirs.weight) < MIN_WEIGHT) return true;
    return (
      isNear(own.weight, theirs.weight, TOLERANCE * MIN_WEIGHT) &&
      isNear(own.value, theirs.value, TOLERANCE * MIN_WEIGHT * scale)
    );
  }

  /** The link with `peer` ended. */
  lose(peer: PeerId, now: number): void {
    const given = this.#flows.get(peer)?.given;
    if (given === undefined) return;
    this.#flows.delete(peer);
    this.#fading.push({ peer, given, since: now });
    if (this.#fading.length > MAX_FADING) this.#fading.shift();
  }

  /** The tab is gone, and what it brought in or took goes at once. */
  gone(peer: PeerId): void {
    this.#fading = this.#fading.filter((fading) => fading.peer !== peer);
  }

  /** What others brought in goes; this tab's own value stays. */
  forgetOthers(): void {
    this.#flows.clear();
    this.#fading = [];
  }

  #flow(peer: PeerId): Flow {
    let flow = this.#flows.get(peer);
    if (flow === undefined) {
      flow = { given: NOTHING, theirs: undefined };
      this.#flows.set(peer, flow);
    }
    return flow;
  }
}

/** Whether two numbers differ by less than the tolerance of the larger, or than `floor`. */
export function isNear(a: number, b: number, floor: number): boolean {
  return Math.abs(a - b) <= Math.max(floor, TOLERANCE * Math.max(Math.abs(a), Math.abs(b)));
}

function opposite({ value, weight }: Mass): Mass {
  return { value: -value, weight: -weight };
}
