/** mnemesh's own walk, two reconcilers over counted messages. */

import { fill, World } from '../../src/memory/testing/reconcile-pair.ts';
import { MemoryTries } from '../../src/memory/trie/trie-memory.ts';
import { timed } from '../lib/measure.ts';
import { type Case, changedOn, changedTextOf, keyOf, type Side } from './sides.ts';

export const mnemesh: Side = {
  name: 'mnemesh',
  maxRecords: Number.POSITIVE_INFINITY,
  async measure(each: Case) {
    const world = new World();
    const [a, b] = [world.add('a'), world.add('b')];
    fill([a, b], each.records);
    for (const i of changedOn(0, each)) a.set([keyOf(i)], changedTextOf(i));
    for (const i of changedOn(1, each)) b.set([keyOf(i)], changedTextOf(i));
    // Tries are kept up to date as writes go, so they stand before the two meet.
    const [, buildMs] = timed(() => new MemoryTries(a.replica).root());
    a.root();
    b.root();
    const [, syncMs] = timed(() => {
      world.link(a, b);
      world.run();
    });
    if (a.root() !== b.root()) throw new Error('mnemesh did not converge');
    const { overhead, messages } = world.account();
    return { ...each, side: 'mnemesh', bytes: overhead, messages, syncMs, buildMs };
  },
};
