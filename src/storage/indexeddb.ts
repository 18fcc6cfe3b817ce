/**
 * A Store in IndexedDB (Indexed Database API 3.0), through idb.
 *
 * One database a store and one object store in it, with array keys beside the values. Transactions
 * are `relaxed`: they count as done once the operating system has them, without waiting for the disk
 * itself. That survives a browser that is killed; the last ones may be lost when the power fails.
 */

import { type IDBPDatabase, type IDBPObjectStore, type IDBPTransaction, openDB } from 'idb';
import type { Store, StoreKey, StoreRow, StoreTransaction } from '../ports/store.ts';
import { MeshError, messageOf } from '../util/errors.ts';
import { checkKey, compareKeys, isUnder } from './keys.ts';

/** How a store is opened. */
export interface IndexedDbOptions {
  /** Longest time to open, in ms; default 5,000. Browsers are known to leave it unanswered at times. */
  readonly openLimitMs?: number;
}

/**
 * Opens the store `name` of this origin, and makes it where there is none: database `mnemesh/<name>`.
 * @throws MeshError `store-unavailable` where IndexedDB is absent, denied (private mode, blocked
 * site data) or does not answer in time; `store-quota` where there is no room.
 */
export async function openIndexedDbStore(
  name: string,
  options: IndexedDbOptions = {},
): Promise<Store> {
  const store = new IndexedDbStore(`mnemesh/${name}`, options.openLimitMs ?? 5_000);
  await store.connect();
  return store;
}

type Mode = 'readonly' | 'readwrite';
/** The one object store of a database. */
const ROWS = 'rows';
type Rows = IDBPObjectStore<unknown, [typeof ROWS], typeof ROWS, 'readwrite'>;
type Transaction = IDBPTransaction<unknown, [typeof ROWS], 'readwrite'>;

class IndexedDbStore implements Store {
  readonly kind = 'indexeddb';
  readonly durable = true;
  onLost: ((error: MeshError) => void) | undefined;
  readonly #name: string;
  readonly #openLimitMs: number;
  /** The connection, open or being opened; undefined where there is none (any more). */
  #connection: Promise<IDBPDatabase> | undefined;
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  constructor(name: string, openLimitMs: number) {
    this.#name = name;
    this.#openLimitMs = openLimitMs;
  }

  /** The connection; opens one where there is none. */
  connect(): Promise<IDBPDatabase> {
    if (this.#connection !== undefined) return this.#connection;
    const connection = openDatabase(this.#name, this.#openLimitMs, (why) => {
      this.#forget(connection);
      if (!this.#closed) this.onLost?.(lost(why));
    });
    this.#connection = connection;
    connection.catch(() => this.#forget(connection));
    return connection;
  }

  async transact<T>(mode: Mode, body: (transaction: StoreTransaction) => Promise<T>): Promise<T> {
    if (this.#closed) {
      throw new MeshError('closed', 'The store is closed; nothing was read or written.');
    }
    const run = this.#begin(mode).then((transaction) => runIn(transaction, body));
    this.#running.add(run);
    try {
      return await run;
    } finally {
      this.#running.delete(run);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#running);
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.then((database) => database.close());
  }

  async #begin(mode: Mode): Promise<Transaction> {
    const connection = this.connect();
    const database = await connection;
    try {
      return begin(database, mode);
    } catch {
      // Browsers close connections of their own accord, as while a phone sleeps, and may not say so.
      this.#forget(connection);
    }
    const reopened = await this.connect();
    try {
      return begin(reopened, mode);
    } catch (error) {
      throw toMeshError(error);
    }
  }

  #forget(connection: Promise<IDBPDatabase>): void {
    if (this.#connection === connection) this.#connection = undefined;
  }
}

/** A readonly transaction refuses writes by itself, so its type need not. */
function begin(database: IDBPDatabase, mode: Mode): Transaction {
  return database.transaction(ROWS, mode as 'readwrite', { durability: 'relaxed' });
}

async function runIn<T>(
  transaction: Transaction,
  body: (transaction: StoreTransaction) => Promise<T>,
): Promise<T> {
  const failure = transaction.done.then(() => undefined, toMeshError);
  let result: T;
  try {
    result = await body(new IndexedDbTransaction(transaction.store));
  } catch (error) {
    abort(transaction);
    await failure;
    throw error;
  }
  const error = await failure;
  if (error !== undefined) throw error;
  return result;
}

/** Whether the transaction was still there to abort: one whose request failed aborts by itself. */
function abort(transaction: Transaction): boolean {
  try {
    transaction.abort();
    return true;
  } catch {
    return false;
  }
}

class IndexedDbTransaction implements StoreTransaction {
  readonly #rows: Rows;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  get(key: StoreKey): Promise<Uint8Array | undefined> {
    return this.#request(key, () => this.#rows.get([...key]));
  }

  scan(prefix: StoreKey, after?: StoreKey): Promise<StoreRow[]> {
    return this.#request(prefix, async () => {
      const range = rangeUnder(prefix, after);
      if (range === undefined) return [];
      const [keys, values] = await Promise.all([
        this.#rows.getAllKeys(range),
        this.#rows.getAll(range),
      ]);
      return keys.map((key, i) => ({ key: key as (string | number)[], value: values[i] }));
    });
  }

  keys(prefix: StoreKey, after?: StoreKey): Promise<StoreKey[]> {
    return this.#request(prefix, async () => {
      const range = rangeUnder(prefix, after);
      if (range === undefined) return [];
      return (await this.#rows.getAllKeys(range)) as (string | number)[][];
    });
  }

  async put(key: StoreKey, value: Uint8Array): Promise<void> {
    // IndexedDB stores all of the buffer that a view looks at.
    const whole = value.byteLength === value.buffer.byteLength ? value : value.slice();
    await this.#request(key, () => this.#rows.put(whole, [...key]));
  }

  delete(key: StoreKey): Promise<void> {
    return this.#request(key, () => this.#rows.delete([...key]));
  }

  async #request<T>(key: StoreKey, request: () => Promise<T>): Promise<T> {
    checkKey(key);
    try {
      return await request();
    } catch (error) {
      throw toMeshError(error);
    }
  }
}

