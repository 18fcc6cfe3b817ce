/** What all types of shared memory have in common: changes as events and as an async iterable. */

import type { RecordChange } from '../../memory/changes.ts';
import { type CollectionKey, collectionKey, type RecordType } from '../../memory/keys.ts';
import type { ReplicaId } from '../../memory/types.ts';
import { BoundedStream } from '../../util/bounded-stream.ts';
import { TypedEventTarget } from '../../util/typed-events.ts';
import type { CollectionChange } from '../listeners.ts';
import type { Records } from '../records.ts';

/** Changes that wait for a slow reader of `changes()`; of more, the oldest are lost. */
const MAX_WAITING = 65_536;

/** Where a change came from. */
export interface ChangeSource {
  /** `local`: written in this tab; `remote`: in another; `disk`: by another tab of this browser, read from the disk. */
  readonly origin: 'local' | 'remote' | 'disk';
  /** The replica that wrote it; `undefined` where writes of several came at once. */
  readonly author: ReplicaId | undefined;
}

/** Details of the events of a collection. */
export interface CollectionEvents<Change> {
  /** Something was changed, in this tab or another; one event an entry. */
  change: Change;
}

/** A part of the shared memory, and what happens to it. */
export abstract class Collection<Change> extends TypedEventTarget<CollectionEvents<Change>> {
  /** The name by which all tabs of the room have it. */
  readonly name: string;
  /** @internal */
  protected readonly records: Records;
  /** @internal */
  protected readonly key: CollectionKey;
  readonly #streams = new Set<BoundedStream<Change>>();
  #isClosed = false;

  /** @internal */
  constructor(records: Records, type: RecordType, name: string) {
    super();
    this.name = name;
    this.records = records;
    this.key = collectionKey(type, name);
    records.listen(this.key, {
      changed: (change) => this.#changed(change),
      ended: () => this.#end(),
    });
  }

  /**
   * Changes from now on, until the loop is left or the mesh closed. Up to 65,536 wait for a slow reader;
   * of more, the oldest are lost, and what is held is to be read again.
   */
  changes(): AsyncIterableIterator<Change> {
    const stream = new BoundedStream<Change>(MAX_WAITING, (ended) => this.#streams.delete(ended));
    this.#streams.add(stream);
    if (this.#isClosed) stream.end();
    return stream;
  }

  /** @internal What to tell of records that changed. */
  protected abstract told(records: readonly RecordChange[], source: ChangeSource): Iterable<Change>;

  #changed({ records, origin, author }: CollectionChange): void {
    for (const change of this.told(records, { origin, author })) {
      for (const stream of this.#streams) stream.push(change);
      this.emit('change', change);
    }
  }

  #end(): void {
    this.#isClosed = true;
    for (const stream of [...this.#streams]) stream.end();
  }
}
