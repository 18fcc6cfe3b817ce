import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../util/testing/runs.ts';
import {
  MAX_ANNOUNCED,
  MAX_HOPS,
  MAX_INCARNATION,
  MAX_LISTED_NEIGHBORS,
  MAX_MEMBER_ENTRIES,
  MAX_ROUTE,
  MAX_SHUFFLED,
  MAX_SUGGESTED,
} from './limits.ts';
import {
  BYE_REASONS,
  type Frame,
  MEMBER_STATUSES,
  type MemberEntry,
  RELAY_KINDS,
  shortsToBytes,
} from './wire.ts';
import { decodeFrame, encodeFrame, MEMBERS_DIGEST_BYTES } from './wire-codec.ts';

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const hexOf = (length: number) =>
  bytesOf(length).map((bytes) => Buffer.from(bytes).toString('hex'));
const peer = hexOf(16);
const short = hexOf(6);
const uint = fc.maxSafeNat();
const incarnation = fc.integer({ min: 0, max: MAX_INCARNATION });
const payload = fc.uint8Array({ maxLength: 64 });
const hops = fc.integer({ min: 0, max: MAX_HOPS });
const shortRumorId = { origin: short, sequence: uint };
const path = fc.array(peer, { maxLength: MAX_ROUTE });
const ttl = fc.nat(255);
const replica = fc.oneof(
  fc.record({ replica: hexOf(8), generation: uint }),
  fc.constant({ replica: '', generation: 0 }),
);
const entryOf = (status: fc.Arbitrary<MemberEntry['status']>): fc.Arbitrary<MemberEntry> =>
  fc
    .record({
      id: peer,
      status,
      incarnation,
      hidden: fc.boolean(),
      by: fc.oneof(short, fc.constant('')),
    })
    .chain((entry) => replica.map((owner) => ({ ...entry, ...owner })));
const entry = entryOf(fc.constantFrom(...MEMBER_STATUSES));
const list = fc.record({
  id: short,
  version: incarnation,
  neighbors: fc.array(short, { maxLength: MAX_LISTED_NEIGHBORS }).map(shortsToBytes),
});
const announcement = fc.record({ ...shortRumorId, hops, size: uint });
const is = <T extends string>(type: T) => fc.constant(type);

const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ type: is('hello'), entry: entryOf(fc.constant('alive')), links: uint, size: uint }),
  fc.record({ type: is('accept') }),
  fc.record({
    type: is('bye'),
    reason: fc.constantFrom(...BYE_REASONS),
    suggested: fc.array(peer, { maxLength: MAX_SUGGESTED }),
  }),
  fc.record({ type: is('ping'), sequence: uint }),
  fc.record({ type: is('pong'), sequence: uint }),
  fc.record({ type: is('pingReq'), sequence: uint, target: peer }),
  fc.record({ type: is('nack'), sequence: uint }),
  fc.record({
    type: is('members'),
    asksEntries: fc.boolean(),
    asksLists: fc.boolean(),
    entries: fc.array(entry),
    lists: fc.array(list),
  }),
  fc.record({
    type: is('round'),
    size: uint.map((n) => Math.floor(n / 2)),
    digest: fc.oneof(bytesOf(0), bytesOf(MEMBERS_DIGEST_BYTES)),
  }),
  fc.record({ type: is('rumor'), origin: peer, sequence: uint, hops, channel: uint, payload }),
  fc.record({
    type: is('ihave'),
    announced: fc.array(announcement, { maxLength: MAX_ANNOUNCED }),
  }),
  fc.record({ type: is('graft'), ...shortRumorId, wants: fc.boolean() }),
  fc.record({ type: is('prune'), origin: short }),
  fc.record({ type: is('gone'), ...shortRumorId }),
  fc.record({ type: is('walk'), origin: peer, ttl, path }),
  fc.record({
    type: is('shuffle'),
    origin: peer,
    ttl,
    path,
    sample: fc.array(peer, { maxLength: MAX_SHUFFLED }),
  }),
  fc
    .record({
      type: is('relay'),
      kind: fc.constantFrom(...RELAY_KINDS),
      origin: peer,
      route: fc.array(peer, { minLength: 1, maxLength: MAX_ROUTE }),
      at: fc.nat(MAX_ROUTE - 1),
      channel: uint,
      payload,
    })
    .map((relay) => ({ ...relay, at: relay.at % relay.route.length })),
  fc.record({ type: is('direct'), channel: uint, payload }),
);

/** Frames whose last field is not "all that is left", so that nothing may be missing or left over. */
const closed = frame.filter(({ type }) => !['rumor', 'direct', 'relay'].includes(type));

const ID = '0'.repeat(32);
const SHORT = '0'.repeat(12);
const ENTRY: MemberEntry = {
  id: ID,
  status: 'alive',
  incarnation: 0,
  hidden: false,
  replica: '',
  generation: 0,
  by: '',
};
const times = <T>(count: number, item: T): T[] => new Array(count).fill(item);

