/**
 * Builds the hash trie of many items at once (SPEC.md T1, T2): what they hold is written side by side in
 * one pass over them, as they come; then nodes are made and hashed in order of paths, the leaves first.
 * Items set one by one give the same trie and take several times as long: each is looked at again and
 * again, and lies elsewhere in memory than the one before.
 */

import { HASH_BYTES } from '../../util/sha256.ts';
import { hasher, type Packed } from '../hasher.ts';
import {
  Branch,
  BUCKET_ITEMS,
  divided,
  hashBranch,
  hashNode,
  ofBucket,
  type TrieItem,
  type TrieNode,
} from './trie-nodes.ts';

/** A number is to hold exactly the first bits of a path and which item it is of. */
const NUMBER_BITS = 52;
const PREFIX_BITS = 32;
const FIRST_CAPACITY = 16_384;

/** A trie and its root. */
export interface Built<I> {
  readonly node: TrieNode<I>;
  readonly hash: Uint8Array;
}

/** The trie of `items`, each of another path; `owner` owns its nodes. */
export function build<I extends TrieItem>(items: readonly I[], owner: object): Built<I> {
  const hash = new Uint8Array(HASH_BYTES);
  const node = new Builder(items, owner).node(0, items.length, 0, hash, 0);
  return { node, hash };
}

class Builder<I extends TrieItem> {
  /** In order of paths, so far as their beginnings tell it. */
  readonly #items: I[] = [];
  readonly #owner: object;
  /** By rank: the beginning of the path, of which `#digits` digits count, and which item it was. */
  readonly #prefixes: Uint32Array;
  readonly #ranked: Uint32Array;
  readonly #digits: number;
  /** What the items hold, one after another, nothing where that is long; and where that of each begins. */
  #contents = new Uint8Array(FIRST_CAPACITY);
  readonly #starts: Uint32Array;

  constructor(items: readonly I[], owner: object) {
    const { length } = items;
    this.#owner = owner;
    this.#prefixes = new Uint32Array(length);
    this.#ranked = new Uint32Array(length);
    this.#starts = new Uint32Array(length + 1);
    const indexBits = Math.ceil(Math.log2(length + 1));
    this.#digits = Math.min(PREFIX_BITS, NUMBER_BITS - indexBits) >> 2;
    const unused = 2 ** (PREFIX_BITS - 4 * this.#digits);
    const scale = 2 ** indexBits;
    const order = new Float64Array(length);
    for (let i = 0; i < length; i++) {
      const item = items[i] as I;
      order[i] = Math.floor(prefixOf(item.path) / unused) * scale + i;
      this.#keep(item, i);
    }
    order.sort();
    for (let rank = 0; rank < length; rank++) {
      const prefix = Math.floor((order[rank] as number) / scale);
      this.#prefixes[rank] = prefix * unused;
      const index = (order[rank] as number) - prefix * scale;
      this.#ranked[rank] = index;
      this.#items.push(items[index] as I);
    }
  }

  /** The node of the items from rank `from` to `to`, whose hash is written to `target`. */
  node(from: number, to: number, depth: number, target: Uint8Array, offset: number): TrieNode<I> {
    const isBucket = to - from <= BUCKET_ITEMS;
    if (isBucket && this.#isPlain(from, to)) return this.#bucket(from, to, target, offset);
    if (isBucket || depth === this.#digits) {
      const node = divided(this.#items.slice(from, to), this.#owner, depth);
      hashNode(node, target, offset);
      return node;
    }
    const children = new Array<TrieNode<I> | undefined>(16).fill(undefined);
    const hashes = new Uint8Array(16 * HASH_BYTES);
    for (let begin = from; begin < to; ) {
      const digit = this.#digit(begin, depth);
      let end = begin + 1;
      while (end < to && this.#digit(end, depth) === digit) end++;
      children[digit] = this.node(begin, end, depth + 1, hashes, digit * HASH_BYTES);
      begin = end;
    }
    hashBranch(hashes, target, offset);
    return new Branch(this.#owner, children, hashes, 0, to - from);
  }

  #bucket(from: number, to: number, target: Uint8Array, offset: number): I[] {
    const bucket = ofBucket();
    for (let rank = from; rank < to; rank++) {
      const index = this.#ranked[rank] as number;
      bucket.range(
        this.#contents,
        this.#starts[index] as number,
        this.#starts[index + 1] as number,
      );
    }
    bucket.finish(target, offset);
    return this.#items.slice(from, to);
  }

  /** Writes down what an item holds, behind what those before it do. */
  #keep(item: I, index: number): void {
    const start = this.#starts[index] as number;
    hasher.begin();
    item.write(hasher);
    const end = start + Math.max(0, hasher.inputLength);
    if (end > this.#contents.length) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#contents.length));
      larger.set(this.#contents);
      this.#contents = larger;
    }
    if (end > start) hasher.copy(this.#contents, start);
    this.#starts[index + 1] = end;
  }

  #digit(rank: number, depth: number): number {
    return ((this.#prefixes[rank] as number) >>> (28 - 4 * depth)) & 15;
  }

  /** Whether what is known of the paths tells their order, and all that the items hold is written down. */
  #isPlain(from: number, to: number): boolean {
    for (let rank = from; rank < to; rank++) {
      if (rank > from && this.#prefixes[rank] === this.#prefixes[rank - 1]) return false;
      const index = this.#ranked[rank] as number;
      if (this.#starts[index + 1] === this.#starts[index]) return false;
    }
    return true;
  }
}

/** The first 32 bits of a path. */
function prefixOf(path: Packed): number {
  const low = (path.charCodeAt(1) << 16) | (path.charCodeAt(2) << 8) | path.charCodeAt(3);
  return path.charCodeAt(0) * 2 ** 24 + low;
}
