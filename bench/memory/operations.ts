/** What single operations on a memory cost, and on an Automerge document of the same records. */

import * as Automerge from '@automerge/automerge';
import { encodeDelta } from '../../src/memory/codec.ts';
import { collectionKey, recordKey } from '../../src/memory/keys.ts';
import { readRegister, writeRegister } from '../../src/memory/readings/register.ts';
import { Replica } from '../../src/memory/replica.ts';
import { MemoryTries } from '../../src/memory/trie/trie-memory.ts';
import type { Delta } from '../../src/memory/types.ts';
import { timed } from '../lib/measure.ts';
import { changedTextOf, keyOf, textOf } from '../reconcile/sides.ts';

/** Writes of a transaction, or of an Automerge change. */
export const BATCH = 100;
/** Batches that are timed together: a clock of process time is coarse. */
const BATCHES = 50;
/** A number with no factor in common with any size here, so that all records are come to. */
const STEP = 7_919;

const COLLECTION = collectionKey('map', 'items');
const nameOf = (i: number) => recordKey(COLLECTION, keyOf(i));

/** Microseconds an operation. */
export interface Operations {
  /** A write, its part of the delta encoded, tries brought up to date. */
  readonly write: number;
  readonly read: number;
  /** A write of another, its delta decoded already, tries brought up to date. */
  readonly merge: number;
}

/** A memory of `records` records, with a function that takes its last deltas. */
function memoryOf(records: number, id: string) {
  let tries: MemoryTries | undefined;
  const deltas: Delta[] = [];
  const replica = new Replica({
    id,
    next: 0,
    changed: (change) => {
      tries?.note(change);
      if (change.delta !== undefined) deltas.push(change.delta);
    },
  });
  for (let from = 0; from < records; from += BATCH) {
    replica.transact((writer) => {
      for (let i = from; i < from + BATCH; i++) writeRegister(writer, nameOf(i), textOf(i));
    });
  }
  tries = new MemoryTries(replica);
  tries.root();
  return { replica, tries, deltas: () => deltas.splice(0) };
}

/** The records of a batch. */
const batchOf = (batch: number, records: number) =>
  Array.from({ length: BATCH }, (_, i) => ((batch * BATCH + i) * STEP) % records);

/** Measures a memory of `records` records, as often as `repeats` says. */
export function measureMemory(records: number, repeats: number): Operations[] {
  const mine = memoryOf(records, '00000000000000aa');
  const other = memoryOf(records, '00000000000000bb');
  mine.deltas();
  const per = 1_000 / (BATCHES * BATCH);
  let batch = 0;
  return Array.from({ length: repeats }, () => {
    const [, writeMs] = timed(() => {
      for (const end = batch + BATCHES; batch < end; batch++) {
        mine.replica.transact((writer) => {
          for (const i of batchOf(batch, records))
            writeRegister(writer, nameOf(i), changedTextOf(batch));
        });
        mine.tries.root();
      }
    });
    const deltas = mine.deltas();
    const [, encodeMs] = timed(() => {
      for (const delta of deltas) encodeDelta(delta);
    });
    const [, readMs] = timed(() => {
      for (let i = 0; i < BATCHES * BATCH; i++) {
        readRegister(mine.replica.get(nameOf((i * STEP) % records)));
      }
    });
    const [, mergeMs] = timed(() => {
      for (const delta of deltas) {
        const applied = other.replica.apply(delta);
        if (applied !== 'applied') throw new Error(`a delta was ${applied}`);
        other.tries.root();
      }
    });
    return { write: (writeMs + encodeMs) * per, read: readMs * per, merge: mergeMs * per };
  });
}

/** The same of an Automerge document. */
export function measureAutomerge(records: number, repeats: number): Operations[] {
  type Doc = { items: Record<string, string> };
  let doc = Automerge.from<Doc>({ items: {} });
  for (let from = 0; from < records; from += BATCH) {
    doc = Automerge.change(doc, (draft) => {
      for (let i = from; i < from + BATCH; i++) draft.items[keyOf(i)] = textOf(i);
    });
  }
  let other = Automerge.clone(doc);
  const per = 1_000 / (BATCHES * BATCH);
  let batch = 0;
  return Array.from({ length: repeats }, () => {
    const changes: Uint8Array[] = [];
    const [, writeMs] = timed(() => {
      for (const end = batch + BATCHES; batch < end; batch++) {
        doc = Automerge.change(doc, (draft) => {
          for (const i of batchOf(batch, records)) draft.items[keyOf(i)] = changedTextOf(batch);
        });
        const change = Automerge.getLastLocalChange(doc);
        if (change !== undefined) changes.push(change);
      }
    });
    let length = 0;
    const [, readMs] = timed(() => {
      for (let i = 0; i < BATCHES * BATCH; i++) {
        length += doc.items[keyOf((i * STEP) % records)]?.length ?? 0;
      }
    });
    if (length === 0) throw new Error('Automerge read nothing');
    const [, mergeMs] = timed(() => {
      for (const change of changes) [other] = Automerge.applyChanges(other, [change]);
    });
    return { write: writeMs * per, read: readMs * per, merge: mergeMs * per };
  });
}
