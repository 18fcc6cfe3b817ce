import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalBytes } from '../util/bytes.ts';
import { encode } from '../util/codec.ts';
import { seededRandom } from '../util/random.ts';
import { runs } from '../util/testing/runs.ts';
import { resolveConfig } from './config.ts';
import {
  decodeFrame,
  encodeFrame,
  type Frame,
  type MemberEntry,
  writeMemberEntries,
} from './frames.ts';
import { Node } from './node.ts';

const ME = '8'.repeat(32);
const A = '1'.repeat(32);
const B = '2'.repeat(32);
const C = 'c'.repeat(32);

/** One node and the frames that it sent. */
class Bench {
  readonly node: Node;
  now = 1_000;

  constructor(config: Parameters<typeof resolveConfig>[0] = {}) {
    this.node = new Node(ME, resolveConfig(config), seededRandom(1), false, this.now);
    this.do({ type: 'start' });
  }

  do(input: Parameters<Node['handle']>[0]) {
    const effects = this.node.handle(input, this.now);
    const sent = effects.flatMap((effect) =>
      effect.type === 'send'
        ? [{ to: effect.peer, frame: decodeFrame(effect.bytes) as Frame }]
        : [],
    );
    return {
      effects,
      sent,
      sentTo: (peer: string) => sent.filter(({ to }) => to === peer).map(({ frame }) => frame),
    };
  }

  frame(peer: string, frame: Frame) {
    return this.do({ type: 'frame', peer, bytes: encodeFrame(frame) });
  }

  hello(peer: string, links = 1) {
    this.do({ type: 'incoming', peer });
    this.do({ type: 'linkUp', peer });
    return this.frame(peer, { type: 'hello', id: peer, incarnation: 0, hidden: false, links });
  }

  link(peer: string, links = 1) {
    this.hello(peer, links);
    return this.frame(peer, { type: 'accept' });
  }

  tick(ms: number) {
    this.now += ms;
    return this.do({ type: 'timer', name: 'tick' });
  }
}

const kinds = (effects: readonly { type: string }[]) => effects.map(({ type }) => type);
const entry = (id: string, status: MemberEntry['status'], incarnation = 0): MemberEntry => ({
  id,
  status,
  incarnation,
  hidden: false,
});
const claims = (entries: MemberEntry[]) => encode((e) => writeMemberEntries(e, entries));

