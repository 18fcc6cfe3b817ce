/**
 * SHA-256 (FIPS 180-4), for many short inputs: a hasher is used again and again, takes its input piece
 * by piece, and makes no garbage. What libraries set up for each input takes longer than to hash it.
 */

/** Bytes of a hash. */
export const HASH_BYTES = 32;

const BLOCK_BYTES = 64;
/** Where the length of the input stands in the last block. */
const LENGTH_AT = 56;

/** The first 32 bits after the point of a root of the first `count` primes (FIPS 180-4, 4.2.2, 5.3.3). */
function rootsOfPrimes(count: number, degree: number): Int32Array {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((p) => n % p !== 0)) primes.push(n);
  // None of them is so near to a whole number of 2^-32 that rounding could tell.
  return Int32Array.from(primes, (prime) => (prime ** (1 / degree) % 1) * 2 ** 32);
}

const ROUNDS = rootsOfPrimes(64, 3);
const START = rootsOfPrimes(8, 2);

/** One hash after the other: `begin`, pieces of the input, then `finish` or `digest`. */
export class Sha256 {
  readonly #state = new Int32Array(8);
  readonly #schedule = new Int32Array(BLOCK_BYTES);
  readonly #block = new Uint8Array(BLOCK_BYTES);
  readonly #view = new DataView(this.#block.buffer);
  #at = 0;
  #blocks = 0;

  /** Begins a new input. */
  begin(): void {
    this.#state.set(START);
    this.#at = 0;
    this.#blocks = 0;
  }

  byte(byte: number): void {
    this.#block[this.#at++] = byte;
    if (this.#at === BLOCK_BYTES) this.#next(this.#block, 0);
  }

  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    let from = 0;
    if (this.#at + length < BLOCK_BYTES) {
      this.#block.set(bytes, this.#at);
      this.#at += length;
      return;
    }
    while (this.#at > 0 && from < length) this.byte(bytes[from++] as number);
    for (; from + BLOCK_BYTES <= length; from += BLOCK_BYTES) this.#next(bytes, from);
    while (from < length) this.byte(bytes[from++] as number);
  }

  /** The bytes that are the codes of the characters of `text`, all below 256. */
  codes(text: string): void {
    const { length } = text;
    if (this.#at + length >= BLOCK_BYTES) {
      for (let i = 0; i < length; i++) this.byte(text.charCodeAt(i));
      return;
    }
    const block = this.#block;
    let at = this.#at;
    for (let i = 0; i < length; i++) block[at++] = text.charCodeAt(i);
    this.#at = at;
  }

  /** Writes the hash of the input to `target`, from `offset` on. */
  finish(target: Uint8Array | number[], offset = 0): void {
    const bytes = BLOCK_BYTES * this.#blocks + this.#at;
    this.byte(128);
    if (this.#at > LENGTH_AT) {
      this.#block.fill(0, this.#at);
      this.#next(this.#block, 0);
    }
    this.#block.fill(0, this.#at);
    this.#view.setUint32(LENGTH_AT, bytes / 2 ** 29);
    this.#view.setUint32(LENGTH_AT + 4, bytes * 8);
    this.#next(this.#block, 0);
    for (let i = 0, at = offset; i < 8; i++) {
      const word = this.#state[i] as number;
      target[at++] = word >>> 24;
      target[at++] = (word >>> 16) & 255;
      target[at++] = (word >>> 8) & 255;
      target[at++] = word & 255;
    }
  }

  /** The hash of the input. */
  digest(): Uint8Array<ArrayBuffer> {
    const hash = new Uint8Array(HASH_BYTES);
    this.finish(hash);
    return hash;
  }

  /** Takes a block in (FIPS 180-4, 6.2.2). */
  #next(bytes: Uint8Array, offset: number): void {
    const w = this.#schedule;
    const state = this.#state;
    this.#at = 0;
    this.#blocks++;
    for (let i = 0, at = offset; i < 16; i++, at += 4) {
      w[i] =
        ((bytes[at] as number) << 24) |
        ((bytes[at + 1] as number) << 16) |
        ((bytes[at + 2] as number) << 8) |
        (bytes[at + 3] as number);
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15] as number;
      const y = w[i - 2] as number;
      const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (small1 + (w[i - 7] as number) + small0 + (w[i - 16] as number)) | 0;
    }
    let a = state[0] as number;
    let b = state[1] as number;
    let c = state[2] as number;
    let d = state[3] as number;
    let e = state[4] as number;
    let f = state[5] as number;
    let g = state[6] as number;
    let h = state[7] as number;
    for (let i = 0; i < 64; i++) {
      const large1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const choice = g ^ (e & (f ^ g));
      const t = (h + large1 + choice + (ROUNDS[i] as number) + (w[i] as number)) | 0;
      const large0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const majority = (a & b) | (c & (a | b));
      h = g;
      g = f;
      f = e;
      e = (d + t) | 0;
      d = c;
      c = b;
      b = a;
      a = (t + large0 + majority) | 0;
    }
    add(state, 0, a);
    add(state, 1, b);
    add(state, 2, c);
    add(state, 3, d);
    add(state, 4, e);
    add(state, 5, f);
    add(state, 6, g);
    add(state, 7, h);
  }
}

function add(words: Int32Array, at: number, value: number): void {
  words[at] = (words[at] as number) + value;
}

const once = new Sha256();

/** The 32 bytes of the hash of `bytes`. */
export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  once.begin();
  once.bytes(bytes);
  return once.digest();
}
