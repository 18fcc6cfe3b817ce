/**
 * Documents in a Store: each an append-only log of byte rows, compacted in place.
 *
 * The disk is a replica: other tabs of this browser write to the same log, so every write also reads
 * what they wrote since this tab looked, in the same transaction. Rows are numbered from 1; numbers
 * go up for as long as the log exists, compaction included.
 */

import type { Store, StoreKey, StoreTransaction } from '../ports/store.ts';

/** One row of a document's log. */
export interface LogRow {
  /** Its number: a whole number from 1. */
  readonly seq: number;
  readonly bytes: Uint8Array;
}

/** What a write found and did. */
export interface LogWrite {
  /**
   * The number of the row written. Where it is not above the caller's `after`, the log was emptied
   * meanwhile (site data cleared): `compact` writes the whole document again.
   */
  readonly seq: number;
  /** Rows that other tabs wrote since `after`; apply them to the document. */
  readonly foreign: LogRow[];
}

const NO_BYTES = new Uint8Array(0);

/** The logs of all documents of a store. Failures are those of `Store.transact`; they change nothing. */
export class DocumentLog {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Names of the documents that have rows, in key order; reads no document data. */
  async names(): Promise<string[]> {
    const keys = await this.#store.transact('readonly', (rows) => rows.keys(['docs']));
    return keys.map((key) => key[1] as string);
  }

  /**
   * Rows numbered above `after` (default 0: all), in order, and the number of the log's last row,
   * 0 where it has none. All rows where the log was emptied since `after`.
   */
  async read(name: string, after = 0): Promise<{ rows: LogRow[]; last: number }> {
    const { foreign, last } = await this.#store.transact('readonly', (rows) =>
      readTail(rows, name, after),
    );
    return { rows: foreign, last };
  }

  /** Adds one row. `after`: the last row that the caller's document holds, 0 for none. */
  async append(name: string, bytes: Uint8Array, after: number): Promise<LogWrite> {
    return this.#store.transact('readwrite', async (rows) => {
      if (await writeNext(rows, name, bytes, after)) return { seq: after + 1, foreign: [] };
      const { last, foreign } = await readTail(rows, name, after);
      await writeRow(rows, name, last + 1, bytes);
      return { seq: last + 1, foreign };
    });
  }

  /**
   * Replaces all rows by one. `merge` is given the rows above `after` and returns bytes that cover
   * them and everything that the caller's document holds, which must be all rows up to `after`.
   * It is called once, inside the transaction, and must not wait; if it throws, nothing changes.
   */
  async compact(
    name: string,
    after: number,
    merge: (foreign: LogRow[]) => Uint8Array,
  ): Promise<LogWrite> {
    return this.#store.transact('readwrite', async (rows) => {
      const { last, foreign } = await readTail(rows, name, after);
      const merged = merge(foreign);
      const replaced = await rows.keys(logKey(name));
      await Promise.all(replaced.map((key) => rows.delete(key)));
      await writeRow(rows, name, last + 1, merged);
      return { seq: last + 1, foreign };
    });
  }
}

/**
 * Writes row `after` + 1 where `after` is the last, as it mostly is; else changes nothing and gives
 * false. All requests are made at once, for a page that is going away sees no answer to act on.
 */
async function writeNext(
  rows: StoreTransaction,
  name: string,
  bytes: Uint8Array,
  after: number,
): Promise<boolean> {
  const log = logKey(name);
  const key = [...log, after + 1];
  const [known, taken] = await Promise.all([
    rows.keys(log, [...log, after - 1]),
    rows.get(key),
    writeRow(rows, name, after + 1, bytes),
  ]);
  const last = known.at(-1)?.[2] ?? 0;
  if (last === after) return true;
  if (taken === undefined) await rows.delete(key);
  else await rows.put(key, taken);
  return false;
}

function logKey(name: string): StoreKey {
  return ['doc', name];
}

/** The last row's number, and the rows that a caller who holds all up to `after` lacks. */
async function readTail(
  rows: StoreTransaction,
  name: string,
  after: number,
): Promise<{ last: number; foreign: LogRow[] }> {
  const log = logKey(name);
  // Most often the caller wrote the last row itself; then its key is all that is read.
  const known = await rows.keys(log, [...log, after - 1]);
  const last = known.at(-1)?.[2] as number | undefined;
  if (last === after) return { last, foreign: [] };
  // A log with nothing at `after` or above was emptied, since compaction writes above what it takes.
  const found = await rows.scan(log, last === undefined ? undefined : [...log, after]);
  const foreign = found.map(({ key, value }) => ({ seq: key[2] as number, bytes: value }));
  return { last: foreign.at(-1)?.seq ?? 0, foreign };
}

async function writeRow(
  rows: StoreTransaction,
  name: string,
  seq: number,
  bytes: Uint8Array,
): Promise<void> {
  const writes = [rows.put([...logKey(name), seq], bytes)];
  if (seq === 1) writes.push(rows.put(['docs', name], NO_BYTES));
  await Promise.all(writes);
}
