/** What IndexedDB holds of this origin, to the byte, and faults on purpose in opening it. */

/** Settles with the result of a request. */
function answered<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Bytes of a key's strings (UTF-16) and numbers. */
function keyBytes(key: IDBValidKey): number {
  if (Array.isArray(key)) return key.reduce((sum: number, part) => sum + keyBytes(part), 0);
  if (typeof key === 'string') return 2 * key.length;
  if (typeof key === 'number') return 8;
  throw new Error(`a key of the store is ${String(key)}`);
}

/** Rows of all databases of this origin, and the bytes of their keys and values. */
export async function storageSize(): Promise<{ rows: number; bytes: number }> {
  const size = { rows: 0, bytes: 0 };
  for (const { name } of await indexedDB.databases()) {
    const database = await answered(indexedDB.open(name as string));
    for (const storeName of database.objectStoreNames) {
      const store = database.transaction(storeName).objectStore(storeName);
      const [keys, values] = await Promise.all([
        answered(store.getAllKeys()),
        answered(store.getAll()),
      ]);
      size.rows += keys.length;
      for (const key of keys) size.bytes += keyBytes(key);
      for (const value of values) {
        if (!(value instanceof Uint8Array)) throw new Error('a value of the store is not bytes');
        size.bytes += value.byteLength;
      }
    }
    database.close();
  }
  return size;
}

/** Deletes all databases of this origin, as a person does who clears site data. */
export async function deleteStorage(): Promise<void> {
  for (const { name } of await indexedDB.databases()) {
    await answered(indexedDB.deleteDatabase(name as string));
  }
}

/** Ways in which IndexedDB cannot be used. */
export type StorageFault = 'denied' | 'absent' | 'silent' | 'newer';

/** Sees to it that the stores that this page made so far cannot be opened again, until it reloads. */
export async function breakStorage(fault: StorageFault): Promise<void> {
  switch (fault) {
    case 'denied':
      // As where site data is blocked.
      indexedDB.open = () => {
        throw new DOMException('The operation is insecure.', 'SecurityError');
      };
      return;
    case 'absent':
      Object.defineProperty(window, 'indexedDB', { configurable: true, value: undefined });
      return;
    case 'silent':
      // A deletion waits for the connection that does not go, and every opening for the deletion.
      for (const { name } of await indexedDB.databases()) {
        await answered(indexedDB.open(name as string));
        indexedDB.deleteDatabase(name as string);
      }
      return;
    case 'newer':
      for (const { name } of await indexedDB.databases()) {
        (await answered(indexedDB.open(name as string, 1_000_000))).close();
      }
  }
}

/** Makes every write fail as on a full disk until the returned function is called. */
export function fillStorage(): () => void {
  const { put } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.put = () => {
    throw new DOMException('The disk is full.', 'QuotaExceededError');
  };
  return () => {
    IDBObjectStore.prototype.put = put;
  };
}
