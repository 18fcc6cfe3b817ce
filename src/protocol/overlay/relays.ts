/**
 * Relayed frames: what goes to a tab without a link, over those that have one (SPEC.md, section 4).
 *
 * A frame carries its whole route. Each tab on it checks that the frame came the way it says, and
 * hands it to the next, or tells the origin that it cannot. What is inside is not looked at: with
 * a secret it is sealed from end to end. Without one the origin is a claim of those that passed it on.
 */

import * as encoding from 'lib0/encoding';
import { decodeTotal, encode, readList, readName, readPeer, writePeer } from '../../util/codec.ts';
import type { PeerId } from '../../util/peer-id.ts';
import type { Effect } from '../effects.ts';
import { MAX_RELAYED_BYTES, MAX_SHUFFLED } from '../limits.ts';
import { type Frame, type FrameOf, RELAY_KINDS, type RelayKind } from '../wire.ts';
import type { Link, LinkTable } from './link-table.ts';
import type { Routes } from './routes.ts';

type Relay = FrameOf<'relay'>;

/** Where the machine puts what it has to say. */
export interface RelaysOutput {
  effect(effect: Effect): void;
  send(peer: PeerId, frame: Frame): void;
  /** Another tab's answer to a shuffle of this one. */
  shuffled(peers: readonly PeerId[], now: number): void;
}

export class Relays {
  readonly #self: PeerId;
  readonly #links: LinkTable;
  readonly #routes: Routes;
  readonly #output: RelaysOutput;

  constructor(self: PeerId, links: LinkTable, routes: Routes, output: RelaysOutput) {
    this.#self = self;
    this.#links = links;
    this.#routes = routes;
    this.#output = output;
  }

  /** Sends `payload` to any tab of the room, or tells that it is unroutable. */
  send(kind: RelayKind, to: PeerId, channel: number, payload: Uint8Array, now: number): void {
    const route = payload.length > MAX_RELAYED_BYTES ? undefined : this.#routes.to(to, now);
    const [first] = route ?? [];
    if (route === undefined || first === undefined) {
      this.#output.effect({ type: 'unroutable', kind, to, channel });
      return;
    }
    const origin = this.#self;
    this.#output.send(first, { type: 'relay', kind, origin, route, at: 0, channel, payload });
  }

  /** Answers a shuffle that came over `path`, with peers of this tab's. */
  answerShuffle(origin: PeerId, path: readonly PeerId[], peers: readonly PeerId[]): void {
    const payload = encode((encoder) => {
      encoding.writeVarUint(encoder, peers.length);
      for (const peer of peers) writePeer(encoder, peer);
    });
    this.#sendBack('shuffle', origin, path, 0, payload);
  }

  /** Takes a relayed frame of a neighbor: delivers it, passes it on, or tells its origin that it cannot. */
  onRelay(link: Link, relay: Relay, now: number): void {
    const { origin, route, at, payload } = relay;
    if (!this.#cameAsItSays(link.peer, relay) || payload.length > MAX_RELAYED_BYTES) return;
    const walked = route.slice(0, at);
    this.#routes.learn([...walked.toReversed(), origin], now);
    const next = route[at + 1];
    if (next === undefined) return this.#deliver(relay, now);
    if (!link.passedFrames.take(1, now) || !link.passedBytes.take(payload.length, now)) return;
    if (this.#links.isLive(next)) {
      return this.#output.send(next, { ...relay, at: at + 1 });
    }
    if (relay.kind === 'unroutable') return;
    const what = encode((encoder) => {
      writePeer(encoder, route.at(-1) as PeerId);
      encoding.writeUint8(encoder, RELAY_KINDS.indexOf(relay.kind));
    });
    this.#sendBack('unroutable', origin, walked, relay.channel, what);
  }

  /** Whether this tab is where the frame is, its sender the one before, and no tab is passed twice. */
  #cameAsItSays(sender: PeerId, { origin, route, at }: Relay): boolean {
    if (route[at] !== this.#self || (at === 0 ? origin : route[at - 1]) !== sender) return false;
    return new Set(route).size === route.length && !route.includes(origin);
  }

  #deliver({ kind, origin, channel, payload }: Relay, now: number): void {
    switch (kind) {
      case 'signal':
        return this.#output.effect({ type: 'signal', from: origin, payload });
      case 'message':
        return this.#output.effect({ type: 'routed', channel, from: origin, payload });
      case 'shuffle': {
        const peers = decodeTotal(payload, (decoder) => readList(decoder, MAX_SHUFFLED, readPeer));
        return this.#output.shuffled(peers ?? [], now);
      }
      case 'unroutable': {
        const what = decodeTotal(payload, (decoder) => ({
          to: readPeer(decoder),
          kind: readName(decoder, RELAY_KINDS),
        }));
        if (what === undefined) return;
        this.#routes.failed(origin, what.to, now);
        return this.#output.effect({ type: 'unroutable', channel, ...what });
      }
    }
  }

  /** Sends to `to` against the way that was `walked` from it. */
  #sendBack(
    kind: RelayKind,
    to: PeerId,
    walked: readonly PeerId[],
    channel: number,
    payload: Uint8Array,
  ): void {
    const route = [...walked.toReversed(), to];
    const first = route[0] as PeerId;
    if (!this.#links.isNeighbor(first)) return;
    const origin = this.#self;
    this.#output.send(first, { type: 'relay', kind, origin, route, at: 0, channel, payload });
  }
}
