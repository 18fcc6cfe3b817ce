/** A shared register: one value, of which the latest write is read. */

import type { RecordChange } from '../../memory/changes.ts';
import { recordKey } from '../../memory/keys.ts';
import { readConflicts, readRegister, writeRegister } from '../../memory/readings/register.ts';
import type { Storable, Written } from '../../memory/storable.ts';
import type { RecordKey } from '../../memory/types.ts';
import type { Value } from '../../memory/value.ts';
import type { Records } from '../records.ts';
import { type ChangeSource, Collection } from './collection.ts';

/** The value changed. */
export interface RegisterChange<T> extends ChangeSource {
  readonly value: T | undefined;
  readonly before: T | undefined;
}

/** One value that all tabs of the room share, as of `mesh.register(name)`; else as an entry of a map. */
export class SharedRegister<T extends Storable<T> = Value> extends Collection<RegisterChange<T>> {
  readonly #record: RecordKey;

  /** @internal */
  constructor(records: Records, name: string) {
    super(records, 'register', name);
    this.#record = recordKey(this.key, '');
  }

  /** What is read now; `undefined` where nothing is. */
  get value(): T | undefined {
    return readRegister(this.records.get(this.#record)) as T | undefined;
  }

  /** Every value that was written at once with others, the one that is read first. */
  conflicts(): T[] {
    return readConflicts(this.records.get(this.#record)) as T[];
  }

  /**
   * Writes `value` in place of all that this tab sees.
   * @throws MeshError `bad-argument` where it is no value, `value-too-large` above 16 MiB, `closed`
   */
  set<V extends Storable<V>>(value: Written<T, V>): void {
    this.records.transact((writer) => writeRegister(writer, this.#record, value));
  }

  /** Removes the value. */
  clear(): void {
    this.records.transact((writer) => writer.remove(this.#record));
  }

  /** @internal */
  protected override *told(
    records: readonly RecordChange[],
    source: ChangeSource,
  ): Generator<RegisterChange<T>> {
    for (const { before, after } of records) {
      yield { value: readRegister(after) as T, before: readRegister(before) as T, ...source };
    }
  }
}
