/** A Store in memory: what a tab falls back to without IndexedDB, and what tests run on. */

import type { Store, StoreKey, StoreRow, StoreTransaction } from '../ports/store.ts';
import { MeshError } from '../util/errors.ts';
import { checkKey, compareKeys, isUnder } from './keys.ts';

/** The rows that one or several memory stores share, in key order. */
export class MemoryDisk {
  readonly rows: StoreRow[] = [];
  /** Settles once every transaction begun so far has ended; never rejects. */
  idle: Promise<unknown> = Promise.resolve();
}

/**
 * A store in memory. Transactions run one after another, so each sees and excludes all others.
 * Stores over the same `disk` share its rows, as tabs of one browser do; by default each has its own.
 */
export function memoryStore(disk: MemoryDisk = new MemoryDisk()): Store {
  return new MemoryStore(disk);
}

class MemoryStore implements Store {
  readonly kind = 'memory';
  readonly durable = false;
  readonly #disk: MemoryDisk;
  #closed = false;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  async transact<T>(
    mode: 'readonly' | 'readwrite',
    body: (transaction: StoreTransaction) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) {
      throw new MeshError('closed', 'The store is closed; nothing was read or written.');
    }
    const run = this.#disk.idle.then(() => runOn(this.#disk.rows, mode, body));
    this.#disk.idle = Promise.allSettled([run]);
    return run;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#disk.idle;
  }
}

async function runOn<T>(
  rows: StoreRow[],
  mode: 'readonly' | 'readwrite',
  body: (transaction: StoreTransaction) => Promise<T>,
): Promise<T> {
  const transaction = new MemoryTransaction(rows, mode === 'readwrite');
  try {
    const result = await body(transaction);
    transaction.end();
    return result;
  } catch (error) {
    transaction.rollBack();
    throw error;
  }
}

class MemoryTransaction implements StoreTransaction {
  readonly #rows: StoreRow[];
  readonly #writable: boolean;
  /** What to do, last first, to take this transaction's writes back. */
  readonly #undo: (() => void)[] = [];
  #ended = false;

  constructor(rows: StoreRow[], writable: boolean) {
    this.#rows = rows;
    this.#writable = writable;
  }

  async get(key: StoreKey): Promise<Uint8Array | undefined> {
    this.#check(key);
    const at = this.#find(key);
    return at.found ? (this.#rows[at.index] as StoreRow).value.slice() : undefined;
  }

  async scan(prefix: StoreKey, after?: StoreKey): Promise<StoreRow[]> {
    return this.#under(prefix, after).map(({ key, value }) => ({
      key: [...key],
      value: value.slice(),
    }));
  }

  async keys(prefix: StoreKey, after?: StoreKey): Promise<StoreKey[]> {
    return this.#under(prefix, after).map(({ key }) => [...key]);
  }

  async put(key: StoreKey, value: Uint8Array): Promise<void> {
    this.#check(key);
    this.#checkWritable();
    const rows = this.#rows;
    const row: StoreRow = { key: [...key], value: value.slice() };
    const { index, found } = this.#find(key);
    const [replaced] = rows.splice(index, found ? 1 : 0, row);
    this.#undo.push(() => rows.splice(index, 1, ...(replaced === undefined ? [] : [replaced])));
  }

  async delete(key: StoreKey): Promise<void> {
    this.#check(key);
    this.#checkWritable();
    const rows = this.#rows;
    const { index, found } = this.#find(key);
    if (!found) return;
    const removed = rows.splice(index, 1);
    this.#undo.push(() => rows.splice(index, 0, ...removed));
  }

  end(): void {
    this.#ended = true;
  }

  rollBack(): void {
    this.#ended = true;
    for (const undo of this.#undo.reverse()) undo();
  }

  #under(prefix: StoreKey, after: StoreKey | undefined): StoreRow[] {
    this.#check(prefix);
    if (after !== undefined) checkKey(after);
    const rows = this.#rows;
    // The first row that can match: `prefix` itself, which isUnder leaves out, or what follows `after`.
    const from = after !== undefined && compareKeys(after, prefix) > 0 ? after : prefix;
    const { index, found } = this.#find(from);
    const first = found ? index + 1 : index;
    let end = first;
    while (end < rows.length && isUnder(prefix, (rows[end] as StoreRow).key)) end++;
    return rows.slice(first, end);
  }

  /** Where `key` is, or where it would be put. */
  #find(key: StoreKey): { index: number; found: boolean } {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = compareKeys((this.#rows[middle] as StoreRow).key, key);
      if (order === 0) return { index: middle, found: true };
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return { index: low, found: false };
  }

  #check(key: StoreKey): void {
    if (this.#ended) {
      throw new MeshError(
        'bad-argument',
        'The transaction has ended; nothing was read or written. Use it inside its body alone.',
      );
    }
    checkKey(key);
  }

  #checkWritable(): void {
    if (!this.#writable) {
      throw new MeshError(
        'bad-argument',
        'The transaction is readonly; nothing was written. Begin it as readwrite.',
      );
    }
  }
}
