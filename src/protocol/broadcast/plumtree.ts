/**
 * Plumtree: epidemic broadcast trees (Leitão, Pereira, Rodrigues 2007), one tree an origin
 * (SPEC.md, section 6).
 *
 * A rumor is pushed along its origin's tree and announced on all other links. Nothing is ever
 * flooded: who does not know an origin yet asks the first that announces a rumor of it, so that the
 * tree grows breadth first with that rumor, at the price of a round trip a link. After that the
 * announcements find what was lost, and shorter ways.
 */

import type { PeerId } from '../../util/peer-id.ts';
import { jitter, type Random } from '../../util/random.ts';
import type { ProtocolConfig } from '../config.ts';
import { EAGER_BYTES, MAX_ANNOUNCED, MAX_FRAME_BYTES, MAX_HOPS } from '../limits.ts';
import {
  type Announcement,
  type Frame,
  type FrameOf,
  type Rumor,
  type ShortId,
  type ShortRumorId,
  shortOf,
} from '../wire.ts';
import { announcedHops, type Fetch, Fetches } from './fetches.ts';
import { RumorCache } from './rumor-cache.ts';
import { Seen } from './seen.ts';
import { type Tree, Trees } from './trees.ts';

/** A tick so much later than it was asked for tells that this tab slept; answers may wait to be read. */
const LATE_MS = 250;
/** Announcements wait their delay give or take this share of it, so that the two ends of a link seldom both announce. */
const ANNOUNCE_JITTER = 0.5;

/** What the machine wants done. */
export interface PlumtreeOutput {
  /** To a neighbor. Several in a row may get the very same frame object. */
  send(peer: PeerId, frame: Frame): void;
  /** A rumor came for the first time, from the neighbor `from`; it has been passed on. */
  deliver(from: PeerId, rumor: Rumor, now: number): void;
}

interface Link {
  readonly peer: PeerId;
  /** Links are numbered as they come up. */
  readonly number: number;
  /** What is still to be announced over it, by key. */
  readonly pending: Map<string, Announcement>;
}

export class Plumtree {
  readonly #self: PeerId;
  readonly #config: ProtocolConfig;
  readonly #random: Random;
  readonly #output: PlumtreeOutput;
  readonly #links = new Map<PeerId, Link>();
  readonly #seen = new Seen();
  readonly #trees: Trees;
  readonly #cache = new RumorCache();
  readonly #fetches: Fetches;
  #sequence = 0;
  #linkNumber = 0;
  #flushAt = Number.POSITIVE_INFINITY;
  /** Rumors received, and those of them that were known already. */
  readonly counts = { received: 0, duplicates: 0 };

  constructor(self: PeerId, config: ProtocolConfig, random: Random, output: PlumtreeOutput) {
    this.#self = self;
    this.#config = config;
    this.#random = random;
    this.#output = output;
    this.#trees = new Trees(config.treesMax);
    this.#fetches = new Fetches(config.graftTimeout);
  }

