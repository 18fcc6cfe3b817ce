/**
 * A small stand-in for memory: a set of writes that every tab holds, spread by broadcast and repaired
 * by comparing. It shows what the protocol delivers, and nothing of how memory merges.
 *
 * Comparing is stateless, as lost frames must not leave anyone waiting: `compare` with a digest; where
 * that differs the answer is `vector`, all that the answerer holds; the answer to this is `repair`,
 * what it lacks and what the sender lacks; and `items` gives that.
 */

import * as encoding from 'lib0/encoding';
import type { Effect } from '../protocol/effects.ts';
import { equalBytes } from '../util/bytes.ts';
import {
  type Decoder,
  decodeTotal,
  type Encoder,
  encode,
  readByte,
  readBytes,
  readList,
  readRest,
  readUint,
} from '../util/codec.ts';
import { IntervalSet } from '../util/intervals.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { Room } from './room.ts';
import type { Tab, TabWatcher } from './tab.ts';

/** Channel of the ledger: far from those of real memory. */
export const LEDGER_CHANNEL = 63;
const DIGEST_BYTES = 12;
const MAX_LIST = 1 << 20;

const COMPARE = 0;
const EQUAL = 1;
const VECTOR = 2;
const REPAIR = 3;
const ITEMS = 4;

type Vector = ReadonlyMap<number, IntervalSet>;

/** A write: the `sequence`th of the tab with the number `writer`. */
export interface Write {
  readonly writer: number;
  readonly sequence: number;
}

/** Told whenever a tab takes a write for the first time. */
export interface LedgerWatcher {
  /** `how`: its own, by broadcast, or found missing by comparing; `from` is who sent it. */
  taken(tab: Tab, write: Write, how: 'own' | 'rumor' | 'repair', from: PeerId | undefined): void;
}

/** What a ledger does apart from comparing. */
export interface LedgerOptions {
  /** Whether writes are broadcast; without, only rounds spread them. Default true. */
  readonly broadcasts?: boolean;
  /** Bytes of one write's rumor beside its name. Default 20, a small edit. */
  readonly payloadBytes?: number;
}

/** The writes that one tab holds. */
class Book {
  readonly writes = new Map<number, IntervalSet>();
  count = 0;
  #a = 0;
  #b = 0;

  has({ writer, sequence }: Write): boolean {
    return this.writes.get(writer)?.has(sequence) ?? false;
  }

  /** False where it was there. */
  add({ writer, sequence }: Write): boolean {
    let sequences = this.writes.get(writer);
    if (sequences === undefined) {
      sequences = new IntervalSet();
      this.writes.set(writer, sequences);
    }
    if (!sequences.add(sequence, sequence + 1)) return false;
    this.count++;
    const a = scramble(Math.imul(writer + 1, 0x9e3779b1) ^ sequence);
    this.#a = (this.#a + a) | 0;
    this.#b = (this.#b + scramble(a ^ 0x5bd1e995)) | 0;
    return true;
  }

  /** Equal where the same writes are held. */
  digest(): Uint8Array {
    const bytes = new Uint8Array(DIGEST_BYTES);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, this.#a);
    view.setInt32(4, this.#b);
    view.setUint32(8, this.count);
    return bytes;
  }
}

export class Ledger implements Pick<TabWatcher, 'told'> {
  readonly #options: Required<LedgerOptions>;
  readonly #books = new Map<Tab, Book>();
  /** Writes of each tab so far. */
  readonly #sequences = new Map<Tab, number>();
  readonly #watchers: LedgerWatcher[] = [];

  constructor(room: Room, options: LedgerOptions = {}) {
    this.#options = { broadcasts: true, payloadBytes: 20, ...options };
    room.watch(this);
  }

  watch(watcher: LedgerWatcher): void {
    this.#watchers.push(watcher);
  }

