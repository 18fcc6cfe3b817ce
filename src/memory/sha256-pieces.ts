/**
 * SHA-256 (FIPS 180-4) by @noble/hashes, for many short inputs: a hasher is used again and again, and
 * takes its input piece by piece. To set up the library's for each input takes as long as to hash it.
 */

import { _SHA256 } from '@noble/hashes/sha2.js';
import { HASH_BYTES } from '../util/sha256.ts';

/** Input is gathered before it is handed on; what is hashed of memory seldom is longer. */
const GATHERED_BYTES = 1_024;

/** A state before any input. */
const blank = new _SHA256();

/** One hash after the other: `begin`, pieces of the input, then `finish` or `digest`. */
export class Sha256 {
  readonly #state = new _SHA256();
  readonly #gathered = new Uint8Array(GATHERED_BYTES);
  readonly #hash = new Uint8Array(HASH_BYTES);
  #length = 0;

  /** Begins a new input. */
  begin(): void {
    blank._cloneInto(this.#state);
    this.#length = 0;
  }

  byte(byte: number): void {
    if (this.#length === GATHERED_BYTES) this.#handOn();
    this.#gathered[this.#length++] = byte;
  }

  bytes(bytes: Uint8Array): void {
    if (this.#length + bytes.length > GATHERED_BYTES) this.#handOn();
    if (bytes.length > GATHERED_BYTES) {
      this.#state.update(bytes);
      return;
    }
    this.#gathered.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** The bytes that are the codes of the characters of `text`, all below 256. */
  codes(text: string): void {
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
  }

  /** Writes the hash of the input to `target`, from `offset` on. */
  finish(target: Uint8Array | number[], offset = 0): void {
    this.#handOn();
    this.#state.digestInto(this.#hash);
    for (let i = 0; i < HASH_BYTES; i++) target[offset + i] = this.#hash[i] as number;
  }

  /** The hash of the input. */
  digest(): Uint8Array<ArrayBuffer> {
    const hash = new Uint8Array(HASH_BYTES);
    this.finish(hash);
    return hash;
  }

  #handOn(): void {
    if (this.#length === 0) return;
    this.#state.update(this.#gathered.subarray(0, this.#length));
    this.#length = 0;
  }
}
