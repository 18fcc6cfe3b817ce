import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes, equalBytes, fromHex, toHex } from './bytes.ts';
import { MeshError, messageOf } from './errors.ts';
import { isPeerId, peerIdOf } from './peer-id.ts';
import { jitter, randomBelow, sample, seededRandom } from './random.ts';
import { sha256 } from './sha256.ts';
import { TypedEventTarget } from './typed-events.ts';

describe('sha256', () => {
  it('is SHA-256 of bytes of any length, in Node and by the code that browsers get', async () => {
    // Node resolves lib0 to its own hash, so the other file is named as it lies.
    const path = new URL('../../node_modules/lib0/hash/sha256.js', import.meta.url).href;
    const { digest } = (await import(path)) as { digest: typeof sha256 };
    for (const length of [...Array(300).keys(), 4_095, 65_536, 100_003]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 31 + length) & 255);
      const expected = createHash('sha256').update(bytes).digest('hex');
      expect(toHex(sha256(bytes))).toBe(expected);
      expect(toHex(digest(bytes))).toBe(expected);
    }
    expect(sha256(new Uint8Array()).constructor).toBe(Uint8Array);
  });
});

describe('bytes', () => {
  it('hexadecimal goes both ways, and what is none is undefined', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'));
        expect(fromHex(toHex(bytes))).toEqual(bytes);
      }),
    );
    for (const none of ['0', '0g', 'AB', ' 00', '0x']) expect(fromHex(none)).toBeUndefined();
  });

  it('are equal where they hold the same, and are joined in order', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), fc.uint8Array(), (parts, other) => {
        const joined = concatBytes(parts);
        expect([...joined]).toEqual(parts.flatMap((part) => [...part]));
        expect(equalBytes(joined, joined.slice())).toBe(true);
        expect(equalBytes(joined, other)).toBe(joined.join() === other.join());
      }),
    );
  });
});

describe('peer ids', () => {
  it('are 32 lower-case hexadecimal digits', () => {
    expect(peerIdOf(new Uint8Array(16).fill(0xab))).toBe('ab'.repeat(16));
    expect(isPeerId('ab'.repeat(16))).toBe(true);
    const none = ['', 'AB'.repeat(16), 'ab'.repeat(17), `${'ab'.repeat(16)}\n`, 7, null, undefined];
    for (const value of none) expect(isPeerId(value)).toBe(false);
  });
});

describe('randomness', () => {
  it('is the same for the same seed, spread over [0, 1), and differs between seeds', () => {
    const draws = (seed: number) => {
      const random = seededRandom(seed);
      return Array.from({ length: 10_000 }, () => random());
    };
    expect(draws(1)).toEqual(draws(1));
    expect(draws(1)[0]).not.toBe(draws(2)[0]);
    const buckets = new Array(10).fill(0);
    for (const draw of draws(3)) buckets[Math.floor(10 * draw)]++;
    expect(Math.min(...buckets)).toBeGreaterThan(850);
    expect(Math.max(...buckets)).toBeLessThan(1_150);
  });

  it('sample takes different items, as many as there are at most, each as likely', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat()), fc.nat(20), fc.nat(), (items, count, seed) => {
        const taken = sample(seededRandom(seed), items, count);
        expect(taken).toHaveLength(Math.min(count, items.length));
        expect(new Set(taken).size).toBe(taken.length);
        expect(taken.every((item) => items.includes(item))).toBe(true);
      }),
    );
    const random = seededRandom(1);
    const counts = new Map<string, number>();
    for (let i = 0; i < 3_000; i++) {
      for (const item of sample(random, 'abc', 1)) counts.set(item, (counts.get(item) ?? 0) + 1);
    }
    for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });

  it('randomBelow and jitter stay in their bounds', () => {
    const random = seededRandom(5);
    for (let i = 0; i < 1_000; i++) {
      expect(randomBelow(random, 3)).toBeLessThan(3);
      expect(Math.abs(jitter(random, 100, 0.2) - 100)).toBeLessThanOrEqual(20);
    }
  });
});

describe('errors', () => {
  it('carry a code, a name and a cause; anything thrown has a text', () => {
    const cause = new Error('beneath');
    const error = new MeshError('link', 'It broke.', { cause });
    expect(error).toMatchObject({ name: 'MeshError', code: 'link', message: 'It broke.', cause });
    expect(error).toBeInstanceOf(Error);
    expect([messageOf(error), messageOf('text'), messageOf(undefined)]).toEqual([
      'It broke.',
      'text',
      'undefined',
    ]);
  });
});

describe('typed events', () => {
  it('carry their detail to listeners of any form, until they are removed', () => {
    class Counter extends TypedEventTarget<{ count: number }> {
      say(count: number): void {
        this.emit('count', count);
      }
    }
    const counter = new Counter();
    const told: number[] = [];
    const listener = ({ detail }: CustomEvent<number>) => told.push(detail);
    counter.addEventListener('count', listener);
    counter.addEventListener('count', { handleEvent: ({ detail }) => told.push(-detail) });
    counter.addEventListener('count', ({ detail }) => told.push(100 * detail), { once: true });
    counter.say(1);
    counter.removeEventListener('count', listener);
    counter.say(2);
    expect(told).toEqual([1, -1, 100, -2]);
  });
});
