/** Who is in which topic: entering, leaving, and drawing a few at random in constant time. */

import type { PeerId } from '../src/util/peer-id.ts';
import { type Random, randomBelow } from '../src/util/random.ts';

/** One peer of a topic; `owner` is the connection that it is reached by. */
interface Member<Owner> {
  readonly peer: PeerId;
  readonly key: string;
  readonly owner: Owner;
}

/** An array to draw from, and where each peer stands in it. */
interface Topic<Owner> {
  readonly members: Member<Owner>[];
  readonly places: Map<PeerId, number>;
}

/** What became of entering: the connection that lost its place, if one did, or why not. */
export type Entrance<Owner> =
  | { readonly entered: true; readonly replaced: Owner | undefined }
  | { readonly entered: false; readonly code: 'topic-full' | 'peer-taken' };

/** All topics. A topic exists while someone is in it. */
export class Topics<Owner> {
  readonly #topics = new Map<string, Topic<Owner>>();
  readonly #maxPeers: number;

  constructor(maxPeersPerTopic: number) {
    this.#maxPeers = maxPeersPerTopic;
  }

  /** How many topics there are. */
  get size(): number {
    return this.#topics.size;
  }

  /** How many peers are in `topic`. */
  count(topic: string): number {
    return this.#topics.get(topic)?.members.length ?? 0;
  }

  /** The connection of `peer` in `topic`. */
  ownerOf(topic: string, peer: PeerId): Owner | undefined {
    return this.#member(topic, peer)?.owner;
  }

  /** Enters `peer`. Who shows the key of a peer that is there takes its place. */
  enter(topic: string, peer: PeerId, key: string, owner: Owner): Entrance<Owner> {
    const present = this.#member(topic, peer);
    if (present !== undefined) {
      if (present.key !== key) return { entered: false, code: 'peer-taken' };
      this.leave(topic, peer, present.owner);
    }
    if (this.count(topic) >= this.#maxPeers) return { entered: false, code: 'topic-full' };
    const { members, places } = this.#topics.get(topic) ?? this.#create(topic);
    places.set(peer, members.length);
    members.push({ peer, key, owner });
    return { entered: true, replaced: present?.owner === owner ? undefined : present?.owner };
  }

  /** Removes `peer` if it is there by `owner`. */
  leave(topic: string, peer: PeerId, owner: Owner): void {
    const found = this.#topics.get(topic);
    const place = found?.places.get(peer);
    if (found === undefined || place === undefined) return;
    const { members, places } = found;
    if (members[place]?.owner !== owner) return;
    const last = members.pop();
    places.delete(peer);
    if (last !== undefined && last.peer !== peer) {
      members[place] = last;
      places.set(last.peer, place);
    }
    if (members.length === 0) this.#topics.delete(topic);
  }

  /** Up to `count` peers of `topic` other than `except`, which is in it (Floyd's sampling). */
  sample(topic: string, count: number, except: PeerId, random: Random): PeerId[] {
    const found = this.#topics.get(topic);
    if (found === undefined) return [];
    const own = found.places.get(except) ?? found.members.length;
    const others = found.members.length - (own < found.members.length ? 1 : 0);
    const picked = new Set<number>();
    for (let end = Math.max(0, others - count); end < others; end++) {
      const place = randomBelow(random, end + 1);
      picked.add(picked.has(place) ? end : place);
    }
    // Places from the excepted one on are those of the array shifted by one.
    return [...picked].flatMap(
      (place) => found.members[place < own ? place : place + 1]?.peer ?? [],
    );
  }

  #member(topic: string, peer: PeerId): Member<Owner> | undefined {
    const found = this.#topics.get(topic);
    const place = found?.places.get(peer);
    return place === undefined ? undefined : found?.members[place];
  }

  #create(topic: string): Topic<Owner> {
    const created: Topic<Owner> = { members: [], places: new Map() };
    this.#topics.set(topic, created);
    return created;
  }
}
