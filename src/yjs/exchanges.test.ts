/** Exchanges of documents with many clients (SPEC.md D3, src/memory/SPEC.md W11). */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
// Loaded here, so that what loads it later takes no time.
import '../memory/reconcile/reconcile-clients.ts';
import { seededRandom } from '../util/random.ts';
import { runs } from '../util/testing/runs.ts';
import { MANY_CLIENTS } from './exchanges.ts';
import type { DocumentMessage } from './messages.ts';
import { World, type WorldNode } from './testing/reconcile-world.ts';

/** A document that `clients` clients wrote and deleted in. */
function writtenBy(clients: number): Uint8Array {
  const doc = new Y.Doc();
  const text = doc.getText('t');
  // A transaction takes as long as there are clients.
  doc.transact(() => {
    for (let i = 0; i < clients; i++) {
      doc.clientID = 2 ** 45 + i * 104_729 * 7_919;
      text.insert(Math.floor(text.length / 2), 'abcdef'.slice(i % 5));
      if (i % 3 === 0) text.delete(0, 1);
    }
  });
  return Y.encodeStateAsUpdate(doc);
}

const MANY = writtenBy(MANY_CLIENTS);

/** Edits document `a`, as somebody who is `client`, unknown to the others. */
function edit(node: WorldNode, client: number, random: () => number): void {
  const doc = node.doc('a');
  const own = doc.clientID;
  doc.clientID = client;
  const text = doc.getText('t');
  const at = Math.floor(random() * text.length);
  if (random() < 0.5) text.insert(at, 'new');
  else text.delete(at, Math.min(2, text.length - at));
  doc.clientID = own;
}

/** Bytes sent so far but for those of Yjs updates. */
function overhead(world: World): number {
  return world.sent.reduce((sum, { bytes, payload }) => sum + bytes - payload, 0);
}

/** Edits before and meanwhile, with some updates pending or none: whether all come to hold the same. */
async function converge(seed: number, nodes: number, isPending: boolean): Promise<void> {
  const world = new World({ nodes, seed });
  const random = seededRandom(seed);
  for (const node of world.nodes) {
    node.apply('a', MANY);
    const edits = Math.floor(random() * 8);
    for (let i = 0; i < edits; i++)
      edit(node, 500 + 10 * node.index + Math.floor(random() * 6), random);
  }
  if (isPending) {
    // What somebody typed came in part, so that the rest waits.
    const source = new Y.Doc();
    Y.applyUpdate(source, MANY);
    const updates: Uint8Array[] = [];
    source.on('update', (update: Uint8Array) => updates.push(update));
    for (let i = 0; i < 6; i++) source.getText('t').insert(i, 'p');
    source.getText('t').delete(2, 2);
    for (const node of world.nodes) {
      for (const update of updates) if (random() < 0.6) node.apply('a', update);
    }
  }
  world.linkAll();
  for (let i = 0; i < 20; i++) {
    await world.clock.pass(40);
    const typist = world.node(Math.floor(random() * nodes));
    if (random() < 0.5) typist.type('a', 'typed');
  }
  await world.rounds(8);
  expect(world.isConverged).toBe(true);
  expect(world.nodes.flatMap(({ misbehaved }) => misbehaved)).toEqual([]);
  const texts = new Set(world.nodes.map((node) => node.text('a')));
  if (!isPending) expect(texts.size).toBe(1);
}