  /** The next time at which `tick` has something to do; `Infinity` where there is nothing. */
  get due(): number {
    return Math.min(this.#flushAt, this.#fetches.due, this.#cache.due);
  }

  /** Neighbors that owe this tab a large rumor, and for how many milliseconds. */
  asked(now: number): Iterable<{ peer: PeerId; waited: number }> {
    return this.#fetches.asked(now);
  }

  neighborUp(peer: PeerId): void {
    this.#links.set(peer, { peer, number: ++this.#linkNumber, pending: new Map() });
    const tree = this.#trees.get(shortOf(peer));
    if (tree !== undefined) this.#adopt(tree, peer, 1);
  }

  neighborDown(peer: PeerId, now: number): void {
    this.#links.delete(peer);
    const pushed = new Set([shortOf(peer)]);
    for (const tree of this.#trees) {
      if (!tree.lose(peer)) continue;
      pushed.add(tree.origin);
      this.#parentLost(tree);
    }
    for (const fetch of [...this.#fetches]) {
      const wasAsked = this.#fetches.withdraw(fetch, peer);
      const wasToPush = fetch.asked === undefined && pushed.has(fetch.origin);
      if (wasAsked || wasToPush) this.#ask(fetch, now);
    }
  }

  /** Sends a rumor of this tab's own to every tab that links connect. */
  publish(channel: number, payload: Uint8Array, now: number): void {
    const rumor = { origin: this.#self, sequence: this.#sequence++, hops: 0, channel, payload };
    const id = { origin: shortOf(this.#self), sequence: rumor.sequence };
    this.#cache.keep(keyOf(id), rumor, now);
    if (payload.length > EAGER_BYTES) return this.#announceLarge(id, rumor, undefined, undefined);
    const frame: Frame = { type: 'rumor', ...rumor, hops: 1 };
    for (const peer of this.#links.keys()) this.#output.send(peer, frame);
  }

  /** Takes a frame of a neighbor. */
  onFrame(
    peer: PeerId,
    frame: FrameOf<'rumor' | 'ihave' | 'graft' | 'prune' | 'gone'>,
    now: number,
  ): void {
    const link = this.#links.get(peer);
    if (link === undefined) return;
    switch (frame.type) {
      case 'rumor':
        return this.#onRumor(link, frame, now);
      case 'ihave':
        for (const announced of frame.announced) this.#onAnnounced(link, announced, now);
        return;
      case 'graft':
        return this.#onGraft(link, frame);
      case 'prune':
        return this.#trees.get(frame.origin)?.removeChild(peer);
      case 'gone': {
        const fetch = this.#fetches.get(keyOf(frame));
        if (fetch !== undefined && this.#fetches.withdraw(fetch, peer)) this.#ask(fetch, now);
      }
    }
  }

  /** Sends what waits, asks again for what did not come; `late` is by how many milliseconds this comes late. */
  tick(now: number, late: number): void {
    if (late > LATE_MS) this.#fetches.excuse(now);
    for (const fetch of this.#fetches.overdue(now)) this.#ask(fetch, now);
    this.#cache.expire(now);
    if (now < this.#flushAt) return;
    this.#flushAt = Number.POSITIVE_INFINITY;
    for (const link of this.#links.values()) this.#flush(link);
  }

  /** Lets go of links, trees, payloads and fetches; what was seen stays known, the sequence goes on. */
  letGo(): void {
    this.#links.clear();
    this.#trees.clear();
    this.#cache.clear();
    this.#fetches.clear();
    this.#flushAt = Number.POSITIVE_INFINITY;
  }

  // Receiving.

  #onRumor(link: Link, frame: FrameOf<'rumor'>, now: number): void {
    const { origin, sequence, hops, channel, payload } = frame;
    if (origin === this.#self) return;
    this.counts.received++;
    const id = { origin: shortOf(origin), sequence };
    const key = keyOf(id);
    const fetch = this.#fetches.close(key);
    const isLarge = payload.length > EAGER_BYTES;
    if (!this.#seen.add(id)) {
      this.counts.duplicates++;
      if (!isLarge) this.#onDuplicate(link, id, key, hops);
      return;
    }
    const rumor: Rumor = { origin, sequence, hops, channel, payload };
    this.#cache.keep(key, rumor, now);
    if (isLarge) this.#announceLarge(id, rumor, link.peer, fetch);
    else this.#passOn(link.peer, id, rumor, fetch, now);
    this.#output.deliver(link.peer, rumor, now);
  }

  /** Two neighbors push the origin's rumors: the one that is nearer to it stays the parent. */
  #onDuplicate({ peer, pending }: Link, id: ShortRumorId, key: string, hops: number): void {
    pending.delete(key);
    const tree = this.#trees.get(id.origin);
    if (tree?.failed === peer) tree.failed = undefined;
    if (tree?.parent === peer) return;
    const isNearer =
      tree?.parent === undefined
        ? tree?.isUpstream(this.#self, peer, hops)
        : hops < (this.#cache.get(key)?.hops ?? 0);
    if (tree !== undefined && isNearer) return this.#follow(tree, peer, hops);
    this.#output.send(peer, { type: 'prune', origin: id.origin });
    tree?.noteAlternate(peer, hops);
  }

  #onAnnounced(link: Link, announced: Announcement, now: number): void {
    const { origin, size } = announced;
    if (origin === shortOf(this.#self) || size > MAX_FRAME_BYTES) return;
    const key = keyOf(announced);
    if (this.#seen.has(announced)) return this.#onKnown(link, announced, key);
    const known = this.#fetches.get(key);
    const fetch = known ?? this.#fetches.open(key, announced, now);
    if (fetch === undefined) return;
    this.#fetches.announce(fetch, link.peer, announced.hops);
    if (fetch.asked !== undefined) return;
    const tree = this.#trees.get(origin);
    // A parent announces only to those whom it does not push to: it forgot this child.
    if (size === 0 && tree?.parent === link.peer) tree.parent = undefined;
    if (size > 0 || this.#parentOf(origin) === undefined) this.#ask(fetch, now);
  }

  /** A neighbor has a rumor that is here too: one of the two may be the shorter way for the other. */
  #onKnown(link: Link, { origin, hops, size }: Announcement, key: string): void {
    const kept = this.#cache.get(key);
    const tree = this.#trees.get(origin);
    if (size > 0 || kept === undefined || tree === undefined) return;
    const { optimizationThreshold } = this.#config;
    if (kept.hops + 1 + optimizationThreshold > hops - 1) link.pending.delete(key);
    if (tree.parent === link.peer) return;
    const isShorter = hops + optimizationThreshold <= kept.hops && tree.failed !== link.peer;
    const isNeeded = tree.parent === undefined && tree.isUpstream(this.#self, link.peer, hops);
    if (isShorter || isNeeded) {
      this.#adopt(tree, link.peer, hops);
      kept.hops = Math.min(kept.hops, hops);
    } else {
      tree.noteAlternate(link.peer, hops);
    }
  }

  #onGraft(link: Link, { origin, sequence, wants }: FrameOf<'graft'>): void {
    const { peer } = link;
    const kept = this.#cache.get(keyOf({ origin, sequence }));
    const isLarge = kept !== undefined && kept.rumor.payload.length > EAGER_BYTES;
    if (!isLarge && origin !== shortOf(this.#self)) {
      const tree = this.#trees.use(origin);
      tree.addChild(peer);
      if (tree.alternate === peer) tree.alternate = undefined;
      if (tree.parent === peer) {
        tree.parent = undefined;
        this.#parentLost(tree);
      }
    }
    if (wants) {
      link.pending.delete(keyOf({ origin, sequence }));
      if (kept === undefined) this.#output.send(peer, { type: 'gone', origin, sequence });
      else this.#push(peer, kept.rumor);
    }
    // What the new child was to be told of later it now takes to be on its way.
    for (const [key, announced] of link.pending) {
      if (announced.origin !== origin || announced.sequence <= sequence) continue;
      const next = this.#cache.get(key);
      if (next === undefined) continue;
      link.pending.delete(key);
      this.#push(peer, next.rumor);
    }
  }

  // Sending.

  /** Passes a small rumor on: pushed to the children, announced to the others. */
  #passOn(
    from: PeerId,
    id: ShortRumorId,
    rumor: Rumor,
    fetch: Fetch | undefined,
    now: number,
  ): void {
    const tree = this.#trees.use(id.origin);
    this.#delivered(tree, from, rumor, fetch);
    const hops = Math.min(MAX_HOPS, rumor.hops + 1);
    const frame: Frame = { type: 'rumor', ...rumor, hops };
    const announced: Announcement = { ...id, hops, size: 0 };
    const news: Frame = { type: 'ihave', announced: [announced] };
    const key = keyOf(id);
    for (const peer of tree.children) {
      // A child that announced it has it from elsewhere.
      if (peer !== from && announcedHops(fetch, peer) === undefined) this.#output.send(peer, frame);
    }
    for (const { peer, number, pending } of this.#links.values()) {
      if (peer === from || peer === rumor.origin || tree.children.includes(peer)) continue;
      const theirs = announcedHops(fetch, peer);
      if (theirs !== undefined && hops + this.#config.optimizationThreshold > theirs - 1) continue;
      const isSettled = number <= tree.settled && !tree.unsettled.includes(peer);
      if (!isSettled) this.#output.send(peer, news);
      else this.#announceLater(peer, pending, key, announced, now);
    }
    tree.settled = this.#linkNumber;
    tree.unsettled.length = 0;
  }

  /** The first to deliver becomes the parent; others that have it are ways to fall back on. */
  #delivered(tree: Tree, from: PeerId, rumor: Rumor, fetch: Fetch | undefined): void {
    const { parent } = tree;
    tree.follow(from, rumor.hops);
    if (parent !== undefined && parent !== from) tree.failed = parent;
    tree.latest = Math.max(tree.latest, rumor.sequence);
    for (const { peer, hops } of fetch?.announcers ?? []) {
      if (peer !== from) tree.noteAlternate(peer, hops);
    }
  }

  #announceLarge(
    id: ShortRumorId,
    { origin, hops, payload }: Rumor,
    from: PeerId | undefined,
    fetch: Fetch | undefined,
  ): void {
    const announced = { ...id, hops: Math.min(MAX_HOPS, hops + 1), size: payload.length };
    const news: Frame = { type: 'ihave', announced: [announced] };
    for (const peer of this.#links.keys()) {
      if (peer === from || peer === origin || announcedHops(fetch, peer) !== undefined) continue;
      this.#output.send(peer, news);
    }
  }

  #announceLater(
    peer: PeerId,
    pending: Map<string, Announcement>,
    key: string,
    announced: Announcement,
    now: number,
  ): void {
    pending.set(key, announced);
    if (this.#flushAt === Number.POSITIVE_INFINITY) {
      this.#flushAt = now + jitter(this.#random, this.#config.announceDelay, ANNOUNCE_JITTER);
    }
    if (pending.size >= MAX_ANNOUNCED) this.#flush({ peer, pending });
  }

  #flush({ peer, pending }: Pick<Link, 'peer' | 'pending'>): void {
    if (pending.size === 0) return;
    this.#output.send(peer, { type: 'ihave', announced: [...pending.values()] });
    pending.clear();
  }

  #push(peer: PeerId, rumor: Rumor): void {
    const hops = Math.min(MAX_HOPS, rumor.hops + 1);
    this.#output.send(peer, { type: 'rumor', ...rumor, hops });
  }

  /** Asks the next announcer for a rumor, who becomes the parent where there is none. */
  #ask(fetch: Fetch, now: number): void {
    const peer = this.#fetches.ask(fetch, now);
    if (peer === undefined) return;
    const { origin, sequence, size } = fetch;
    if (size === 0) {
      const tree = this.#trees.use(origin);
      if (tree.parent === undefined) tree.follow(peer, tree.hops);
      tree.latest = Math.max(tree.latest, sequence);
    }
    this.#output.send(peer, { type: 'graft', origin, sequence, wants: true });
  }

  // Trees.

  /** The neighbor that is to push the origin's rumors: the origin itself pushes to all of its own. */
  #parentOf(origin: ShortId): PeerId | undefined {
    const parent = this.#trees.get(origin)?.parent;
    if (parent !== undefined) return parent;
    for (const peer of this.#links.keys()) if (shortOf(peer) === origin) return peer;
    return undefined;
  }

  /** Asks a neighbor to push the origin's rumors, and makes it the parent. */
  #adopt(tree: Tree, peer: PeerId, hops: number): void {
    if (tree.parent === peer) return;
    const { origin, latest } = tree;
    this.#output.send(peer, { type: 'graft', origin, sequence: latest, wants: false });
    this.#follow(tree, peer, hops);
  }

  /** Makes a neighbor the parent; the one before is told to stop, and is the way back. */
  #follow(tree: Tree, peer: PeerId, hops: number): void {
    const { origin, parent, hops: hopsBefore } = tree;
    tree.follow(peer, hops);
    if (parent === undefined) return;
    this.#output.send(parent, { type: 'prune', origin });
    tree.noteAlternate(parent, hopsBefore);
  }

  /**
   * Turns to the other neighbor that is not below this tab. Where there is none all others are asked,
   * by a prune, to announce the next rumor at once.
   */
  #parentLost(tree: Tree): void {
    const { origin, alternate, alternateHops } = tree;
    if (alternate !== undefined && tree.isUpstream(this.#self, alternate, alternateHops)) {
      return this.#adopt(tree, alternate, alternateHops);
    }
    for (const peer of this.#links.keys()) {
      if (!tree.children.includes(peer)) this.#output.send(peer, { type: 'prune', origin });
    }
  }
}

function keyOf({ origin, sequence }: ShortRumorId): string {
  return `${origin}/${sequence}`;
}
