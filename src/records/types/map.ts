/** A shared map: values by key, of which the latest write is read. */

import type { RecordChange } from '../../memory/changes.ts';
import { entryOf, recordKey } from '../../memory/keys.ts';
import { readConflicts, readRegister, writeRegister } from '../../memory/readings/register.ts';
import type { Storable, Written } from '../../memory/storable.ts';
import type { Value } from '../../memory/value.ts';
import type { Records } from '../records.ts';
import { type ChangeSource, Collection } from './collection.ts';

/** One entry of a map changed. */
export interface MapChange<T> extends ChangeSource {
  readonly key: string;
  /** What is read now; `undefined` where the entry is gone. */
  readonly value: T | undefined;
  /** What was read before; `undefined` where there was no entry. */
  readonly before: T | undefined;
}

/**
 * A map that all tabs of the room share, as of `mesh.map(name)`: text to values, which are JSON types,
 * Uint8Array and 64-bit bigint. What two tabs write at once is kept, and one of it is read by all;
 * `conflicts` shows the rest. A removed entry does not come back, however late a tab returns, unless
 * someone wrote it without having seen the removal.
 *
 * Values are copies: change one by setting it again. It may be changed while it is iterated, as a Map
 * may. What other tabs wrote is checked to be a value, and not to be a `T`.
 */
export class SharedMap<T extends Storable<T> = Value> extends Collection<MapChange<T>> {
  /** @internal */
  constructor(records: Records, name: string) {
    super(records, 'map', name);
  }

  /** How many entries there are. */
  get size(): number {
    return this.records.collection(this.key).size;
  }

  /**
   * The value of `key`; `undefined` where there is none.
   * @throws MeshError `bad-argument` for a key that is no text of at most 1,024 bytes in UTF-8; so do all others.
   */
  get(key: string): T | undefined {
    return readRegister(this.records.get(recordKey(this.key, key))) as T | undefined;
  }

  has(key: string): boolean {
    return this.records.get(recordKey(this.key, key)) !== undefined;
  }

  /**
   * Every value that was written at once with others, the one that `get` reads first; one where nobody
   * wrote at the same time, none where there is no entry. A `set` settles it.
   */
  conflicts(key: string): T[] {
    return readConflicts(this.records.get(recordKey(this.key, key))) as T[];
  }

  /**
   * Writes `value` in place of all that this tab sees.
   * @throws MeshError `bad-argument` where it is no value, `value-too-large` above 16 MiB, `closed`
   */
  set<V extends Storable<V>>(key: string, value: Written<T, V>): this {
    const record = recordKey(this.key, key);
    this.records.transact((writer) => writeRegister(writer, record, value));
    return this;
  }

  /** Removes the entry; tells whether there was one. */
  delete(key: string): boolean {
    const record = recordKey(this.key, key);
    return this.records.transact((writer) => {
      const isThere = writer.get(record) !== undefined;
      writer.remove(record);
      return isThere;
    });
  }

  /** Removes all entries that this tab sees, as one change. */
  clear(): void {
    this.records.transact((writer) => {
      for (const key of [...this.records.collection(this.key).keys()]) writer.remove(key);
    });
  }

  *keys(): Generator<string> {
    for (const key of this.records.collection(this.key).keys()) yield entryOf(key);
  }

  *values(): Generator<T> {
    for (const record of this.records.collection(this.key).values()) {
      yield readRegister(record) as T;
    }
  }

  *entries(): Generator<[string, T]> {
    for (const [key, record] of this.records.collection(this.key)) {
      yield [entryOf(key), readRegister(record) as T];
    }
  }

  [Symbol.iterator](): Generator<[string, T]> {
    return this.entries();
  }

  /** @internal */
  protected override *told(
    records: readonly RecordChange[],
    source: ChangeSource,
  ): Generator<MapChange<T>> {
    for (const { key, before, after } of records) {
      const read = { value: readRegister(after) as T, before: readRegister(before) as T };
      yield { key: entryOf(key), ...read, ...source };
    }
  }
}
