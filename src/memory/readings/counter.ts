/**
 * Counters: each replica keeps running totals of what it added and took away, by epoch (a PN-counter:
 * Shapiro, Preguiça, Baquero, Zawirski, "A comprehensive study of CRDTs", 2011).
 *
 * A write replaces only the own totals of this epoch. The reading takes the highest dot of each
 * (replica, epoch) and sums. A session after an unclean close begins a new epoch at zero, since the
 * totals that it would go on from may be older than those that others have (SPEC.md R8).
 */

import { type Decoder, decodeTotal, encode } from '../../util/codec.ts';
import { MeshError } from '../../util/errors.ts';
import { valuesOf } from '../record.ts';
import type { Writer } from '../transaction.ts';
import { BOUNDS, type DottedRecord, type RecordKey } from '../types.ts';
import { readCounter, writeUint } from '../wire.ts';

/** Running totals of one replica in one epoch. */
export interface Totals {
  readonly epoch: number;
  readonly up: number;
  readonly down: number;
}

/** The totals that are all of `payload`; `undefined` where it is none. */
export function decodeTotals(payload: Uint8Array): Totals | undefined {
  return decodeTotal(payload, readTotals);
}

/** What the counter reads; beyond the safe integers, the nearest of them. 0 where nothing is held. */
export function readCount(record: DottedRecord | undefined): number {
  if (record === undefined) return 0;
  const latest = new Map<string, Totals>();
  // In order of dots, so the highest of each replica and epoch comes last.
  for (const { replica, payload } of valuesOf(record)) {
    const totals = decodeTotals(payload);
    if (totals !== undefined) latest.set(`${replica}${totals.epoch}`, totals);
  }
  let sum = 0n;
  for (const { up, down } of latest.values()) sum += BigInt(up) - BigInt(down);
  if (sum > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER;
  return sum < Number.MIN_SAFE_INTEGER ? Number.MIN_SAFE_INTEGER : Number(sum);
}

/**
 * Adds `amount`, a whole number that may be below 0.
 * @throws MeshError `bad-argument` where it is no safe integer, or where what this replica added or
 * took away in this epoch would exceed `BOUNDS.counter`.
 */
export function addToCounter(writer: Writer, key: RecordKey, amount: number): void {
  if (!Number.isSafeInteger(amount)) {
    throw new MeshError('bad-argument', 'A counter adds a safe integer. Nothing changed.');
  }
  if (amount === 0) return;
  const { replica, epoch } = writer;
  const isOwn = (value: DottedRecord) =>
    value.replica === replica && decodeTotals(value.payload)?.epoch === epoch;
  const own = [...valuesOf(writer.get(key))].filter(isOwn).at(-1);
  const totals = own === undefined ? undefined : decodeTotals(own.payload);
  const up = (totals?.up ?? 0) + Math.max(amount, 0);
  const down = (totals?.down ?? 0) + Math.max(-amount, 0);
  if (up > BOUNDS.counter || down > BOUNDS.counter) {
    const message = `A counter holds at most 2^48 of each tab's additions. Nothing changed.`;
    throw new MeshError('bad-argument', message);
  }
  writer.put(key, encodeTotals({ epoch, up, down }), isOwn);
}

/** What `payload` counts beyond `base`, as totals of `epoch` (SPEC.md R9). */
export function rebased(
  payload: Uint8Array,
  base: Uint8Array | undefined,
  epoch: number,
): Uint8Array {
  const totals = decodeTotals(payload) ?? { up: 0, down: 0 };
  const from = (base && decodeTotals(base)) ?? { up: 0, down: 0 };
  return encodeTotals({ epoch, up: totals.up - from.up, down: totals.down - from.down });
}

function encodeTotals({ epoch, up, down }: Totals): Uint8Array {
  return encode((encoder) => {
    writeUint(encoder, epoch);
    writeUint(encoder, up);
    writeUint(encoder, down);
  });
}

function readTotals(decoder: Decoder): Totals {
  return { epoch: readCounter(decoder), up: readCounter(decoder), down: readCounter(decoder) };
}
