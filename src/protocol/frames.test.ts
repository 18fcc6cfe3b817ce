import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../util/testing/runs.ts';
import {
  BYE_REASONS,
  decodeFrame,
  encodeFrame,
  type Frame,
  MEMBER_STATUSES,
  MEMBERS_DIGEST_BYTES,
} from './frames.ts';
import { MAX_ANNOUNCED, MAX_INCARNATION, MAX_MEMBER_ENTRIES, MAX_SUGGESTED } from './limits.ts';

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const peer = bytesOf(16).map((bytes) => Buffer.from(bytes).toString('hex'));
const uint = fc.maxSafeNat();
const incarnation = fc.integer({ min: 0, max: MAX_INCARNATION });
const payload = fc.uint8Array({ maxLength: 64 });
const rumorId = { origin: peer, sequence: uint };
const entry = fc.record({
  id: peer,
  status: fc.constantFrom(...MEMBER_STATUSES),
  incarnation,
  hidden: fc.boolean(),
});
const is = <T extends string>(type: T) => fc.constant(type);

const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ type: is('hello'), id: peer, incarnation, hidden: fc.boolean(), links: uint }),
  fc.record({ type: is('accept') }),
  fc.record({ type: is('ping') }),
  fc.record({ type: is('pong') }),
  fc.record({
    type: is('bye'),
    reason: fc.constantFrom(...BYE_REASONS),
    suggested: fc.array(peer, { maxLength: MAX_SUGGESTED }),
  }),
  fc.record({ type: is('members'), reply: fc.boolean(), entries: fc.array(entry) }),
  fc.record({ type: is('round'), membersDigest: bytesOf(MEMBERS_DIGEST_BYTES) }),
  fc.record({ type: is('rumor'), ...rumorId, channel: uint, payload }),
  fc.record({
    type: is('ihave'),
    announced: fc.array(fc.record({ ...rumorId, size: uint }), { maxLength: MAX_ANNOUNCED }),
  }),
  fc.record({ type: is('graft'), ...rumorId }),
  fc.record({ type: is('gone'), ...rumorId }),
  fc.record({ type: is('direct'), channel: uint, payload }),
);

/** Frames whose last field is not "all that is left", so that nothing may be missing or left over. */
const closed = frame.filter(({ type }) => type !== 'rumor' && type !== 'direct');

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
        .tuple(fc.integer({ min: 0, max: 13 }), fc.uint8Array({ maxLength: 300 }))
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
        decodeFrame(bytes);
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
          const read = decodeFrame(bytes.subarray(0, length));
          expect(read).toBeUndefined();
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
      [9, ...huge],
      [9, 0x80, 0x02],
    ];
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 1_000; i++) {
      for (const claim of claims) expect(decodeFrame(Uint8Array.from(claim))).toBeUndefined();
    }
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(256 * 1024 * 1024);
  });

  it('W4: lists over their limits are no frames, however complete', () => {
    const id = '0'.repeat(32);
    const over: Frame[] = [
      { type: 'bye', reason: 'full', suggested: new Array(MAX_SUGGESTED + 1).fill(id) },
      {
        type: 'members',
        reply: false,
        entries: new Array(MAX_MEMBER_ENTRIES + 1).fill({
          id,
          status: 'alive',
          incarnation: 0,
          hidden: false,
        }),
      },
      {
        type: 'ihave',
        announced: new Array(MAX_ANNOUNCED + 1).fill({ origin: id, sequence: 0, size: 0 }),
      },
    ];
    for (const value of over) expect(decodeFrame(encodeFrame(value))).toBeUndefined();
  });

  it('W5: an incarnation over its limit is no frame, in a hello and in a member entry', () => {
    const id = '0'.repeat(32);
    const incarnation = MAX_INCARNATION + 1;
    const hello: Frame = { type: 'hello', id, incarnation, hidden: false, links: 0 };
    expect(decodeFrame(encodeFrame(hello))).toBeUndefined();
    const entries = [{ id, status: 'alive' as const, incarnation, hidden: false }];
    const members: Frame = { type: 'members', reply: false, entries };
    expect(decodeFrame(encodeFrame(members))).toBeUndefined();
  });

  it('L2: of a hello of another version the version is read, whatever follows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 127 }), fc.uint8Array(), (version, rest) => {
        const bytes = Uint8Array.of(1, version, ...rest);
        expect(decodeFrame(bytes)).toEqual({ type: 'foreignHello', version });
      }),
    );
  });
});
