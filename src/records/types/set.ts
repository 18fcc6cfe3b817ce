/** A shared set: who adds an element while another removes it prevails. */

import type { RecordChange } from '../../memory/changes.ts';
import { elementKey, elementOf, makePresent } from '../../memory/readings/presence.ts';
import type { Storable, Written } from '../../memory/storable.ts';
import type { Value } from '../../memory/value.ts';
import type { Records } from '../records.ts';
import { type ChangeSource, Collection } from './collection.ts';

/** An element came or went. */
export interface SetChange<T> extends ChangeSource {
  readonly value: T;
  /** Whether it is in the set now. */
  readonly present: boolean;
}

/**
 * A set that all tabs of the room share, as of `mesh.set(name)`. Elements are values of at most 1,024
 * bytes encoded, and equal values are one element, objects too. Where one tab adds an element while
 * another removes it, it is there. It may be changed while it is iterated, as a Set may.
 */
export class SharedSet<T extends Storable<T> = Value> extends Collection<SetChange<T>> {
  /** @internal */
  constructor(records: Records, name: string) {
    super(records, 'set', name);
  }

  /** How many elements there are. */
  get size(): number {
    return this.records.collection(this.key).size;
  }

  /** @throws MeshError `bad-argument` where `value` is no value, or over 1,024 bytes; so do the others. */
  has<V extends Storable<V>>(value: Written<T, V>): boolean {
    return this.records.get(elementKey(this.key, value)) !== undefined;
  }

  /**
   * Adds an element. One that is there is added anew, which outlives a removal at the same time.
   * @throws MeshError `bad-argument`, `closed`
   */
  add<V extends Storable<V>>(value: Written<T, V>): this {
    const key = elementKey(this.key, value);
    this.records.transact((writer) => makePresent(writer, key));
    return this;
  }

  /** Removes an element; tells whether it was there. */
  delete<V extends Storable<V>>(value: Written<T, V>): boolean {
    const key = elementKey(this.key, value);
    return this.records.transact((writer) => {
      const isThere = writer.get(key) !== undefined;
      writer.remove(key);
      return isThere;
    });
  }

  /** Removes all elements that this tab sees, as one change. */
  clear(): void {
    this.records.transact((writer) => {
      for (const key of [...this.records.collection(this.key).keys()]) writer.remove(key);
    });
  }

  *values(): Generator<T> {
    for (const key of this.records.collection(this.key).keys()) yield elementOf(key) as T;
  }

  [Symbol.iterator](): Generator<T> {
    return this.values();
  }

  /** @internal */
  protected override *told(
    records: readonly RecordChange[],
    source: ChangeSource,
  ): Generator<SetChange<T>> {
    for (const { key, before, after } of records) {
      // One that was added anew is no news.
      if ((before === undefined) === (after === undefined)) continue;
      yield { value: elementOf(key) as T, present: after !== undefined, ...source };
    }
  }
}
