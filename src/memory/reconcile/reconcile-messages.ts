/** What two memories tell each other to become equal: the wire codec of reconciliation (SPEC.md section 8). */

import { writeUint8, writeUint8Array } from 'lib0/encoding';
import {
  DecodeError,
  type Decoder,
  decodeTotal,
  type Encoder,
  encode,
  readByte,
  readBytes,
  readFlag,
  readRest,
} from '../../util/codec.ts';
import { HASH_BYTES } from '../../util/sha256.ts';
import type { Dot } from '../types.ts';
import type { Section } from './reconcile-descent.ts';
import {
  readDots,
  readEntries,
  readRecords,
  readSections,
  type SentEntry,
  type SentRecord,
  writeDots,
  writeEntries,
  writeRecords,
  writeSections,
} from './reconcile-wire.ts';

/** Bytes of a comparison's nonce, and of the short name of a root. */
export const NONCE_BYTES = 6;
/** Walks that are tried one after the other, with ever wider digests (W3). */
export const ATTEMPTS = 3;

/** A side knows all that it has to know: what it takes the join of both snapshots to be. */
export interface Guard {
  /** The join's root; `undefined` where it is the one that the other side has told. */
  readonly root: Uint8Array | undefined;
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
  /** How often the walk failed before: it tells how wide the digests are. */
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
  /** What is held of replicas that wrote lately, and what was held of them a while ago. */
  readonly entries: readonly SentEntry[];
  readonly aged: readonly SentEntry[];
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
      /** How many walks failed in a row. */
      readonly failures: number;
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
const AGREES = 128;
/** Bytes of a walk's name in its steps. */
export const WALK_BYTES = 2;

export function encodeReconcile(message: ReconcileMessage): Uint8Array {
  return encode((encoder) => {
    writeUint8(encoder, TYPES.indexOf(message.type));
    switch (message.type) {
      case 'compare':
        writeUint8Array(encoder, message.nonce);
        writeUint8Array(encoder, message.root);
        writeUint8(encoder, 2 * message.failures + (message.insist ? 1 : 0));
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
        writeEntries(encoder, message.aged);
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
        const flags = readByte(decoder);
        if (flags >= 2 * ATTEMPTS) return undefined;
        const base = readRest(decoder);
        if (base.length !== 0 && base.length !== NONCE_BYTES) return undefined;
        return {
          type,
          nonce,
          root,
          insist: flags % 2 === 1,
          failures: flags >> 1,
          base: base.length === 0 ? undefined : base,
        };
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
          aged: readEntries(decoder),
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
      (guard !== undefined && guard.root === undefined ? AGREES : 0) |
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
    if (guard.root !== undefined) writeUint8Array(encoder, guard.root);
    writeDots(encoder, guard.frontier);
  }
}

function readStep(decoder: Decoder): Step {
  const walk = readBytes(decoder, WALK_BYTES);
  const flags = readByte(decoder);
  const attempt = (flags >> ATTEMPT_SHIFT) & 3;
  if (attempt >= ATTEMPTS) throw new DecodeError('unknown width of digests');
  const nonce = flags & OPENS ? readBytes(decoder, NONCE_BYTES) : undefined;
  const hasContext = (flags & HAS_CONTEXT) !== 0;
  const contextSections = hasContext ? readSections(decoder, attempt) : [];
  const entries = hasContext ? readEntries(decoder) : [];
  const hasRecords = (flags & HAS_RECORDS) !== 0;
  const recordSections = hasRecords ? readSections(decoder, attempt) : [];
  const records = hasRecords ? readRecords(decoder) : [];
  const guard = flags & HAS_GUARD ? readGuard(decoder, (flags & AGREES) !== 0) : undefined;
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

function readGuard(decoder: Decoder, agrees: boolean): Guard {
  const root = agrees ? undefined : readBytes(decoder, HASH_BYTES);
  return { root, frontier: readDots(decoder) };
}