describe('frames', () => {
  it('W1: every frame is read back as it was written', () => {
    fc.assert(
      fc.property(frame, (value) => {
        expect(decodeFrame(encodeFrame(value))).toEqual(value);
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('W2: any bytes are a frame or undefined, and a frame read is written as one again', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      // A valid tag before random bytes gets further than random bytes alone.
      fc
        .tuple(fc.integer({ min: 0, max: 19 }), fc.uint8Array({ maxLength: 300 }))
        .map(([tag, rest]) => Uint8Array.of(tag, ...rest)),
    );
    fc.assert(
      fc.property(bytes, (value) => {
        const read = decodeFrame(value);
        if (read === undefined || read.type === 'foreignHello') return;
        expect(decodeFrame(encodeFrame(read))).toEqual(read);
      }),
      { numRuns: runs(5_000) },
    );
  });

  it('W2: a valid frame with one byte changed throws nothing', () => {
    fc.assert(
      fc.property(frame, fc.nat(), fc.nat(255), (value, place, byte) => {
        const bytes = encodeFrame(value);
        bytes[place % bytes.length] = byte;
        const read = decodeFrame(bytes);
        if (read !== undefined) expect(read).toHaveProperty('type');
      }),
      { numRuns: runs(1_000) },
    );
  });

  it('W3: a frame that is cut short, or followed by anything, is none', () => {
    fc.assert(
      fc.property(closed, (value) => {
        const bytes = encodeFrame(value);
        expect(decodeFrame(Uint8Array.of(...bytes, 0))).toBeUndefined();
        for (let length = 0; length < bytes.length; length++) {
          expect(decodeFrame(bytes.subarray(0, length))).toBeUndefined();
        }
      }),
    );
  });

  it('W4: counts and lengths that are claimed and not there allocate nothing', () => {
    const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    const claims = [
      [3, 0, ...huge],
      [3, 0, MAX_SUGGESTED],
      [6, 0, ...huge],
      [6, 0, 0xff, 0x1f],
      [6, 0, 0, ...huge],
      [9, ...huge],
      [9, 0x80, 0x02],
      [16, ...times(16, 0), 1, ...huge],
      [17, ...times(16, 0), 1, 0, ...huge],
      [18, 0, ...times(16, 0), ...huge],
    ];
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 1_000; i++) {
      for (const claim of claims) expect(decodeFrame(Uint8Array.from(claim))).toBeUndefined();
    }
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(256 * 1024 * 1024);
  });

  it('W4: lists over their limits are no frames, however complete', () => {
    const announced = { origin: SHORT, sequence: 0, hops: 0, size: 0 };
    const neighbors = shortsToBytes(times(MAX_LISTED_NEIGHBORS + 1, SHORT));
    const tooMany = times(MAX_MEMBER_ENTRIES + 1, ENTRY);
    const over: Frame[] = [
      { type: 'bye', reason: 'full', suggested: times(MAX_SUGGESTED + 1, ID) },
      { type: 'members', asksEntries: false, asksLists: false, entries: tooMany, lists: [] },
      {
        type: 'members',
        asksEntries: false,
        asksLists: false,
        entries: [],
        lists: [{ id: SHORT, version: 1, neighbors }],
      },
      { type: 'ihave', announced: times(MAX_ANNOUNCED + 1, announced) },
      { type: 'walk', origin: ID, ttl: 1, path: times(MAX_ROUTE + 1, ID) },
      { type: 'shuffle', origin: ID, ttl: 1, path: [], sample: times(MAX_SHUFFLED + 1, ID) },
    ];
    for (const value of over) expect(decodeFrame(encodeFrame(value))).toBeUndefined();
  });

  it('W4: a relay at a place outside its route is no frame', () => {
    const relay: Frame = {
      type: 'relay',
      kind: 'signal',
      origin: ID,
      route: [ID],
      at: 1,
      channel: 0,
      payload: Uint8Array.of(),
    };
    expect(decodeFrame(encodeFrame(relay))).toBeUndefined();
  });

  it('W5: an incarnation over its limit is no frame, in a hello and in a member entry', () => {
    const entry = { ...ENTRY, incarnation: MAX_INCARNATION + 1 };
    const hello: Frame = { type: 'hello', entry, links: 0, size: 1 };
    expect(decodeFrame(encodeFrame(hello))).toBeUndefined();
    const members: Frame = {
      type: 'members',
      asksEntries: false,
      asksLists: false,
      entries: [entry],
      lists: [],
    };
    expect(decodeFrame(encodeFrame(members))).toBeUndefined();
  });

  it('W5: a hello of one who says it is not alive is no frame', () => {
    const hello: Frame = { type: 'hello', entry: { ...ENTRY, status: 'dead' }, links: 0, size: 1 };
    expect(decodeFrame(encodeFrame(hello))).toBeUndefined();
  });

  it('L2: of a hello of another version the version is read, whatever follows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 127 }), fc.uint8Array(), (version, rest) => {
        const bytes = Uint8Array.of(1, version, ...rest);
        expect(decodeFrame(bytes)).toEqual({ type: 'foreignHello', version });
      }),
    );
  });
});
