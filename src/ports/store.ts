/**
 * Durable memory of one room: an ordered map from keys to bytes, with transactions.
 *
 * Keys are arrays ordered as IndexedDB orders them: numbers before strings, numbers by value,
 * strings by UTF-16 code unit, arrays item by item, a prefix before what it prefixes. Several tabs may have the same store open;
 * a readwrite transaction sees and excludes all others.
 */

import type { MeshError } from '../util/errors.ts';

export type StoreKey = readonly (string | number)[];

export interface StoreRow {
  readonly key: StoreKey;
  readonly value: Uint8Array;
}

/** Valid inside `Store.transact` alone; between its calls await nothing but it. */
export interface StoreTransaction {
  get(key: StoreKey): Promise<Uint8Array | undefined>;
  /** Rows whose key starts with `prefix` and is longer than it, in order, those after `after` alone where it is given. */
  scan(prefix: StoreKey, after?: StoreKey): Promise<StoreRow[]>;
  /** Keys as `scan` would give them, without reading values. */
  keys(prefix: StoreKey, after?: StoreKey): Promise<StoreKey[]>;
  put(key: StoreKey, value: Uint8Array): Promise<void>;
  delete(key: StoreKey): Promise<void>;
}

export interface Store {
  /** `indexeddb`, `memory`, or the name of a store of the app's own. */
  readonly kind: string;
  /** Whether what is written outlives the tab. */
  readonly durable: boolean;
  /**
   * Runs `body` as one atomic transaction; what it wrote is durable once the promise resolves.
   * @throws MeshError `store-quota` or `store-unavailable`; nothing of it was written.
   */
  transact<T>(
    mode: 'readonly' | 'readwrite',
    body: (transaction: StoreTransaction) => Promise<T>,
  ): Promise<T>;
  /** Called when the store is lost while open, for example when a person clears site data. */
  onLost?: ((error: MeshError) => void) | undefined;
  /** Frees it, after transactions under way; idempotent. */
  close(): Promise<void>;
}
