/** What a change of the memory tells those who listen. */

import type { Pinned, RecordStore } from './store.ts';
import type { Delta, DottedRecord, RecordKey, ReplicaId } from './types.ts';

export interface RecordChange {
  readonly key: RecordKey;
  readonly before: DottedRecord | undefined;
  readonly after: DottedRecord | undefined;
}

/** What one transaction, delta or join changed; at least one record or replica. */
export interface MemoryChange {
  /** `disk`: by another tab of this profile, or at the opening. */
  readonly origin: 'local' | 'remote' | 'disk';
  /** Who wrote it; `undefined` where a join brought writes of several. */
  readonly author: ReplicaId | undefined;
  /** The delta to send, of a local change. */
  readonly delta: Delta | undefined;
  readonly records: readonly RecordChange[];
  /** Replicas of which the context holds other dots than before. */
  readonly replicas: readonly ReplicaId[];
}

/** Ends `before` and gives what changed in `store` since; `undefined` where nothing did. */
export function changesSince(
  store: RecordStore,
  before: Pinned,
): Pick<MemoryChange, 'records' | 'replicas'> | undefined {
  before.release();
  const records: RecordChange[] = [];
  for (const [key, was] of before.records) {
    const after = store.get(key);
    if (after !== was) records.push({ key, before: was, after });
  }
  const replicas: ReplicaId[] = [];
  for (const [replica, was] of before.replicas) {
    const now = store.context.of(replica);
    if (was === undefined || now === undefined || !now.equals(was)) replicas.push(replica);
  }
  return records.length === 0 && replicas.length === 0 ? undefined : { records, replicas };
}

/** Tells of changes one after the other, also where a listener makes another. */
export class ChangeQueue {
  readonly #listener: (change: MemoryChange) => void;
  readonly #queue: MemoryChange[] = [];
  #isTelling = false;

  constructor(listener: (change: MemoryChange) => void) {
    this.#listener = listener;
  }

  tell(change: MemoryChange): void {
    this.#queue.push(change);
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) this.#listener(next);
    } finally {
      this.#isTelling = false;
    }
  }
}