describe('Exchanges of a document with many clients', () => {
  it('10,000 past clients, 3 of them differing, take 1 KB beyond payload, comparisons included', async () => {
    const world = new World({ nodes: 2 });
    const update = writtenBy(10_000);
    for (const node of world.nodes) node.apply('a', update);
    const random = seededRandom(7);
    world.node(0).doc('a').getText('t').delete(3, 1);
    for (const [node, client] of [
      [0, 7_001],
      [1, 7_002],
    ] as const) {
      world.node(node).doc('a').clientID = client;
      world
        .node(node)
        .doc('a')
        .getText('t')
        .insert(Math.floor(1_000 * random()), 'typed apart');
    }
    world.link(0, 1);
    await world.clock.pass(5_000);
    expect(world.isConverged).toBe(true);
    expect(world.count('walk')).toBeGreaterThan(0);
    expect(world.count('step1')).toBe(0);
    expect(overhead(world)).toBeLessThanOrEqual(1_024);
    const payload = world.sent.reduce((sum, each) => sum + each.payload, 0);
    expect(payload).toBeLessThan(200);
  });

  it('equal ones take a comparison and its answer, whatever their size', async () => {
    const world = new World({ nodes: 2 });
    for (const node of world.nodes) node.apply('a', MANY);
    world.link(0, 1);
    await world.clock.pass(5_000);
    expect(world.sent.map(({ type }) => type)).toEqual(['compare', 'equal']);
    expect(overhead(world)).toBeLessThanOrEqual(40);
  });

  it('whatever was edited before, meanwhile, or is pending, all come to hold the same', async () => {
    const property = fc.asyncProperty(
      fc.nat(),
      fc.integer({ min: 2, max: 3 }),
      fc.boolean(),
      converge,
    );
    await fc.assert(property, { numRuns: runs(25) });
  });

  it('one that begins where the other just did joins that walk, and takes it for no offence', async () => {
    // The walk of one side met one that the other began, after it had answered.
    await converge(1_786_072_851, 3, true);
  });

  it('steps of a walk that was given up mean nothing', async () => {
    const world = new World({ nodes: 2 });
    for (const node of world.nodes) node.apply('a', MANY);
    edit(world.node(0), 600, seededRandom(1));
    world.linkAll();
    await world.clock.pass(120);
    const stale = {
      type: 'walk',
      name: 'a',
      id: 99_999,
      wants: true,
      step: Uint8Array.of(0, 0, 0),
    } as const;
    for (const node of world.nodes) node.reconciler.receive(world.node(1 - node.index).id, stale);
    await world.rounds(3);
    expect(world.nodes.flatMap(({ misbehaved }) => misbehaved)).toEqual([]);
    expect(world.isConverged).toBe(true);
  });

  it('whatever frame of a walk is lost, a later comparison heals it', async () => {
    for (const type of ['walk', 'step3', 'done'] as const) {
      for (const nth of [0, 1, 2]) {
        let seen = 0;
        const isLost = (message: DocumentMessage) => message.type === type && seen++ === nth;
        const world = new World({ nodes: 2, isLost });
        for (const node of world.nodes) node.apply('a', MANY);
        const random = seededRandom(nth);
        for (const node of world.nodes) edit(node, 600 + node.index, random);
        world.linkAll();
        await world.rounds(20);
        expect([type, nth, world.isConverged]).toEqual([type, nth, true]);
        expect(world.nodes.map((node) => node.reconciler.isSynced())).toEqual([true, true]);
      }
    }
  });

  it('where both begin at once one walk stands, and what each lacks goes once', async () => {
    const world = new World({ nodes: 2 });
    for (const node of world.nodes) {
      node.apply('a', MANY);
      node.write('a', `${node.index}`);
    }
    world.linkInARing();
    await world.clock.pass(5_000);
    expect(world.isConverged).toBe(true);
    expect(world.count('step3')).toBe(2);
  });

  it('who fetches it from another gives in a walk, and is sent nothing', async () => {
    const world = new World({ nodes: 3, bytesPerMs: 100 });
    for (const node of world.nodes) node.apply('a', MANY);
    world.node(0).write('a', 'x'.repeat(300_000));
    world.node(1).apply('a', Y.encodeStateAsUpdate(world.node(0).doc('a')));
    world.node(2).write('a', 'mine');
    world.link(2, 0);
    await world.clock.pass(400);
    world.link(2, 1);
    await world.rounds(20);
    expect(world.isConverged).toBe(true);
    expect(world.sent.filter(({ bytes }) => bytes > 200_000)).toHaveLength(1);
  });

  it('three that each walk with the next are served, and none waits for another', async () => {
    const world = new World({ nodes: 3, latencyMs: 50 });
    for (const node of world.nodes) {
      node.apply('a', MANY);
      node.write('a', `${node.index}`);
    }
    world.linkInARing();
    await world.clock.pass(4_000);
    expect(world.isConverged).toBe(true);
  });

  it('a neighbor whose walk comes to nothing is asked by sync steps in the end', async () => {
    const world = new World({ nodes: 2 });
    for (const node of world.nodes) node.apply('a', MANY);
    world.node(1).write('a', 'theirs');
    const { reconciler } = world.node(1);
    const receive = reconciler.receive.bind(reconciler);
    reconciler.receive = (peer, message) => {
      if (message.type !== 'walk') return receive(peer, message);
      const leaf = world.node(1).held('a').leaf();
      world.send(1, 0, { type: 'done', name: 'a', leaf });
    };
    world.link(0, 1);
    await world.clock.pass(30_000);
    expect(world.isConverged).toBe(true);
    expect(world.count('step1')).toBeGreaterThan(0);
    expect(world.count('walk')).toBeLessThan(12);
  });

  it('D8: steps that no walk has drop the link, and change nothing', async () => {
    const hostile = [
      Uint8Array.of(),
      Uint8Array.of(9),
      // A walk that is begun with nothing, and one that tells of a client twice.
      Uint8Array.of(1, 1, 2, 3, 4, 5, 6, 0, 2, 7, 1, 0, 5, 0, 7, 1, 0, 5, 0),
    ];
    for (const step of hostile) {
      const world = new World({ nodes: 2 });
      for (const node of world.nodes) node.apply('a', MANY);
      world.link(0, 1);
      await world.clock.pass(1_000);
      const [before] = world.roots;
      const message = { type: 'walk', name: 'a', id: 513, wants: true, step } as const;
      world.node(0).reconciler.receive(world.node(1).id, message);
      await world.clock.pass(1_000);
      expect(world.node(0).misbehaved).toHaveLength(1);
      expect(world.roots[0]).toBe(before);
    }
  });
});
