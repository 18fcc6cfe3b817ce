/**
 * Prints what three agents make of a conversation, alone and together:
 *
 *     node examples/three-agents/main.ts          Node 22.18 or newer, which runs TypeScript as it is
 */

import { meet } from './agents.ts';

const word = 'tranquility';
const { alone, together } = await meet(word);
for (const [i, pattern] of [...alone, together[0]].entries()) {
  const who = i < alone.length ? `agent ${i + 1} alone` : 'all together';
  const { confidence = 0, support = 0, episodes = [] } = pattern ?? {};
  console.log(`${who}: ${word} ${confidence.toFixed(3)} by ${support}, ${episodes.join(' ')}`);
}
