/** Random edits of every type, over few keys so that they meet. */

import { type Random, randomBelow, sample } from '../../util/random.ts';
import { collectionKey, patternEpisodesKey, recordKey } from '../keys.ts';
import { addToCounter } from '../readings/counter.ts';
import { observe } from '../readings/pattern.ts';
import { elementKey, makePresent } from '../readings/presence.ts';
import { writeRegister } from '../readings/register.ts';
import type { Writer } from '../transaction.ts';
import type { RecordKey } from '../types.ts';

const map = collectionKey('map', 'todos');
const set = collectionKey('set', 'tags');
const patterns = collectionKey('pattern', 'beliefs');
const episodes = patternEpisodesKey('beliefs', 'p0');

export const KEYS = {
  entries: ['a', 'b', 'c', 'd', 'e'].map((entry) => recordKey(map, entry)),
  elements: [1, 'two', { three: 3 }].map((element) => elementKey(set, element)),
  counters: ['likes', 'votes'].map((name) => recordKey(collectionKey('counter', name), '')),
  flag: recordKey(collectionKey('flag', 'open'), ''),
  register: recordKey(collectionKey('register', 'title'), ''),
  patterns: ['p0', 'p1'].map((id) => recordKey(patterns, id)),
  episodes: ['x', 'y'].map((id) => elementKey(episodes, id)),
} as const;

/** Makes one random edit; adds what it added to a counter to `amounts`. */
export function editAtRandom(
  writer: Writer,
  random: Random,
  amounts: Map<RecordKey, number>,
): void {
  const pick = <T>(items: readonly T[]): T => sample(random, items, 1)[0] as T;
  switch (randomBelow(random, 12)) {
    case 0:
    case 1:
    case 2:
      return writeRegister(writer, pick(KEYS.entries), randomBelow(random, 1000));
    case 3:
    case 4:
      return writer.remove(pick(KEYS.entries));
    case 5:
      return makePresent(writer, pick(KEYS.elements));
    case 6:
      return writer.remove(pick([...KEYS.elements, KEYS.flag]));
    case 7:
      return makePresent(writer, pick([...KEYS.episodes, KEYS.flag]));
    case 8:
    case 9: {
      const key = pick(KEYS.counters);
      const amount = randomBelow(random, 9) - 3;
      amounts.set(key, (amounts.get(key) ?? 0) + amount);
      return addToCounter(writer, key, amount);
    }
    case 10:
      return observe(writer, pick(KEYS.patterns), { confidence: random(), support: 1 });
    default:
      return writeRegister(writer, KEYS.register, { by: writer.replica });
  }
}
