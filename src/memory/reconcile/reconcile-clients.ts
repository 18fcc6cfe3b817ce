/**
 * The walk over what two tabs hold of one large Yjs document, client by client (SPEC.md W11). When it
 * is done, each knows what the other holds of the clients in which they differ, and that they hold the
 * same of all others, so that an update of just what is lacking can be made.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { writeUint8, writeUint8Array } from 'lib0/encoding';
import {
  DecodeError,
  type Decoder,
  decodeTotal,
  type Encoder,
  encode,
  readByte,
  readBytes,
  readList,
  readUint,
} from '../../util/codec.ts';
import { IntervalSet } from '../../util/intervals.ts';
import { Trie } from '../trie/trie.ts';
import { writeUint } from '../wire.ts';
import { digesterOf, type Section } from './reconcile-descent.ts';
import { EntryWalk } from './reconcile-entries.ts';
import { ATTEMPTS, NONCE_BYTES } from './reconcile-messages.ts';
import { readSections, writeSections } from './reconcile-wire.ts';

/** What is held of one client: clocks of structs and of deletions, pending ones included. */
export interface ClientEntry {
  readonly client: number;
  readonly structs: IntervalSet;
  readonly deletes: IntervalSet;
}

/** One message of the walk. */
export interface ClientStep {
  /** In the first: the answerer's nonce. */
  readonly nonce: Uint8Array | undefined;
  /** How often the walk failed before. */
  readonly attempt: number;
  readonly sections: readonly Section[];
  readonly entries: readonly ClientEntry[];
}

const CLIENT_DOMAIN = 20;
const CLIENT_ENTRY_DOMAIN = 21;
/** Clients of one message, and intervals of a client. */
const MAX_CLIENTS = 1_048_576;
const MAX_INTERVALS = 1_048_576;

/** A trie of what is held, by client, whose root is equal exactly where the same is held. */
export class ClientTrie {
  readonly trie = new Trie<ClientEntry>();

  /** Sets what is held of a client; the entry is kept, and not to be changed. */
  set(entry: ClientEntry): void {
    this.trie.set(
      hashOf(CLIENT_DOMAIN, (encoder) => writeUint(encoder, entry.client)),
      hashOf(CLIENT_ENTRY_DOMAIN, (encoder) => writeEntry(encoder, entry)),
      entry,
    );
  }
}

export class ClientWalk {
  readonly #entries: EntryWalk<ClientEntry>;
  readonly #theirs = new Map<number, ClientEntry>();
  readonly #attempt: number;
  #isDone = false;
  #isAsked = false;

  /** As `Walk`: `nonces` of who compared and of who answered, and whether this side speaks first. */
  constructor(
    trie: Trie<ClientEntry>,
    nonces: readonly Uint8Array[],
    attempt: number,
    isFirst: boolean,
  ) {
    this.#attempt = attempt;
    this.#entries = new EntryWalk(trie.snapshot(), digesterOf(nonces, attempt), isFirst);
  }

  /** Whether `differing` is complete. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Clients in which the sides differ, and what the other side holds of each; `undefined` for nothing. */
  get differing(): ReadonlyMap<number, ClientEntry | undefined> {
    const differing = new Map<number, ClientEntry | undefined>(this.#theirs);
    for (const { client } of this.#entries.differing) {
      if (!differing.has(client)) differing.set(client, undefined);
    }
    return differing;
  }

  /** Takes a step of the other side; tells how it breaks the protocol, if it does. */
  receive({ sections, entries, attempt }: ClientStep): string | undefined {
    if (attempt !== this.#attempt) return 'a walk that changes its digests';
    if (sections.length + entries.length === 0 && this.#isDone) return 'a step that says nothing';
    this.#isAsked = sections.length > 0;
    for (const entry of entries) {
      if (this.#theirs.has(entry.client)) return 'a client that is told twice';
      this.#theirs.set(entry.client, entry);
    }
    return this.#entries.receive(sections);
  }

  /** What to send next; `undefined` once there is nothing more to say. */
  reply(nonce?: Uint8Array): ClientStep | undefined {
    const { sections, entries, isAsking } = this.#entries.reply();
    this.#isDone = !isAsking;
    // A question is answered even by nothing, so that who asked knows.
    if (sections.length + entries.length === 0 && !this.#isAsked) return undefined;
    return { nonce, attempt: this.#attempt, sections, entries };
  }
}

export function encodeClientStep({ nonce, attempt, sections, entries }: ClientStep): Uint8Array {
  return encode((encoder) => {
    writeUint8(encoder, 2 * attempt + (nonce === undefined ? 0 : 1));
    if (nonce !== undefined) writeUint8Array(encoder, nonce);
    writeSections(encoder, sections);
    writeUint(encoder, entries.length);
    for (const entry of entries) writeEntry(encoder, entry);
  });
}

/** The step that `bytes` hold, or `undefined`. */
export function decodeClientStep(bytes: Uint8Array): ClientStep | undefined {
  return decodeTotal(bytes, (decoder) => {
    const flags = readByte(decoder);
    const attempt = flags >> 1;
    if (attempt >= ATTEMPTS) return undefined;
    const nonce = flags % 2 === 1 ? readBytes(decoder, NONCE_BYTES) : undefined;
    const sections = readSections(decoder, attempt);
    return { nonce, attempt, sections, entries: readList(decoder, MAX_CLIENTS, readEntry) };
  });
}

function writeEntry(encoder: Encoder, { client, structs, deletes }: ClientEntry): void {
  writeUint(encoder, client);
  writeRanges(encoder, structs);
  writeRanges(encoder, deletes);
}

function readEntry(decoder: Decoder): ClientEntry {
  const client = readUint(decoder);
  return { client, structs: readRanges(decoder), deletes: readRanges(decoder) };
}

function writeRanges(encoder: Encoder, set: IntervalSet): void {
  writeUint(encoder, set.intervals);
  let previous = 0;
  for (const [start, end] of set) {
    writeUint(encoder, start - previous);
    writeUint(encoder, end - start);
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

function hashOf(domain: number, write: (encoder: Encoder) => void): Uint8Array {
  return sha256(
    encode((encoder) => {
      writeUint8(encoder, domain);
      write(encoder);
    }),
  );
}
