import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../util/testing/runs.ts';
import { fill, updateOf, World } from './testing/reconcile-world.ts';

const BIG = 'x'.repeat(1_000_000);

describe('Reconciler, while documents change', () => {
  it('D4: constant typing is put off every other round, and converges when it ends', async () => {
    const world = new World({ nodes: 2, latencyMs: 50 });
    world.node(0).write('a', 'x');
    world.link(0, 1);
    await world.clock.pass(2_000);
    world.sent.length = 0;
    const rounds = 30;
    for (let i = 0; i < rounds; i++) {
      world.node(1).reconciler.compare(world.node(0).id);
      for (let key = 0; key < 30; key++) {
        world.node(0).type('a', 'k');
        await world.clock.pass(33);
      }
    }
    expect(world.count('leaves')).toBeLessThanOrEqual(rounds / 2);
    await world.clock.pass(2_000);
    expect(world.isConverged).toBe(true);
    for (const node of world.nodes) expect(node.reconciler.isSynced()).toBe(true);
  });

  it('D4: a lost broadcast is repaired within two rounds although typing goes on', async () => {
    const world = new World({ nodes: 2, latencyMs: 50 });
    world.node(0).write('a', 'x');
    world.link(0, 1);
    await world.clock.pass(2_000);
    world.isRumorLost = () => true;
    world.node(0).type('b', 'lost');
    world.isRumorLost = () => false;
    for (let i = 0; i < 2; i++) {
      world.node(1).reconciler.compare(world.node(0).id);
      for (let key = 0; key < 30; key++) {
        world.node(0).type('a', 'k');
        await world.clock.pass(33);
      }
    }
    expect(world.node(1).text('b')).toBe('lost');
  });

  it('D4: nothing is compared while a large transfer is under way', async () => {
    const world = new World({ nodes: 2, bytesPerMs: 100 });
    world.node(0).write('big', BIG);
    world.link(0, 1);
    await world.clock.pass(1_000);
    const before = world.count('leaves');
    for (let i = 0; i < 5; i++) {
      world.node(1).reconciler.compare(world.node(0).id);
      world.node(0).reconciler.compare(world.node(1).id);
      await world.clock.pass(1_000);
    }
    expect(world.count('leaves')).toBe(before);
    await world.clock.pass(10_000);
    expect(world.isConverged).toBe(true);
  });

  it('D5: synced is false from an edit until a neighbor confirmed it', async () => {
    const world = new World({ nodes: 2, latencyMs: 50 });
    world.node(0).write('a', 'x');
    world.link(0, 1);
    expect(world.node(0).reconciler.isSynced('a')).toBe(false);
    await world.clock.pass(2_000);
    const { reconciler, synced } = world.node(0);
    expect([reconciler.isSynced(), reconciler.isSynced('a')]).toEqual([true, true]);
    expect(reconciler.holders('a')).toEqual([world.node(1).id]);
    synced.length = 0;
    world.node(0).type('a', 'edit');
    expect(reconciler.isSynced('a')).toBe(false);
    expect(reconciler.isSynced('other')).toBe(true);
    expect(reconciler.holders('a')).toEqual([]);
    await world.clock.pass(399);
    expect(reconciler.isSynced('a')).toBe(false);
    await world.clock.pass(10);
    expect(reconciler.isSynced('a')).toBe(true);
    expect(synced).toEqual([false, false, true]);
    expect(world.node(1).synced.at(-1)).toBe(true);
  });

  it('D5: synced is false on both sides while they differ, and whenever it changes it is told', async () => {
    const property = fc.asyncProperty(fc.nat(), async (seed) => {
      const world = new World({ nodes: 3, seed });
      fill(world, seed);
      world.linkAll();
      for (let i = 0; i < 100; i++) {
        await world.clock.pass(10);
        for (const { index, reconciler, synced } of world.nodes) {
          expect(reconciler.isSynced()).toBe(synced.at(-1));
          const neighbors = world.neighborsOf(index);
          const isSame = neighbors.every(
            (other) => world.roots[other.index] === world.roots[index],
          );
          if (reconciler.isSynced()) expect(isSame).toBe(true);
        }
      }
    });
    await fc.assert(property, { numRuns: runs(15) });
  });

  it('D5: a neighbor without documents counts no longer after 5 s, and that is told', async () => {
    const world = new World({ nodes: 3, isLost: (_message, from) => from === 2 });
    world.linkAll();
    await world.clock.pass(4_900);
    expect(world.node(0).synced.at(-1)).toBe(false);
    await world.clock.pass(200);
    expect(world.node(0).synced.at(-1)).toBe(true);
    expect(world.node(0).reconciler.holders('a')).toEqual([world.node(1).id]);
  });

  it('D5: a neighbor that is slow to exchange does not count as silent', async () => {
    const world = new World({ nodes: 3, bytesPerMs: 50 });
    world.node(0).write('big', BIG);
    world.node(1).apply('big', updateOf(world, 0, 'big'));
    world.link(0, 1);
    await world.clock.pass(1_000);
    world.link(0, 2);
    await world.clock.pass(8_000);
    expect(world.node(2).text('big')).toBe('');
    expect(world.node(0).reconciler.isSynced()).toBe(false);
    await world.clock.pass(20_000);
    expect(world.node(0).reconciler.isSynced()).toBe(true);
  });

  it('alone nobody is synced', async () => {
    const world = new World({ nodes: 2 });
    expect(world.node(0).reconciler.isSynced()).toBe(false);
    world.link(0, 1);
    await world.clock.pass(1_000);
    world.unlink(0, 1);
    expect(world.node(0).synced.at(-1)).toBe(false);
  });

  it('a neighbor that types all the time is compared with for the first time all the same', async () => {
    const world = new World({ nodes: 2 });
    world.node(1).write('b', 'theirs');
    world.link(0, 1);
    for (let i = 0; i < 60; i++) {
      world.node(0).type('a', 'k');
      world.node(1).type('c', 'k');
      await world.clock.pass(33);
    }
    expect(world.node(0).text('b')).toBe('theirs');
  });
});
