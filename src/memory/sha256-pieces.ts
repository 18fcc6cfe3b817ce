/**
 * SHA-256 (FIPS 180-4) by @noble/hashes, for many short inputs taken piece by piece. The library's
 * own face sets up, checks and cleans for each input, which for what memory hashes takes longer than
 * to hash it; so this gathers and pads, and uses its compression alone.
 */

import { _SHA256 } from '@noble/hashes/sha2.js';
import { HASH_BYTES } from '../util/sha256.ts';

const BLOCK_BYTES = 64;
/** Input is gathered before it is compressed; what is hashed of memory seldom is longer. */
const GATHERED_BYTES = 16 * BLOCK_BYTES;
/** At the end of the last block: the length of the input in bits. */
const LENGTH_BYTES = 8;
const PADDING_STARTS = 0x80;
/** So few bytes are copied sooner one by one than by a call of `set`. */
const FEW_BYTES = 64;

/** The library's compression function and the state that it works on. */
class Compression extends _SHA256 {
  readonly #initial = this.get();

  restart(): void {
    const [a, b, c, d, e, f, g, h] = this.#initial;
    this.set(a, b, c, d, e, f, g, h);
  }

  block(view: DataView, at: number): void {
    this.process(view, at);
  }

  write(target: Uint8Array | number[], offset: number): void {
    writeWord(target, offset, this.A);
    writeWord(target, offset + 4, this.B);
    writeWord(target, offset + 8, this.C);
    writeWord(target, offset + 12, this.D);
    writeWord(target, offset + 16, this.E);
    writeWord(target, offset + 20, this.F);
    writeWord(target, offset + 24, this.G);
    writeWord(target, offset + 28, this.H);
  }
}

/** One hash after the other: `begin`, pieces of the input, then `finish` or `digest`. */
export class Sha256 {
  readonly #state = new Compression();
  /** Input that is not compressed yet, with room for the padding, and where it ends. */
  protected readonly gathered = new Uint8Array(GATHERED_BYTES + BLOCK_BYTES);
  protected end = 0;
  readonly #blocks = new DataView(this.gathered.buffer);
  #compressed = 0;

  /** Begins a new input. */
  begin(): void {
    this.#state.restart();
    this.end = 0;
    this.#compressed = 0;
  }

  byte(byte: number): void {
    if (this.end === GATHERED_BYTES) this.#compress();
    this.gathered[this.end++] = byte;
  }

  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    if (length > FEW_BYTES || !this.hasRoom(length)) return this.#many(bytes);
    const { gathered } = this;
    let { end } = this;
    for (let i = 0; i < length; i++) gathered[end++] = bytes[i] as number;
    this.end = end;
  }

  #many(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      if (this.end === GATHERED_BYTES) this.#compress();
      const taken = Math.min(bytes.length - from, GATHERED_BYTES - this.end);
      const piece = taken === bytes.length ? bytes : bytes.subarray(from, from + taken);
      this.gathered.set(piece, this.end);
      this.end += taken;
      from += taken;
    }
  }

  /** Whether so many bytes can be gathered as they come. */
  protected hasRoom(bytes: number): boolean {
    return this.end + bytes <= GATHERED_BYTES;
  }

  /** Those of `bytes` from `start` to `end`. */
  range(bytes: Uint8Array, start: number, end: number): void {
    if (!this.hasRoom(end - start)) return this.#many(bytes.subarray(start, end));
    const { gathered } = this;
    let at = this.end;
    for (let i = start; i < end; i++) gathered[at++] = bytes[i] as number;
    this.end = at;
  }

  /** Length of the input so far where it is still at hand, for `copy`; −1 where it is too long for it. */
  get inputLength(): number {
    return this.#compressed === 0 ? this.end : -1;
  }

  /** Writes the input so far to `target`. */
  copy(target: Uint8Array, offset: number): void {
    const { gathered, end } = this;
    for (let i = 0; i < end; i++) target[offset + i] = gathered[i] as number;
  }

  /** The bytes that are the codes of the characters of `text`, all below 256. */
  codes(text: string): void {
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
  }

  /** Writes the hash of the input to `target`, from `offset` on. */
  finish(target: Uint8Array | number[], offset = 0): void {
    this.#pad();
    this.#compress();
    this.#state.write(target, offset);
  }

  /** The hash of the input. */
  digest(): Uint8Array<ArrayBuffer> {
    const hash = new Uint8Array(HASH_BYTES);
    this.finish(hash);
    return hash;
  }

  /** FIPS 180-4, 5.1.1: a bit, zeros until a block lacks but the length, the length. */
  #pad(): void {
    const length = this.#compressed + this.end;
    const end = roundUp(this.end + 1 + LENGTH_BYTES);
    this.gathered[this.end] = PADDING_STARTS;
    for (let i = this.end + 1; i < end - LENGTH_BYTES; i++) this.gathered[i] = 0;
    // In bits, of which the upper word holds those beyond 32.
    this.#blocks.setUint32(end - 8, Math.floor(length / 2 ** 29));
    this.#blocks.setUint32(end - 4, (length << 3) >>> 0);
    this.end = end;
  }

  /** Compresses what was gathered, which is whole blocks. */
  #compress(): void {
    for (let at = 0; at < this.end; at += BLOCK_BYTES) this.#state.block(this.#blocks, at);
    this.#compressed += this.end;
    this.end = 0;
  }
}

const roundUp = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;

function writeWord(target: Uint8Array | number[], offset: number, word: number): void {
  target[offset] = word >>> 24;
  target[offset + 1] = (word >>> 16) & 255;
  target[offset + 2] = (word >>> 8) & 255;
  target[offset + 3] = word & 255;
}
