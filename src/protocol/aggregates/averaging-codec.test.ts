import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeExchange,
  type Exchange,
  encodeExchange,
  MAX_AGGREGATES,
} from './averaging-codec.ts';

const mass = fc.record({
  value: fc.double({ min: -1e115, max: 1e115, noNaN: true }),
  weight: fc.double({ min: -1e115, max: 1e115, noNaN: true }),
});

const exchange: fc.Arbitrary<Exchange> = fc.record({
  isAnswer: fc.boolean(),
  sequence: fc.maxSafeNat(),
  items: fc.array(
    fc.record({
      name: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
      flow: mass,
      estimate: mass,
      claims: fc.array(
        fc.record({
          holder: fc.stringMatching(/^[0-9a-f]{12}$/),
          version: fc.nat(),
          value: fc.option(fc.double({ min: -1e100, max: 1e100, noNaN: true }), { nil: undefined }),
          age: fc.nat(1_000).map((seconds) => seconds * 1_000),
        }),
        { maxLength: 4 },
      ),
    }),
    { maxLength: 5 },
  ),
});

/** One item with its numbers as given, as a hostile tab might write it. */
function withEstimate(value: number): Uint8Array {
  const nothing = { value: 0, weight: 0 };
  const item = { name: 'x', flow: nothing, estimate: { value, weight: 1 }, claims: [] };
  return encodeExchange({ isAnswer: false, sequence: 1, items: [item] });
}

describe('exchanges of aggregates', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(exchange, (each) => {
        expect(decodeExchange(encodeExchange(each))).toEqual(each);
      }),
    );
  });

  it('any bytes are one exchange or none, and nothing throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeExchange(bytes);
      }),
    );
    fc.assert(
      fc.property(exchange, fc.nat(), fc.nat(255), (each, at, byte) => {
        const bytes = encodeExchange(each);
        bytes[at % bytes.length] = byte;
        decodeExchange(bytes);
        expect(decodeExchange(bytes.subarray(0, bytes.length - 1))).not.toEqual(each);
      }),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1e116])(
    'an estimate of %d is refused',
    (value) => {
      expect(decodeExchange(withEstimate(value))).toBeUndefined();
    },
  );

  it('more items than there may be are refused', () => {
    const bytes = withEstimate(1);
    const [, , , ...item] = bytes;
    const many = (count: number) =>
      new Uint8Array([0, 1, (count & 127) | 128, count >> 7, ...Array(count).fill(item).flat()]);
    expect(decodeExchange(many(MAX_AGGREGATES))?.items).toHaveLength(MAX_AGGREGATES);
    expect(decodeExchange(many(MAX_AGGREGATES + 1))).toBeUndefined();
  });
});
