/** Shared semantic patterns: what several agents hold true, each by its own episodes. */

import type { RecordChange } from '../../memory/changes.ts';
import {
  type CollectionKey,
  entryOf,
  patternEpisodesKey,
  recordKey,
  typeOf,
} from '../../memory/keys.ts';
import { observationsOf, observe, readPattern } from '../../memory/readings/pattern.ts';
import { makePresent } from '../../memory/readings/presence.ts';
import type { Storable } from '../../memory/storable.ts';
import type { Value } from '../../memory/value.ts';
import { MeshError } from '../../util/errors.ts';
import { patternOf } from '../listeners.ts';
import type { Records } from '../records.ts';
import { type ChangeSource, Collection } from './collection.ts';
import { type Consolidator, type Finding, sharedWords } from './consolidator.ts';
import type { Episode } from './episodes.ts';

/** What all agents that observed a pattern say together. */
export interface Pattern {
  readonly id: string;
  /** The mean of what each of them says, weighted by support. */
  readonly confidence: number;
  /** The sum of their support. */
  readonly support: number;
  /** How many of them there are. */
  readonly observers: number;
  /** Ids of all episodes that speak for it, in order. */
  readonly episodes: readonly string[];
}

/** A pattern changed. */
export interface PatternChange extends ChangeSource {
  readonly id: string;
  /** What is read now; `undefined` where it is gone. */
  readonly pattern: Pattern | undefined;
}

/**
 * Patterns that all tabs of the room share, as of `mesh.patterns(name)`. Each tab records what it
 * observed itself, and what is read is the same in whatever order and however often memories merge: 0.9
 * and 0.7 with equal support read 0.8. Record what was found in episodes, and never a mean that was read.
 */
export class SharedPatterns extends Collection<PatternChange> {
  readonly #episodes: () => Iterable<Episode>;

  /** @internal */
  constructor(records: Records, name: string, episodes: () => Iterable<Episode>) {
    super(records, 'pattern', name);
    this.#episodes = episodes;
  }

  /** How many patterns there are. */
  get size(): number {
    return this.records.collection(this.key).size;
  }

  /** What is known of pattern `id`; `undefined` where nobody observed it. */
  get(id: string): Pattern | undefined {
    const consensus = readPattern(this.records.get(recordKey(this.key, id)));
    if (consensus === undefined) return undefined;
    const episodes = [...this.records.collection(this.#episodesOf(id)).keys()].map(entryOf).sort();
    return { id, ...consensus, episodes };
  }

  /** What each replica observed of `id`, by replica; what `get` reads is their mean. */
  observations(id: string): Map<string, { readonly confidence: number; readonly support: number }> {
    return observationsOf(this.records.get(recordKey(this.key, id)));
  }

  /**
   * Records what this tab observed of `id`, in place of what it observed before; episodes are added to
   * those that are known. `support` is the number of episodes by default, and 1 where there are none.
   * @throws MeshError `bad-argument` for a confidence that is not from 0 to 1, a support that is not from
   * 2^-20 to 2^40, or an id or episode that is no text of 1 to 1,024 bytes in UTF-8; `closed`
   */
  observe(id: string, finding: Omit<Finding, 'id'>): void {
    // What is no object has no confidence either, and is refused for that.
    const { confidence, episodes: given = [], ...rest } = Object(finding) as typeof finding;
    const episodes = new Set(listOf('Episodes', given));
    const { support = Math.max(1, episodes.size) } = rest;
    if (id === '' || episodes.has('')) throw bad('The id of a pattern or an episode is empty');
    const of = this.#episodesOf(id);
    // Keys first: a part of a transaction that goes on is not undone.
    const keys = Array.from(episodes, (episode) => recordKey(of, episode));
    this.records.transact((writer) => {
      observe(writer, recordKey(this.key, id), { confidence, support });
      for (const key of keys) if (writer.get(key) === undefined) makePresent(writer, key);
    });
  }

  /**
   * Observes what `consolidator` finds over `episodes`, as one change, and gives the ids of what it
   * found. By default these are words that recur, over `mesh.episodes` of the same name as this tab has
   * them.
   * @throws MeshError `bad-argument` where `consolidator` is no function, or what it gives no list of
   * findings, else as `observe`, and what `consolidator` throws; nothing changed then.
   */
  async consolidate<T extends Storable<T> = Value>(
    consolidator: Consolidator<T> = sharedWords,
    episodes?: Iterable<Episode<T>>,
  ): Promise<string[]> {
    if (typeof consolidator !== 'function') throw bad('A consolidator has to be a function');
    const over = listOf('Episodes', episodes ?? (this.#episodes() as Iterable<Episode<T>>));
    const findings = listOf('Findings', await consolidator(over));
    return this.records.transact(() =>
      findings.map((finding) => {
        const { id, ...found } = Object(finding) as Finding;
        this.observe(id, found);
        return id;
      }),
    );
  }

  /** Removes a pattern as this tab sees it; tells whether it was there. */
  delete(id: string): boolean {
    const key = recordKey(this.key, id);
    const episodes = [...this.records.collection(this.#episodesOf(id)).keys()];
    return this.records.transact((writer) => {
      const isThere = writer.get(key) !== undefined;
      for (const each of [key, ...episodes]) writer.remove(each);
      return isThere;
    });
  }

  *values(): Generator<Pattern> {
    for (const key of this.records.collection(this.key).keys()) {
      const pattern = this.get(entryOf(key));
      if (pattern !== undefined) yield pattern;
    }
  }

  [Symbol.iterator](): Generator<Pattern> {
    return this.values();
  }

  #episodesOf(id: string): CollectionKey {
    return patternEpisodesKey(this.name, id);
  }

  /** @internal */
  protected override *told(
    records: readonly RecordChange[],
    source: ChangeSource,
  ): Generator<PatternChange> {
    const ids = new Set<string>();
    for (const { key } of records) {
      ids.add(typeOf(key) === 'pattern' ? entryOf(key) : patternOf(key).id);
    }
    for (const id of ids) yield { id, pattern: this.get(id), ...source };
  }
}

/** All items of `given`. @throws MeshError `bad-argument` for what is none, or a text. */
function listOf<T>(what: string, given: Iterable<T>): T[] {
  if (typeof given === 'object' && given !== null && Symbol.iterator in given) return [...given];
  throw bad(`${what} have to be an array or a Set, not a ${typeof given}`);
}

function bad(what: string): MeshError {
  return new MeshError('bad-argument', `${what}. Nothing changed.`);
}
