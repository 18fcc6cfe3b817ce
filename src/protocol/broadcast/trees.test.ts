import { describe, expect, it } from 'vitest';
import { Tree, Trees } from './trees.ts';

describe('trees', () => {
  it('B12: the tree used longest ago is forgotten first', () => {
    const trees = new Trees(16);
    for (let n = 0; n < 16; n++) trees.use(`${n}`).hops = n;
    trees.use('0');
    trees.use('16');
    expect(trees.size).toBe(16);
    expect(trees.get('0')?.hops).toBe(0);
    expect(trees.get('1')).toBeUndefined();
    expect(trees.get('2')?.hops).toBe(2);
  });

  it('B9: the alternate is the neighbor that is nearest to the origin, by its latest word', () => {
    const tree = new Tree('o');
    tree.noteAlternate('b', 4);
    tree.noteAlternate('c', 5);
    expect(tree.alternate).toBe('b');
    tree.noteAlternate('a', 4);
    expect(tree.alternate).toBe('a');
    tree.noteAlternate('a', 6);
    tree.noteAlternate('c', 5);
    expect([tree.alternate, tree.alternateHops]).toEqual(['c', 5]);
  });

  it('B9: of two tabs each is not above the other, so that none turns to the other in a circle', () => {
    for (const [mine, theirs] of [
      [2, 2],
      [2, 3],
      [3, 2],
      [1, 4],
    ] as const) {
      const [a, b] = [new Tree('o'), new Tree('o')];
      a.hops = mine;
      b.hops = theirs;
      const both = [a.isUpstream('a', 'b', theirs + 1), b.isUpstream('b', 'a', mine + 1)];
      expect(both.filter(Boolean)).toHaveLength(1);
    }
  });
});
