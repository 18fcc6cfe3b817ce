/** The parts that messages of reconciliation are made of: sections, contexts, records (SPEC.md section 8). */

import { writeUint8, writeUint16 } from 'lib0/encoding';
import {
  DecodeError,
  type Decoder,
  type Encoder,
  readByte,
  readList,
  readSized,
  readUint,
} from '../../util/codec.ts';
import type { IntervalSet } from '../../util/intervals.ts';
import { isPayloadOf, readKey, writeKey } from '../codec.ts';
import { readIntervals, writeIntervals } from '../context.ts';
import type { Packed } from '../hasher.ts';
import { MAX_DEPTH } from '../trie/trie-nodes.ts';
import { BOUNDS, compareDots, type Dot, type RecordKey, type ReplicaId } from '../types.ts';
import {
  readCounter,
  readDot,
  readReplica,
  writeDot,
  writeReplica,
  writeSized,
  writeUint,
} from '../wire.ts';
import { MAX_LISTED, type Section } from './reconcile-descent.ts';
import { digestWidth, idWidth } from './reconcile-digests.ts';

/** Sections and records in one message. */
const MAX_SECTIONS = 65_536;
const MAX_RECORDS = 65_536;

/** One dotted value; without `payload` where the other side has seen the dot. */
export interface SentValue extends Dot {
  readonly payload: Uint8Array | undefined;
}

/** A record as one side holds it, or that it holds nothing of that key. */
export interface SentRecord {
  readonly key: RecordKey;
  /** In ascending order of dots. */
  readonly values: readonly SentValue[];
}

/** A replica's part of a context; `undefined` where nothing of it was seen. */
export interface SentEntry {
  readonly replica: ReplicaId;
  readonly intervals: IntervalSet | undefined;
}

const KINDS = ['digests', 'list', 'answer'] as const;
/** Digests of all sixteen children, which need no mask. */
const ALL_DIGESTS = 3;
/** In place of how many digits a path shares with the one before: it is the root's. */
const ROOT_PATH = 31;

/**
 * A section's head is a byte, 32 times its kind and how many digits its path shares with that of the
 * section before, then how many digits more and the first of them in a byte, then the others in pairs.
 */
export function writeSections(encoder: Encoder, sections: readonly Section[]): void {
  writeUint(encoder, sections.length);
  let previous = '';
  for (const section of sections) {
    const { path, kind } = section;
    let shared = 0;
    while (shared < path.length - 1 && path[shared] === previous[shared]) shared++;
    const isFull = kind === 'digests' && !section.digests.includes(undefined);
    const code = (isFull ? ALL_DIGESTS : KINDS.indexOf(kind)) << 5;
    if (path === '') {
      writeUint8(encoder, code | ROOT_PATH);
    } else {
      writeUint8(encoder, code | shared);
      const rest = (path.length - shared - 1).toString(16) + path.slice(shared);
      const even = rest.length % 2 === 0 ? rest : `${rest}0`;
      for (let i = 0; i < even.length; i += 2) {
        writeUint8(encoder, Number.parseInt(even.slice(i, i + 2), 16));
      }
    }
    previous = path;
    if (kind === 'digests') {
      let present = 0;
      for (const [digit, digest] of section.digests.entries()) {
        if (digest !== undefined) present |= 1 << digit;
      }
      if (!isFull) writeUint16(encoder, present);
      for (const digest of section.digests) if (digest !== undefined) writePacked(encoder, digest);
    } else if (kind === 'list') {
      writeUint8(encoder, section.ids.length);
      for (const id of section.ids) writePacked(encoder, id);
    } else {
      writeUint(encoder, section.lacked);
    }
  }
}

export function readSections(decoder: Decoder, attempt: number): Section[] {
  let path = '';
  return readList(decoder, MAX_SECTIONS, (d): Section => {
    const head = readByte(d);
    const isFull = head >> 5 === ALL_DIGESTS;
    const kind = isFull ? 'digests' : KINDS[head >> 5];
    if (kind === undefined) throw new DecodeError('unknown section');
    path = readPath(d, head & 31, path);
    switch (kind) {
      case 'digests': {
        const present = isFull ? 0xffff : readByte(d) | (readByte(d) << 8);
        const digests = Array.from({ length: 16 }, (_, digit) =>
          (present >> digit) & 1 ? readPacked(d, digestWidth(attempt, path)) : undefined,
        );
        return { kind, path, digests };
      }
      case 'list': {
        const count = readByte(d);
        if (count > MAX_LISTED) throw new DecodeError('list over its limit');
        const ids = Array.from({ length: count }, () => readPacked(d, idWidth(attempt)));
        return { kind, path, ids };
      }
      case 'answer': {
        const lacked = readUint(d);
        if (lacked >= 2 ** MAX_LISTED) throw new DecodeError('answer over its limit');
        return { kind, path, lacked };
      }
    }
  });
}

