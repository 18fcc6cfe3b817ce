/** A page's disk in virtual time: it takes a while, may be full, and outlives the page. */

import type { Store, StoreTransaction } from '../ports/store.ts';
import { MemoryDisk, memoryStore } from '../storage/memory.ts';
import { MeshError } from '../util/errors.ts';
import type { Process } from './process.ts';

/** What a browser keeps for one site: shared by its pages, and there after they are gone. */
export class Disk {
  /** Whether nothing more can be written. */
  full = false;
  /** Milliseconds until a transaction begins; what has not begun when a page crashes is lost. */
  delayMs = 2;
  readonly #stores = new Map<string, MemoryDisk>();

  /** @internal The store of one name, as `process` sees it. */
  store(name: string, process: Process): Store {
    let rows = this.#stores.get(name);
    if (rows === undefined) {
      rows = new MemoryDisk();
      this.#stores.set(name, rows);
    }
    return new VirtualStore(this, memoryStore(rows), process);
  }
}

class VirtualStore implements Store {
  readonly kind = 'virtual';
  readonly durable = true;
  readonly #disk: Disk;
  readonly #store: Store;
  readonly #process: Process;

  constructor(disk: Disk, store: Store, process: Process) {
    this.#disk = disk;
    this.#store = store;
    this.#process = process;
  }

  async transact<T>(
    mode: 'readonly' | 'readwrite',
    body: (transaction: StoreTransaction) => Promise<T>,
  ): Promise<T> {
    const { world } = this.#process;
    await new Promise<void>((resolve) => {
      world.after(this.#disk.delayMs, () => this.#process.run(resolve));
    });
    return this.#store.transact(mode, (transaction) =>
      body(this.#disk.full ? withoutRoom(transaction) : transaction),
    );
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

function withoutRoom(transaction: StoreTransaction): StoreTransaction {
  return {
    get: (key) => transaction.get(key),
    scan: (prefix, after) => transaction.scan(prefix, after),
    keys: (prefix, after) => transaction.keys(prefix, after),
    delete: (key) => transaction.delete(key),
    put: () =>
      Promise.reject(
        new MeshError('store-quota', 'The disk is full; nothing was written. Free some space.'),
      ),
  };
}
