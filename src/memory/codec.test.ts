import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeTotal, encode } from '../util/codec.ts';
import { seededRandom } from '../util/random.ts';
import { runs } from '../util/testing/runs.ts';
import {
  decodeDelta,
  encodeDelta,
  isPayloadOf,
  readKey,
  readRecord,
  writeKey,
  writeRecord,
} from './codec.ts';
import { Context, differingReplicas, readContext, writeContext } from './context.ts';
import { collectionKey, isRecordKey, patternEpisodesKey, recordKey } from './keys.ts';
import { elementKey } from './readings/presence.ts';
import { withValue } from './record.ts';
import { Replica } from './replica.ts';
import { editAtRandom } from './testing/edits.ts';
import { BOUNDS, type Delta, type DottedRecord } from './types.ts';

const id = (digit: string) => digit.repeat(16);
const flag = recordKey(collectionKey('flag', 'open'), '');
const nothing = new Uint8Array();

function someDelta(seed: number): Delta {
  const random = seededRandom(seed);
  let delta: Delta | undefined;
  const replica = new Replica({
    id: id('a'),
    next: 0,
    changed: (change) => (delta = change.delta),
  });
  while (delta === undefined) {
    replica.transact((writer) => {
      for (let i = 0; i < 6; i++) editAtRandom(writer, random, new Map());
    });
  }
  return delta;
}

const plain: Delta = {
  replica: id('a'),
  first: 5,
  writes: [{ key: flag, removed: [], payload: nothing }],
  dependencies: [],
};

describe('deltas as bytes', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), (seed) => {
        const delta = someDelta(seed);
        expect(decodeDelta(encodeDelta(delta))).toEqual(delta);
      }),
      { numRuns: runs(500) },
    );
  });

  it('changed or cut bytes are a delta within bounds or none, and nothing is thrown', () => {
    fc.assert(
      fc.property(
        fc.nat(2 ** 31),
        fc.array(fc.tuple(fc.nat(), fc.nat(255))),
        fc.nat(),
        (seed, changes, cut) => {
          const bytes = encodeDelta(someDelta(seed)).slice();
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          const delta = decodeDelta(cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes);
          if (delta === undefined) return;
          expect(decodeDelta(encodeDelta(delta))).toEqual(delta);
          for (const { key, payload } of delta.writes) {
            expect(isRecordKey(key) && (payload === undefined || isPayloadOf(key, payload))).toBe(
              true,
            );
          }
          new Replica({ id: id('b'), next: 0 }).apply(delta);
        },
      ),
      { numRuns: runs(3000) },
    );
  });

  it.each<[string, Partial<Delta>]>([
    ['no writes', { writes: [] }],
    ['a counter over its bound', { first: BOUNDS.counter + 1 }],
    [
      'a last counter over its bound',
      { first: BOUNDS.counter, writes: [...plain.writes, ...plain.writes] },
    ],
    ['a dependency on itself', { dependencies: [{ replica: id('a'), counter: 5 }] }],
    [
      'a removal of its own dot',
      { writes: [{ key: flag, removed: [{ replica: id('a'), counter: 5 }], payload: nothing }] },
    ],
    [
      'a payload of another type',
      { writes: [{ key: flag, removed: [], payload: new Uint8Array(1) }] },
    ],
    ['a key of no type', { writes: [{ key: 'zx\u0000', removed: [], payload: nothing }] }],
    ['a key without a name', { writes: [{ key: 'f\u0000', removed: [], payload: nothing }] }],
    [
      'an element that is no value',
      { writes: [{ key: 'sx\u0000?', removed: [], payload: nothing }] },
    ],
  ])('refuse %s', (_, broken) => {
    expect(decodeDelta(encodeDelta(plain))).toEqual(plain);
    expect(decodeDelta(encodeDelta({ ...plain, ...broken }))).toBeUndefined();
  });
});

describe('keys, records and contexts as bytes', () => {
  it('a key comes back, and what is none is refused', () => {
    const keys = [
      flag,
      recordKey(collectionKey('map', 'ü'), 'a\u0000b'),
      elementKey(collectionKey('set', 'x'), { b: [1, 'ä'], a: null }),
      recordKey(patternEpisodesKey('beliefs', 'id'), 'e'),
    ];
    for (const key of keys) {
      expect(
        decodeTotal(
          encode((encoder) => writeKey(encoder, key)),
          readKey,
        ),
      ).toBe(key);
    }
    const broken = encode((encoder) => writeKey(encoder, flag)).slice();
    broken[2] = 0xff;
    expect(decodeTotal(broken, readKey)).toBeUndefined();
  });

  it.each([
    ['an empty name', () => collectionKey('map', '')],
    ['a name with U+0000', () => collectionKey('map', 'a\u0000')],
    ['a name with U+0001', () => collectionKey('map', 'a\u0001')],
    ['a long name', () => collectionKey('map', 'ä'.repeat(129))],
    ['a long entry', () => recordKey(collectionKey('map', 'a'), 'x'.repeat(1025))],
    ['an entry that UTF-8 cannot write', () => recordKey(collectionKey('map', 'a'), '\ud800')],
    ['a pattern id with U+0000', () => patternEpisodesKey('a', 'x\u0000')],
  ])('%s is refused', (_, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  });

  it('a record comes back in order; dots out of order, twice or none are refused', () => {
    const record = withValue(
      withValue(undefined, { replica: id('b'), counter: 1 }, nothing),
      { replica: id('a'), counter: 9 },
      nothing,
    );
    const read = (bytes: Uint8Array) => decodeTotal(bytes, (decoder) => readRecord(decoder, flag));
    expect(read(encode((encoder) => writeRecord(encoder, record)))).toEqual(record);
    expect(record.replica).toBe(id('a'));
    const twice: DottedRecord = { ...record, next: record };
    expect(read(encode((encoder) => writeRecord(encoder, twice)))).toBeUndefined();
    expect(read(Uint8Array.of(0))).toBeUndefined();
  });

  it('R6: a context comes back with its gaps, and what is not canonical is refused', () => {
    const entries = fc.array(fc.tuple(fc.nat(3), fc.nat(60), fc.integer({ min: 1, max: 9 })));
    fc.assert(
      fc.property(entries, (added) => {
        const context = new Context();
        const dots = new Set<string>();
        for (const [replica, start, length] of added) {
          context.add(id(`${replica}`), start, start + length);
          for (let i = start; i < start + length; i++) dots.add(`${replica} ${i}`);
        }
        const bytes = encode((encoder) => writeContext(encoder, context));
        const read = decodeTotal(bytes, readContext) as Context;
        expect(differingReplicas(read, context)).toEqual([]);
        for (let replica = 0; replica < 4; replica++) {
          for (let i = 0; i < 75; i++) {
            expect(read.has(id(`${replica}`), i)).toBe(dots.has(`${replica} ${i}`));
          }
        }
      }),
    );
    const replica = [1, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa];
    const isRead = (...intervals: number[]) =>
      decodeTotal(Uint8Array.from([...replica, ...intervals]), readContext) !== undefined;
    expect(isRead(1, 0, 4)).toBe(true);
    expect([isRead(0), isRead(1, 0, 0), isRead(2, 0, 1, 0, 1)]).toEqual([false, false, false]);
  });
});
