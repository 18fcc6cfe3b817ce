/** Whether a store holds records, told without the code that reads them. */

import type { Store, StoreKey } from '../ports/store.ts';

/** Rows of what was seen of each replica: where there are none, nothing was ever written. */
export const SEEN: StoreKey = ['memory', 'seen'];

/** @throws MeshError as `Store.transact` */
export async function areRecordsStored(store: Store): Promise<boolean> {
  const keys = await store.transact('readonly', (rows) => rows.keys(SEEN));
  return keys.length > 0;
}
