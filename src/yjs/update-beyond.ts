/**
 * The Yjs update that holds just what another tab lacks, where it is known of which clients the other
 * holds not the same, and what (SPEC.md D3): its state vector is patched for these clients alone, and
 * so are the deletions.
 */

import { writeUint8Array, writeVarUint } from 'lib0/encoding';
import * as Y from 'yjs';
import { emptyEntry } from '../memory/reconcile/reconcile-clients-wire.ts';
import { equalBytes } from '../util/bytes.ts';
import { encode } from '../util/codec.ts';
import type { IntervalSet } from '../util/intervals.ts';
import { difference, type Ranges, vectorOf } from './held.ts';
import type { Differing } from './reconcile-ports.ts';

/**
 * What is held here, in `ranges`, and not there; `undefined` where that is nothing. `updateSince` gives
 * what a state vector lacks.
 */
export async function updateBeyond(
  ranges: Ranges,
  theirs: Differing,
  updateSince: (vector: Uint8Array) => Promise<Uint8Array>,
): Promise<Uint8Array | undefined> {
  const deletes = new Map<number, IntervalSet>();
  let isNews = false;
  for (const [client, held] of theirs) {
    const mine = ranges.get(client);
    if (mine === undefined) continue;
    const their = held ?? emptyEntry(client);
    isNews ||= difference(mine.structs, their.structs).intervals > 0;
    const rest = difference(mine.deletes, their.deletes);
    if (rest.intervals > 0) deletes.set(client, rest);
  }
  if (!isNews && deletes.size === 0) return undefined;
  // Of other clients the vector says that all is held, what is pending included.
  const vector = vectorOf(ranges, ({ client, structs }) =>
    theirs.has(client) ? (theirs.get(client)?.structs.prefix() ?? 0) : structs.end(),
  );
  return withDeletes(await updateSince(vector), deletes);
}

/**
 * `update` as Yjs made it, with `deletes` by client in place of the deletions in it, which Yjs always
 * tells whole.
 */
function withDeletes(update: Uint8Array, deletes: ReadonlyMap<number, IntervalSet>): Uint8Array {
  const { ds } = Y.decodeUpdate(update);
  // A snapshot begins with deletions as an update ends with them; the byte after is an empty vector.
  const tail = Y.encodeSnapshot(Y.createSnapshot(ds, new Map())).subarray(0, -1);
  const structs = update.subarray(0, update.length - tail.length);
  if (!equalBytes(update.subarray(structs.length), tail)) return update;
  return encode((encoder) => {
    writeUint8Array(encoder, structs);
    writeVarUint(encoder, deletes.size);
    for (const [client, ranges] of deletes) {
      writeVarUint(encoder, client);
      writeVarUint(encoder, ranges.intervals);
      for (const [start, end] of ranges) {
        writeVarUint(encoder, start);
        writeVarUint(encoder, end - start);
      }
    }
  });
}
