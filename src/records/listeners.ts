/** Tells the collections of what changed in them. */

import type { MemoryChange, RecordChange } from '../memory/changes.ts';
import { type CollectionKey, collectionKey, collectionOf, nameOf, typeOf } from '../memory/keys.ts';
import type { RecordKey, ReplicaId } from '../memory/types.ts';

/** What one transaction, delta or join changed in one collection; at least one record. */
export interface CollectionChange {
  readonly origin: MemoryChange['origin'];
  /** Who wrote it; `undefined` where a join brought writes of several. */
  readonly author: ReplicaId | undefined;
  readonly records: readonly RecordChange[];
}

export interface CollectionListener {
  changed(change: CollectionChange): void;
  /** The mesh closed. */
  ended(): void;
}

/** The name of a patterns collection and a pattern's id, of a key of its episodes. */
export function patternOf(key: RecordKey): { readonly name: string; readonly id: string } {
  const both = nameOf(collectionOf(key));
  const at = both.indexOf('\u0001');
  return { name: both.slice(0, at), id: both.slice(at + 1) };
}

export class Listeners {
  readonly #listeners = new Map<CollectionKey, CollectionListener>();

  add(collection: CollectionKey, listener: CollectionListener): void {
    this.#listeners.set(collection, listener);
  }

  tell({ origin, author, records }: MemoryChange): void {
    if (this.#listeners.size === 0) return;
    const groups = new Map<CollectionKey, RecordChange[]>();
    for (const record of records) {
      const collection = listenedBy(record.key);
      const group = groups.get(collection);
      if (group !== undefined) group.push(record);
      else if (this.#listeners.has(collection)) groups.set(collection, [record]);
    }
    for (const [collection, changed] of groups) {
      this.#listeners.get(collection)?.changed({ origin, author, records: changed });
    }
  }

  end(): void {
    for (const listener of this.#listeners.values()) listener.ended();
  }
}

/** The episodes of a pattern are a part of its collection. */
function listenedBy(key: RecordKey): CollectionKey {
  if (typeOf(key) !== 'patternEpisodes') return collectionOf(key);
  return collectionKey('pattern', patternOf(key).name);
}
