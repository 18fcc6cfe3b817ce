/** How much of the heap a memory takes. */

import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Replica } from '../../src/memory/replica.ts';
import { fill, World } from '../../src/memory/testing/reconcile-pair.ts';
import { MemoryTries } from '../../src/memory/trie/trie-memory.ts';
import { putRecord, putSeen, putState, readImage } from '../../src/records/rows.ts';
import { memoryStore } from '../../src/storage/memory.ts';

export interface Opening {
  /** Of the heap and of buffers beside it: a memory read from a store, with its tries. */
  readonly bytes: number;
  /** Process time to read and join it, without what the store of a browser takes. */
  readonly openMs: number;
}

/** Opens a memory of `records` records from a store. */
export async function measureOpening(records: number): Promise<Opening> {
  const store = memoryStore();
  await write(records, store);
  const before = await used();
  const started = process.cpuUsage();
  const image = await store.transact('readonly', readImage);
  const replica = new Replica({ id: '00000000000000cc', next: 0 });
  replica.joinDisk(image);
  const { user, system } = process.cpuUsage(started);
  const tries = new MemoryTries(replica);
  tries.root();
  const bytes = (await used()) - before;
  if (replica.size !== records) throw new Error('records are missing');
  return { bytes, openMs: (user + system) / 1_000 };
}

async function write(records: number, store: ReturnType<typeof memoryStore>): Promise<void> {
  const peer = new World().add('a');
  fill([peer], records);
  await store.transact('readwrite', async (rows) => {
    const puts: Promise<unknown>[] = [putState(rows, 1, undefined)];
    for (const [key, record] of peer.replica.entries()) puts.push(putRecord(rows, key, record));
    for (const [id, intervals] of peer.replica.context) puts.push(putSeen(rows, id, intervals));
    await Promise.all(puts);
  });
}

/** Bytes in use, after all that can be collected was: what an ended call held is free a task later. */
async function used(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) {
    await setImmediate();
    collect();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