  /** A write of one tab. */
  write(tab: Tab): Write {
    const sequence = this.#sequences.get(tab) ?? 0;
    this.#sequences.set(tab, sequence + 1);
    const write = { writer: tab.process.index, sequence };
    this.#take(tab, write, 'own', undefined);
    if (this.#options.broadcasts) {
      const payload = encode((encoder) => {
        writeItem(encoder, write);
        encoding.writeUint8Array(encoder, new Uint8Array(this.#options.payloadBytes));
      });
      tab.input({ type: 'broadcast', channel: LEDGER_CHANNEL, payload });
    }
    tab.input({ type: 'activity' });
    return write;
  }

  /** Writes that a tab holds. */
  countOf(tab: Tab): number {
    return this.#books.get(tab)?.count ?? 0;
  }

  has(tab: Tab, write: Write): boolean {
    return this.#books.get(tab)?.has(write) ?? false;
  }

  /** Whether all of `tabs` hold the same. */
  isEqual(tabs: readonly Tab[]): boolean {
    const [first, ...others] = tabs;
    if (first === undefined) return true;
    const digest = this.#bookOf(first).digest();
    return others.every((tab) => equalBytes(this.#bookOf(tab).digest(), digest));
  }

  /** Writes of `writers` that not all of `tabs` hold. */
  missing(writers: readonly Tab[], tabs: readonly Tab[]): Write[] {
    return writers.flatMap((tab) => {
      const count = this.#sequences.get(tab) ?? 0;
      const writes = Array.from({ length: count }, (_, sequence) => ({
        writer: tab.process.index,
        sequence,
      }));
      return writes.filter((write) => !tabs.every((each) => this.has(each, write)));
    });
  }

  told(tab: Tab, effect: Effect, from: PeerId | undefined): void {
    if (effect.type === 'compare') {
      this.#say(tab, effect.peer, COMPARE, (encoder) =>
        encoding.writeUint8Array(encoder, this.#bookOf(tab).digest()),
      );
    } else if (effect.type === 'deliver' && effect.channel === LEDGER_CHANNEL) {
      const write = readRumor(effect.payload);
      if (write !== undefined) this.#take(tab, write, 'rumor', from);
    } else if (effect.type === 'direct' && effect.channel === LEDGER_CHANNEL) {
      this.#answer(tab, effect.peer, effect.payload);
    }
  }

  /** Another session's book of the same disk: what a reload keeps. */
  inherit(tab: Tab, from: Tab): void {
    for (const write of allOf(this.#bookOf(from).writes)) this.#bookOf(tab).add(write);
  }

  #answer(tab: Tab, peer: PeerId, payload: Uint8Array): void {
    const book = this.#bookOf(tab);
    const frame = decodeTotal(payload, readDirect);
    if (frame === undefined) throw new Error('a ledger frame that cannot be read');
    if (frame.type === COMPARE) {
      if (equalBytes(frame.digest, book.digest())) return this.#say(tab, peer, EQUAL);
      tab.input({ type: 'activity' });
      return this.#say(tab, peer, VECTOR, (encoder) => writeVector(encoder, book.writes));
    }
    if (frame.type === EQUAL) return;
    if (frame.type === VECTOR) {
      tab.input({ type: 'activity' });
      return this.#say(tab, peer, REPAIR, (encoder) => {
        writeItems(encoder, lacking(book.writes, frame.vector));
        writeItems(encoder, lacking(frame.vector, book.writes));
      });
    }
    for (const write of frame.items) this.#take(tab, write, 'repair', peer);
    if (frame.type === REPAIR && frame.wanted.length > 0) {
      const items = frame.wanted.filter((write) => book.has(write));
      this.#say(tab, peer, ITEMS, (encoder) => writeItems(encoder, items));
    }
  }

  #say(tab: Tab, peer: PeerId, type: number, write?: (encoder: Encoder) => void): void {
    const payload = encode((encoder) => {
      encoding.writeUint8(encoder, type);
      write?.(encoder);
    });
    tab.input({ type: 'direct', peer, channel: LEDGER_CHANNEL, payload });
  }

  #take(tab: Tab, write: Write, how: 'own' | 'rumor' | 'repair', from: PeerId | undefined): void {
    if (!this.#bookOf(tab).add(write)) return;
    if (how === 'repair') tab.input({ type: 'activity', gained: true });
    for (const watcher of this.#watchers) watcher.taken(tab, write, how, from);
  }

  #bookOf(tab: Tab): Book {
    let book = this.#books.get(tab);
    if (book === undefined) {
      book = new Book();
      this.#books.set(tab, book);
    }
    return book;
  }
}

type Direct =
  | { readonly type: typeof COMPARE; readonly digest: Uint8Array }
  | { readonly type: typeof EQUAL }
  | { readonly type: typeof VECTOR; readonly vector: Vector }
  | { readonly type: typeof REPAIR; readonly items: Write[]; readonly wanted: Write[] }
  | { readonly type: typeof ITEMS; readonly items: Write[] };

function readDirect(decoder: Decoder): Direct | undefined {
  const type = readByte(decoder);
  switch (type) {
    case COMPARE:
      return { type, digest: readBytes(decoder, DIGEST_BYTES) };
    case EQUAL:
      return { type };
    case VECTOR:
      return { type, vector: readVector(decoder) };
    case REPAIR:
      return {
        type,
        items: readList(decoder, MAX_LIST, readItem),
        wanted: readList(decoder, MAX_LIST, readItem),
      };
    case ITEMS:
      return { type, items: readList(decoder, MAX_LIST, readItem) };
    default:
      return undefined;
  }
}

/** The write of a rumor's payload. */
export function readRumor(payload: Uint8Array): Write | undefined {
  return decodeTotal(payload, (decoder) => {
    const write = readItem(decoder);
    readRest(decoder);
    return write;
  });
}

function readItem(decoder: Decoder): Write {
  return { writer: readUint(decoder), sequence: readUint(decoder) };
}

function writeItem(encoder: Encoder, { writer, sequence }: Write): void {
  encoding.writeVarUint(encoder, writer);
  encoding.writeVarUint(encoder, sequence);
}

function writeItems(encoder: Encoder, items: readonly Write[]): void {
  encoding.writeVarUint(encoder, items.length);
  for (const item of items) writeItem(encoder, item);
}

function writeVector(encoder: Encoder, vector: Vector): void {
  encoding.writeVarUint(encoder, vector.size);
  for (const [writer, sequences] of vector) {
    encoding.writeVarUint(encoder, writer);
    encoding.writeVarUint(encoder, sequences.intervals);
    for (const [start, end] of sequences) {
      encoding.writeVarUint(encoder, start);
      encoding.writeVarUint(encoder, end);
    }
  }
}

function readVector(decoder: Decoder): Vector {
  return new Map(
    readList(decoder, MAX_LIST, (each) => {
      const writer = readUint(each);
      const sequences = new IntervalSet();
      sequences.addAll(readList(each, MAX_LIST, (d) => [readUint(d), readUint(d)] as const));
      return [writer, sequences] as const;
    }),
  );
}

/** Writes of `held` that `other` lacks. */
function lacking(held: Vector, other: Vector): Write[] {
  const lacks: Write[] = [];
  for (const [writer, sequences] of held) {
    const known = other.get(writer);
    for (const [start, end] of sequences) {
      if (known?.covers(start, end) === true) continue;
      for (let sequence = start; sequence < end; sequence++) {
        if (known?.has(sequence) !== true) lacks.push({ writer, sequence });
      }
    }
  }
  return lacks;
}

function* allOf(vector: Vector): Generator<Write> {
  for (const [writer, sequences] of vector) {
    for (const [start, end] of sequences) {
      for (let sequence = start; sequence < end; sequence++) yield { writer, sequence };
    }
  }
}

/** A mix of all bits of a word (MurmurHash3's finaliser). */
function scramble(word: number): number {
  let h = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