/** Keys longer than `prefix` that start with it, from `after` on; undefined where there can be none. */
function rangeUnder(prefix: StoreKey, after: StoreKey | undefined): IDBKeyRange | undefined {
  let from = prefix;
  if (after !== undefined) {
    checkKey(after);
    if (compareKeys(after, prefix) > 0) from = after;
  }
  if (from !== prefix && !isUnder(prefix, from)) return undefined;
  // An array comes after every string and number, so this bound is above all keys of the prefix.
  return IDBKeyRange.bound([...from], [...prefix, []], true, true);
}

function openDatabase(
  name: string,
  limitMs: number,
  onLost: (why: string) => void,
): Promise<IDBPDatabase> {
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      reject(unavailable(`it did not answer within ${limitMs} ms`));
    }, limitMs);
    const opened = (database: IDBPDatabase) => {
      clearTimeout(timer);
      if (late) database.close();
      else resolve(database);
    };
    const failed = (error: unknown) => {
      clearTimeout(timer);
      reject(toMeshError(error));
    };
    requestDatabase(name, onLost).then(opened, failed);
  });
}

/** Async, so that a browser that throws at the mere mention of IndexedDB is a rejection too. */
async function requestDatabase(name: string, onLost: (why: string) => void): Promise<IDBPDatabase> {
  return openDB(name, 1, {
    upgrade: (database) => {
      database.createObjectStore(ROWS);
    },
    blocking: (_current, _blocked, event) => {
      // Another tab deletes the database or has a newer schema; it waits for this connection to go.
      (event.target as IDBDatabase).close();
      onLost('another tab deletes or upgrades it');
    },
    terminated: () => onLost('site data was cleared, or the disk failed'),
  });
}

function lost(why: string): MeshError {
  return new MeshError(
    'store-unavailable',
    `The store was closed from outside: ${why}. What it held may be gone; memory is unchanged. It is opened anew for the next write: write everything again.`,
  );
}

function unavailable(why: string, cause?: unknown): MeshError {
  return new MeshError(
    'store-unavailable',
    `IndexedDB cannot be used: ${why}. Nothing of this was written; memory is unchanged. Allow site data, or leave private browsing, to keep data.`,
    { cause },
  );
}

function toMeshError(error: unknown): MeshError {
  if (error instanceof MeshError) return error;
  const name = error instanceof Error ? error.name : '';
  if (name === 'QuotaExceededError') {
    return new MeshError(
      'store-quota',
      'The room that the browser gives this site is full. Nothing of this was written; memory is unchanged. Free site data or disk space.',
      { cause: error },
    );
  }
  if (name === 'TransactionInactiveError' || name === 'ReadOnlyError') {
    return new MeshError(
      'bad-argument',
      `The transaction cannot be used so (${messageOf(error)}). Await nothing but its own calls in its body, and write in readwrite ones.`,
      { cause: error },
    );
  }
  return unavailable(messageOf(error), error);
}
