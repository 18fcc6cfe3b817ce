/** What reconciliation costs (SPEC.md section 8): bytes beyond payload, messages, what is sent. */

import { describe, expect, it } from 'vitest';
import { fill, type Peer, World } from '../testing/reconcile-pair.ts';

/** A million records take a gigabyte and minutes, so they are for a soak. */
const IS_SOAK = process.env.MNEMESH_SOAK !== undefined;
const LARGE = IS_SOAK ? 1_000_000 : 100_000;
const EQUAL = IS_SOAK ? 1_000_000 : 1_000;

const range = (count: number, from = 0, step = 1) =>
  Array.from({ length: count }, (_, i) => `item-${from + i * step}`);

/** Two linked peers with `count` equal records, of which `change` then changes some. */
function apart(count: number, change: (a: Peer, b: Peer) => void): [World, Peer, Peer] {
  const world = new World();
  const a = world.add('a');
  const b = world.add('b');
  fill([a, b], count);
  change(a, b);
  world.link(a, b);
  return [world, a, b];
}

describe('a walk', () => {
  it('of 10,000 records with 100 changed takes 9.5 KB and 3.5 round trips, and each payload once', () => {
    const [world, a, b] = apart(10_000, (left, right) => {
      left.set(range(50, 0, 97), 'changed on the left');
      right.set(range(50, 5_000, 97), 'changed on the right');
    });
    world.run();
    const { messages, overhead, payloads } = world.account();
    expect(a.root()).toBe(b.root());
    expect(overhead).toBeLessThanOrEqual(9_500);
    expect(messages).toBeLessThanOrEqual(7);
    expect(payloads).toHaveLength(100);
    expect(new Set(payloads).size).toBe(100);
  });

  it('of equal memories takes 64 bytes', () => {
    const [world] = apart(EQUAL, () => undefined);
    world.run();
    const { messages, bytes } = world.account();
    expect(messages).toBe(2);
    expect(bytes).toBeLessThanOrEqual(64);
  });

  it('of 100,000 records with 1 changed takes 400 bytes, and of a million 450', () => {
    const [world, a, b] = apart(LARGE, (left) => left.set(range(1, 777), 'changed'));
    world.run();
    const { overhead, payloads } = world.account();
    expect(a.root()).toBe(b.root());
    expect(overhead).toBeLessThanOrEqual(IS_SOAK ? 450 : 400);
    expect(payloads).toHaveLength(1);
  });

  it('by the last common root takes 1 KB and 8 bytes a change, and 1.5 round trips', () => {
    const [world, a, b] = apart(10_000, () => undefined);
    world.run();
    world.account();
    world.unlink(a, b);
    a.set(range(50, 0, 97), 'changed on the left');
    b.set(range(50, 5_000, 97), 'changed on the right');
    world.link(a, b);
    world.run();
    const { messages, overhead, payloads } = world.account();
    expect(a.root()).toBe(b.root());
    expect(messages).toBe(3);
    expect(overhead).toBeLessThanOrEqual(1_024 + 8 * 100);
    expect(payloads).toHaveLength(100);
  });
});
