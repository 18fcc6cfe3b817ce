import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../src/util/random.ts';
import { announcedIceServers } from './ice.ts';
import { createSignalingServer } from './index.ts';
import { resolveOptions, type SignalingServerOptions } from './options.ts';
import { TokenBucket } from './token-bucket.ts';
import { Topics } from './topics.ts';

const key = 'f'.repeat(32);

describe('TokenBucket', () => {
  it('lets a burst through, then the rate, and saves no more than the burst', () => {
    const bucket = new TokenBucket(10, 3, 0);
    const takes = (nowMs: number, times: number) =>
      Array.from({ length: times }, () => bucket.take(nowMs)).filter(Boolean).length;
    expect(takes(0, 10)).toBe(3);
    expect(takes(50, 10)).toBe(0);
    expect(takes(100, 10)).toBe(1);
    expect(takes(1_000_000, 10)).toBe(3);
  });
});

describe('Topics', () => {
  it('agrees with a plain model under any entering and leaving', () => {
    const step = fc.record({
      enter: fc.boolean(),
      topic: fc.constantFrom('t', 'u'),
      peer: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      owner: fc.constantFrom(1, 2),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer(), (steps, seed) => {
        const topics = new Topics<number>(4);
        const model = new Map<string, Map<string, number>>();
        for (const { enter, topic, peer, owner } of steps) {
          const members = model.get(topic) ?? new Map<string, number>();
          if (enter) {
            const result = topics.enter(topic, peer, key, owner);
            expect(result.entered).toBe(members.has(peer) || members.size < 4);
            if (result.entered) members.set(peer, owner);
          } else {
            topics.leave(topic, peer, owner);
            if (members.get(peer) === owner) members.delete(peer);
          }
          if (members.size === 0) model.delete(topic);
          else model.set(topic, members);
        }
        expect(topics.size).toBe(model.size);
        for (const [topic, members] of model) {
          expect(topics.count(topic)).toBe(members.size);
          for (const [peer, owner] of members) {
            expect(topics.ownerOf(topic, peer)).toBe(owner);
            const others = [...members.keys()].filter((one) => one !== peer).sort();
            const all = topics.sample(topic, 10, peer, seededRandom(seed));
            expect(all.sort()).toEqual(others);
          }
        }
      }),
    );
  });

  it('draws different peers, never the asker, each as often as the others', () => {
    const topics = new Topics<number>(100);
    for (let i = 0; i < 20; i++) topics.enter('t', `p${i}`, key, 1);
    const random = seededRandom(11);
    const times = new Map<string, number>();
    for (let i = 0; i < 5_000; i++) {
      const drawn = topics.sample('t', 4, 'p7', random);
      expect(new Set(drawn).size).toBe(4);
      for (const peer of drawn) times.set(peer, (times.get(peer) ?? 0) + 1);
    }
    expect(times.has('p7')).toBe(false);
    expect(times.size).toBe(19);
    const expected = (5_000 * 4) / 19;
    for (const count of times.values()) {
      expect(count).toBeGreaterThan(0.8 * expected);
      expect(count).toBeLessThan(1.2 * expected);
    }
  });

  it('lets the same key take a place over also where the topic is full, and no other key', () => {
    const topics = new Topics<number>(2);
    topics.enter('t', 'a', key, 1);
    topics.enter('t', 'b', key, 1);
    expect(topics.enter('t', 'a', key, 2)).toEqual({ entered: true, replaced: 1 });
    expect(topics.enter('t', 'a', '0'.repeat(32), 3)).toEqual({
      entered: false,
      code: 'peer-taken',
    });
    expect(topics.enter('t', 'c', key, 1)).toEqual({ entered: false, code: 'topic-full' });
    expect(topics.ownerOf('t', 'a')).toBe(2);
  });
});

describe('announcedIceServers', () => {
  const servers = [
    { urls: 'stun:stun.example.org' },
    { urls: ['turn:turn.example.org:3478', 'turns:turn.example.org'] },
    { urls: 'turn:other.example.org', username: 'fixed', credential: 'given' },
  ];

  it('makes coturn credentials that end after the time to live, for TURN without its own', () => {
    const [stun, turn, fixed] = announcedIceServers(servers, 'shared', 600, 1_000_000_999);
    const username = '1000600';
    const credential = createHmac('sha1', 'shared').update(username).digest('base64');
    expect(stun).toEqual(servers[0]);
    expect(turn).toEqual({ urls: servers[1]?.urls, username, credential });
    expect(fixed).toEqual(servers[2]);
  });
});

