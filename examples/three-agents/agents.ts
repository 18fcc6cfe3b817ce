/**
 * Three agents that each heard half of a conversation, and what they hold true together.
 *
 * Each consolidates its own half with nobody else in reach. Then they meet, and all read the same: the
 * union of the episodes, and the mean of the confidences weighted by support, whoever merged first.
 */

// In an app: from 'mnemesh' and 'mnemesh/simulation'.
import type { Pattern } from '../../src/index.ts';
import { simulate } from '../../src/simulation/index.ts';
import { CONVERSATION, type Line } from './conversation.ts';

/** What came of it. */
export interface Outcome {
  /** By agent, what it held of `word` before they met. */
  readonly alone: readonly (Pattern | undefined)[];
  /** By agent, what it reads of `word` since. */
  readonly together: readonly (Pattern | undefined)[];
  /** The digest of each agent's memory in the end. */
  readonly digests: readonly string[];
}

/** Lets the agents meet, in virtual time, and tells what they know of `word`. */
export async function meet(word: string): Promise<Outcome> {
  const simulation = simulate({ seed: 1 });
  const half = CONVERSATION.length / 2;
  const pages = [0, 1, 2].map(() => simulation.openPage());
  const agents = await Promise.all(pages.map((page) => page.open('apollo')));
  simulation.partition(...pages.map((page) => [page]));

  for (const [i, agent] of agents.entries()) {
    const first = (i * half) / 2; // each half overlaps the next by a quarter
    const talk = agent.episodes<Line>('talk');
    for (const [at, line] of CONVERSATION.entries()) {
      if (at >= first && at < first + half) talk.add(line, { id: `line-${at}`, time: at });
    }
    await agent.patterns('talk').consolidate();
  }
  const read = () => agents.map((agent) => agent.patterns('talk').get(word));
  const alone = read();

  simulation.heal();
  const isEqual = () => new Set(agents.map((agent) => agent.digest())).size === 1;
  await simulation.advanceUntil(isEqual);
  const outcome = { alone, together: read(), digests: agents.map((agent) => agent.digest()) };
  for (const page of pages) page.close();
  return outcome;
}
