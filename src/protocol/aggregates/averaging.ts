/**
 * Aggregates: mean, sum, count, least and greatest of what the tabs of the room set, by pairwise
 * averaging (SPEC.md, section 9).
 *
 * Pairwise push-pull averaging (Jelasity, Montresor, Babaoglu 2005: "Gossip-Based Aggregation in
 * Large Dynamic Networks") over Flow Updating (see `flows.ts`), which needs no epochs to follow joins
 * and deaths. A tab asks one neighbor at a time; both come to the mean of their estimates. All
 * aggregates that differ go in one exchange, and where nothing differs, nothing is sent.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { jitter, type Random, sample } from '../../util/random.ts';
import type { ProtocolConfig } from '../config.ts';
import { shortOf } from '../wire.ts';
import {
  decodeExchange,
  type Exchange,
  type ExchangeItem,
  encodeExchange,
  MAX_AGGREGATES,
} from './averaging-codec.ts';
import { Extremes } from './extremes.ts';
import { Flows, isNear, MIN_WEIGHT } from './flows.ts';

/** Exchanges that a tab begins in one `averagingInterval`. */
const EXCHANGES_PER_CYCLE = 2;
/** Intervals that the flow of a link takes to end after it, so that estimates hardly notice. */
const FADE_CYCLES = 30;
/** Milliseconds given to the first answer of a neighbor; later ones get four times what the last took. */
const ANSWER_MS = 2_000;
const ANSWER_MIN_MS = 500;
/** A neighbor that does not answer is asked again after twice as long each time, up to this. */
const SILENCE_MAX_MS = 60_000;
/** While nothing differs, old claims are renewed or dropped so often. */
const REVIEW_MS = 30_000;

/** What a tab knows of an aggregate. */
export interface Estimate {
  /** Mean of the values that tabs have set. */
  readonly mean: number;
  readonly sum: number;
  /** Tabs that have set a value. */
  readonly count: number;
  readonly min: number;
  readonly max: number;
}

export interface AveragingOutput {
  /** To a neighbor, on the channel of aggregates. */
  send(peer: PeerId, payload: Uint8Array): void;
  /** The estimate of `name` changed by more than a little. */
  changed(name: string, now: number): void;
  /** Members of the room, this tab included, as far as known. */
  size(): number;
}

/** One neighbor. */
interface Edge {
  /** Sequence of the question that is open; 0 where none is. */
  asked: number;
  askedAt: number;
  /** Sequence of the neighbor's question that was answered last. */
  answered: number;
  /** Milliseconds that an answer may take. */
  patience: number;
  /** Questions without an answer. */
  failures: number;
  /** Not asked again before this time. */
  until: number;
  /** Whether the neighbor is known to have left or died. */
  isGone: boolean;
}

/** One aggregate. */
interface Aggregate {
  readonly flows: Flows;
  readonly extremes: Extremes;
  /** Whether this tab has set a value. */
  isOwn: boolean;
  told: Estimate | undefined;
}

export class Averaging {
  readonly #self: PeerId;
  readonly #period: number;
  readonly #fadeMs: number;
  readonly #random: Random;
  readonly #output: AveragingOutput;
  readonly #aggregates = new Map<string, Aggregate>();
  readonly #edges = new Map<PeerId, Edge>();
  #sequence = 0;
  /** The time of the latest input. */
  #now = 0;
  /** Whether nothing is to be asked until something changes. */
  #isResting = true;
  #due = Number.POSITIVE_INFINITY;

  constructor(
    self: PeerId,
    config: Pick<ProtocolConfig, 'averagingInterval'>,
    random: Random,
    output: AveragingOutput,
  ) {
    this.#self = self;
    this.#period = config.averagingInterval / EXCHANGES_PER_CYCLE;
    this.#fadeMs = config.averagingInterval * FADE_CYCLES;
    this.#random = random;
    this.#output = output;
  }

  /** When `tick` wants to run. */
  get due(): number {
    return this.#due;
  }

