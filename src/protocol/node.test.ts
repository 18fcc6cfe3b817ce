import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../util/random.ts';
import { runs } from '../util/testing/runs.ts';
import { Averaging } from './aggregates/averaging.ts';
import { resolveConfig } from './config.ts';
import type { Effect, Input } from './effects.ts';
import { AGGREGATES_CHANNEL } from './limits.ts';
import { Node } from './node.ts';
import type { Frame, MemberEntry } from './wire.ts';
import { decodeFrame, encodeFrame } from './wire-codec.ts';

const ME = '8'.repeat(32);
const A = '1'.repeat(32);
const B = '2'.repeat(32);
const PAYLOAD = Uint8Array.of(1, 2, 3);

const entry = (id: string, change: Partial<MemberEntry> = {}): MemberEntry => ({
  id,
  status: 'alive',
  incarnation: 0,
  hidden: false,
  replica: '',
  generation: 0,
  by: '',
  ...change,
});

/** One node, and what came out of it. */
class Bench {
  readonly node: Node;
  now = 1_000;
  /** When the timer that is set runs out. */
  timerDue = Number.POSITIVE_INFINITY;

  constructor(config: Parameters<typeof resolveConfig>[0] = {}, hasAggregates = true) {
    this.node = new Node(ME, resolveConfig(config), seededRandom(1), false, this.now);
    if (hasAggregates) this.do({ type: 'joinAggregates', averaging: Averaging });
  }

  do(input: Input) {
    const effects = this.node.handle(input, this.now);
    for (const effect of effects) {
      if (effect.type === 'timer') this.timerDue = this.now + effect.delay;
      if (effect.type === 'cancelTimers') this.timerDue = Number.POSITIVE_INFINITY;
    }
    const sent = effects.flatMap((effect) =>
      effect.type === 'send'
        ? [{ to: effect.peer, frame: decodeFrame(effect.bytes) as Frame }]
        : [],
    );
    return { effects, sent };
  }

  frame(peer: string, frame: Frame) {
    return this.do({ type: 'frame', peer, bytes: encodeFrame(frame) });
  }

  link(peer: string) {
    this.do({ type: 'incoming', peer });
    this.do({ type: 'linkUp', peer });
    this.frame(peer, { type: 'hello', entry: entry(peer), links: 1, size: 2 });
    return this.frame(peer, { type: 'accept' });
  }

  /** Lets timers run out until `ms` from now; all that was done meanwhile. */
  wait(ms: number): Effect[] {
    const end = this.now + ms;
    const done: Effect[] = [];
    while (this.timerDue <= end) {
      this.now = Math.max(this.now, this.timerDue);
      this.timerDue = Number.POSITIVE_INFINITY;
      done.push(...this.do({ type: 'timer', name: 'tick' }).effects);
    }
    this.now = end;
    return done;
  }
}

function started(config: Parameters<typeof resolveConfig>[0] = {}): Bench {
  const bench = new Bench(config);
  bench.do({ type: 'start' });
  return bench;
}

const kinds = (effects: readonly { type: string }[]) => effects.map(({ type }) => type);
const framesOf = (sent: readonly { frame: Frame }[]) => sent.map(({ frame }) => frame.type);

