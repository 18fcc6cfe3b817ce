/** The opening of records: a replica id on loan, and what the disk holds. */

import type { Clock } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { toHex } from '../util/bytes.ts';
import { MeshError } from '../util/errors.ts';
import { freshLease, type Lease, takeLease } from './lease.ts';
import type { Locks } from './locks.ts';
import type { RecordsParts } from './records.ts';
import { readImage } from './rows.ts';

/** How long a tab waits for a replica id that may be let go of. */
const PAUSE_MS = 100;

export interface LoadOptions extends Pick<RecordsParts, 'isCausal' | 'randomBytes'> {
  readonly store: Store;
  /** Names the store among all that share the locks. */
  readonly scope: string;
  /** Without locks, and in a store that ends with the tab, every session writes as a fresh replica. */
  readonly locks: Locks | undefined;
  readonly clock: Clock;
  /** A failure of the store; it is read again later. */
  failed(error: MeshError): void;
}

/** Reads what the records of a mesh begin with; never rejects for a store that fails. */
export async function loadRecords(options: LoadOptions): Promise<RecordsParts> {
  const { store, isCausal, randomBytes } = options;
  const lease = await orFailed(options, () => leaseOf(options));
  const image = await orFailed(options, () => store.transact('readonly', readImage));
  // Running totals that were not read cannot be gone on with.
  const isWhole = image !== undefined && image.damaged.length === 0;
  const writer = lease && (isWhole ? lease : { ...lease, epoch: lease.next });
  return { isCausal, lease: writer, image, randomBytes };
}

function leaseOf({ store, scope, locks, clock, randomBytes }: LoadOptions): Promise<Lease> {
  const fresh = () => toHex(randomBytes(8));
  if (locks === undefined || !store.durable) return Promise.resolve(freshLease(fresh()));
  const pause = () => new Promise<void>((resolve) => void clock.setTimer(resolve, PAUSE_MS));
  return takeLease(store, locks, scope, fresh, pause);
}

async function orFailed<T>(options: LoadOptions, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof MeshError)) throw thrown;
    options.failed(thrown);
    return undefined;
  }
}
