/**
 * What the memory does, counted: times tell little on a busy machine, and SHA-256 is most of what tries
 * and walks take (`npm run bench -- memory` has times).
 */

import { describe, expect, it, vi } from 'vitest';
import { hasher } from './hasher.ts';
import { fill, type Peer, World } from './testing/reconcile-pair.ts';
import { MemoryTries } from './trie/trie-memory.ts';

const RECORDS = 10_000;

/** How many hashes `body` makes. */
function hashesOf(body: () => void): number {
  const made = vi.spyOn(hasher, 'finish');
  try {
    body();
    return made.mock.calls.length;
  } finally {
    made.mockRestore();
  }
}

/** Two peers with the same records, and tries of them. */
function two(records: number): [World, Peer, Peer] {
  const world = new World();
  const peers: [Peer, Peer] = [world.add('a'), world.add('b')];
  fill(peers, records);
  for (const peer of peers) peer.root();
  return [world, ...peers];
}

const names = (count: number, from: number) =>
  Array.from({ length: count }, (_, i) => `item-${from + i * 97}`);

describe('hashes', () => {
  it('are few more than one a record for a trie of them, however many there are', () => {
    const [, peer] = two(RECORDS);
    const build = (of: Peer) => hashesOf(() => new MemoryTries(of.replica).root());
    expect(build(peer)).toBeLessThan(1.5 * RECORDS);
    const [, large] = two(4 * RECORDS);
    expect(build(large)).toBeLessThan(1.7 * 4 * RECORDS);
  });

  it('are at most four a write, in batches of a hundred', () => {
    const [, peer] = two(RECORDS);
    peer.set(names(100, 0), 'changed');
    expect(hashesOf(() => peer.root())).toBeLessThan(400);
  });

  it('are none for a root or a snapshot where nothing changed since the last', () => {
    const [, peer] = two(100);
    const root = peer.root();
    const snapshot = hashesOf(() => peer.tries.snapshot());
    expect(snapshot).toBe(0);
    expect(peer.root()).toBe(root);
  });

  it('are not more than sixteen for each record in which a walk finds a difference', () => {
    const [world, a, b] = two(RECORDS);
    a.set(names(50, 0), 'changed on the left');
    b.set(names(50, 5_000), 'changed on the right');
    for (const peer of [a, b]) peer.root();
    const hashes = hashesOf(() => {
      world.link(a, b);
      world.run();
    });
    expect(a.root()).toBe(b.root());
    expect(hashes).toBeLessThan(16 * 100);
  });

  it('are a handful for a comparison of equal memories', () => {
    const [world, a, b] = two(RECORDS);
    const hashes = hashesOf(() => {
      world.link(a, b);
      world.run();
    });
    expect(world.account().messages).toBe(2);
    expect(hashes).toBeLessThan(20);
  });
});
