/** What two memories tell each other to become equal: the wire codec of reconciliation (SPEC.md section 8). */

import { writeUint8, writeUint16, writeUint8Array, writeVarUint8Array } from 'lib0/encoding';
import {
  DecodeError,
  type Decoder,
  decodeTotal,
  type Encoder,
  encode,
  readByte,
  readBytes,
  readFlag,
  readList,
  readRest,
  readSized,
  readUint,
} from '../util/codec.ts';
import type { IntervalSet } from '../util/intervals.ts';
import { isPayloadOf, readKey, writeKey } from './codec.ts';
import { readIntervals, writeIntervals } from './context.ts';
import { MAX_LISTED, type Section } from './reconcile-descent.ts';
import { HASH_BYTES, MAX_DEPTH, pack, type Packed, unpackInto } from './trie-nodes.ts';
import { BOUNDS, compareDots, type Dot, type RecordKey, type ReplicaId } from './types.ts';
import { readCounter, readDot, readReplica, writeDot, writeReplica, writeUint } from './wire.ts';

/** Bytes of a comparison's nonce, and of the short name of a root. */
export const NONCE_BYTES = 6;
/** Bytes of digests and ids at the first try, the second and the last (W3). */
export const WIDTHS = [3, 8, 32] as const;
/** Sections, records and entries in one message. */
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

/** What a side's memory is, to be compared: the root of its joined snapshots, and its frontier. */
export interface Guard {
  readonly root: Uint8Array;
  /** In causal rooms: the frontier of its own snapshot. */
  readonly frontier: readonly Dot[];
}

/** One message of a walk. */
export interface Step {
  readonly type: 'step';
  /** The first `WALK_BYTES` of the nonce of the comparison that the walk answers. */
  readonly walk: Uint8Array;
  /** In the first of a walk: the answerer's nonce. */
  readonly nonce: Uint8Array | undefined;
  /** Which of `WIDTHS` the digests have. */
  readonly attempt: number;
  /** Whether the other side is to let this one go on. */
  readonly more: boolean;
  readonly contextSections: readonly Section[];
  readonly entries: readonly SentEntry[];
  readonly recordSections: readonly Section[];
  readonly records: readonly SentRecord[];
  readonly guard: Guard | undefined;
}

/** All that changed since a common root (W9). */
export interface Recent {
  readonly type: 'recent';
  /** As in a step. */
  readonly walk: Uint8Array;
  /** Whether this is the comparing side's, which ends it. */
  readonly isLast: boolean;
  readonly root: Uint8Array;
  readonly frontier: readonly Dot[];
  readonly entries: readonly SentEntry[];
  readonly records: readonly SentRecord[];
}

/** Roots differ, perhaps by what is on its way alone (W10). */
export interface Flight {
  readonly type: 'flight';
  readonly nonce: Uint8Array;
  /** Whether it answers one. */
  readonly isAnswer: boolean;
  /** What is held of replicas that wrote lately. */
  readonly entries: readonly SentEntry[];
  /** Root of the context's trie without them. */
  readonly rest: Uint8Array;
}

export type ReconcileMessage =
  /** My root is this. `base` names a root that both had. */
  | {
      readonly type: 'compare';
      readonly nonce: Uint8Array;
      readonly root: Uint8Array;
      /** Whether to walk even where all that differs may be on its way. */
      readonly insist: boolean;
      readonly base: Uint8Array | undefined;
    }
  | { readonly type: 'equal'; readonly nonce: Uint8Array }
  /** Ask again in a moment: something large is on its way. */
  | { readonly type: 'later'; readonly nonce: Uint8Array }
  | Flight
  | Step
  | Recent;

const TYPES = ['compare', 'equal', 'later', 'flight', 'step', 'recent'] as const;
const OPENS = 1;
const HAS_MORE = 2;
const HAS_GUARD = 4;
const HAS_CONTEXT = 8;
const HAS_RECORDS = 16;
const ATTEMPT_SHIFT = 5;
/** Bytes of a walk's name in its steps. */
export const WALK_BYTES = 2;

