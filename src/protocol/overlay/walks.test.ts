import { describe, expect, it } from 'vitest';
import type { PeerId } from '../../util/peer-id.ts';
import { seededRandom } from '../../util/random.ts';
import { resolveConfig } from '../config.ts';
import { linkOf, linksWith, peer } from '../testing/links.ts';
import type { Frame, FrameOf } from '../wire.ts';
import type { Welcome } from './active-view.ts';
import { Routes } from './routes.ts';
import { Walks } from './walks.ts';

const NOW = 1_000;
const [ME, A, B, C, O] = ['0', 'a', 'b', 'c', 'f'].map(peer) as [
  PeerId,
  PeerId,
  PeerId,
  PeerId,
  PeerId,
];
const beyond = (count: number) =>
  Array.from({ length: count }, (_, n) => n.toString(16).padStart(32, '7'));

/** One tab with neighbors, and what it does with walks. */
function tab(welcome: Welcome, ...neighbors: PeerId[]) {
  const links = linksWith(...neighbors);
  const routes = new Routes(ME, links, {
    version: 1,
    neighborsOf: () => [],
    isSuspect: () => false,
  });
  const sent: { to: PeerId; frame: Frame }[] = [];
  const dialed: PeerId[] = [];
  const learned: PeerId[] = [];
  const answered: { origin: PeerId; path: readonly PeerId[]; peers: readonly PeerId[] }[] = [];
  const walks = new Walks(ME, resolveConfig(), seededRandom(3), links, routes, {
    send: (to, frame) => sent.push({ to, frame }),
    welcome: () => welcome,
    dial: (origin) => dialed.push(origin),
    passive: () => [C],
    learned: (peers) => learned.push(...peers),
    answer: (origin, path, peers) => answered.push({ origin, path, peers }),
  });
  const walk = (change: Partial<FrameOf<'walk'>> = {}, from = A) => {
    const frame = { type: 'walk', origin: O, ttl: 3, path: [A], ...change } as const;
    walks.onWalk(linkOf(links, from), frame, NOW);
  };
  const shuffle = (change: Partial<FrameOf<'shuffle'>> = {}) => {
    const frame = {
      type: 'shuffle',
      origin: O,
      ttl: 0,
      path: [A],
      sample: [O, B],
      ...change,
    } as const;
    walks.onShuffle(linkOf(links, A), frame, NOW);
  };
  return { walks, links, routes, sent, dialed, learned, answered, walk, shuffle };
}

describe('random walks', () => {
  it('begin at different neighbors, visible ones first, and at no suspected one', () => {
    const { walks, links, sent } = tab('room', A, B, C);
    linkOf(links, A).hidden = true;
    linkOf(links, B).suspected = true;
    walks.begin(3);
    expect(sent.map(({ to }) => to)).toEqual([C, A, C]);
    expect(sent[0]?.frame).toEqual({ type: 'walk', origin: ME, ttl: 5, path: [] });
  });

  it('go on with their path, to a neighbor that they did not pass', () => {
    const { sent, dialed, walk } = tab('room', A, B, O);
    walk();
    expect(sent).toEqual([{ to: B, frame: { type: 'walk', origin: O, ttl: 2, path: [A, ME] } }]);
    expect(dialed).toEqual([]);
  });

  it('end where they are welcome: on their last link, after three where links are lacking, or where no way leads on', () => {
    for (const [welcome, change, neighbors] of [
      ['room', { ttl: 0 }, [A, B]],
      ['room', { ttl: 3 }, [A]],
      ['lacking', { path: [...beyond(2), A] }, [A, B]],
    ] as const) {
      const { sent, dialed, walk } = tab(welcome, ...neighbors);
      walk(change);
      expect([dialed, sent]).toEqual([[O], []]);
    }
    const { dialed, walk } = tab('lacking', A, B);
    walk();
    expect(dialed).toEqual([]);
  });

  it('go further where they are not welcome, and end for nothing after twelve links', () => {
    const { sent, dialed, walk } = tab('no', A, B);
    walk({ ttl: 0, path: [...beyond(10), A] });
    expect([sent.length, dialed]).toEqual([0, []]);
    walk({ ttl: 0 });
    expect(sent[0]?.frame).toMatchObject({ ttl: 0, path: [A, ME] });
  });

  it('leave a route back to their origin', () => {
    const { routes, walk } = tab('no', A);
    walk({ path: [B, C, A] });
    expect(routes.to(O, NOW)).toEqual([A, C, B, O]);
  });

  it('that did not come as they say, or pass a tab twice, are dropped; a greater ttl is cut', () => {
    const { sent, dialed, walk } = tab('room', A, B);
    walk({ path: [] });
    walk({ path: [B] });
    walk({ path: [ME, A] });
    walk({ path: [O, A] });
    walk({ path: [C, C, A] });
    walk({ origin: ME });
    walk({ path: [...beyond(12), A] });
    expect([sent, dialed]).toEqual([[], []]);
    walk({ ttl: 255 });
    expect(sent[0]?.frame).toMatchObject({ ttl: 5 });
  });

  it('of one neighbor are passed on 128 at once and no more', () => {
    const { sent, walk } = tab('no', A, B);
    for (let i = 0; i < 1_000; i++) walk();
    expect(sent).toHaveLength(128);
  });
});

describe('shuffles', () => {
  it('carry this tab, neighbors and peers of the passive view', () => {
    const { walks, sent } = tab('room', A, B);
    walks.shuffle();
    const [{ to, frame }] = sent as [{ to: PeerId; frame: FrameOf<'shuffle'> }];
    expect(frame).toMatchObject({ type: 'shuffle', origin: ME, ttl: 5, path: [] });
    expect(frame.sample).toEqual([ME, to === A ? B : A, C]);
    const alone = tab('room');
    alone.walks.shuffle();
    expect(alone.sent).toEqual([]);
  });

  it('go on while they may, and are answered and learned of where they end', () => {
    const { sent, answered, learned, shuffle } = tab('room', A, B);
    shuffle({ ttl: 1 });
    expect(sent[0]).toMatchObject({ to: B, frame: { ttl: 0, path: [A, ME], sample: [O, B] } });
    expect(answered).toEqual([]);
    shuffle();
    expect(answered).toEqual([{ origin: O, path: [A], peers: expect.arrayContaining([A, B, C]) }]);
    expect(learned).toEqual([O, B]);
    shuffle({ path: [B] });
    expect(answered).toHaveLength(1);
  });
});
