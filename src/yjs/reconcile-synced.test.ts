import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../util/testing/runs.ts';
import { fill, updateOf, World } from './testing/reconcile-world.ts';

const BIG = 'x'.repeat(1_000_000);

interface Typing {
  readonly nodes: number;
  readonly seconds: number;
  readonly seed?: number;
  readonly before?: (world: World, second: number) => void;
  readonly after?: (world: World) => void;
}

/**
 * All tabs type some five keys a second, over links that take 20 to 220 ms, with a round a second
 * each. Gives the rounds.
 */
async function typing({ nodes, seconds, seed = 1, before, after }: Typing) {
  const world = new World({ nodes, seed, latencyMs: 20, jitterMs: 200 });
  world.node(0).write('a', 'x');
  world.linkAll();
  await world.clock.pass(2_000);
  world.sent.length = 0;
  let rounds = 0;
  for (let second = 0; second < seconds; second++) {
    before?.(world, second);
    for (let tick = 0; tick < 20; tick++) {
      for (const node of world.nodes) {
        if (world.random() < 0.25) node.type('a', 'k');
        if (node.index % 20 === tick) {
          node.round();
          rounds++;
        }
      }
      await world.clock.pass(50);
      after?.(world);
    }
  }
  return { world, rounds };
}

describe('Reconciler, while documents change', () => {
  it('D4: eight tabs that type for a minute start no walk, though their roots are hardly ever equal', async () => {
    const { world, rounds } = await typing({ nodes: 8, seconds: 60 });
    expect(rounds).toBeGreaterThan(450);
    expect(world.count('leaves')).toBeLessThanOrEqual(rounds / 100);
    expect(world.count('equal')).toBeLessThan(world.count('compare') / 2);
    await world.clock.pass(3_000);
    expect(world.isConverged).toBe(true);
    for (const node of world.nodes) expect(node.reconciler.isSynced()).toBe(true);
  });

  it('D4: what is lost while eight tabs type is found within two rounds', async () => {
    for (let seed = 1; seed <= runs(2); seed++) {
      let lostAt: number | undefined;
      let foundAt: number | undefined;
      const { world } = await typing({
        nodes: 8,
        seconds: 8,
        seed,
        before: (each, second) => {
          if (second !== 4) return;
          each.isRumorLost = (_from, to) => to === 5;
          each.node(2).type('b', 'lost');
          lostAt = each.clock.now();
          each.clock.setTimer(() => {
            each.isRumorLost = () => false;
          }, 150);
        },
        after: (each) => {
          if (foundAt === undefined && each.node(5).text('b') === 'lost') {
            foundAt = each.clock.now();
          }
        },
      });
      expect((foundAt as number) - (lostAt as number)).toBeLessThanOrEqual(2_200);
      await world.clock.pass(3_000);
      expect(world.isConverged).toBe(true);
    }
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

  it('D4: a document that changes too much at a time to tell of it is walked, and no more', async () => {
    const world = new World({ nodes: 2, latencyMs: 50 });
    world.node(0).write('a', 'x'.repeat(2_000));
    world.link(0, 1);
    await world.clock.pass(2_000);
    const text = world.node(0).doc('a').getText('t');
    for (let i = 0; i < 900; i++) text.delete(i, 1);
    world.isRumorLost = () => true;
    world.node(0).type('a', 'and more');
    world.isRumorLost = () => false;
    await world.clock.pass(3_000);
    expect(world.isConverged).toBe(true);
    expect(world.count('leaves')).toBe(2);
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
