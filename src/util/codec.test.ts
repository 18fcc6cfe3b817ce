import fc from 'fast-check';
import * as encoding from 'lib0/encoding';
import { describe, expect, it } from 'vitest';
import {
  type Decoder,
  decodeTotal,
  encode,
  readByte,
  readBytes,
  readFlag,
  readList,
  readName,
  readPeer,
  readRest,
  readSized,
  readText,
  readUint,
  writePeer,
} from './codec.ts';
import { runs } from './testing/runs.ts';

const read = <T>(bytes: readonly number[], reader: (decoder: Decoder) => T) =>
  decodeTotal(Uint8Array.from(bytes), reader);

describe('reading untrusted bytes', () => {
  it('reads every safe integer that lib0 writes', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const bytes = encode((encoder) => encoding.writeVarUint(encoder, value));
        expect(decodeTotal(bytes, readUint)).toBe(value);
      }),
    );
    for (const value of [0, 127, 128, 2 ** 31, 2 ** 32, 2 ** 53 - 1]) {
      expect(
        decodeTotal(
          encode((e) => encoding.writeVarUint(e, value)),
          readUint,
        ),
      ).toBe(value);
    }
  });

  it('refuses integers over the safe range and varints without an end', () => {
    expect(read([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], readUint)).toBe(2 ** 53 - 1);
    expect(read([0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10], readUint)).toBeUndefined();
    expect(read(new Array(9).fill(0x80), readUint)).toBeUndefined();
    expect(read(new Array(1_000).fill(0x80), readUint)).toBeUndefined();
    expect(read([0x80], readUint)).toBeUndefined();
  });

  it('throws nothing whatever the bytes, and reads nothing beyond them', () => {
    const readers: ((decoder: Decoder) => unknown)[] = [
      readByte,
      readUint,
      readFlag,
      readPeer,
      readRest,
      (decoder) => readBytes(decoder, 20),
      (decoder) => readSized(decoder, 100),
      (decoder) => readText(decoder, 100),
      (decoder) => readList(decoder, 100, readUint),
      (decoder) => readName(decoder, ['a', 'b']),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...readers),
        fc.uint8Array({ maxLength: 60 }),
        (reader, bytes) => {
          // What lies beyond a view must not be seen through it.
          const within = new Uint8Array([...bytes, 1, 1, 1, 1]).subarray(0, bytes.length);
          expect(decodeTotal(within, reader)).toEqual(decodeTotal(bytes, reader));
        },
      ),
      { numRuns: runs(2_000) },
    );
  });

  it('refuses bytes left over, flags that are none, names and lengths out of bounds', () => {
    expect(read([1, 0], readByte)).toBeUndefined();
    expect([read([0], readFlag), read([1], readFlag), read([2], readFlag)]).toEqual([
      false,
      true,
      undefined,
    ]);
    expect(read([2], (decoder) => readName(decoder, ['a', 'b']))).toBeUndefined();
    expect(read([3, 1, 2, 3], (decoder) => readSized(decoder, 2))).toBeUndefined();
    expect(read([3, 1, 2, 3], (decoder) => readList(decoder, 2, readByte))).toBeUndefined();
    expect(read([3, 1, 2, 3], (decoder) => readList(decoder, 3, readByte))).toEqual([1, 2, 3]);
    expect(read([2, 0xc3, 0xa9], (decoder) => readText(decoder, 2))).toBe('é');
  });

  it('lets errors of the reader itself through', () => {
    expect(() =>
      decodeTotal(new Uint8Array(), () => {
        throw new TypeError('a fault of ours');
      }),
    ).toThrow(TypeError);
  });

  it('writes peers that are peers, and refuses to write others', () => {
    const id = '0123456789abcdef'.repeat(2);
    expect(
      decodeTotal(
        encode((e) => writePeer(e, id)),
        readPeer,
      ),
    ).toBe(id);
    for (const none of ['', 'xyz', id.slice(2), `${id}00`, id.toUpperCase()]) {
      expect(() => encode((e) => writePeer(e, none))).toThrow(RangeError);
    }
  });
});
