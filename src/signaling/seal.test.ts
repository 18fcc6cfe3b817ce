import fc from 'fast-check';
import { fromBase64, toBase64 } from 'lib0/buffer';
import { beforeAll, describe, expect, it } from 'vitest';
import { createSeal, MAX_SEALED_CHARACTERS, type Seal } from './seal.ts';
import { peerOf, topicOf } from './signaling.contract.ts';

const context = { topic: topicOf('a'), from: peerOf('1'), to: peerOf('2') };
let seal: Seal;

beforeAll(async () => {
  const usages: KeyUsage[] = ['encrypt', 'decrypt'];
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, usages);
  seal = createSeal(key, crypto);
});

describe('Seal', () => {
  it('opens what it sealed, any text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 300 }), async (text) => {
        expect(await seal.open(await seal.seal(text, context), context)).toBe(text);
      }),
    );
  });

  it('never seals alike twice', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, () => seal.seal('same', context)));
    expect(new Set(all).size).toBe(50);
  });

  it('does not open in another topic, from another sender or for another receiver', async () => {
    const sealed = await seal.seal('text', context);
    const others = [
      { ...context, topic: topicOf('b') },
      { ...context, from: peerOf('3') },
      { ...context, to: peerOf('3') },
      { ...context, from: context.to, to: context.from },
    ];
    for (const other of others) expect(await seal.open(sealed, other)).toBeUndefined();
  });

  it('does not open with any bit of it flipped', async () => {
    const sealed = fromBase64(await seal.seal('a short text', context));
    for (let bit = 0; bit < 8 * sealed.length; bit++) {
      const changed = sealed.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await seal.open(toBase64(changed), context)).toBeUndefined();
    }
  });

  it('does not open with any character of it replaced, inserted or left out', async () => {
    const sealed = await seal.seal('a short text!', context);
    for (let i = 0; i < sealed.length; i++) {
      const [before, after] = [sealed.slice(0, i), sealed.slice(i + 1)];
      for (const changed of ['A', 'B', '=', ' ', '\n', ''].map((one) => before + one + after)) {
        if (changed !== sealed) expect(await seal.open(changed, context)).toBeUndefined();
      }
      expect(await seal.open(`${before} ${sealed.slice(i)}`, context)).toBeUndefined();
    }
  });

  it('answers hostile text with undefined and never throws', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.base64String()), async (text) => {
        expect(await seal.open(text, context)).toBeUndefined();
      }),
    );
    const endless = 'A'.repeat(MAX_SEALED_CHARACTERS + 4);
    expect(await seal.open(endless, context)).toBeUndefined();
  });
});
