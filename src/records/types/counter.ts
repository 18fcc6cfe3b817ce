/** A shared counter, to which every tab adds. */

import type { RecordChange } from '../../memory/changes.ts';
import { recordKey } from '../../memory/keys.ts';
import { addToCounter, readCount } from '../../memory/readings/counter.ts';
import type { RecordKey } from '../../memory/types.ts';
import type { Records } from '../records.ts';
import { type ChangeSource, Collection } from './collection.ts';

/** The count changed. */
export interface CounterChange extends ChangeSource {
  readonly value: number;
  readonly before: number;
}

/**
 * A whole number that all tabs of the room share, as of `mesh.counter(name)`. Additions of all tabs add
 * up exactly, whatever is lost, doubled or late on the way.
 */
export class SharedCounter extends Collection<CounterChange> {
  readonly #record: RecordKey;

  /** @internal */
  constructor(records: Records, name: string) {
    super(records, 'counter', name);
    this.#record = recordKey(this.key, '');
  }

  /** The sum; within the safe integers. 0 at first. */
  get value(): number {
    return readCount(this.records.get(this.#record));
  }

  /**
   * Adds a whole number, which may be below 0; gives the count then.
   * @throws MeshError `bad-argument` where it is no safe integer, or this tab would have added or taken
   * away more than 2^48; `closed`
   */
  add(amount = 1): number {
    this.records.transact((writer) => addToCounter(writer, this.#record, amount));
    return this.value;
  }

  /** @internal */
  protected override *told(
    records: readonly RecordChange[],
    source: ChangeSource,
  ): Generator<CounterChange> {
    for (const { before, after } of records) {
      const change = { value: readCount(after), before: readCount(before) };
      if (change.value !== change.before) yield { ...change, ...source };
    }
  }
}
