/** Shared episodes: what happened, once and for all. */

import type { RecordChange } from '../../memory/changes.ts';
import { entryOf, recordKey } from '../../memory/keys.ts';
import { readRegister, writeRegister } from '../../memory/readings/register.ts';
import type { Storable, Written } from '../../memory/storable.ts';
import type { DottedRecord } from '../../memory/types.ts';
import type { Value } from '../../memory/value.ts';
import { toHex } from '../../util/bytes.ts';
import { MeshError } from '../../util/errors.ts';
import type { Records } from '../records.ts';
import { type ChangeSource, Collection } from './collection.ts';

const ID_BYTES = 10;

/** Something that happened. */
export interface Episode<T = Value> {
  readonly id: string;
  /** When, as whoever added it says; by default milliseconds since 1970 of their clock. */
  readonly time: number;
  readonly content: T;
}

/** Options of `add`. */
export interface EpisodeOptions {
  /** By which it is found, 1 to 1,024 bytes in UTF-8. Default: 20 random hexadecimal digits. */
  readonly id?: string;
  /** Default: milliseconds since 1970. */
  readonly time?: number;
}

/** An episode was added. */
export interface EpisodeChange<T> extends ChangeSource {
  readonly episode: Episode<T>;
}

/**
 * Episodes that all tabs of the room share, as of `mesh.episodes(name)`: they are added, and neither
 * changed nor removed. Iterated by time, and for one time by id.
 */
export class SharedEpisodes<T extends Storable<T> = Value> extends Collection<EpisodeChange<T>> {
  /** @internal */
  constructor(records: Records, name: string) {
    super(records, 'episodes', name);
  }

  /** How many there are. */
  get size(): number {
    return this.records.collection(this.key).size;
  }

  /** The episode `id`; `undefined` where there is none. */
  get(id: string): Episode<T> | undefined {
    return episodeOf<T>(id, this.records.get(recordKey(this.key, id)));
  }

  /**
   * Adds an episode, and gives it.
   * @throws MeshError `bad-argument` where `content` is no value, `options` no object, the time no number
   * or the id taken, `value-too-large` above 16 MiB, `closed`
   */
  add<V extends Storable<V>>(content: Written<T, V>, options: EpisodeOptions = {}): Episode<T> {
    if (content === undefined || typeof options !== 'object' || options === null) {
      const message = 'An episode needs a content, and its options are an object, as { id }.';
      throw new MeshError('bad-argument', `${message} Nothing changed.`);
    }
    const { id = toHex(this.records.randomBytes(ID_BYTES)), time = Date.now() } = options;
    const key = recordKey(this.key, id);
    if (id === '' || !Number.isFinite(time) || this.records.get(key) !== undefined) {
      const why =
        this.records.get(key) === undefined ? 'needs an id and a finite time' : 'is there';
      const message = `An episode ${JSON.stringify(id)} ${why}. Nothing changed; episodes are only added.`;
      throw new MeshError('bad-argument', message);
    }
    this.records.transact((writer) => writeRegister(writer, key, { time, content }));
    return { id, time, content: content as T };
  }

  *values(): Generator<Episode<T>> {
    const all: Episode<T>[] = [];
    for (const [key, record] of this.records.collection(this.key)) {
      const episode = episodeOf<T>(entryOf(key), record);
      if (episode !== undefined) all.push(episode);
    }
    yield* all.sort((a, b) => a.time - b.time || (a.id < b.id ? -1 : 1));
  }

  [Symbol.iterator](): Generator<Episode<T>> {
    return this.values();
  }

  /** @internal */
  protected override *told(
    records: readonly RecordChange[],
    source: ChangeSource,
  ): Generator<EpisodeChange<T>> {
    for (const { key, before, after } of records) {
      const episode = before === undefined ? episodeOf<T>(entryOf(key), after) : undefined;
      if (episode !== undefined) yield { episode, ...source };
    }
  }
}

/** `undefined` where the record holds no episode, or another tab wrote something else. */
function episodeOf<T>(id: string, record: DottedRecord | undefined): Episode<T> | undefined {
  const { time, content } = Object(readRegister(record)) as Partial<Episode<T>>;
  if (typeof time !== 'number' || content === undefined) return undefined;
  return { id, time, content };
}