export function encodeReconcile(message: ReconcileMessage): Uint8Array {
  return encode((encoder) => {
    writeUint8(encoder, TYPES.indexOf(message.type));
    switch (message.type) {
      case 'compare':
        writeUint8Array(encoder, message.nonce);
        writeUint8Array(encoder, message.root);
        writeUint8(encoder, message.insist ? 1 : 0);
        if (message.base !== undefined) writeUint8Array(encoder, message.base);
        break;
      case 'equal':
      case 'later':
        writeUint8Array(encoder, message.nonce);
        break;
      case 'flight':
        writeUint8Array(encoder, message.nonce);
        writeUint8(encoder, message.isAnswer ? 1 : 0);
        writeEntries(encoder, message.entries);
        writeUint8Array(encoder, message.rest);
        break;
      case 'step':
        writeStep(encoder, message);
        break;
      case 'recent':
        writeUint8Array(encoder, message.walk);
        writeUint8(encoder, message.isLast ? 1 : 0);
        writeUint8Array(encoder, message.root);
        writeDots(encoder, message.frontier);
        writeEntries(encoder, message.entries);
        writeRecords(encoder, message.records);
        break;
    }
  });
}

/** The message that `bytes` hold, or `undefined`. */
export function decodeReconcile(bytes: Uint8Array): ReconcileMessage | undefined {
  return decodeTotal(bytes, (decoder): ReconcileMessage | undefined => {
    const type = TYPES[readByte(decoder)];
    if (type === undefined) return undefined;
    switch (type) {
      case 'compare': {
        const nonce = readBytes(decoder, NONCE_BYTES);
        const root = readBytes(decoder, HASH_BYTES);
        const insist = readFlag(decoder);
        const base = readRest(decoder);
        if (base.length !== 0 && base.length !== NONCE_BYTES) return undefined;
        return { type, nonce, root, insist, base: base.length === 0 ? undefined : base };
      }
      case 'equal':
      case 'later':
        return { type, nonce: readBytes(decoder, NONCE_BYTES) };
      case 'flight':
        return {
          type,
          nonce: readBytes(decoder, NONCE_BYTES),
          isAnswer: readFlag(decoder),
          entries: readEntries(decoder),
          rest: readBytes(decoder, HASH_BYTES),
        };
      case 'step':
        return readStep(decoder);
      case 'recent':
        return {
          type,
          walk: readBytes(decoder, WALK_BYTES),
          isLast: readFlag(decoder),
          root: readBytes(decoder, HASH_BYTES),
          frontier: readDots(decoder),
          entries: readEntries(decoder),
          records: readRecords(decoder),
        };
    }
  });
}

function writeStep(encoder: Encoder, step: Step): void {
  const { nonce, guard, contextSections, entries, recordSections, records } = step;
  const hasContext = contextSections.length + entries.length > 0;
  const hasRecords = recordSections.length + records.length > 0;
  writeUint8Array(encoder, step.walk);
  writeUint8(
    encoder,
    (nonce === undefined ? 0 : OPENS) |
      (step.more ? HAS_MORE : 0) |
      (guard === undefined ? 0 : HAS_GUARD) |
      (hasContext ? HAS_CONTEXT : 0) |
      (hasRecords ? HAS_RECORDS : 0) |
      (step.attempt << ATTEMPT_SHIFT),
  );
  if (nonce !== undefined) writeUint8Array(encoder, nonce);
  if (hasContext) {
    writeSections(encoder, contextSections);
    writeEntries(encoder, entries);
  }
  if (hasRecords) {
    writeSections(encoder, recordSections);
    writeRecords(encoder, records);
  }
  if (guard !== undefined) {
    writeUint8Array(encoder, guard.root);
    writeDots(encoder, guard.frontier);
  }
}

function readStep(decoder: Decoder): Step {
  const walk = readBytes(decoder, WALK_BYTES);
  const flags = readByte(decoder);
  const attempt = flags >> ATTEMPT_SHIFT;
  const width = WIDTHS[attempt];
  if (width === undefined) throw new DecodeError('unknown width of digests');
  const nonce = flags & OPENS ? readBytes(decoder, NONCE_BYTES) : undefined;
  const hasContext = (flags & HAS_CONTEXT) !== 0;
  const contextSections = hasContext ? readSections(decoder, width) : [];
  const entries = hasContext ? readEntries(decoder) : [];
  const hasRecords = (flags & HAS_RECORDS) !== 0;
  const recordSections = hasRecords ? readSections(decoder, width) : [];
  const records = hasRecords ? readRecords(decoder) : [];
  const guard =
    flags & HAS_GUARD
      ? { root: readBytes(decoder, HASH_BYTES), frontier: readDots(decoder) }
      : undefined;
  return {
    type: 'step',
    walk,
    nonce,
    attempt,
    more: (flags & HAS_MORE) !== 0,
    contextSections,
    entries,
    recordSections,
    records,
    guard,
  };
}