describe('resolveOptions', () => {
  it.each<[string, SignalingServerOptions]>([
    ['a port out of range', { port: 65_536 }],
    ['a limit of zero', { limits: { connections: 0 } }],
    ['a message limit that clients do not speak', { limits: { messageBytes: 2 ** 20 } }],
    ['a fraction', { heartbeatSeconds: 1.5 }],
    ['TURN without a credential or secret', { iceServers: [{ urls: 'turn:a.example' }] }],
    ['an empty TURN secret', { turnSecret: '' }],
    ['an ICE server that is none', { iceServers: [{ urls: 'https://a.example' }] }],
    ['too many ICE servers', { iceServers: Array(17).fill({ urls: 'stun:a.example' }) }],
    ['an origin with a path', { allowedOrigins: ['https://a.example/app'] }],
    ['an origin that is none', { allowedOrigins: ['example.org'] }],
  ])('refuses %s', (_name, options) => {
    expect(() => resolveOptions(options)).toThrow(
      expect.objectContaining({ code: 'bad-argument' }),
    );
  });

  it.each<[string, unknown, RegExp]>([
    [
      'an allow-list by another name',
      { allowedOrigin: [] },
      /options\.allowedOrigin is not .* allowedOrigins,/,
    ],
    ['an unknown option', { prot: 1 }, /options\.prot is not an option; there are port, host,/],
    ['an unknown limit', { limits: { foo: 1 } }, /options\.limits\.foo is not .* messageBytes,/],
    ['limits that are a list', { limits: [] }, /options\.limits is a list; it must be an object/],
    ['a text for options', 'x', /options of createSignalingServer is a string; .* an object/],
    ['null for options', null, /options of createSignalingServer is null; .* an object/],
    [
      'an authorize that is no function',
      { authorize: 5 },
      /options\.authorize is 5; .* a function/,
    ],
    ['a host that is a number', { host: 5 }, /options\.host is 5; .* address/],
    ['an empty host, which would be all of them', { host: '' }, /options\.host is an empty string/],
    ['a port that is a text', { port: '80' }, /options\.port is a string; .* from 0 to 65535/],
    [
      'one origin in place of a list',
      { allowedOrigins: 'https://a.example' },
      /options\.allowedOrigins is/,
    ],
    ['an allow-list of null', { allowedOrigins: null }, /options\.allowedOrigins is null/],
    [
      'an origin that is a number',
      { allowedOrigins: [5] },
      /options\.allowedOrigins is a list; .* origins/,
    ],
    ['a proxy that is trusted by a text', { trustProxy: 'no' }, /options\.trustProxy is a string/],
    [
      'one ICE server in place of a list',
      { iceServers: { urls: 'stun:a.example' } },
      /options\.iceServers/,
    ],
    ['an ICE server of null', { iceServers: [null], turnSecret: 's' }, /options\.iceServers/],
    ['a TURN secret that is a number', { turnSecret: 5 }, /options\.turnSecret is 5/],
  ])('refuses %s, names it, and starts nothing', (_name, options, words) => {
    expect(() => createSignalingServer(options as SignalingServerOptions)).toThrow(
      expect.objectContaining({ code: 'bad-argument', message: expect.stringMatching(words) }),
    );
    expect(() => createSignalingServer(options as SignalingServerOptions)).toThrow(
      /Nothing was started\.$/,
    );
  });

  it('takes undefined for left out, in limits too', () => {
    const { TURN_SECRET } = {} as Record<string, string | undefined>;
    const limits = { connections: undefined } as object;
    expect(resolveOptions({ turnSecret: TURN_SECRET, host: undefined, limits })).toEqual({
      ...resolveOptions({}),
      onError: expect.any(Function),
    });
  });

  it('listens to this machine alone unless told otherwise', () => {
    expect(resolveOptions({})).toMatchObject({ host: '127.0.0.1', port: 4_444 });
  });
});
