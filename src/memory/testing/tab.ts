/** A tab in a history: a replica that leases its id from a disk, reserves counters, and flushes. */

import type { RecordChange } from '../changes.ts';
import { Context } from '../context.ts';
import { findDot, valuesOf } from '../record.ts';
import { Replica } from '../replica.ts';
import type { Delta, RecordKey, ReplicaId } from '../types.ts';
import { BLOCK, type Disk, type Lease } from './disk.ts';
import { nameOf } from './oracle.ts';

/** Rules that a tab can leave out, to show that histories go wrong without them. */
export type TabRule = 'R6' | 'R7' | 'R8';

export interface TabOptions {
  readonly disk: Disk;
  readonly fresh: () => ReplicaId;
  /** Called with each local delta. */
  readonly written: (tab: Tab, delta: Delta) => void;
  readonly isCausal: boolean;
  readonly without?: string | undefined;
}

export class Tab {
  readonly disk: Disk;
  readonly replica: Replica;
  /** What was gone from this memory and came back, in words. */
  readonly returned: string[] = [];
  isAsleep = false;
  /** Whether it changed since somebody looked. */
  isChanged = true;
  readonly #gone = new Set<string>();
  readonly #lease: Lease;
  readonly #dirty = new Set<RecordKey>();
  readonly #dirtyReplicas = new Set<ReplicaId>();
  readonly #without: string | undefined;
  #version: number;

  constructor({ disk, fresh, written, isCausal, without }: TabOptions) {
    this.disk = disk;
    this.#without = without;
    const lease = disk.lease(fresh);
    const { clean } = lease;
    const next = clean?.next ?? lease.reservedTo;
    // Without R8 totals go on however the session before ended.
    const epoch = without === 'R8' ? 0 : (clean?.epoch ?? next);
    lease.clean = undefined;
    this.#lease = lease;
    this.replica = new Replica({
      id: lease.id,
      next,
      epoch,
      isCausal,
      changed: ({ records, replicas, delta }) => {
        this.isChanged = true;
        for (const record of records) this.#note(record);
        for (const replica of replicas) this.#dirtyReplicas.add(replica);
        if (delta !== undefined) written(this, delta);
      },
    });
    const context = without === 'R6' ? bridged(disk.context) : disk.context;
    this.replica.joinDisk({ context, records: disk.rows, frontier: disk.frontier });
    this.#version = disk.version;
    this.#dirty.clear();
    this.#dirtyReplicas.clear();
  }

  #note({ key, before, after }: RecordChange): void {
    this.#dirty.add(key);
    for (const value of valuesOf(before)) {
      if (findDot(after, value) === undefined) this.#gone.add(nameOf(value));
    }
    for (const value of valuesOf(after)) {
      if (this.#gone.has(nameOf(value))) this.returned.push(`${nameOf(value)} of ${key} returned`);
    }
  }

  /** Takes a delta in; `taken` is what of it a tab without R4 takes. */
  receive(delta: Delta, taken = delta): void {
    const applied = this.replica.apply(taken);
    if (applied === 'waiting' || applied === 'full') return;
    for (const { removed } of delta.writes) for (const dot of removed) this.#gone.add(nameOf(dot));
  }

  /** Reserves counters for `writes` writes; to be called before them (R6). */
  reserve(writes: number): void {
    while (this.#lease.reservedTo < this.replica.next + writes) this.#lease.reservedTo += BLOCK;
  }

  /** Writes to the disk what changed, in one transaction (R7). */
  flush(): void {
    this.replica.publish();
    const { disk, replica } = this;
    if (disk.version !== this.#version && this.#without !== 'R7') {
      replica.joinDisk({
        context: disk.context,
        records: disk.rows,
        frontier: disk.frontier,
      });
      for (const key of [...disk.rows.keys(), ...[...replica.entries()].map(([each]) => each)]) {
        this.#dirty.add(key);
      }
      for (const [id] of replica.context) this.#dirtyReplicas.add(id);
    }
    if (this.#dirty.size === 0 && this.#dirtyReplicas.size === 0) return;
    for (const key of this.#dirty) disk.put(key, replica.get(key));
    for (const id of this.#without === 'R7' ? idsOf(replica) : this.#dirtyReplicas) {
      disk.context.replace(id, replica.context.of(id)?.copy());
    }
    disk.frontier = replica.frontier;
    disk.version++;
    this.#version = disk.version;
    this.#dirty.clear();
    this.#dirtyReplicas.clear();
  }

  /** Writes everything, and that nothing is open any more. */
  close(): void {
    this.flush();
    this.#lease.clean = { next: this.replica.next, epoch: this.replica.epoch };
    this.#lease.isHeld = false;
  }

  /** Ends as a killed tab does: what was not flushed is lost. */
  crash(): void {
    this.#lease.isHeld = false;
  }
}

function idsOf(replica: Replica): ReplicaId[] {
  return [...replica.context].map(([id]) => id);
}

/** As a version vector would keep it: without gaps. */
function bridged(context: Context): Context {
  const whole = new Context();
  for (const [replica, intervals] of context) whole.add(replica, 0, intervals.end());
  return whole;
}
