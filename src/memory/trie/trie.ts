/**
 * A canonical hash trie: a map from 32-byte keys to hashed values, whose root tells in 32 bytes
 * whether two maps are equal, and whose nodes tell where they are not (SPEC.md section 7, T1 to T5).
 *
 * A Merkle prefix tree, as Merkle's trees of digests (1987) over a radix trie. Keys are hashes, so its
 * shape is even, and it depends on the set of keys alone.
 */

import { equalBytes } from '../../util/bytes.ts';
import {
  Branch,
  childHash,
  countOf,
  digitAt,
  findKey,
  HASH_BYTES,
  hashNode,
  insert,
  itemsOf,
  type Packed,
  pack,
  remove,
  type TrieItem,
  type TrieNode,
} from './trie-nodes.ts';

/** Key and hash of the item that is being set. */
const both = new Uint8Array(2 * HASH_BYTES);

export class Trie<V> implements Iterable<TrieItem<V>> {
  #root: TrieNode<V> = [];
  #owner: object = {};
  #hash: Uint8Array | undefined;

  /** How many items it holds. */
  get size(): number {
    return countOf(this.#root);
  }

  /** Sets the value of `key`, and the value's hash: 32 uniformly spread bytes each, which are copied. */
  set(key: Uint8Array, hash: Uint8Array, value: V): void {
    both.set(key);
    both.set(hash, HASH_BYTES);
    this.#root = insert(this.#root, this.#owner, 0, { bytes: pack(both), value });
    this.#hash = undefined;
  }

  /** Removes the item of `key`; tells whether there was one. */
  delete(key: Uint8Array): boolean {
    const before = this.size;
    this.#root = remove(this.#root, this.#owner, 0, pack(key)) ?? [];
    if (this.size === before) return false;
    this.#hash = undefined;
    return true;
  }

  /** The item of `key`. */
  get(key: Uint8Array): TrieItem<V> | undefined {
    const packed = pack(key);
    let node: TrieNode<V> | undefined = this.#root;
    for (let depth = 0; node instanceof Branch; depth++) {
      node = node.children[digitAt(packed, depth)];
    }
    return node?.[findKey(node, packed)];
  }

  /** 32 bytes that are equal exactly where the sets of keys and hashes are. Not to be changed. */
  root(): Uint8Array {
    this.#hash ??= hashNode(this.#root);
    return this.#hash;
  }

  /** The trie as it is now; later changes of either do not touch the other. Costs next to nothing. */
  snapshot(): Trie<V> {
    this.root();
    const copy = new Trie<V>();
    copy.#root = this.#root;
    copy.#hash = this.#hash;
    // The nodes of now belong to nobody from here on, so whoever changes one copies it.
    this.#owner = {};
    return copy;
  }

  /** The node at the end of `path`, hexadecimal digits from the root; its hashes are up to date. */
  nodeAt(path: string): TrieNode<V> | undefined {
    this.root();
    let node: TrieNode<V> | undefined = this.#root;
    for (const digit of path) {
      if (!(node instanceof Branch)) return undefined;
      node = node.children[Number.parseInt(digit, 16)];
    }
    return node;
  }

  /** The items in ascending order of keys. */
  [Symbol.iterator](): Iterator<TrieItem<V>> {
    return itemsOf(this.#root);
  }

  /** Where this trie and `other` differ, by ascending key. What the two share is not looked at. */
  differences(other: Trie<V>): Generator<TrieDifference<V>> {
    this.root();
    other.root();
    return differences(this.#root, other.#root);
  }
}

/** A key that two tries do not hold with the same hash. */
export interface TrieDifference<V> {
  /** What this trie holds. */
  readonly mine: TrieItem<V> | undefined;
  /** What the other trie holds. */
  readonly other: TrieItem<V> | undefined;
}

function* differences<V>(
  mine: TrieNode<V> | undefined,
  other: TrieNode<V> | undefined,
): Generator<TrieDifference<V>> {
  if (mine === other) return;
  if (mine instanceof Branch && other instanceof Branch) {
    for (let digit = 0; digit < 16; digit++) {
      if (equalBytes(childHash(mine, digit), childHash(other, digit))) continue;
      yield* differences(mine.children[digit], other.children[digit]);
    }
    return;
  }
  const left = itemsOf(mine);
  const right = itemsOf(other);
  let a = left.next().value as TrieItem<V> | undefined;
  let b = right.next().value as TrieItem<V> | undefined;
  while (a !== undefined || b !== undefined) {
    const order = a === undefined ? 1 : b === undefined ? -1 : compareKeys(a.bytes, b.bytes);
    if (a?.bytes !== b?.bytes)
      yield { mine: order <= 0 ? a : undefined, other: order >= 0 ? b : undefined };
    if (order <= 0) a = left.next().value as TrieItem<V> | undefined;
    if (order >= 0) b = right.next().value as TrieItem<V> | undefined;
  }
}

/** −, 0 or + as the key that `a` begins with comes before, is, or comes after that of `b`. */
function compareKeys(a: Packed, b: Packed): number {
  const [keyA, keyB] = [a.slice(0, HASH_BYTES), b.slice(0, HASH_BYTES)];
  return keyA === keyB ? 0 : keyA < keyB ? -1 : 1;
}
