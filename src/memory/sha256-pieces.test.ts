import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../util/bytes.ts';
import { Sha256 } from './sha256-pieces.ts';

const sha256 = (bytes: Uint8Array): Uint8Array => {
  const hasher = new Sha256();
  hasher.begin();
  hasher.bytes(bytes);
  return hasher.digest();
};
const expected = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('SHA-256', () => {
  it('is that of FIPS 180-4 for every length up to five blocks', () => {
    for (let length = 0; length <= 320; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => 31 * i + length);
      expect(toHex(sha256(bytes))).toBe(expected(bytes));
    }
    const large = new Uint8Array(1_000_003).fill(7);
    expect(toHex(sha256(large))).toBe(expected(large));
  });

  it('takes an input in pieces of any kind, and writes the hash where it is wanted', () => {
    const piece = fc.uint8Array({ maxLength: 150 });
    const hasher = new Sha256();
    fc.assert(
      fc.property(fc.array(fc.tuple(piece, fc.nat(2))), (pieces) => {
        hasher.begin();
        for (const [bytes, kind] of pieces) {
          if (kind === 0) hasher.bytes(bytes);
          else if (kind === 1) hasher.codes(String.fromCharCode(...bytes));
          else for (const byte of bytes) hasher.byte(byte);
        }
        const target = new Uint8Array(40);
        hasher.finish(target, 8);
        const all = pieces.flatMap(([bytes]) => [...bytes]);
        expect(toHex(target, 8)).toBe(expected(Uint8Array.from(all)));
        expect(toHex(target, 0, 8)).toBe('00'.repeat(8));
      }),
    );
  });
});