describe('one node', () => {
  it('L1: says hello first, accepts, and has a neighbor once accepted both ways', () => {
    const bench = new Bench();
    bench.do({ type: 'incoming', peer: A });
    const up = bench.do({ type: 'linkUp', peer: A });
    expect(up.sentTo(A)).toEqual([
      { type: 'hello', id: ME, incarnation: 0, hidden: false, links: 0 },
    ]);
    const hello = { type: 'hello', id: A, incarnation: 0, hidden: false, links: 0 } as const;
    expect(bench.frame(A, hello).sentTo(A)).toEqual([{ type: 'accept' }]);
    expect(bench.node.neighbors).toEqual([]);
    expect(kinds(bench.frame(A, { type: 'accept' }).effects)).toContain('neighborUp');
    expect(bench.node.neighbors).toEqual([A]);
    expect(bench.node.members.map(({ id }) => id)).toEqual([ME, A]);
  });

  it('R4: a new neighbor is told of all members and compared with at once', () => {
    const bench = new Bench();
    const { effects, sentTo } = bench.link(A);
    expect(effects).toContainEqual({ type: 'compare', peer: A });
    expect(sentTo(A)).toContainEqual({
      type: 'members',
      entries: [entry(ME, 'alive'), entry(A, 'alive')],
      reply: false,
    });
  });

  it('L1: a second accept ends the link and tells of no second neighbor', () => {
    const bench = new Bench();
    bench.link(A);
    const again = bench.frame(A, { type: 'accept' });
    expect(kinds(again.effects)).toEqual(
      expect.arrayContaining(['error', 'hangUp', 'neighborDown']),
    );
    expect(kinds(again.effects)).not.toContain('neighborUp');
  });

  it('L1: a hello with the name of another, or a second one, ends the link', () => {
    const bench = new Bench();
    bench.do({ type: 'linkUp', peer: A });
    const foreign = { type: 'hello', id: B, incarnation: 0, hidden: false, links: 0 } as const;
    expect(kinds(bench.frame(A, foreign).effects)).toContain('error');
    bench.link(B);
    const second = { ...foreign, id: B };
    expect(kinds(bench.frame(B, second).effects)).toContain('neighborDown');
    expect(bench.node.neighbors).toEqual([]);
  });

  it('L2: a hello of another version, whatever follows in it, ends the link as a version mismatch', () => {
    for (const rest of [[], [1, 2, 3], new Array(40).fill(255)]) {
      const bench = new Bench();
      bench.do({ type: 'linkUp', peer: A });
      const told = bench.do({ type: 'frame', peer: A, bytes: Uint8Array.from([1, 2, ...rest]) });
      expect(told.effects).toContainEqual(expect.objectContaining({ code: 'version-mismatch' }));
      expect(told.sentTo(A)).toEqual([{ type: 'bye', reason: 'version', suggested: [] }]);
      expect(bench.node.wouldAnswer(A, bench.now)).toBe(false);
    }
  });

  it('L3: room frames before acceptance end the link', () => {
    const bench = new Bench();
    bench.hello(A);
    const early = bench.frame(A, { type: 'direct', channel: 1, payload: Uint8Array.of(1) });
    expect(kinds(early.effects)).toEqual(expect.arrayContaining(['error', 'hangUp']));
    expect(kinds(early.effects)).not.toContain('direct');
  });

  it('L4: a handshake that does not end within dialTimeout is given up', () => {
    const bench = new Bench();
    bench.hello(A);
    for (let i = 0; i < 19; i++) {
      bench.frame(A, { type: 'ping' });
      expect(kinds(bench.tick(500).effects)).not.toContain('hangUp');
    }
    bench.frame(A, { type: 'ping' });
    expect(bench.tick(500).effects).toContainEqual({ type: 'hangUp', peer: A });
  });

  it('L5: accepted links that are not neighbors yet count towards activeMax', () => {
    const bench = new Bench({ activeSize: 2, activeMax: 3 });
    const peers = ['1', '2', '3', '4', '5'].map((digit) => digit.repeat(32));
    const answers = peers.map((peer) => bench.hello(peer).sentTo(peer)[0]?.type);
    expect(answers).toEqual(['accept', 'accept', 'accept', 'bye', 'bye']);
    for (const peer of peers) bench.frame(peer, { type: 'accept' });
    expect(bench.node.neighbors).toHaveLength(3);
  });

  it('L5: a full tab evicts one neighbor for a peer without links and refuses others, with suggestions', () => {
    const bench = new Bench({ activeSize: 2, activeMax: 3 });
    const peers = ['1', '2', '3'].map((digit) => digit.repeat(32));
    for (const peer of peers) bench.link(peer);
    const refused = bench.hello('4'.repeat(32), 1).sentTo('4'.repeat(32));
    expect(refused).toEqual([{ type: 'bye', reason: 'full', suggested: expect.any(Array) }]);
    const [bye] = refused as [Extract<Frame, { type: 'bye' }>];
    expect([...bye.suggested].sort()).toEqual(peers);
    bench.link('5'.repeat(32), 0);
    expect(bench.node.neighbors).toHaveLength(3);
    expect(bench.node.neighbors).toContain('5'.repeat(32));
  });

  it('L7: connections in the making are bounded, and glare is not refused for it', () => {
    const bench = new Bench({ dialsAtOnce: 2 });
    for (const digit of ['1', '2', '3', '4']) {
      expect(bench.node.wouldAnswer(digit.repeat(32), bench.now)).toBe(true);
      bench.do({ type: 'incoming', peer: digit.repeat(32) });
    }
    expect(bench.node.wouldAnswer('5'.repeat(32), bench.now)).toBe(false);
    expect(bench.node.wouldAnswer('4'.repeat(32), bench.now)).toBe(true);
    expect(bench.node.wouldAnswer(ME, bench.now)).toBe(false);
  });

  it('L9: any bytes over a link throw nothing; what cannot be read ends the link with an error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, linked) => {
        const bench = new Bench();
        if (linked) bench.link(A);
        else bench.do({ type: 'linkUp', peer: A });
        const { effects, sentTo } = bench.do({ type: 'frame', peer: A, bytes });
        if (decodeFrame(bytes) !== undefined) return;
        expect(effects).toContainEqual(
          expect.objectContaining({ type: 'error', code: 'bad-frame' }),
        );
        expect(effects).toContainEqual({ type: 'hangUp', peer: A });
        expect(sentTo(A)).toEqual([{ type: 'bye', reason: 'avoided', suggested: [] }]);
        expect(bench.node.wouldAnswer(A, bench.now)).toBe(false);
      }),
      { numRuns: runs(500) },
    );
  });

  it('L9: a member rumor that cannot be read is not passed on, so that its forwarders are not blamed', () => {
    const bench = new Bench();
    for (const peer of [A, B]) bench.link(peer);
    const payload = Uint8Array.of(255, 255, 255);
    const told = bench.frame(A, { type: 'rumor', origin: C, sequence: 0, channel: 0, payload });
    expect(told.sentTo(B)).toEqual([]);
    expect(bench.node.neighbors).toEqual([B]);
  });

  it('L9: an avoided peer is answered again after some minutes', () => {
    const bench = new Bench();
    bench.link(A);
    bench.do({ type: 'misbehaved', peer: A, what: 'nonsense' });
    bench.now += 299_999;
    expect(bench.node.wouldAnswer(A, bench.now)).toBe(false);
    bench.now += 1;
    expect(bench.node.wouldAnswer(A, bench.now)).toBe(true);
  });

  it('M3: what is said against a living tab is answered with a greater incarnation, within bounds', () => {
    const bench = new Bench();
    bench.link(A);
    const say = (claim: MemberEntry, sequence: number) =>
      bench
        .frame(A, { type: 'rumor', origin: C, sequence, channel: 0, payload: claims([claim]) })
        .sentTo(A)
        .map((frame) => (frame.type === 'rumor' ? frame.payload : undefined));
    expect(say(entry(ME, 'suspect', 0), 0)).toEqual([claims([entry(ME, 'alive', 1)])]);
    expect(say(entry(ME, 'suspect', 0), 1)).toEqual([]);
    expect(say(entry(ME, 'dead', 5), 2)).toEqual([claims([entry(ME, 'alive', 6)])]);
    expect(say(entry(ME, 'left', 2 ** 42), 3)).toEqual([claims([entry(ME, 'alive', 2 ** 42)])]);
  });

  it('M6: a neighbor that is heard is not taken for dead, whoever says so', () => {
    const bench = new Bench();
    for (const peer of [A, B]) bench.link(peer);
    const said = [entry(B, 'suspect', 0), entry(B, 'dead', 0), entry(B, 'dead', 3)];
    for (const [sequence, claim] of said.entries()) {
      bench.frame(A, { type: 'rumor', origin: A, sequence, channel: 0, payload: claims([claim]) });
      expect(bench.node.members.find(({ id }) => id === B)?.status).toBe('suspect');
    }
  });

  it('M8: rounds exchange tables only where these differ, suspicions included', () => {
    const bench = new Bench();
    for (const peer of [A, B]) bench.link(peer);
    const digestOf = () => {
      const round = bench.do({ type: 'timer', name: 'round' }).sent[0]?.frame;
      return (round as Extract<Frame, { type: 'round' }>).membersDigest;
    };
    const same = digestOf();
    expect(bench.frame(A, { type: 'round', membersDigest: same }).sent).toEqual([]);
    bench.frame(A, { type: 'members', entries: [entry(B, 'suspect')], reply: false });
    expect(equalBytes(digestOf(), same)).toBe(false);
    const differs = bench.frame(A, { type: 'round', membersDigest: same });
    expect(differs.sent).toEqual([
      { to: A, frame: { type: 'members', entries: expect.any(Array), reply: true } },
    ]);
    const reply = bench.frame(A, { type: 'members', entries: [], reply: true });
    expect(reply.sent).toEqual([
      { to: A, frame: { type: 'members', entries: expect.any(Array), reply: false } },
    ]);
  });

  it('M9: a neighbor that is hidden after the link stands is given hiddenTimeout, unless its path is broken', () => {
    const bench = new Bench();
    bench.link(A);
    const hidden = { ...entry(A, 'alive', 1), hidden: true };
    bench.frame(A, {
      type: 'rumor',
      origin: A,
      sequence: 0,
      channel: 0,
      payload: claims([hidden]),
    });
    for (let i = 0; i < 120; i++) bench.tick(500);
    expect(bench.node.members.find(({ id }) => id === A)?.status).toBe('alive');
    bench.do({ type: 'interrupted', peer: A, broken: true });
    bench.tick(500);
    expect(bench.node.members.find(({ id }) => id === A)?.status).toBe('suspect');
  });

  it('M2: a link that breaks makes its neighbor a suspect, which is told to all', () => {
    const bench = new Bench();
    bench.link(A);
    bench.link(B);
    const down = bench.do({ type: 'linkDown', peer: A, byPeer: false });
    expect(down.sentTo(B)).toMatchObject([
      { type: 'rumor', payload: claims([entry(A, 'suspect')]) },
    ]);
  });

  it('M4: a neighbor that closes its connection without a bye has left, unless it refutes', () => {
    const bench = new Bench();
    bench.link(A);
    bench.link(B);
    const down = bench.do({ type: 'linkDown', peer: A, byPeer: true });
    expect(down.sentTo(B)).toMatchObject([{ type: 'rumor', payload: claims([entry(A, 'left')]) }]);
    expect(bench.node.members.map(({ id }) => id)).not.toContain(A);
    bench.frame(B, {
      type: 'rumor',
      origin: A,
      sequence: 0,
      channel: 0,
      payload: claims([entry(A, 'alive', 1)]),
    });
    expect(bench.node.members.map(({ id }) => id)).toContain(A);
  });

  it('a node that is out of the room answers nothing and sets no timers', () => {
    const bench = new Bench();
    bench.link(A);
    expect(kinds(bench.do({ type: 'stop' }).effects)).toContain('cancelTimers');
    const inputs: Parameters<Node['handle']>[0][] = [
      { type: 'frame', peer: A, bytes: encodeFrame({ type: 'ping' }) },
      { type: 'linkUp', peer: B },
      { type: 'linkDown', peer: A, byPeer: false },
      { type: 'incoming', peer: B },
      { type: 'candidates', peers: [B] },
      { type: 'timer', name: 'tick' },
      { type: 'timer', name: 'round' },
      { type: 'timer', name: 'announce' },
      { type: 'broadcast', channel: 1, payload: Uint8Array.of(1) },
      { type: 'direct', peer: A, channel: 1, payload: Uint8Array.of(1) },
      { type: 'activity' },
      { type: 'visibility', hidden: true },
      { type: 'visibility', hidden: false },
      { type: 'misbehaved', peer: A, what: 'nothing' },
      { type: 'stop' },
    ];
    for (const input of inputs) expect(bench.do(input).effects).toEqual([]);
    expect(bench.node.wouldAnswer(A, bench.now)).toBe(false);
  });
});
