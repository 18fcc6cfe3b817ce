import { describe, expect, it } from 'vitest';
import type { PeerId } from '../../util/peer-id.ts';
import type { Effect } from '../effects.ts';
import { MAX_RELAYED_BYTES } from '../limits.ts';
import { linkOf, linksWith, peer } from '../testing/links.ts';
import type { Frame, FrameOf } from '../wire.ts';
import { Relays } from './relays.ts';
import { Routes } from './routes.ts';

const NOW = 1_000;
const ids = ['a', 'b', 'c', 'd', 'e'].map(peer);
const [A, B, C, D, E] = ids as [PeerId, PeerId, PeerId, PeerId, PeerId];
const payload = Uint8Array.of(1, 2, 3);

/** Tabs in a line, each linked with the next, by what each knows of the graph. */
class Line {
  readonly effects = new Map<PeerId, Effect[]>(ids.map((id) => [id, []]));
  readonly sent: { from: PeerId; to: PeerId; frame: Frame }[] = [];
  readonly shuffled: PeerId[] = [];
  readonly links = new Map(
    ids.map((id, at) => {
      const beside = [ids[at - 1], ids[at + 1]].filter((one) => one !== undefined);
      return [id, linksWith(...beside)] as const;
    }),
  );
  readonly relays = new Map(ids.map((id) => [id, this.#relaysOf(id)]));

  of(id: PeerId): Relays {
    return this.relays.get(id) as Relays;
  }

  linksOf(id: PeerId) {
    return this.links.get(id) ?? linksWith();
  }

  told(id: PeerId): Effect[] {
    return this.effects.get(id) ?? [];
  }

  /** Hands on what was sent until nothing is. */
  run(): void {
    for (let next = this.sent.shift(); next !== undefined; next = this.sent.shift()) {
      const { from, to, frame } = next;
      const link = this.linksOf(to).get(from);
      if (link !== undefined) this.of(to).onRelay(link, frame as FrameOf<'relay'>, NOW);
    }
  }

  /** A frame as a neighbor sends it. */
  relay(change: Partial<FrameOf<'relay'>>): FrameOf<'relay'> {
    const route = [B, C, D];
    return {
      type: 'relay',
      kind: 'signal',
      origin: A,
      route,
      at: 0,
      channel: 7,
      payload,
      ...change,
    };
  }

  #relaysOf(id: PeerId): Relays {
    const links = this.linksOf(id);
    const neighborsOf = (of: PeerId) => [...this.linksOf(of).neighbors()];
    const graph = { version: 1, neighborsOf, isSuspect: () => false };
    return new Relays(id, links, new Routes(id, links, graph), {
      effect: (effect) => this.told(id).push(effect),
      send: (to, frame) => this.sent.push({ from: id, to, frame }),
      shuffled: (peers) => this.shuffled.push(...peers),
    });
  }
}

describe('relays', () => {
  it('carry a signal along its route, and tell the last tab who sent it', () => {
    const line = new Line();
    line.of(A).send('signal', E, 9, payload, NOW);
    line.run();
    expect(line.told(E)).toEqual([{ type: 'signal', from: A, payload }]);
    for (const id of [A, B, C, D]) expect(line.told(id)).toEqual([]);
    line.of(E).send('message', A, 2, payload, NOW);
    line.run();
    expect(line.told(A)).toEqual([{ type: 'routed', channel: 2, from: E, payload }]);
  });

  it('tell the sender at once where no way is known, or what it sends is too large', () => {
    const line = new Line();
    const large = new Uint8Array(MAX_RELAYED_BYTES + 1);
    line.of(A).send('signal', peer('f'), 3, payload, NOW);
    line.of(A).send('message', E, 2, large, NOW);
    expect(line.told(A)).toEqual([
      { type: 'unroutable', kind: 'signal', to: peer('f'), channel: 3 },
      { type: 'unroutable', kind: 'message', to: E, channel: 2 },
    ]);
    expect(line.sent).toEqual([]);
  });

  it('tell the origin what could not be passed on, and shun that link', () => {
    const line = new Line();
    line.of(A).send('signal', E, 9, payload, NOW);
    line.linksOf(C).close(D);
    line.run();
    expect(line.told(A)).toEqual([{ type: 'unroutable', kind: 'signal', to: E, channel: 9 }]);
    line.of(A).send('signal', E, 10, payload, NOW);
    expect(line.sent).toEqual([]);
  });

  it('are not passed on to a suspect, which may be dead: the origin is told at once', () => {
    const line = new Line();
    linkOf(line.linksOf(C), D).suspected = true;
    line.of(A).send('signal', E, 9, payload, NOW);
    line.run();
    expect(line.told(A)).toEqual([{ type: 'unroutable', kind: 'signal', to: E, channel: 9 }]);
  });

  it('an answer that cannot be passed on makes no further answer', () => {
    const line = new Line();
    const frame = line.relay({ kind: 'unroutable', route: [B, D], payload: new Uint8Array(17) });
    line.of(B).onRelay(linkOf(line.linksOf(B), A), frame, NOW);
    expect(line.sent).toEqual([]);
  });

  it('refuse a frame that did not come the way it says, or passes a tab twice', () => {
    const line = new Line();
    const refused: Partial<FrameOf<'relay'>>[] = [
      { origin: D },
      { route: [C, B, D] },
      { at: 1 },
      { at: 1, route: [D, B, C] },
      { route: [B, C, B] },
      { route: [B, C, A] },
      { origin: B, route: [B, C] },
      { payload: new Uint8Array(MAX_RELAYED_BYTES + 1) },
    ];
    for (const change of refused) {
      line.of(B).onRelay(linkOf(line.linksOf(B), A), line.relay(change), NOW);
    }
    expect([line.sent, line.told(B)]).toEqual([[], []]);
  });

  it('pass on so much for one neighbor and no more, until time goes by', () => {
    const line = new Line();
    const link = linkOf(line.linksOf(B), A);
    const large = line.relay({ payload: new Uint8Array(MAX_RELAYED_BYTES) });
    for (let i = 0; i < 100; i++) line.of(B).onRelay(link, large, NOW);
    expect(line.sent).toHaveLength(8);
    line.of(B).onRelay(link, large, NOW + 1_000);
    expect(line.sent).toHaveLength(9);
    const other = linkOf(line.linksOf(B), C);
    for (let i = 0; i < 1_000; i++) {
      line.of(B).onRelay(other, line.relay({ origin: C, route: [B, A] }), NOW);
    }
    expect(line.sent).toHaveLength(9 + 128);
  });

  it('answer a shuffle against its way, and bytes that are no answer are none', () => {
    const line = new Line();
    line.of(D).answerShuffle(A, [B, C], [E]);
    line.run();
    expect(line.shuffled).toEqual([E]);
    for (const kind of ['shuffle', 'unroutable'] as const) {
      const frame = line.relay({ kind, route: [B], payload: Uint8Array.of(9) });
      line.of(B).onRelay(linkOf(line.linksOf(B), A), frame, NOW);
    }
    expect([line.shuffled, line.told(B)]).toEqual([[E], []]);
    line.of(D).answerShuffle(A, [B], [E]); // whose way does not end at a neighbor
    expect(line.sent).toEqual([]);
  });
});
