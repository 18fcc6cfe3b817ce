import 'fake-indexeddb/auto';
import { forceCloseDatabase, IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MeshError } from '../util/errors.ts';
import { openIndexedDbStore } from './indexeddb.ts';
import { storeCases } from './store.contract.ts';

beforeEach(() => vi.stubGlobal('indexedDB', new IDBFactory()));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

describe('the IndexedDB store keeps the contract of stores', () => {
  for (const { name, run } of storeCases) it(name, () => run(() => openIndexedDbStore('room')));
});

const ONE = Uint8Array.of(1);
const DATABASE = 'mnemesh/room';

/** Settles with the result of a request. */
function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

describe('opening', () => {
  it('fails as store-unavailable where there is no IndexedDB', async () => {
    vi.stubGlobal('indexedDB', undefined);
    await expect(openIndexedDbStore('room')).rejects.toMatchObject({ code: 'store-unavailable' });
  });

  it('fails as store-unavailable where the browser denies it', async () => {
    const denied = () => {
      throw new DOMException('The operation is insecure.', 'SecurityError');
    };
    vi.stubGlobal('indexedDB', { open: denied });
    const error = await openIndexedDbStore('room').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'store-unavailable', cause: { name: 'SecurityError' } });
    expect(String(error)).toContain('The operation is insecure.');
  });

  it('fails as store-quota where there is no room', async () => {
    const full = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    vi.stubGlobal('indexedDB', { open: full });
    await expect(openIndexedDbStore('room')).rejects.toMatchObject({ code: 'store-quota' });
  });

  it('fails as store-unavailable where the stored schema is of a later version', async () => {
    (await answered(indexedDB.open(DATABASE, 7))).close();
    await expect(openIndexedDbStore('room')).rejects.toMatchObject({ code: 'store-unavailable' });
  });

  it('gives up on an answer that does not come, and closes the connection if it does', async () => {
    // A deletion that an old connection blocks holds back every open behind it.
    const blocker = await answered(indexedDB.open(DATABASE, 1));
    const deleted = answered(indexedDB.deleteDatabase(DATABASE));
    await expect(openIndexedDbStore('room', { openLimitMs: 20 })).rejects.toMatchObject({
      code: 'store-unavailable',
    });
    blocker.close();
    await deleted;
    let blocked = false;
    const again = indexedDB.deleteDatabase(DATABASE);
    again.onblocked = () => {
      blocked = true;
    };
    await answered(again);
    expect(blocked).toBe(false);
  });
});

describe('losing the connection', () => {
  it('lets another tab delete the database, tells of it, and opens anew for the next write', async () => {
    const store = await openIndexedDbStore('room');
    await store.transact('readwrite', (rows) => rows.put(['a'], ONE));
    const told: MeshError[] = [];
    store.onLost = (error) => told.push(error);
    await answered(indexedDB.deleteDatabase(DATABASE));
    expect(told.map((error) => error.code)).toEqual(['store-unavailable']);
    expect(await store.transact('readonly', (rows) => rows.get(['a']))).toBeUndefined();
    await store.transact('readwrite', (rows) => rows.put(['b'], ONE));
    expect(await store.transact('readonly', (rows) => rows.keys([]))).toEqual([['b']]);
    await store.close();
  });

  it('tells of a connection that the browser ends', async () => {
    const begin = vi.spyOn(IDBDatabase.prototype, 'transaction');
    const store = await openIndexedDbStore('room');
    await store.transact('readonly', (rows) => rows.keys([]));
    const told: string[] = [];
    store.onLost = (error) => told.push(error.code);
    forceCloseDatabase(
      begin.mock.contexts[0] as unknown as Parameters<typeof forceCloseDatabase>[0],
    );
    expect(told).toEqual(['store-unavailable']);
    await store.transact('readwrite', (rows) => rows.put(['a'], ONE));
    await store.close();
  });

  it('opens anew, once, when it meets a connection that was closed without a word', async () => {
    const store = await openIndexedDbStore('room');
    await store.transact('readwrite', (rows) => rows.put(['a'], ONE));
    const closing = () => {
      throw new DOMException('The database connection is closing.', 'InvalidStateError');
    };
    const begin = vi.spyOn(IDBDatabase.prototype, 'transaction').mockImplementationOnce(closing);
    expect(await store.transact('readonly', (rows) => rows.get(['a']))).toEqual(ONE);
    expect(begin).toHaveBeenCalledTimes(2);
    begin.mockImplementation(closing);
    const body = vi.fn(async () => undefined);
    await expect(store.transact('readwrite', body)).rejects.toMatchObject({
      code: 'store-unavailable',
    });
    expect(begin).toHaveBeenCalledTimes(4);
    expect(body).not.toHaveBeenCalled();
    begin.mockRestore();
    expect(await store.transact('readonly', (rows) => rows.get(['a']))).toEqual(ONE);
    await store.close();
  });

  it('is quiet after close', async () => {
    const store = await openIndexedDbStore('room');
    const told: string[] = [];
    store.onLost = (error) => told.push(error.code);
    await store.close();
    await answered(indexedDB.deleteDatabase(DATABASE));
    expect(told).toEqual([]);
  });
});

describe('a transaction', () => {
  it('fails as store-quota where there is no room, and leaves nothing', async () => {
    const store = await openIndexedDbStore('room');
    const put = IDBObjectStore.prototype.put;
    vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
      this: IDBObjectStore,
      ...args
    ) {
      if (String(args[1]) === 'b') throw new DOMException('full', 'QuotaExceededError');
      return put.apply(this, args);
    });
    const writing = store.transact('readwrite', async (rows) => {
      await rows.put(['a'], ONE);
      await rows.put(['b'], ONE);
    });
    await expect(writing).rejects.toMatchObject({ code: 'store-quota' });
    expect(await store.transact('readonly', (rows) => rows.keys([]))).toEqual([]);
    await store.close();
  });

  it('that the browser aborts at its commit fails typed, and leaves nothing', async () => {
    const store = await openIndexedDbStore('room');
    const begin = vi.spyOn(IDBDatabase.prototype, 'transaction');
    const writing = store.transact('readwrite', async (rows) => {
      await rows.put(['a'], ONE);
      begin.mock.results.at(-1)?.value.abort();
    });
    await expect(writing).rejects.toMatchObject({ code: 'store-unavailable' });
    expect(await store.transact('readonly', (rows) => rows.keys([]))).toEqual([]);
    await store.close();
  });

  it('is durable as soon as the operating system has it', async () => {
    const store = await openIndexedDbStore('room');
    const begin = vi.spyOn(IDBDatabase.prototype, 'transaction');
    await store.transact('readwrite', (rows) => rows.put(['a'], ONE));
    expect(begin.mock.calls.at(-1)?.[2]).toEqual({ durability: 'relaxed' });
    await store.close();
  });
});
