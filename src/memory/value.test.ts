import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../util/bytes.ts';
import { runs } from '../util/testing/runs.ts';
import { BOUNDS } from './types.ts';
import { decodeValue, encodeValue } from './value.ts';

const value = fc.anything({
  withBigInt: false,
  withNullPrototype: true,
  withTypedArray: false,
  values: [
    fc.boolean(),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double(),
    fc.string({ unit: 'grapheme' }),
    fc.constant(null),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.uint8Array(),
  ],
  key: fc.oneof(fc.string({ unit: 'grapheme' }), fc.constant('__proto__')),
});

describe('values', () => {
  it('come back as they were, with −0 as 0', () => {
    fc.assert(
      fc.property(value, (given) => {
        expect(decodeValue(encodeValue(given))).toEqual(withoutMinusZero(given));
      }),
      { numRuns: runs(2000) },
    );
  });

  it('have equal bytes where they are equal, whatever the order of properties', () => {
    const [one, other] = [
      { a: 1, b: [0, Number.NaN], c: undefined },
      { b: [-0, 0 / 0], a: 1 },
    ];
    expect(toHex(encodeValue(one))).toBe(toHex(encodeValue(other)));
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.integer()), (object) => {
        const turned = Object.fromEntries(Object.entries(object).reverse());
        expect(toHex(encodeValue(turned))).toBe(toHex(encodeValue(object)));
      }),
    );
  });

  it.each([
    ['undefined', undefined],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['a Map', new Map()],
    ['a Date', new Date(0)],
    ['an empty slot', Array(2)],
    ['undefined in an array', [undefined]],
    ['a bigint of 65 bits', 2n ** 64n],
    ['half of a surrogate pair', 'a\ud800'],
    ['a property with half of a surrogate pair', { '\udc00': 1 }],
  ])('refuse %s', (_, given) => {
    expect(() => encodeValue(given)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
  });

  it('are refused where they are nested too deep, also in a circle, or too large', () => {
    const circle: unknown[] = [];
    circle.push(circle);
    expect(() => encodeValue(circle)).toThrow(expect.objectContaining({ code: 'bad-argument' }));
    const large = new Uint8Array(BOUNDS.payloadBytes);
    expect(() => encodeValue(large)).toThrow(expect.objectContaining({ code: 'value-too-large' }));
  });

  it('any bytes are a value or none, and nothing is thrown', () => {
    const bytes = fc.array(fc.oneof(fc.integer({ min: 114, max: 127 }), fc.nat(255)));
    fc.assert(
      fc.property(bytes, (hostile) => {
        const decoded = decodeValue(Uint8Array.from(hostile));
        if (decoded !== undefined)
          expect(decodeValue(encodeValue(decoded))).toEqual(withoutMinusZero(decoded));
      }),
      { numRuns: runs(5000) },
    );
    const deep = new Uint8Array(100_000).fill(117).map((tag, i) => (i % 2 === 0 ? tag : 1));
    expect(decodeValue(deep)).toBeUndefined();
  });

  it('a property called __proto__ is a property', () => {
    const polluting = JSON.parse('{"__proto__":{"polluted":true}}');
    const decoded = decodeValue(encodeValue(polluting)) as Record<string, unknown>;
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
    expect(Object.keys(decoded)).toEqual(['__proto__']);
  });
});

function withoutMinusZero(given: unknown): unknown {
  if (given === 0) return 0;
  if (Array.isArray(given)) return given.map(withoutMinusZero);
  if (typeof given !== 'object' || given === null || given instanceof Uint8Array) return given;
  const entries = Object.entries(given).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.map(([name, each]) => [name, withoutMinusZero(each)]));
}
