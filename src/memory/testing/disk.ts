/**
 * A profile's disk in a history: rows and a context that several tabs share (SPEC.md R7), and the
 * replica ids that they lease (R6, R8). Its transactions are atomic, as those of IndexedDB are.
 */

import { Context } from '../context.ts';
import type { DottedRecord, RecordKey, ReplicaId } from '../types.ts';
import type { Held } from './oracle.ts';

/** Counters that are reserved at once. */
export const BLOCK = 8;

/** What the disk knows of one replica id. */
export interface Lease {
  readonly id: ReplicaId;
  /** All counters below may have been used. */
  reservedTo: number;
  /** Written at a clean close with the final totals: where to go on, and in which epoch. */
  clean: { readonly next: number; readonly epoch: number } | undefined;
  isHeld: boolean;
}

export class Disk implements Held {
  readonly rows = new Map<RecordKey, DottedRecord>();
  readonly context = new Context();
  readonly leases: Lease[] = [];
  /** In causal rooms: the frontier that belongs to the context. */
  frontier: DottedRecord | undefined;
  /** Counts the transactions that wrote. */
  version = 0;

  get(key: RecordKey): DottedRecord | undefined {
    return this.rows.get(key);
  }

  entries(): Iterable<readonly [RecordKey, DottedRecord]> {
    return this.rows;
  }

  /** Writes one row. */
  put(key: RecordKey, record: DottedRecord | undefined): void {
    if (record === undefined) this.rows.delete(key);
    else this.rows.set(key, record);
  }

  /** Takes a free id, or `fresh` where none is. */
  lease(fresh: () => ReplicaId): Lease {
    const free = this.leases.find(({ isHeld }) => !isHeld);
    const lease = free ?? { id: fresh(), reservedTo: 0, clean: undefined, isHeld: true };
    if (free === undefined) this.leases.push(lease);
    lease.isHeld = true;
    return lease;
  }
}
