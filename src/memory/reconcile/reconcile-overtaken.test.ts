import { describe, expect, it } from 'vitest';
import { World } from '../testing/reconcile-pair.ts';
import { decodeReconcile } from './reconcile-messages.ts';

describe('a comparison that is overtaken', () => {
  it('ends at once where the memories became equal before the walk began', () => {
    const world = new World();
    const [a, b] = [world.add('1'), world.add('2')];
    b.set(['of b'], 'known');
    world.link(a, b);
    // The first step tells what b holds, and before it comes a gets all of that from elsewhere.
    world.tamper = ({ from, bytes }) => {
      const message = decodeReconcile(bytes);
      if (from === '2' && message?.type === 'step' && message.nonce !== undefined) {
        for (const delta of b.deltas) a.replica.apply(delta);
      }
      return bytes;
    };
    world.run(1_000);
    expect(a.root()).toBe(b.root());
    expect([a.reconciler.isSynced(), b.reconciler.isSynced()]).toEqual([true, true]);
    expect(a.misbehaved).toEqual([]);
    expect(b.misbehaved).toEqual([]);
  });
});