  neighborUp(peer: PeerId, now: number): void {
    this.#edges.set(peer, {
      asked: 0,
      askedAt: 0,
      answered: 0,
      patience: ANSWER_MS,
      failures: 0,
      until: now,
      isGone: false,
    });
    this.#wake(now);
  }

  neighborDown(peer: PeerId, now: number): void {
    const edge = this.#edges.get(peer);
    if (edge === undefined) return;
    this.#edges.delete(peer);
    for (const { flows, extremes } of this.#aggregates.values()) {
      flows.lose(peer, now);
      if (edge.isGone) flows.gone(peer);
      extremes.lose(peer);
    }
    this.#wake(now);
  }

  /** The member left or died. */
  memberGone(id: PeerId, now: number): void {
    if (id === this.#self) return;
    const edge = this.#edges.get(id);
    if (edge !== undefined) edge.isGone = true;
    for (const { flows, extremes } of this.#aggregates.values()) {
      flows.gone(id);
      extremes.gone(shortOf(id), now);
    }
    this.#wake(now);
  }

  /** This tab left the room: what others brought in goes, and its own values stay. */
  forgetOthers(now: number): void {
    this.#edges.clear();
    for (const [name, { isOwn, flows, extremes }] of this.#aggregates) {
      if (!isOwn) this.#aggregates.delete(name);
      flows.forgetOthers();
      extremes.forgetOthers();
    }
    this.#wake(now);
  }

  /**
   * Sets this tab's value, or clears it. False where this tab has set values under as many names as
   * there may be; then nothing changed.
   */
  set(name: string, value: number | undefined, now: number): boolean {
    const aggregate = this.#aggregates.get(name) ?? this.#add(name, value !== undefined);
    if (aggregate === undefined) return value === undefined;
    aggregate.isOwn = value !== undefined;
    aggregate.flows.set(value);
    aggregate.extremes.set(value, now);
    this.#wake(now);
    return true;
  }

  /** What is known of `name`; `undefined` where no tab is known to have set a value. */
  estimate(name: string): Estimate | undefined {
    const aggregate = this.#aggregates.get(name);
    if (aggregate === undefined) return undefined;
    const { value, weight } = aggregate.flows.estimate(this.#now);
    const { min, max } = aggregate.extremes;
    if (weight < MIN_WEIGHT || min === undefined || max === undefined) return undefined;
    const mean = Math.min(Math.max(value / weight, min), max);
    const count = Math.max(1, Math.round(Math.min(weight, 1) * this.#output.size()));
    return { mean, sum: mean * count, count, min, max };
  }

  /** Takes what a neighbor sent; false where it cannot be read. */
  onPayload(peer: PeerId, bytes: Uint8Array, now: number): boolean {
    const exchange = decodeExchange(bytes);
    const edge = this.#edges.get(peer);
    if (exchange === undefined || edge === undefined) return exchange !== undefined;
    if (exchange.isAnswer) this.#answered(peer, edge, exchange, now);
    else this.#answer(peer, edge, exchange, now);
    this.#wake(now);
    return true;
  }

  /** Asks a neighbor with whom something differs, and tells what changed. */
  tick(now: number): void {
    if (now < this.#due) return;
    this.#now = now;
    for (const [name, aggregate] of this.#aggregates) {
      aggregate.extremes.tick(now);
      this.#tell(name, aggregate, now);
    }
    const open = [...this.#edges].filter(([peer]) => !this.#isSettledWith(peer, now));
    if (open.length === 0) this.#dropUnused();
    const ready = open.filter(([, { until }]) => until <= now);
    // A lost answer leaves the two sides apart until the next exchange, so that goes first, once.
    const retried = ready.filter(([, { failures }]) => failures === 1);
    const [next] = sample(this.#random, retried.length > 0 ? retried : ready, 1);
    if (next !== undefined) this.#ask(...next, now);
    const isFading = [...this.#aggregates.values()].some(({ flows }) => flows.isFading(now));
    this.#isResting = next === undefined && !isFading;
    if (!this.#isResting) this.#due = now + jitter(this.#random, this.#period);
    else if (this.#aggregates.size === 0) this.#due = Number.POSITIVE_INFINITY;
    else this.#due = Math.min(now + REVIEW_MS, ...open.map(([, { until }]) => until));
  }

  #ask(peer: PeerId, edge: Edge, now: number): void {
    const items: ExchangeItem[] = [];
    for (const [name, aggregate] of this.#aggregates) {
      if (isSettled(peer, aggregate, now)) continue;
      items.push(itemOf(peer, name, aggregate, now));
      aggregate.flows.begin(peer);
    }
    edge.asked = ++this.#sequence;
    edge.askedAt = now;
    edge.until = now + Math.min(edge.patience * 2 ** edge.failures++, SILENCE_MAX_MS);
    this.#output.send(peer, encodeExchange({ isAnswer: false, sequence: edge.asked, items }));
  }

  #answer(peer: PeerId, edge: Edge, { sequence, items }: Exchange, now: number): void {
    // Where both ask at once, the question of the smaller id stands.
    const isCrossing = edge.asked > 0 && now - edge.askedAt < edge.patience;
    if (isCrossing && this.#self < peer) return;
    if (sequence <= edge.answered) return;
    edge.answered = sequence;
    closeQuestion(edge, now);
    const answers = items.map((item): ExchangeItem => {
      const { name, flow, estimate, claims } = item;
      const aggregate = this.#aggregates.get(name) ?? this.#add(name, false);
      // No room for it: the neighbor hears its own words, and that it gave nothing to this tab.
      if (aggregate === undefined) return { ...item, flow: { value: 0, weight: 0 } };
      aggregate.flows.meet(peer, flow, estimate, now);
      aggregate.extremes.hear(peer, claims, now);
      const answer = itemOf(peer, name, aggregate, now);
      aggregate.extremes.agree(peer);
      return answer;
    });
    this.#output.send(peer, encodeExchange({ isAnswer: true, sequence, items: answers }));
  }

  #answered(peer: PeerId, edge: Edge, { sequence, items }: Exchange, now: number): void {
    // An answer to what is not open any more came too late; the next exchange puts things right.
    if (sequence !== edge.asked) return;
    edge.patience = Math.min(Math.max(4 * (now - edge.askedAt), ANSWER_MIN_MS), ANSWER_MS);
    closeQuestion(edge, now);
    for (const { name, flow, estimate, claims } of items) {
      const aggregate = this.#aggregates.get(name);
      if (aggregate === undefined) continue;
      aggregate.flows.complete(peer, flow, estimate);
      aggregate.extremes.hear(peer, claims, now);
    }
  }

  #add(name: string, isOwn: boolean): Aggregate | undefined {
    if (this.#aggregates.size >= MAX_AGGREGATES) {
      // What this tab sets itself comes before what it only passes on.
      const [passedOn] = [...this.#aggregates].find(([, aggregate]) => !aggregate.isOwn) ?? [];
      if (!isOwn || passedOn === undefined) return undefined;
      this.#aggregates.delete(passedOn);
    }
    const aggregate: Aggregate = {
      flows: new Flows(this.#fadeMs),
      extremes: new Extremes(shortOf(this.#self)),
      isOwn,
      told: undefined,
    };
    this.#aggregates.set(name, aggregate);
    return aggregate;
  }

  /** Forgets aggregates that nobody sets any more. */
  #dropUnused(): void {
    for (const [name, { isOwn }] of this.#aggregates) {
      if (!isOwn && this.estimate(name) === undefined) this.#aggregates.delete(name);
    }
  }

  #tell(name: string, aggregate: Aggregate, now: number): void {
    const estimate = this.estimate(name);
    if (isSameEstimate(estimate, aggregate.told)) return;
    aggregate.told = estimate;
    this.#output.changed(name, now);
  }

  #isSettledWith(peer: PeerId, now: number): boolean {
    for (const aggregate of this.#aggregates.values()) {
      if (!isSettled(peer, aggregate, now)) return false;
    }
    return true;
  }

  #wake(now: number): void {
    this.#now = now;
    if (!this.#isResting || this.#aggregates.size === 0) return;
    this.#isResting = false;
    this.#due = Math.min(this.#due, now + this.#random() * this.#period);
  }
}

function closeQuestion(edge: Edge, now: number): void {
  edge.asked = 0;
  edge.failures = 0;
  edge.until = now;
}

function itemOf(peer: PeerId, name: string, aggregate: Aggregate, now: number): ExchangeItem {
  const { flows, extremes } = aggregate;
  return {
    name,
    flow: flows.given(peer),
    estimate: flows.estimate(now),
    claims: extremes.toTell(peer, now),
  };
}

/** Whether an exchange of this aggregate with `peer` would change nothing that counts. */
function isSettled(peer: PeerId, { flows, extremes }: Aggregate, now: number): boolean {
  const scale = Math.max(Math.abs(extremes.min ?? 0), Math.abs(extremes.max ?? 0));
  return flows.isSettled(peer, scale, now) && extremes.isSettled(peer);
}

function isSameEstimate(a: Estimate | undefined, b: Estimate | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return isNear(a.mean, b.mean, 0) && a.count === b.count && a.min === b.min && a.max === b.max;
}
