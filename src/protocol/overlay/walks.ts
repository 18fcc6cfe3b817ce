/**
 * Random walks over links (SPEC.md, section 4), after HyParView (Leitão, Pereira, Rodrigues 2007).
 *
 * A tab that lacks links sends walks (HyParView's join, begun by the tab itself); one that ends at a
 * tab with room makes it dial the origin, back along the path that the walk recorded. Where tabs
 * know only a part of the room, a shuffle walks likewise and swaps samples of views.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { type Random, sample } from '../../util/random.ts';
import type { ProtocolConfig } from '../config.ts';
import { MAX_ROUTE } from '../limits.ts';
import type { Frame, FrameOf } from '../wire.ts';
import type { Welcome } from './active-view.ts';
import type { Link, LinkTable } from './link-table.ts';
import type { Routes } from './routes.ts';

type Walk = FrameOf<'walk'>;
type Shuffle = FrameOf<'shuffle'>;

/** A walk that finds no room where it should end goes on until it passed so many tabs. */
const MAX_WALKED = MAX_ROUTE - 4;
/** Links after which a walk may end at a tab that lacks links, so that it does not end next door. */
const LEAST_WALKED = 3;
/** Peers in a shuffle: the sender, some of its neighbors, some of its passive view (HyParView's ka and kp). */
const SHUFFLED_ACTIVE = 3;
const SHUFFLED_PASSIVE = 4;

/** Where the machine puts what it has to say, and whom it asks. */
export interface WalksOutput {
  send(peer: PeerId, frame: Frame): void;
  /** How much a link with `peer` is welcome here. */
  welcome(peer: PeerId, now: number): Welcome;
  /** A walk of `origin` ended here. */
  dial(origin: PeerId, now: number): void;
  /** Peers of the passive view. */
  passive(): Iterable<PeerId>;
  /** Peers that a shuffle told of. */
  learned(peers: readonly PeerId[], now: number): void;
  /** Answers a shuffle against the way that it came. */
  answer(origin: PeerId, path: readonly PeerId[], peers: readonly PeerId[]): void;
}

export class Walks {
  readonly #self: PeerId;
  readonly #config: ProtocolConfig;
  readonly #random: Random;
  readonly #links: LinkTable;
  readonly #routes: Routes;
  readonly #output: WalksOutput;

  constructor(
    self: PeerId,
    config: ProtocolConfig,
    random: Random,
    links: LinkTable,
    routes: Routes,
    output: WalksOutput,
  ) {
    this.#self = self;
    this.#config = config;
    this.#random = random;
    this.#links = links;
    this.#routes = routes;
    this.#output = output;
  }

  /** Sends `count` walks that look for peers to link with. */
  begin(count: number): void {
    const first = this.#shuffledHops([]);
    for (let i = 0; i < count && first.length > 0; i++) {
      const { walkLength: ttl } = this.#config;
      const to = first[i % first.length] as PeerId;
      this.#output.send(to, { type: 'walk', origin: this.#self, ttl: ttl - 1, path: [] });
    }
  }

  /** Sends a shuffle. */
  shuffle(): void {
    const [to] = this.#shuffledHops([]);
    if (to === undefined) return;
    const sampled = [this.#self, ...this.#sample(to)];
    const ttl = this.#config.walkLength - 1;
    this.#output.send(to, { type: 'shuffle', origin: this.#self, ttl, path: [], sample: sampled });
  }

  onWalk(link: Link, walk: Walk, now: number): void {
    if (!this.#isPassed(link, walk, now)) return;
    const { origin, path } = walk;
    const welcome = this.#output.welcome(origin, now);
    const ttl = Math.min(walk.ttl, this.#config.walkLength);
    const walked = path.length + 1;
    const next = walked >= MAX_WALKED ? undefined : this.#shuffledHops([...path, origin])[0];
    const ends =
      (welcome === 'lacking' && walked >= LEAST_WALKED) ||
      (welcome !== 'no' && (ttl === 0 || next === undefined));
    if (ends) return this.#output.dial(origin, now);
    if (next === undefined) return;
    const passed = { type: 'walk', origin, ttl: Math.max(0, ttl - 1), path: [...path, this.#self] };
    this.#output.send(next, passed as Walk);
  }

  onShuffle(link: Link, shuffle: Shuffle, now: number): void {
    if (!this.#isPassed(link, shuffle, now)) return;
    const { origin, path, sample: peers } = shuffle;
    const ttl = Math.min(shuffle.ttl, this.#config.walkLength);
    const next = ttl === 0 ? undefined : this.#shuffledHops([...path, origin])[0];
    if (next !== undefined) {
      this.#output.send(next, { ...shuffle, ttl: ttl - 1, path: [...path, this.#self] });
      return;
    }
    this.#output.answer(origin, path, this.#sample(origin));
    this.#output.learned(peers, now);
  }

  /** Whether the frame came the way it says and its sender may have more passed on; the way is noted. */
  #isPassed(link: Link, { origin, path }: Walk | Shuffle, now: number): boolean {
    const isTrue = (path.at(-1) ?? origin) === link.peer && path.length <= MAX_WALKED;
    const isLoop = origin === this.#self || path.includes(this.#self) || path.includes(origin);
    if (!isTrue || isLoop || new Set(path).size < path.length) return false;
    if (!link.passedFrames.take(1, now)) return false;
    this.#routes.learn([...path.toReversed(), origin], now);
    return true;
  }

  /** Live neighbors outside `passed` in random order, those with visible pages first. */
  #shuffledHops(passed: readonly PeerId[]): PeerId[] {
    const live = this.#links
      .neighborLinks()
      .filter(({ peer, suspected }) => !suspected && !passed.includes(peer));
    return sample(this.#random, live, live.length)
      .sort((a, b) => Number(a.hidden) - Number(b.hidden))
      .map(({ peer }) => peer);
  }

  #sample(without: PeerId): PeerId[] {
    const neighbors = [...this.#links.neighbors()].filter((peer) => peer !== without);
    const passive = [...this.#output.passive()].filter((peer) => peer !== without);
    return [
      ...sample(this.#random, neighbors, SHUFFLED_ACTIVE),
      ...sample(this.#random, passive, SHUFFLED_PASSIVE),
    ];
  }
}
