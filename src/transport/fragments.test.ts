import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lane } from '../ports/transport.ts';
import { equalBytes } from '../util/bytes.ts';
import { MeshError } from '../util/errors.ts';
import { runs } from '../util/testing/runs.ts';
import { FRAGMENT_BYTES, Fragmenter, Reassembler } from './fragments.ts';

const MAX = 256 * 1024;

function fragmentsOf(frame: Uint8Array, lane: Lane = 'control'): Uint8Array[] {
  const fragmenter = new Fragmenter(frame, lane);
  const out: Uint8Array[] = [];
  while (!fragmenter.done) out.push(fragmenter.next());
  return out;
}

function pattern(length: number, seed = 0): Uint8Array {
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) out[i] = (i * 31 + (i >> 8) + seed) & 255;
  return out;
}

/** Sizes of frames around the bounds of fragments, and any other. */
const size = fc.oneof(
  fc.nat(40),
  fc.nat(100_000),
  fc
    .tuple(fc.constantFrom(1, 2, 3), fc.integer({ min: -8, max: 8 }))
    .map(([n, d]) => Math.max(0, n * FRAGMENT_BYTES + d)),
);
const lane = fc.constantFrom<Lane>('control', 'bulk');

describe('fragments', () => {
  it('are at most 16 KiB, and one suffices up to 16,383 bytes', () => {
    for (const [length, count] of [
      [0, 1],
      [FRAGMENT_BYTES - 1, 1],
      [FRAGMENT_BYTES, 2],
      [MAX, 17],
    ] as const) {
      const fragments = fragmentsOf(pattern(length));
      expect(fragments).toHaveLength(count);
      for (const fragment of fragments) expect(fragment.length).toBeLessThanOrEqual(FRAGMENT_BYTES);
    }
  });

  it('give back any frames, however the lanes interleave', () => {
    const frames = fc.array(size, { maxLength: 6 });
    fc.assert(
      fc.property(frames, frames, fc.infiniteStream(lane), (control, bulk, turns) => {
        const sent = {
          control: control.map((length, i) => pattern(length, i)),
          bulk: bulk.map((length, i) => pattern(length, 100 + i)),
        };
        const waiting = {
          control: sent.control.flatMap((frame) => fragmentsOf(frame, 'control')),
          bulk: sent.bulk.flatMap((frame) => fragmentsOf(frame, 'bulk')),
        };
        const received: Record<Lane, Uint8Array[]> = { control: [], bulk: [] };
        const reassembler = new Reassembler(MAX);
        while (waiting.control.length + waiting.bulk.length > 0) {
          const turn = turns.next().value as Lane;
          const fragment = waiting[turn].shift();
          const frame = fragment && reassembler.push(fragment);
          if (frame !== undefined) received[turn].push(frame);
        }
        for (const each of ['control', 'bulk'] as const) {
          expect(received[each]).toHaveLength(sent[each].length);
          const equal = received[each].map((frame, i) =>
            equalBytes(frame, sent[each][i] as Uint8Array),
          );
          expect(equal).not.toContain(false);
        }
        expect(reassembler.receivingBytes).toBe(0);
      }),
      { numRuns: runs(50) },
    );
  });

  it('of a frame in one piece are handed on without a copy', () => {
    const [fragment] = fragmentsOf(pattern(100)) as [Uint8Array];
    expect(new Reassembler(MAX).push(fragment)?.buffer).toBe(fragment.buffer);
  });

  it('count as received while their frame is incomplete', () => {
    const reassembler = new Reassembler(MAX);
    const [first, second] = fragmentsOf(pattern(40_000), 'bulk') as [Uint8Array, Uint8Array];
    reassembler.push(first);
    reassembler.push(second);
    expect(reassembler.receivingBytes).toBe(FRAGMENT_BYTES - 4 + FRAGMENT_BYTES - 1);
    reassembler.clear();
    expect(reassembler.receivingBytes).toBe(0);
  });
});

