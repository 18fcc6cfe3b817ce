import fc from 'fast-check';
import { writeUint8, writeVarUint8Array } from 'lib0/encoding';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { encode } from '../util/codec.ts';
import { IntervalSet } from '../util/intervals.ts';
import { isName, MAX_NAME_BYTES } from '../util/names.ts';
import { runs } from '../util/testing/runs.ts';
import { ROOT_BYTES } from './held.ts';
import {
  type DocumentMessage,
  type DocumentRumor,
  decodeMessage,
  decodeRumor,
  encodeMessage,
  encodeRumor,
} from './messages.ts';

const bytes = fc.uint8Array({ maxLength: 40 });
const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });
const leaf = fc.uint8Array({ minLength: 32, maxLength: 32 });
const root = fc.uint8Array({ minLength: ROOT_BYTES, maxLength: ROOT_BYTES });
const peer = fc.stringMatching(/^[0-9a-f]{32}$/);
const vector = fc
  .uniqueArray(fc.maxSafeNat(), { maxLength: 5 })
  .map((clients) =>
    Y.encodeStateVector(new Map(clients.map((client) => [client, client])) as unknown as Y.Doc),
  );

const intervals = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })), { maxLength: 4 })
  .map((steps) => {
    const set = new IntervalSet();
    for (const [gap, length] of steps) set.add(set.end() + gap, set.end() + gap + length);
    return set;
  });
const moving = fc.array(
  fc.record({
    name,
    entries: fc.array(
      fc.record({ client: fc.maxSafeNat(), structs: intervals, deletes: intervals }),
      { maxLength: 3 },
    ),
  }),
  { maxLength: 3 },
);
const flight = fc.option(fc.record({ rest: root, aged: moving, young: moving }), {
  nil: undefined,
});

const rumor: fc.Arbitrary<DocumentRumor> = fc.oneof(
  fc.record({
    type: fc.constant('updates' as const),
    name,
    updates: fc.array(bytes, { maxLength: 5 }),
  }),
  fc.record({ type: fc.constant('presence' as const), name, update: bytes }),
);

const message: fc.Arbitrary<DocumentMessage> = fc.oneof(
  fc.record({ type: fc.constant('compare' as const), root, flight }),
  fc.record({ type: fc.constant('equal' as const), root }),
  fc.record({ type: fc.constant('later' as const) }),
  fc.record({
    type: fc.constant('leaves' as const),
    leaves: fc.array(fc.record({ name, leaf }), { maxLength: 5 }),
  }),
  fc.record({ type: fc.constant('step1' as const), name, leaf, vector }),
  fc.record({ type: fc.constant('step2' as const), name, leaf, vector, update: bytes }),
  fc.record({ type: fc.constant('step3' as const), name, leaf, update: bytes }),
  fc.record({ type: fc.constant('done' as const), name, leaf }),
  fc.record({
    type: fc.constant('present' as const),
    name,
    states: fc.array(fc.record({ owner: peer, update: bytes }), { maxLength: 5 }),
  }),
  fc.record({ type: fc.constant('whoIsPresent' as const), name }),
  fc.record({
    type: fc.constant('walk' as const),
    name,
    id: fc.nat(65_535),
    wants: fc.boolean(),
    step: bytes,
  }),
);

describe('messages on documents (D8)', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(rumor, message, (one, other) => {
        expect(decodeRumor(encodeRumor(one))).toEqual(one);
        expect(decodeMessage(encodeMessage(other))).toEqual(other);
      }),
      { numRuns: runs(1000) },
    );
  });

  it('any bytes are a message or undefined, and what is read is written as the same bytes', () => {
    const start = fc.integer({ min: 0, max: 11 });
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 120 }), (type, rest) => {
        const hostile = Uint8Array.of(type, ...rest);
        const read = decodeMessage(hostile);
        if (read !== undefined) expect(decodeMessage(encodeMessage(read))).toEqual(read);
        const heard = decodeRumor(hostile);
        if (heard !== undefined) expect(decodeRumor(encodeRumor(heard))).toEqual(heard);
      }),
      { numRuns: runs(5000) },
    );
  });

  it('a message cut short or with more behind it is none', () => {
    fc.assert(
      fc.property(message, fc.nat(), (whole, cut) => {
        if (['step2', 'step3', 'walk', 'compare'].includes(whole.type)) return; // end in bytes of any length
        const encoded = encodeMessage(whole);
        expect(decodeMessage(encoded.subarray(0, cut % encoded.length))).toBeUndefined();
        expect(decodeMessage(Uint8Array.of(...encoded, 0))).toBeUndefined();
      }),
    );
  });

  it('a state vector that Yjs could not read is refused', () => {
    const step1 = (hostile: Uint8Array) =>
      encodeMessage({ type: 'step1', name: 'a', leaf: new Uint8Array(32), vector: hostile });
    expect(decodeMessage(step1(new Uint8Array([0])))?.type).toBe('step1');
    for (const hostile of [
      [],
      [1],
      [1, 1],
      [0, 0],
      [1, 1, 255, 255, 255, 255, 255, 255, 255, 255, 1],
    ]) {
      expect(decodeMessage(step1(new Uint8Array(hostile)))).toBeUndefined();
    }
  });

  it('a name is well-formed UTF-8 within its limit, byte for byte, or the message is refused', () => {
    const asking = (hostile: Uint8Array) =>
      decodeMessage(
        encode((encoder) => {
          writeUint8(encoder, 9);
          writeVarUint8Array(encoder, hostile);
        }),
      );
    const bom = new Uint8Array([0xef, 0xbb, 0xbf, 0x61]);
    expect(asking(bom)).toEqual({ type: 'whoIsPresent', name: '\uFEFFa' });
    expect(asking(new Uint8Array(MAX_NAME_BYTES).fill(0x61))?.type).toBe('whoIsPresent');
    expect(asking(new Uint8Array(MAX_NAME_BYTES + 1).fill(0x61))).toBeUndefined();
    expect(asking(new Uint8Array([0x61, 0xff]))).toBeUndefined();
    expect(asking(new Uint8Array())).toBeUndefined();
  });

  it('isName takes exactly what travels', () => {
    expect(isName('notes')).toBe(true);
    expect(isName('\uFEFFnotes')).toBe(true);
    expect(isName('ü'.repeat(MAX_NAME_BYTES / 2))).toBe(true);
    expect(isName('ü'.repeat(MAX_NAME_BYTES / 2 + 1))).toBe(false);
    expect(isName('half of a pair \uD83D')).toBe(false);
    expect(isName('')).toBe(false);
    expect(isName(7)).toBe(false);
  });
});