const KINDS = ['digests', 'list', 'answer'] as const;
/** In place of how many digits a path shares with the one before: it is the root's. */
const ROOT_PATH = 31;

/**
 * A section's head is a byte, 32 times its kind and how many digits its path shares with that of the
 * section before, then how many digits more and the first of them in a byte, then the others in pairs.
 */
function writeSections(encoder: Encoder, sections: readonly Section[]): void {
  writeUint(encoder, sections.length);
  let previous = '';
  for (const section of sections) {
    const { path, kind } = section;
    let shared = 0;
    while (shared < path.length - 1 && path[shared] === previous[shared]) shared++;
    const code = KINDS.indexOf(kind) << 5;
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
      writeUint16(encoder, present);
      for (const digest of section.digests) if (digest !== undefined) writePacked(encoder, digest);
    } else if (kind === 'list') {
      writeUint8(encoder, section.ids.length);
      for (const id of section.ids) writePacked(encoder, id);
    } else {
      writeUint(encoder, section.lacked);
    }
  }
}

function readSections(decoder: Decoder, width: number): Section[] {
  let path = '';
  return readList(decoder, MAX_SECTIONS, (d): Section => {
    const head = readByte(d);
    const kind = KINDS[head >> 5];
    if (kind === undefined) throw new DecodeError('unknown section');
    path = readPath(d, head & 31, path);
    switch (kind) {
      case 'digests': {
        const present = readByte(d) | (readByte(d) << 8);
        const digests = Array.from({ length: 16 }, (_, digit) =>
          (present >> digit) & 1 ? readPacked(d, width) : undefined,
        );
        return { kind, path, digests };
      }
      case 'list': {
        const count = readByte(d);
        if (count > MAX_LISTED) throw new DecodeError('list over its limit');
        return { kind, path, ids: Array.from({ length: count }, () => readPacked(d, width)) };
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
  const bytes = new Uint8Array(packed.length);
  unpackInto(bytes, 0, packed);
  writeUint8Array(encoder, bytes);
}

const readPacked = (decoder: Decoder, width: number): Packed => pack(readBytes(decoder, width));

function writeEntries(encoder: Encoder, entries: readonly SentEntry[]): void {
  writeUint(encoder, entries.length);
  for (const { replica, intervals } of entries) {
    writeReplica(encoder, replica);
    writeUint8(encoder, intervals === undefined ? 0 : 1);
    if (intervals !== undefined) writeIntervals(encoder, intervals);
  }
}

function readEntries(decoder: Decoder): SentEntry[] {
  return readList(decoder, BOUNDS.replicas, (d) => ({
    replica: readReplica(d),
    intervals: readFlag(d) ? readIntervals(d) : undefined,
  }));
}

/** Records name the replicas of their dots by their place in a table that goes ahead. */
function writeRecords(encoder: Encoder, records: readonly SentRecord[]): void {
  const places = new Map<ReplicaId, number>();
  for (const { values } of records) {
    for (const { replica } of values) if (!places.has(replica)) places.set(replica, places.size);
  }
  writeUint(encoder, places.size);
  for (const replica of places.keys()) writeReplica(encoder, replica);
  writeUint(encoder, records.length);
  for (const { key, values } of records) {
    writeKey(encoder, key);
    writeUint(encoder, values.length);
    for (const { replica, counter, payload } of values) {
      const place = places.get(replica) as number;
      writeUint(encoder, 2 * place + (payload === undefined ? 0 : 1));
      writeUint(encoder, counter);
      if (payload !== undefined) writeVarUint8Array(encoder, payload);
    }
  }
}

function readRecords(decoder: Decoder): SentRecord[] {
  const replicas = readList(decoder, BOUNDS.replicas, readReplica);
  return readList(decoder, MAX_RECORDS, (d) => {
    const key = readKey(d);
    const values = readList(d, BOUNDS.dots, (each) => readValue(each, key, replicas));
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
  // A copy, so that a value does not keep its frame in memory.
  const payload = readSized(decoder, BOUNDS.payloadBytes).slice();
  if (!isPayloadOf(key, payload)) throw new DecodeError('not a payload of the record');
  return { replica, counter, payload };
}

function writeDots(encoder: Encoder, dots: readonly Dot[]): void {
  writeUint(encoder, dots.length);
  for (const dot of dots) writeDot(encoder, dot);
}

function readDots(decoder: Decoder): Dot[] {
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