describe('one node', () => {
  it('L1: says hello first, accepts, and has a neighbor once it was greeted and accepted', () => {
    const bench = started();
    bench.do({ type: 'incoming', peer: A });
    expect(framesOf(bench.do({ type: 'linkUp', peer: A }).sent)).toEqual(['hello', 'accept']);
    const hello: Frame = { type: 'hello', entry: entry(A), links: 0, size: 1 };
    bench.frame(A, hello);
    expect(bench.node.neighbors).toEqual([]);
    expect(kinds(bench.frame(A, { type: 'accept' }).effects)).toContain('neighborUp');
    expect(bench.node.neighbors).toEqual([A]);
    expect(bench.node.members.map(({ id }) => id).sort()).toEqual([A, ME].sort());
  });

  it('R4: memory is compared with a new neighbor at once', () => {
    const effects = started().link(A).effects;
    expect(effects).toContainEqual({ type: 'compare', peer: A });
  });

  it('R1: a round compares with a neighbor, and sends it the digest of the members', () => {
    const bench = started({ gossipInterval: 1_000 });
    bench.link(A);
    const effects = bench.wait(1_500);
    expect(effects).toContainEqual({ type: 'compare', peer: A });
    const frames = effects.flatMap((e) => (e.type === 'send' ? [decodeFrame(e.bytes)?.type] : []));
    expect(frames).toContain('round');
  });

  it('R3: an edit brings the next round within an interval', () => {
    const bench = started({ gossipInterval: 1_000, gossipIntervalMax: 60_000 });
    bench.link(A);
    bench.wait(300_000);
    const rounds = () => bench.node.counts.rounds;
    const before = rounds();
    bench.do({ type: 'activity' });
    bench.wait(1_200);
    expect(rounds()).toBe(before + 1);
  });

  it('B1: a rumor is delivered above once, and passed on', () => {
    const bench = started();
    bench.link(A);
    bench.link(B);
    const rumor: Frame = {
      type: 'rumor',
      origin: A,
      sequence: 0,
      hops: 1,
      channel: 7,
      payload: PAYLOAD,
    };
    const first = bench.frame(A, rumor).effects;
    const deliver = { type: 'deliver', channel: 7, origin: A, payload: PAYLOAD };
    expect(first).toContainEqual(deliver);
    expect(kinds(bench.frame(A, rumor).effects)).not.toContain('deliver');
  });

  it('L9: any bytes over a link throw nothing; what cannot be read ends the link with an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, linked) => {
        const bench = started();
        if (linked) bench.link(A);
        else bench.do({ type: 'linkUp', peer: A });
        const { effects } = bench.do({ type: 'frame', peer: A, bytes });
        if (decodeFrame(bytes) === undefined) {
          expect(kinds(effects)).toEqual(expect.arrayContaining(['error', 'hangUp']));
          expect(bench.node.neighbors).toEqual([]);
        }
      }),
      { numRuns: runs(500) },
    );
  });

  it('L9: an exchange of aggregates that cannot be read ends the link', () => {
    const bench = started();
    bench.link(A);
    const payload = Uint8Array.of(255, 255, 255);
    const { effects } = bench.frame(A, { type: 'direct', channel: AGGREGATES_CHANNEL, payload });
    expect(kinds(effects)).toEqual(expect.arrayContaining(['error', 'hangUp', 'neighborDown']));
  });

  it('L9: what the layers above call misbehaviour ends the link, and the peer is not answered', () => {
    const bench = started();
    bench.link(A);
    const { effects } = bench.do({ type: 'misbehaved', peer: A, what: 'nonsense' });
    expect(kinds(effects)).toEqual(expect.arrayContaining(['error', 'hangUp', 'neighborDown']));
    expect(bench.node.wouldAnswer(A, bench.now)).toBe(false);
  });

  it('direct frames go to neighbors alone, and those of a neighbor are told above', () => {
    const bench = started();
    const direct: Input = { type: 'direct', peer: A, channel: 1, payload: PAYLOAD };
    expect(bench.do(direct).sent).toEqual([]);
    bench.link(A);
    const frame: Frame = { type: 'direct', channel: 1, payload: PAYLOAD };
    expect(bench.do(direct).sent).toEqual([{ to: A, frame }]);
    expect(bench.frame(A, frame).effects).toContainEqual({ ...direct });
  });

  it('M2: a link that breaks makes its neighbor a suspect, and M4: one that its peer closed a leaver', () => {
    const statusAfter = (byPeer: boolean) => {
      const bench = started();
      bench.link(A);
      const { effects } = bench.do({ type: 'linkDown', peer: A, byPeer });
      return effects.flatMap((effect) =>
        effect.type === 'member' ? [effect.change.entry.status] : [],
      );
    };
    expect(statusAfter(false)).toEqual(['suspect']);
    expect(statusAfter(true)).toEqual(['left']);
  });

  it('M3: what is said against a living tab is answered with a greater incarnation', () => {
    const bench = started();
    bench.link(A);
    const dead = entry(ME, { status: 'dead', incarnation: 5 });
    bench.frame(A, {
      type: 'members',
      asksEntries: false,
      asksLists: false,
      entries: [dead],
      lists: [],
    });
    expect(bench.node.members.find(({ id }) => id === ME)).toMatchObject({
      status: 'alive',
      incarnation: 6,
    });
  });

  it('M9: what is due is done when a frame comes, where the timer of a hidden page is late', () => {
    const bench = started({ gossipInterval: 1_000 });
    bench.link(A);
    const before = bench.node.counts.rounds;
    bench.now += 1_500; // the timer was due, and is throttled
    bench.frame(A, { type: 'ping', sequence: 1 });
    expect(bench.node.counts.rounds).toBe(before + 1);
  });

  it('sets its timer whenever something is due earlier, and idles between', () => {
    const bench = started();
    bench.link(A);
    bench.wait(60_000);
    const timers = kinds(bench.wait(60_000)).filter((kind) => kind === 'timer').length;
    // A neighbor that never answers is long gone; what is left are looks for others.
    expect(timers).toBeLessThan(120);
    expect(bench.timerDue).toBeLessThan(Number.POSITIVE_INFINITY);
  });

  it('a timer that runs out a little early is set again', () => {
    const bench = new Bench();
    bench.do({ type: 'start' });
    const due = bench.timerDue;
    bench.now = due - 0.4;
    bench.timerDue = Number.POSITIVE_INFINITY;
    bench.do({ type: 'timer', name: 'tick' });
    expect(bench.timerDue).toBeCloseTo(due, 6);
  });

  it('a value set out of the room is kept for joining it', () => {
    const bench = new Bench();
    bench.do({ type: 'aggregate', name: 'load', value: 3 });
    bench.do({ type: 'start' });
    bench.link(A);
    bench.do({ type: 'stop' });
    expect(bench.node.estimate('load')?.mean).toBe(3);
  });

  it('a node that is out of the room answers no input, and joins as what it is: hidden, a replica', () => {
    const bench = new Bench();
    const inputs: Input[] = [
      { type: 'candidates', peers: [A] },
      { type: 'incoming', peer: A },
      { type: 'linkUp', peer: A },
      { type: 'frame', peer: A, bytes: encodeFrame({ type: 'accept' }) },
      { type: 'broadcast', channel: 1, payload: PAYLOAD },
      { type: 'timer', name: 'tick' },
      { type: 'visibility', hidden: true },
      { type: 'identity', replica: 'a'.repeat(16), generation: 3 },
      { type: 'activity' },
    ];
    for (const input of inputs) expect(bench.do(input).effects).toEqual([]);
    expect(bench.node.wouldAnswer(A, bench.now)).toBe(false);
    bench.do({ type: 'start' });
    const self = { id: ME, hidden: true, replica: 'a'.repeat(16), generation: 3 };
    expect(bench.node.members).toMatchObject([self]);
  });

  it('takes part in aggregates once it is told to, with the neighbors that it has', () => {
    const bench = new Bench({}, false);
    bench.do({ type: 'start' });
    bench.link(A);
    bench.do({ type: 'aggregate', name: 'load', value: 3 });
    const asked: Frame = { type: 'direct', channel: AGGREGATES_CHANNEL, payload: PAYLOAD };
    expect(kinds(bench.frame(A, asked).effects)).not.toContain('hangUp');
    expect(bench.node.estimate('load')).toBeUndefined();
    bench.do({ type: 'joinAggregates', averaging: Averaging });
    bench.do({ type: 'aggregate', name: 'load', value: 3 });
    const sent = bench
      .wait(10_000)
      .flatMap((e) => (e.type === 'send' ? [decodeFrame(e.bytes)] : []));
    expect(sent).toContainEqual(expect.objectContaining({ channel: AGGREGATES_CHANNEL }));
    expect(bench.node.estimate('load')?.mean).toBe(3);
  });

  it('leaving ends all links with a good-bye, cancels the timer and forgets the others', () => {
    const bench = started();
    bench.link(A);
    const { effects, sent } = bench.do({ type: 'stop' });
    expect(sent).toContainEqual({
      to: A,
      frame: { type: 'bye', reason: 'leaving', suggested: [] },
    });
    expect(kinds(effects)).toEqual(expect.arrayContaining(['neighborDown', 'cancelTimers']));
    expect(bench.node.neighbors).toEqual([]);
    expect(bench.node.members).toEqual([]);
    expect(bench.timerDue).toBe(Number.POSITIVE_INFINITY);
  });
});
