import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../util/random.ts';
import { runs } from '../util/testing/runs.ts';
import { ROOT_BYTES } from './held.ts';
import type { DocumentMessage } from './messages.ts';
import { fill, updateOf, World } from './testing/reconcile-world.ts';

const BIG = 'x'.repeat(1_000_000);

describe('Reconciler', () => {
  it('D3: neighbors with any two states come to hold the same, and know it', async () => {
    const property = fc.asyncProperty(fc.nat(), fc.integer({ min: 2, max: 4 }), async (seed, n) => {
      const world = new World({ nodes: n, seed });
      fill(world, seed);
      world.linkAll();
      await world.clock.pass(3_000);
      expect(world.isConverged).toBe(true);
      for (const node of world.nodes) expect(node.reconciler.isSynced()).toBe(true);
    });
    await fc.assert(property, { numRuns: runs(40) });
  });

  it('D3: it is quiet once all hold the same', async () => {
    const world = new World({ nodes: 4 });
    fill(world, 3);
    world.linkAll();
    await world.clock.pass(20_000);
    const before = world.sent.length;
    await world.clock.pass(100_000);
    expect(world.sent.length).toBe(before);
    expect(world.clock.pending).toBe(0);
  });

  it('D2: neighbors that hold the same need one comparison and one answer', async () => {
    const world = new World({ nodes: 2 });
    world.node(0).write('a', 'same');
    world.node(1).apply('a', updateOf(world, 0, 'a'));
    world.link(0, 1);
    await world.clock.pass(10_000);
    expect(world.sent.map(({ type }) => type)).toEqual(['compare', 'equal']);
    expect(world.sent.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(100);
  });

  it('D3: one document that differs both ways takes one exchange, confirmed', async () => {
    const world = new World({ nodes: 2 });
    world.node(0).write('a', 'one');
    world.node(1).write('a', 'other');
    world.link(0, 1);
    await world.clock.pass(10_000);
    expect(world.sent.map(({ type }) => type)).toEqual([
      ...['compare', 'leaves', 'step1', 'step2', 'step3', 'done'],
      ...['compare', 'equal'],
    ]);
  });

  it('D3: who holds nothing has what it shows after one round trip, asked of one neighbor', async () => {
    for (const joiner of [0, 3]) {
      const world = new World({ nodes: 4, latencyMs: 50 });
      const others = world.nodes.filter(({ index }) => index !== joiner);
      const [first] = others;
      first?.write('a', 'text');
      for (const { index } of others) {
        if (index !== first?.index)
          world.node(index).apply('a', updateOf(world, first?.index ?? 0, 'a'));
      }
      world.node(joiner).doc('a'); // shown, and empty
      for (const { index } of others) world.link(joiner, index);
      await world.clock.pass(101);
      expect(world.isConverged).toBe(true);
      expect(
        world.sent.filter(({ from, type }) => from === joiner && type === 'step1'),
      ).toHaveLength(1);
      expect(world.count('step2') + world.count('step3')).toBe(1);
      await world.clock.pass(10_000);
      expect(world.nodes.every(({ reconciler }) => reconciler.isSynced())).toBe(true);
    }
  });

  it('D3: a first neighbor that says nothing of documents holds nobody up', async () => {
    for (const [joiner, silent, holder] of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ] as const) {
      const world = new World({ nodes: 3, isLost: (_message, from) => from === silent });
      world.node(holder).write('a', 'text');
      world.node(joiner).doc('a');
      world.link(joiner, silent);
      await world.clock.pass(20);
      world.link(joiner, holder);
      await world.clock.pass(600);
      expect(world.node(joiner).root()).toEqual(world.node(holder).root());
    }
  });

  it('D3: two that hold nothing find so by one question each, and are quiet then', async () => {
    const world = new World({ nodes: 2 });
    for (const node of world.nodes) node.doc('a');
    world.link(0, 1);
    await world.clock.pass(10_000);
    expect(world.sent.map(({ type }) => type).sort()).toEqual([
      ...['compare', 'done', 'equal', 'step1', 'step1'],
    ]);
    expect(world.nodes.map(({ reconciler }) => reconciler.isSynced())).toEqual([true, true]);
    expect(world.clock.pending).toBe(0);
  });

  it('D3: a large document that everyone has is sent to one who joins once', async () => {
    for (const joiner of [0, 4]) {
      const world = new World({ nodes: 5, bytesPerMs: 1_000 });
      const others = world.nodes.filter(({ index }) => index !== joiner);
      others[0]?.write('big', BIG);
      const update = updateOf(world, others[0]?.index ?? 0, 'big');
      for (const node of others) node.apply('big', update);
      for (const a of others)
        for (const b of others) if (a.index < b.index) world.link(a.index, b.index);
      await world.clock.pass(1_000);
      for (const { index } of others) world.link(joiner, index);
      await world.rounds(10);
      expect(world.isConverged).toBe(true);
      expect(world.sent.filter(({ bytes }) => bytes > 500_000)).toHaveLength(1);
    }
  });

  it('D3: a large document goes once over a link on which both begin at once', async () => {
    const world = new World({ nodes: 2, bytesPerMs: 1_000 });
    world.node(0).write('big', BIG);
    world.node(1).write('small', 'x');
    world.link(0, 1);
    await world.clock.pass(60); // the first comparison is on its way
    world.node(1).reconciler.compare(world.node(0).id);
    world.node(0).reconciler.compare(world.node(1).id);
    await world.rounds(5);
    expect(world.isConverged).toBe(true);
    expect(world.sent.filter(({ bytes }) => bytes > 500_000)).toHaveLength(1);
  });

  it('D3: where both ask at once the exchange of the smaller id stands, and serves both', async () => {
    const world = new World({ nodes: 2 });
    world.node(0).write('a', 'one');
    world.node(1).write('a', 'other');
    world.linkInARing();
    await world.clock.pass(5_000);
    expect(world.isConverged).toBe(true);
    expect(world.count('step2')).toBe(1);
    expect(world.sent.find(({ type }) => type === 'step2')?.from).toBe(1);
  });

  it('D3: three that each fetch from the next are served, and none waits for another', async () => {
    const world = new World({ nodes: 3, latencyMs: 50 });
    for (const node of world.nodes) node.write('a', `${node.index}`);
    world.linkInARing();
    await world.clock.pass(3_000);
    expect(world.isConverged).toBe(true);
  });

  it('D3: thousands of documents come without a round for each few', async () => {
    const world = new World({ nodes: 2 });
    for (let i = 0; i < 1_000; i++) world.node(1).write(`doc ${i}`, 'x');
    world.link(0, 1);
    await world.clock.pass(5_000);
    expect(world.isConverged).toBe(true);
    expect(world.count('leaves')).toBe(1);
    expect(world.node(0).reconciler.isSynced()).toBe(true);
  });

  it('D3: whatever frame of an exchange is lost, later comparisons heal it', async () => {
    const types = ['compare', 'equal', 'leaves', 'step1', 'step2', 'step3', 'done'] as const;
    for (const type of types) {
      for (const nth of [0, 1]) {
        let seen = 0;
        const isLost = (message: DocumentMessage) => message.type === type && seen++ === nth;
        const world = new World({ nodes: 3, isLost });
        fill(world, 5);
        world.linkAll();
        await world.rounds(20);
        expect([type, nth, world.isConverged]).toEqual([type, nth, true]);
        expect(world.nodes.map((node) => node.reconciler.isSynced())).toEqual([true, true, true]);
      }
    }
  });

  it('D3: with a tenth of all frames lost they converge all the same', async () => {
    const property = fc.asyncProperty(fc.nat(), async (seed) => {
      const random = seededRandom(seed);
      const world = new World({ nodes: 4, seed, isLost: () => random() < 0.1 });
      fill(world, seed);
      world.linkAll();
      await world.rounds(100);
      expect(world.isConverged).toBe(true);
    });
    await fc.assert(property, { numRuns: runs(10) });
  });

  it('D3: a neighbor that answers nothing is left for another after 10 s', async () => {
    const world = new World({
      nodes: 3,
      isLost: ({ type }, from) => from === 1 && type.startsWith('step'),
    });
    world.node(1).write('a', 'x');
    world.node(2).apply('a', updateOf(world, 1, 'a'));
    world.link(0, 1);
    await world.clock.pass(200);
    world.link(0, 2);
    await world.clock.pass(9_000);
    expect(world.node(0).text('a')).toBe('');
    await world.clock.pass(3_000);
    expect(world.node(0).text('a')).toBe('x');
  });

  it('D3: a neighbor that goes in the middle of an exchange is left for another at once', async () => {
    const world = new World({ nodes: 3, bytesPerMs: 100 });
    world.node(1).write('big', BIG);
    world.node(2).apply('big', updateOf(world, 1, 'big'));
    world.link(0, 1);
    world.link(0, 2);
    await world.clock.pass(2_000);
    world.unlink(0, 1);
    await world.rounds(15);
    expect(world.isConverged).toBe(true);
  });

  it('D3: a difference that stays is compared at most every 30 s in the end', async () => {
    const world = new World({ nodes: 2 });
    const stubborn = world.node(1);
    stubborn.write('a', 'x');
    const hostile = { type: 'leaves', leaves: [{ name: 'a', leaf: new Uint8Array(32) }] } as const;
    world.link(0, 1);
    stubborn.reconciler.receive = (peer, message) => {
      if (message.type === 'compare') world.send(1, 0, hostile);
      if (message.type === 'step1') {
        world.send(1, 0, { type: 'done', name: 'a', leaf: new Uint8Array(32) });
      }
      expect(peer).toBe(world.node(0).id);
    };
    await world.clock.pass(120_000);
    world.sent.length = 0;
    await world.clock.pass(300_000);
    expect(world.count('compare')).toBeLessThan(12);
    expect(world.node(0).reconciler.isSynced()).toBe(false);
  });

  it('D3: what a tab learns by an exchange goes on to its other neighbors', async () => {
    const world = new World({ nodes: 4 });
    world.node(3).write('a', 'x');
    for (const i of [0, 1, 2]) world.link(i, i + 1);
    await world.clock.pass(5_000);
    expect(world.isConverged).toBe(true);
  });

  it('bytes that are no update are misbehaviour, and end the exchange', async () => {
    const world = new World({ nodes: 2 });
    world.node(1).write('a', 'x');
    world.link(0, 1);
    await world.clock.pass(1_000);
    world.sent.length = 0;
    for (const type of ['step2', 'step3'] as const) {
      world.node(0).reconciler.receive(world.node(1).id, {
        type,
        name: 'a',
        leaf: new Uint8Array(32),
        vector: new Uint8Array([0]),
        update: new Uint8Array([7, 7]),
      });
    }
    await world.clock.pass(100);
    expect(world.node(0).misbehaved).toHaveLength(2);
    expect(world.sent).toEqual([]);
  });

  it('any messages in any order do no harm', async () => {
    const leaf = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const root = fc.uint8Array({ minLength: ROOT_BYTES, maxLength: ROOT_BYTES });
    const name = fc.constantFrom('a', 'b', 'unknown');
    const vector = fc.constant(new Uint8Array([0]));
    const update = fc.constantFrom(new Uint8Array([0, 0]), new Uint8Array([1]));
    const message: fc.Arbitrary<DocumentMessage> = fc.oneof(
      fc.record({ type: fc.constant('compare' as const), root, flight: fc.constant(undefined) }),
      fc.record({ type: fc.constant('equal' as const), root }),
      fc.record({ type: fc.constant('later' as const) }),
      fc.record({
        type: fc.constant('leaves' as const),
        leaves: fc.array(fc.record({ name, leaf }), { maxLength: 3 }),
      }),
      fc.record({ type: fc.constant('step1' as const), name, leaf, vector }),
      fc.record({ type: fc.constant('step2' as const), name, leaf, vector, update }),
      fc.record({ type: fc.constant('step3' as const), name, leaf, update }),
      fc.record({ type: fc.constant('done' as const), name, leaf }),
    );
    const property = fc.asyncProperty(fc.array(message, { maxLength: 20 }), async (messages) => {
      const world = new World({ nodes: 3 });
      fill(world, 9);
      world.linkAll();
      for (const hostile of messages) {
        world.node(0).reconciler.receive(world.node(1).id, hostile);
        await world.clock.pass(20);
      }
      await world.rounds(25);
      expect(world.isConverged).toBe(true);
      expect(world.sent.length).toBeLessThan(3_000);
    });
    await fc.assert(property, { numRuns: runs(25) });
  });
});
