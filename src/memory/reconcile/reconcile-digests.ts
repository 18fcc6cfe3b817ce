/**
 * Digests of one walk: salted, so that nobody can choose what collides, and cut short (SPEC.md W3).
 *
 * Each 3 bytes of a digest are the upper bytes of a sum of products, of the bytes of a hash and of words
 * that the salt gives. Of two hashes that differ they are the same by a chance of 2^-24, whatever the
 * hashes (universal hashing: Carter, Wegman, 1979). That is all that is asked of them, and takes a
 * tenth of the time of a cryptographic hash.
 */

import { HASH_BYTES } from '../../util/sha256.ts';
import { hasher, type Packed } from '../hasher.ts';
import { type Branch, hashItem, type TrieItem } from '../trie/trie-nodes.ts';

const SALT_DOMAIN = 4;
/** Bytes of an item's id at the first walk, the second and the last. */
const ID_WIDTHS = [3, 8, 32] as const;
/** Near the root there are so few nodes that fewer bytes seldom collide. */
const SHORT_WIDTH = 2;
const SHORT_DEPTH = 2;
/** Bytes of a digest that one sum gives. */
const SUM_BYTES = 3;

/** Hexadecimal digits from the root to a node. */
export type Path = string;

/** Bytes of an item's id. */
export function idWidth(attempt: number): number {
  return ID_WIDTHS[attempt] ?? HASH_BYTES;
}

/** Bytes of the digests of the children of the node at `path`. */
export function digestWidth(attempt: number, path: Path): number {
  return attempt === 0 && path.length < SHORT_DEPTH ? SHORT_WIDTH : idWidth(attempt);
}

const input = new Uint8Array(HASH_BYTES);

export class Digester {
  readonly #attempt: number;
  /** For each sum a word for each byte of a hash. */
  readonly #words: Int32Array;

  /** `nonces`: of who compared, then of who answered. */
  constructor(nonces: readonly Uint8Array[], attempt: number) {
    this.#attempt = attempt;
    const sums = Math.ceil(idWidth(attempt) / SUM_BYTES);
    const bytes = new Uint8Array(4 * sums * HASH_BYTES);
    for (let at = 0; at < bytes.length; at += HASH_BYTES) {
      hasher.of(SALT_DOMAIN);
      for (const nonce of nonces) hasher.bytes(nonce);
      hasher.uint(at / HASH_BYTES);
      hasher.finish(bytes, at);
    }
    const view = new DataView(bytes.buffer);
    this.#words = Int32Array.from({ length: bytes.length / 4 }, (_, i) => view.getInt32(4 * i));
  }

  /** Of the children of the branch at `path`, those that exist, by their digit. */
  children({ children, hashes }: Branch<unknown>, path: Path): (Packed | undefined)[] {
    const width = digestWidth(this.#attempt, path);
    return children.map((child, digit) => child && this.#digest(hashes, digit * HASH_BYTES, width));
  }

  /** Of an item. */
  item(item: TrieItem): Packed {
    hashItem(item, input);
    return this.#digest(input, 0, idWidth(this.#attempt));
  }

  /** Of the hash that stands in `bytes` at `offset`. */
  #digest(bytes: Uint8Array, offset: number, width: number): Packed {
    const words = this.#words;
    let digest = '';
    for (let from = 0; digest.length < width; from += HASH_BYTES) {
      let sum = 0;
      for (let i = 0; i < HASH_BYTES; i++) {
        sum = (sum + Math.imul(words[from + i] as number, bytes[offset + i] as number)) | 0;
      }
      digest += String.fromCharCode(sum >>> 24, (sum >>> 16) & 255, (sum >>> 8) & 255);
    }
    return digest.slice(0, width);
  }
}
