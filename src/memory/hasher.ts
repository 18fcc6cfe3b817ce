/** SHA-256 over what memory is made of, and hashes as strings. */

import { hexByteAt } from '../util/bytes.ts';
import { HASH_BYTES } from '../util/sha256.ts';
import { Sha256 } from './sha256-pieces.ts';
import { REPLICA_BYTES, type ReplicaId } from './types.ts';

/** Bytes as a string of as many characters: an array of bytes takes three times the memory. */
export type Packed = string;

const utf8 = new TextEncoder();

export class Hasher extends Sha256 {
  readonly #codes: number[] = new Array(HASH_BYTES).fill(0);
  #replica: ReplicaId = '';
  readonly #replicaBytes = new Uint8Array(REPLICA_BYTES);

  /** Begins a new input, with the byte that says what it is. */
  of(domain: number): this {
    this.begin();
    this.byte(domain);
    return this;
  }

  /** As lib0's unsigned varint. */
  uint(value: number): void {
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.byte((rest % 128) | 128);
    this.byte(rest);
  }

  /** Text in UTF-8, after how many bytes that is. */
  text(text: string): void {
    if (text.length < 128 && this.hasRoom(1 + text.length) && this.#ascii(text)) return;
    const bytes = utf8.encode(text);
    this.uint(bytes.length);
    this.bytes(bytes);
  }

  /** Short text that is ASCII, as most keys are, at one go; false, and nothing taken, where it is not. */
  #ascii(text: string): boolean {
    const { gathered } = this;
    const { length } = text;
    let { end } = this;
    gathered[end++] = length;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) return false;
      gathered[end++] = code;
    }
    this.end = end;
    return true;
  }

  /** The 8 bytes of a replica, which is often that of before. */
  replica(replica: ReplicaId): void {
    if (replica !== this.#replica) {
      this.#replica = replica;
      for (let i = 0; i < REPLICA_BYTES; i++) this.#replicaBytes[i] = hexByteAt(replica, i);
    }
    this.bytes(this.#replicaBytes);
  }

  /** The hash of the input. */
  hash(): Packed {
    this.finish(this.#codes);
    return String.fromCharCode(...this.#codes);
  }
}

/** Hashes whatever is hashed of memory; an input is put together at one go. */
export const hasher = new Hasher();
