import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../util/random.ts';
import { resolveConfig } from '../config.ts';
import { MAX_ANNOUNCED } from '../limits.ts';
import {
  A,
  B,
  C,
  D,
  gone,
  graft,
  lab,
  ME,
  news,
  O,
  prune,
  rumorOf,
  settled,
} from '../testing/plumtree-lab.ts';
import type { FrameOf, Rumor } from '../wire.ts';
import { Plumtree } from './plumtree.ts';

describe('plumtree: passing on', () => {
  it('B2: an origin pushes to all of its neighbors, and to nobody else does anyone push unasked', () => {
    const { machine, said, hear } = lab([A, B, C]);
    machine.publish(1, new Uint8Array(1), 0);
    expect(said()).toEqual(['rumor>1', 'rumor>2', 'rumor>3']);
    hear(A, rumorOf(O, 0));
    expect(said()).toEqual(['ihave>2', 'ihave>3']);
  });

  it('B2: a rumor is pushed to children, announced to others, never sent to its sender or its origin', () => {
    const { said, hear, frames } = lab([A, B, C, D]);
    hear(A, rumorOf(C, 0));
    expect(said()).toEqual(['ihave>2', 'ihave>4']);
    hear(B, graft(C, 0));
    expect(said()).toEqual(['rumor>2']);
    hear(A, rumorOf(C, 1, 3));
    const [pushed] = frames();
    expect(pushed).toEqual({ to: B, frame: rumorOf(C, 1, 4) });
    hear(B, prune(C));
    hear(A, rumorOf(C, 2));
    expect(said()).toEqual(['ihave>2']);
  });

  it('B2: rumors of its own that come back are ignored', () => {
    const { machine, said, hear, delivered } = lab([A]);
    hear(A, rumorOf(ME, 7));
    hear(A, news(ME, 8));
    expect(said()).toEqual([]);
    expect(delivered).toEqual([]);
    expect(machine.counts).toEqual({ received: 0, duplicates: 0 });
  });

  it('B2: a rumor is delivered once, after it was passed on', () => {
    const order: string[] = [];
    const machine = new Plumtree(ME, resolveConfig(), seededRandom(1), {
      send: (_to, { type }) => order.push(type),
      deliver: () => order.push('deliver'),
    });
    for (const peer of [A, B]) machine.neighborUp(peer);
    machine.onFrame(A, rumorOf(O, 0), 0);
    machine.onFrame(A, rumorOf(O, 0), 0);
    expect(order).toEqual(['ihave', 'deliver']);
    expect(machine.counts).toEqual({ received: 2, duplicates: 1 });
  });

  it('B2: hops that are out of range stay at the greatest', () => {
    const { hear, frames } = lab([A, B]);
    hear(A, rumorOf(O, 0, 255));
    expect(frames()).toEqual([{ to: B, frame: news(O, 0, 255) }]);
  });

  it('frames of one who is no neighbor change nothing', () => {
    const { machine, said, hear, delivered } = lab([A]);
    for (const frame of [rumorOf(O, 0), news(O, 1), graft(O, 0), prune(O), gone(O, 0)]) {
      hear(B, frame);
    }
    expect(said()).toEqual([]);
    expect(delivered).toEqual([]);
    expect(machine.due).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('plumtree: announcing', () => {
  it('B4: a link is told of an origin at once the first time, later after announceDelay, together', () => {
    const { machine, said, hear, pass, frames } = lab([A, B]);
    hear(A, rumorOf(O, 0));
    expect(said()).toEqual(['ihave>2']);
    for (const sequence of [1, 2]) hear(A, rumorOf(O, sequence));
    expect(said()).toEqual([]);
    expect(machine.due).toBeGreaterThanOrEqual(250);
    expect(machine.due).toBeLessThanOrEqual(750);
    pass(750);
    const [{ frame } = { frame: undefined }, ...more] = frames();
    expect(more).toEqual([]);
    expect((frame as FrameOf<'ihave'>).announced.map(({ sequence }) => sequence)).toEqual([1, 2]);
    machine.neighborUp(C);
    hear(A, rumorOf(O, 3));
    expect(said()).toEqual(['ihave>3']);
  });

  it('B4: who announced a rumor is not told of it, unless from here its way is shorter', () => {
    const { said, hear, pass } = lab([A, B, C, D]);
    hear(A, rumorOf(O, 0, 3));
    said();
    hear(A, rumorOf(O, 1, 3));
    hear(B, news(O, 1, 4)); // at 3 hops, as this tab
    hear(C, news(O, 1, 6)); // at 5 hops; it would be at 4 by this tab
    pass(750);
    expect(said()).toEqual(['ihave>3', 'ihave>4']);
  });

  it('B4: what was announced before it came is not announced back', () => {
    const { said, hear, pass } = settled();
    hear(C, news(O, 1, 4), 9_000);
    hear(B, news(O, 1, 4), 9_000); // a child that has it from elsewhere
    hear(A, rumorOf(O, 1, 3), 9_000);
    pass(9_750);
    expect(said()).toEqual([]);
  });

  it('B4: a full frame of announcements goes at once', () => {
    const { said, hear } = lab([A, B]);
    for (let n = 0; n <= MAX_ANNOUNCED; n++) hear(A, rumorOf(O, n));
    expect(said()).toEqual(['ihave>2', 'ihave>2']);
  });
});

describe('plumtree: growing and mending', () => {
  it('B3: who has no parent asks the first announcer, who is then the parent', () => {
    const { said, hear } = lab([A, B]);
    hear(A, news(O, 0));
    hear(B, news(O, 0));
    hear(B, news(O, 1));
    expect(said()).toEqual(['graft>1']);
    hear(A, news(O, 1));
    expect(said()).toContain('graft>2'); // of the two that have it, any but only one
  });

  it('B3: the origin pushes to its neighbors unasked, so they wait for it', () => {
    const { said, hear, pass } = lab([A, O]);
    hear(A, news(O, 0));
    expect(said()).toEqual([]);
    pass(200);
    expect(said()).toEqual(['graft>1']);
  });

  it('B3: a parent that announces in place of pushing forgot its child, which looks for one at once', () => {
    const { said, hear } = settled();
    hear(C, news(O, 1, 4), 9_000);
    expect(said()).toEqual([]);
    hear(A, news(O, 1, 3), 9_000);
    expect(said()).toEqual(['graft>1']);
  });

  it('B5: a rumor that the parent does not push in time is asked of who announced it, nearest first', () => {
    const { said, hear, pass, delivered } = settled();
    hear(C, news(O, 1, 5), 9_000);
    hear(B, news(O, 1, 4), 9_000);
    pass(9_199);
    expect(said()).toEqual([]);
    pass(9_200);
    expect(said()).toEqual(['graft>2']);
    pass(9_600);
    expect(said()).toEqual(['graft>3']);
    hear(C, rumorOf(O, 1, 5), 9_700);
    expect(delivered).toHaveLength(2);
    pass(19_000);
    expect(said().filter((what) => what.startsWith('graft'))).toEqual([]);
  });

  it('B5: each announcer is asked twice at most, then it is left to repair', () => {
    const { machine, said, hear, pass } = lab([A, B]);
    for (const peer of [A, B]) hear(peer, news(O, 0));
    pass(60_000);
    expect(said()).toEqual(['graft>1', 'graft>2', 'graft>1', 'graft>2']);
    expect(machine.due).toBe(Number.POSITIVE_INFINITY);
  });

  it('B5: gone, and a lost link, turn to the next announcer at once', () => {
    const { machine, said, hear } = lab([A, B, C]);
    for (const peer of [A, B, C]) hear(peer, news(O, 0));
    hear(B, gone(O, 0)); // it was not asked
    expect(said()).toEqual(['graft>1']);
    hear(A, gone(O, 0));
    expect(said()).toEqual(['graft>3']);
    machine.neighborDown(C, 0);
    expect(said()).toEqual([]);
    expect(machine.due).toBe(Number.POSITIVE_INFINITY);
  });

  it('B5: a tab that slept gives the answers that wait for it their time', () => {
    const { machine, said, hear } = lab([A, B]);
    for (const peer of [A, B]) hear(peer, news(O, 0));
    said();
    machine.tick(60_000, 59_600);
    expect(said()).toEqual([]);
    machine.tick(machine.due, 0);
    expect(said()).toEqual(['graft>2']);
  });

  it('B6: a graft makes a child, which gets what it wants and what it was to be told of later', () => {
    const { said, hear, frames } = lab([A, B]);
    for (const sequence of [0, 1, 2]) hear(A, rumorOf(O, sequence));
    said();
    hear(B, graft(O, 1));
    expect(frames().map(({ frame }) => (frame as Rumor).sequence)).toEqual([1, 2]);
    hear(B, graft(O, 9));
    expect(said()).toEqual(['gone>2']);
    hear(A, rumorOf(O, 3));
    expect(said()).toEqual(['rumor>2']);
  });

  it('B7: of two that push, the one with more hops is told to stop; the origin is nearest of all', () => {
    const { said, hear } = lab([A, B, C, O]);
    hear(A, rumorOf(O, 0, 4));
    said();
    hear(B, rumorOf(O, 0, 4));
    expect(said()).toEqual(['prune>2']);
    hear(C, rumorOf(O, 0, 3));
    expect(said()).toEqual(['prune>1']);
    hear(O, rumorOf(O, 0, 1));
    expect(said()).toEqual(['prune>3']);
    hear(O, rumorOf(O, 0, 1));
    expect(said()).toEqual([]);
  });

  it('B7: the first to deliver becomes the parent', () => {
    const { said, hear } = settled();
    hear(C, rumorOf(O, 1), 9_000);
    said();
    hear(A, rumorOf(O, 1), 9_000);
    expect(said()).toEqual(['prune>1']);
  });

  it('B8: an announced way that is shorter is changed over to, and the old parent told', () => {
    const { said, hear } = lab([A, B, C]);
    hear(A, rumorOf(O, 0, 4));
    said();
    hear(B, news(O, 0, 4));
    expect(said()).toEqual([]);
    hear(B, news(O, 0, 3));
    expect(said()).toEqual(['graft>2', 'prune>1']);
    hear(C, news(O, 0, 3));
    expect(said()).toEqual([]);
  });

  it('B8: who failed to push is not changed over to until it delivers something', () => {
    const { said, hear, pass } = settled();
    hear(C, news(O, 1, 5), 9_000);
    pass(9_200);
    hear(C, rumorOf(O, 1, 5), 9_300);
    said();
    hear(A, news(O, 1, 3), 9_300);
    expect(said()).toEqual([]);
    hear(A, rumorOf(O, 1, 3), 9_400);
    expect(said()).toEqual(['prune>3']);
  });

  it('B9: where the parent is lost another that is no nearer to this tab than to the origin is asked', () => {
    const { machine, said, hear } = settled();
    hear(C, news(O, 0, 3), 9_000);
    machine.neighborDown(A, 9_000);
    expect(said()).toEqual(['graft>3']);
  });

  it('B9: one that may be below this tab is not; the others are asked to announce at once', () => {
    const { machine, said, hear } = settled();
    hear(C, news(O, 0, 5), 9_000);
    machine.neighborDown(A, 9_000);
    expect(said()).toEqual(['prune>3']);
    hear(C, news(O, 1, 5), 9_000);
    expect(said()).toEqual(['graft>3']);
  });

  it('B9: who is told to stop, or that its neighbor has no parent, announces the next rumor at once', () => {
    const { said, hear, pass } = settled();
    hear(C, prune(O), 9_000);
    hear(A, rumorOf(O, 1), 9_000);
    expect(said()).toEqual(['rumor>2', 'ihave>3']);
    hear(A, rumorOf(O, 2), 9_000);
    expect(said()).toEqual(['rumor>2']);
    pass(9_750);
    expect(said()).toEqual(['ihave>3']);
  });

  it('B9: what the lost parent was to push is asked of who announced it', () => {
    const { machine, said, hear } = settled();
    hear(C, news(O, 1, 5), 9_000);
    machine.neighborDown(A, 9_000);
    expect(said()).toEqual(['prune>3', 'graft>3']);
    const other = settled();
    other.hear(C, news(O, 0, 3), 9_000);
    other.hear(C, news(O, 1, 3), 9_000);
    other.machine.neighborDown(A, 9_000);
    expect(other.frames()).toEqual([
      { to: C, frame: graft(O, 0, false) },
      { to: C, frame: graft(O, 1) },
    ]);
  });

  it('B9: a parent that asks to be a child is no parent', () => {
    const { said, hear } = settled();
    hear(A, graft(O, 0, false), 9_000);
    hear(C, news(O, 1), 9_000);
    expect(said()).toEqual(['prune>3', 'graft>3']);
    hear(C, rumorOf(O, 1), 9_000);
    expect(said().sort()).toEqual(['rumor>1', 'rumor>2']);
  });

  it('B9: a new link to the origin itself is the way from then on', () => {
    const { machine, said } = settled();
    machine.neighborUp(O);
    expect(said().map((what) => what.split('>')[0])).toEqual(['graft', 'prune']);
  });
});
