/**
 * Replica ids on loan (SPEC.md R6 and R8): a store lists the ids that its profile ever wrote with, and a
 * tab takes one that no other tab holds, so that a reload adds no writer for ever.
 *
 * Counters are reserved in blocks, durably and before use. A session that ended cleanly left where it
 * stopped; after any other, the next one goes on above the block, in a new epoch of running totals.
 */

import { isReplicaId, type ReplicaId } from '../memory/types.ts';
import { readCounter, writeUint } from '../memory/wire.ts';
import type { Store, StoreKey, StoreTransaction } from '../ports/store.ts';
import { type Decoder, decodeTotal, encode, readFlag, readUint } from '../util/codec.ts';
import type { Locks } from './locks.ts';

/** Counters that are reserved at once. */
export const BLOCK = 1_024;

const LEASES: StoreKey = ['memory', 'lease'];

/** What the store knows of one replica id. */
export interface LeaseRow {
  /** How many sessions had the id. */
  readonly generation: number;
  /** All counters below may have been used. */
  readonly reserved: number;
  /** Written with the final totals, at a clean end: the epoch to go on with. */
  readonly epoch: number | undefined;
}

/** A replica id that this tab alone writes with. */
export interface Lease {
  readonly id: ReplicaId;
  /** Greater than that of every session before; `undefined` for an id that nobody will use again. */
  readonly generation: number | undefined;
  /** The first counter to use, and the epoch to count in. */
  readonly next: number;
  readonly epoch: number;
  /** Counters below are reserved. Beyond all bounds for an id that nobody will use again. */
  readonly reserved: number;
  /** Lets another session have the id. */
  release(): void;
}

/** An id of its own, not to be used again. */
export function freshLease(id: ReplicaId): Lease {
  return {
    ...{ id, generation: undefined, next: 0, epoch: 0 },
    reserved: Number.POSITIVE_INFINITY,
    release: () => undefined,
  };
}

/**
 * Takes an id that no other tab holds, a new one of `fresh` where there is none, and reserves counters.
 * `scope` names the store among all that share the locks, and `pause` waits a moment.
 * @throws MeshError as `Store.transact`; nothing is held then.
 */
export async function takeLease(
  store: Store,
  locks: Locks,
  scope: string,
  fresh: () => ReplicaId,
  pause: () => Promise<void>,
): Promise<Lease> {
  const known = await listed(store);
  const first = await takeFirst(store, locks, scope, known);
  if (first !== undefined) return first;
  // The page that this one reloads, or comes after, may take a moment to let go.
  if (known.length > 0) await pause();
  const again = known.length > 0 ? await listed(store) : known;
  const taken = await takeFirst(store, locks, scope, [...again, fresh()]);
  return taken ?? freshLease(fresh());
}

async function listed(store: Store): Promise<ReplicaId[]> {
  const keys = await store.transact('readonly', (rows) => rows.keys(LEASES));
  return keys.map((key) => String(key[2])).filter(isReplicaId);
}

async function takeFirst(
  store: Store,
  locks: Locks,
  scope: string,
  ids: readonly ReplicaId[],
): Promise<Lease | undefined> {
  for (const id of ids) {
    const release = await locks.take(`mnemesh/${scope}/${id}`);
    if (release === undefined) continue;
    try {
      const begun = await store.transact('readwrite', (rows) => begin(rows, id));
      if (begun !== undefined) return { ...begun, release };
    } catch (thrown) {
      release();
      throw thrown;
    }
    release();
  }
  return undefined;
}

/** Begins a session with `id`; `undefined` where it is not to be used. */
async function begin(
  rows: StoreTransaction,
  id: ReplicaId,
): Promise<Omit<Lease, 'release'> | undefined> {
  const bytes = await rows.get([...LEASES, id]);
  const before = bytes && decodeTotal(bytes, readRow);
  if (bytes !== undefined && before === undefined) {
    // Which counters were used is not known, so none may be used any more.
    await rows.delete([...LEASES, id]);
    return undefined;
  }
  const next = before?.reserved ?? 0;
  const generation = (before?.generation ?? 0) + 1;
  const epoch = before?.epoch ?? next;
  const lease = { id, generation, next, epoch, reserved: next + BLOCK };
  await putLease(rows, id, { ...lease, epoch: undefined });
  return lease;
}

/** Writes what is to be known of the id; takes it off the list where that is nothing. */
export function putLease(
  rows: StoreTransaction,
  id: ReplicaId,
  row: LeaseRow | undefined,
): Promise<void> {
  if (row === undefined) return rows.delete([...LEASES, id]);
  const { generation, reserved, epoch } = row;
  const bytes = encode((encoder) => {
    writeUint(encoder, generation);
    writeUint(encoder, reserved);
    writeUint(encoder, epoch === undefined ? 0 : 1);
    if (epoch !== undefined) writeUint(encoder, epoch);
  });
  return rows.put([...LEASES, id], bytes);
}

function readRow(decoder: Decoder): LeaseRow {
  const generation = readUint(decoder);
  const reserved = readCounter(decoder);
  return { generation, reserved, epoch: readFlag(decoder) ? readCounter(decoder) : undefined };
}
