import { describe, expect, it } from 'vitest';
import { deriveRoomKeys } from './secret.ts';
import { peerOf } from './signaling.contract.ts';

const HEX64 = /^[0-9a-f]{64}$/;

describe('deriveRoomKeys', () => {
  it('derives the same from the same, and other topics, stores and keys from another secret', async () => {
    const [one, again, other, open] = await Promise.all([
      deriveRoomKeys('room', 'secret'),
      deriveRoomKeys('room', 'secret'),
      deriveRoomKeys('room', 'Secret'),
      deriveRoomKeys('room'),
    ]);
    expect(one.topic).toMatch(HEX64);
    expect(again.topic).toBe(one.topic);
    expect(again.storeName).toBe(one.storeName);
    expect(one.storeName).toMatch(/^room#[0-9a-f]{16}$/);
    expect(new Set([one.topic, other.topic, open.topic, one.lobby]).size).toBe(4);
    expect(other.storeName).not.toBe(one.storeName);

    const context = { topic: one.topic, from: peerOf('1'), to: peerOf('2') };
    const sealed = (await one.seal?.seal('text', context)) ?? '';
    expect(await again.seal?.open(sealed, context)).toBe('text');
    expect(await other.seal?.open(sealed, context)).toBeUndefined();
  });

  it('gives tabs of one room the same lobby whatever their secret', async () => {
    const lobbies = await Promise.all([
      deriveRoomKeys('room', 'secret'),
      deriveRoomKeys('room', 'another'),
      deriveRoomKeys('room'),
    ]);
    expect(new Set(lobbies.map((keys) => keys.lobby)).size).toBe(1);
    expect((await deriveRoomKeys('room 2')).lobby).not.toBe(lobbies[0]?.lobby);
  });

  it('salts with the room, so that one secret means nothing in another room', async () => {
    const [here, there] = await Promise.all([
      deriveRoomKeys('here', 'secret'),
      deriveRoomKeys('there', 'secret'),
    ]);
    expect(here.topic).not.toBe(there.topic);
    expect(here.storeName.slice(-16)).not.toBe(there.storeName.slice(-16));
  });

  it('takes the two ways to write an accent as one secret', async () => {
    const [composed, decomposed] = await Promise.all([
      deriveRoomKeys('room', 'caf\u00e9'),
      deriveRoomKeys('room', 'cafe\u0301'),
    ]);
    expect(composed.topic).toBe(decomposed.topic);
  });

  it('needs no WebCrypto without a secret, and says what to do where one is given', async () => {
    const insecure = { getRandomValues: crypto.getRandomValues } as unknown as Crypto;
    const open = await deriveRoomKeys('room', undefined, insecure);
    expect(open.topic).toMatch(HEX64);
    expect(open.seal).toBeUndefined();
    await expect(deriveRoomKeys('room', 'secret', insecure)).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/https|localhost/),
    });
  });

  it.each([
    ['an empty room', '', 'secret'],
    ['an empty secret', 'room', ''],
    ['an endless room', 'r'.repeat(1_025), undefined],
    ['half a surrogate pair', 'room \ud800', undefined],
  ])('refuses %s', async (_name, room, secret) => {
    await expect(deriveRoomKeys(room, secret)).rejects.toMatchObject({ code: 'bad-argument' });
  });
});