function readPath(decoder: Decoder, shared: number, previous: string): string {
  if (shared === ROOT_PATH) return '';
  if (shared > previous.length) throw new DecodeError('path shares what there is not');
  let digits = hexOf(readByte(decoder));
  const more = Number.parseInt(digits.charAt(0), 16);
  for (let i = 0; i < Math.ceil(more / 2); i++) digits += hexOf(readByte(decoder));
  if (shared + 1 + more > MAX_DEPTH) throw new DecodeError('path over the greatest depth');
  return previous.slice(0, shared) + digits.slice(1, 2 + more);
}

const hexOf = (byte: number) => byte.toString(16).padStart(2, '0');

function writePacked(encoder: Encoder, packed: Packed): void {
  for (let i = 0; i < packed.length; i++) writeUint8(encoder, packed.charCodeAt(i));
}

function readPacked(decoder: Decoder, width: number): Packed {
  let packed = '';
  for (let i = 0; i < width; i++) packed += String.fromCharCode(readByte(decoder));
  return packed;
}

export function writeEntries(encoder: Encoder, entries: readonly SentEntry[]): void {
  writeUint(encoder, entries.length);
  for (const { replica, intervals } of entries) {
    writeReplica(encoder, replica);
    if (intervals === undefined) writeUint8(encoder, 0);
    else writeIntervals(encoder, intervals);
  }
}

export function readEntries(decoder: Decoder): SentEntry[] {
  return readList(decoder, BOUNDS.replicas, (d) => {
    const replica = readReplica(d);
    if (d.arr[d.pos] !== 0) return { replica, intervals: readIntervals(d) };
    d.pos++;
    return { replica, intervals: undefined };
  });
}

/** Records name the replicas of their dots by their place in a table that stands before the first. */
export function writeRecords(encoder: Encoder, records: readonly SentRecord[]): void {
  const places = new Map<ReplicaId, number>();
  for (const { values } of records) {
    for (const { replica } of values) if (!places.has(replica)) places.set(replica, places.size);
  }
  writeUint(encoder, records.length);
  if (records.length === 0) return;
  writeUint(encoder, places.size);
  for (const replica of places.keys()) writeReplica(encoder, replica);
  for (const { key, values } of records) {
    writeKey(encoder, key);
    writeUint(encoder, values.length);
    for (const { replica, counter, payload } of values) {
      const place = places.get(replica) as number;
      writeUint(encoder, 2 * place + (payload === undefined ? 0 : 1));
      writeUint(encoder, counter);
      if (payload !== undefined) writeSized(encoder, payload);
    }
  }
}

export function readRecords(decoder: Decoder): SentRecord[] {
  let replicas: readonly ReplicaId[] | undefined;
  return readList(decoder, MAX_RECORDS, (d) => {
    const table = replicas ?? readList(d, BOUNDS.replicas, readReplica);
    replicas = table;
    const key = readKey(d);
    const values = readList(d, BOUNDS.dots, (each) => readValue(each, key, table));
    checkOrder(values);
    return { key, values };
  });
}

function readValue(decoder: Decoder, key: RecordKey, replicas: readonly ReplicaId[]): SentValue {
  const place = readUint(decoder);
  const replica = replicas[Math.floor(place / 2)];
  if (replica === undefined) throw new DecodeError('unknown replica');
  const counter = readCounter(decoder);
  if (place % 2 === 0) return { replica, counter, payload: undefined };
  const payload = readSized(decoder, BOUNDS.payloadBytes);
  if (!isPayloadOf(key, payload)) throw new DecodeError('not a payload of the record');
  // A copy, so that a value does not keep its frame in memory.
  return { replica, counter, payload: payload.slice() };
}

export function writeDots(encoder: Encoder, dots: readonly Dot[]): void {
  writeUint(encoder, dots.length);
  for (const dot of dots) writeDot(encoder, dot);
}

export function readDots(decoder: Decoder): Dot[] {
  const dots = readList(decoder, BOUNDS.replicas, readDot);
  checkOrder(dots);
  return dots;
}

function checkOrder(dots: readonly Dot[]): void {
  for (const [i, dot] of dots.entries()) {
    const previous = dots[i - 1];
    if (previous !== undefined && compareDots(previous, dot) >= 0) {
      throw new DecodeError('dots not in order');
    }
  }
}
