import { expect, it } from 'vitest';
import { meet } from './agents.ts';

it.each([
  // All three found half of their lines to name it.
  { word: 'tranquility', confidence: 0.5 },
  // (0.375 * 2 + 0.5 * 3 + 0.5 * 3) / 8
  { word: 'duke', confidence: 0.46875 },
])(
  'three agents with overlapping halves read one pattern of $word',
  async ({ word, confidence }) => {
    const { alone, together, digests } = await meet(word);
    expect(new Set(digests).size).toBe(1);
    const support = alone.reduce((sum, pattern) => sum + (pattern?.support ?? 0), 0);
    const episodes = [...new Set(alone.flatMap((pattern) => pattern?.episodes ?? []))].sort();
    for (const pattern of together) {
      expect(pattern).toMatchObject({ support, observers: 3, episodes });
      expect(pattern?.confidence).toBeCloseTo(confidence, 12);
    }
  },
);
