/** What is held of one client of a Yjs document, and its canonical bytes (SPEC.md W11). */

import { writeVarUint } from 'lib0/encoding';
import { DecodeError, type Decoder, type Encoder, readList, readUint } from '../../util/codec.ts';
import { IntervalSet } from '../../util/intervals.ts';

/** What is held of one client: clocks of structs and of deletions, pending ones included. */
export interface ClientEntry {
  readonly client: number;
  readonly structs: IntervalSet;
  readonly deletes: IntervalSet;
}

/** Intervals of structs, or of deletions, of a client. */
const MAX_INTERVALS = 1_048_576;

/** An entry that holds nothing yet. */
export function emptyEntry(client: number): ClientEntry {
  return { client, structs: new IntervalSet(), deletes: new IntervalSet() };
}

export function writeEntry(encoder: Encoder, { client, structs, deletes }: ClientEntry): void {
  writeVarUint(encoder, client);
  writeRanges(encoder, structs);
  writeRanges(encoder, deletes);
}

export function readEntry(decoder: Decoder): ClientEntry {
  const client = readUint(decoder);
  return { client, structs: readRanges(decoder), deletes: readRanges(decoder) };
}

function writeRanges(encoder: Encoder, set: IntervalSet): void {
  writeVarUint(encoder, set.intervals);
  let previous = 0;
  for (const [start, end] of set) {
    writeVarUint(encoder, start - previous);
    writeVarUint(encoder, end - start);
    previous = end;
  }
}

/** Ranges in canonical form; they may be none, unlike those of a context. */
function readRanges(decoder: Decoder): IntervalSet {
  const set = new IntervalSet();
  let end = 0;
  let isFirst = true;
  readList(decoder, MAX_INTERVALS, (d) => {
    const gap = readUint(d);
    const length = readUint(d);
    if (length === 0 || (gap === 0 && !isFirst)) throw new DecodeError('ranges not canonical');
    isFirst = false;
    const start = end + gap;
    end = start + length;
    if (end > Number.MAX_SAFE_INTEGER) throw new DecodeError('clock over the safe range');
    set.add(start, end);
  });
  return set;
}