describe('a malformed fragment is refused as bad-frame', () => {
  const [first, middle, last] = fragmentsOf(pattern(40_000)) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const claiming = (...varint: number[]) => {
    const fragment = first.slice();
    fragment.set(varint, 1);
    return fragment;
  };
  const flagged = (fragment: Uint8Array, flags: number) => {
    const copy = fragment.slice();
    copy[0] = flags;
    return copy;
  };
  const cases: [string, Uint8Array[]][] = [
    ['no bytes', [new Uint8Array(0)]],
    ['an unknown flag', [Uint8Array.of(8 | 6, 1)]],
    ['more than 16 KiB', [flagged(new Uint8Array(FRAGMENT_BYTES + 1), 6)]],
    ['a short one that is not the last', [Uint8Array.of(2, 200, 1, 1)]],
    ['a continuation without a first', [middle]],
    ['a last one without a first', [last]],
    ['a continuation on the other lane', [first, flagged(middle, 1)]],
    ['a first while a frame is incomplete', [first, first]],
    ['a whole frame while a frame is incomplete', [first, Uint8Array.of(6, 1)]],
    ['a continuation without payload', [first, middle, Uint8Array.of(4)]],
    ['a length that never ends', [claiming(...new Array(12).fill(255))]],
    ['a length over the limit', [claiming(0x81, 0x80, 0x10)]],
    ['a length that its first fragment exceeds', [claiming(0x90, 0x80, 0x00)]],
    ['more bytes than were said', [first, middle, flagged(middle, 4)]],
    ['fewer bytes than were said', [first, middle, last.slice(0, -1)]],
    ['an end that was not said', [first, flagged(middle, 4)]],
    ['no end where it was said', [claiming(0xfb, 0xff, 0x01), flagged(middle, 0)]],
  ];

  for (const [name, fragments] of cases) {
    it(name, () => {
      const reassembler = new Reassembler(MAX);
      for (const fragment of fragments.slice(0, -1)) reassembler.push(fragment);
      const push = () => reassembler.push(fragments.at(-1) as Uint8Array);
      expect(push).toThrow(MeshError);
      expect(reassembler.receivingBytes).toBe(0);
      expect(reassembler.push(Uint8Array.of(6, 1))).toEqual(Uint8Array.of(1));
    });
  }

  it('a whole frame over a limit below 16 KiB', () => {
    const [fragment] = fragmentsOf(pattern(11)) as [Uint8Array];
    expect(() => new Reassembler(10).push(fragment)).toThrow(MeshError);
    expect(new Reassembler(11).push(fragment)).toHaveLength(11);
  });
});

describe('whatever bytes arrive', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .tuple(fc.nat(15), fc.uint8Array({ maxLength: 8 }))
      .map(([flags, head]) => Uint8Array.of(flags, ...head)),
    // Of the length that passes for a piece of a frame, with any flags and claim.
    fc.tuple(fc.nat(7), fc.uint8Array({ minLength: 4, maxLength: 4 })).map(([flags, head]) => {
      const fragment = new Uint8Array(FRAGMENT_BYTES);
      fragment.set([flags, ...head]);
      return fragment;
    }),
    size.map((length) => fragmentsOf(pattern(length))[0] as Uint8Array),
  );

  it('nothing but bad-frame is thrown, and no more than a frame a lane is held', () => {
    const limit = 64 * 1024;
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 30 }), (fragments) => {
        const reassembler = new Reassembler(limit);
        let pushedBytes = 0;
        for (const fragment of fragments) {
          pushedBytes += fragment.length;
          try {
            const frame = reassembler.push(fragment);
            expect(frame?.length ?? 0).toBeLessThanOrEqual(limit);
          } catch (error) {
            expect(error).toBeInstanceOf(MeshError);
            expect(error).toHaveProperty('code', 'bad-frame');
          }
          expect(reassembler.receivingBytes).toBeLessThanOrEqual(Math.min(2 * limit, pushedBytes));
        }
      }),
      { numRuns: runs(300) },
    );
  });
});
