/**
 * A canonical hash trie: a map from 32-byte keys to hashed values, whose root tells in 32 bytes
 * whether two maps are equal, and whose nodes tell where they are not (SPEC.md section 7, T1 to T5).
 *
 * A Merkle prefix tree, as Merkle's trees of digests (1987) over a radix trie. Keys are hashes, so its
 * shape is even, and it depends on the set of keys alone.
 */

import { equalBytes } from '../../util/bytes.ts';
import { HASH_BYTES } from '../../util/sha256.ts';
import type { Packed } from '../hasher.ts';
import { build } from './trie-build.ts';
import {
  Branch,
  childHash,
  countOf,
  digitAt,
  findItem,
  hashItem,
  hashNode,
  insert,
  itemsOf,
  remove,
  type TrieItem,
  type TrieNode,
} from './trie-nodes.ts';

export class Trie<I extends TrieItem> implements Iterable<I> {
  #root: TrieNode<I>;
  #owner: object = {};
  #hash: Uint8Array | undefined;

  /** A trie of `items`, each of another path. */
  constructor(items: readonly I[] = []) {
    if (items.length === 0) {
      this.#root = [];
      return;
    }
    const { node, hash } = build(items, this.#owner);
    this.#root = node;
    this.#hash = hash;
  }

  /** How many items it holds. */
  get size(): number {
    return countOf(this.#root);
  }

  /** Sets an item, in place of the one of its path. */
  set(item: I): void {
    this.#root = insert(this.#root, this.#owner, 0, item);
    this.#hash = undefined;
  }

  /** Removes the item of `path`; tells whether there was one. */
  delete(path: Packed): boolean {
    const before = this.size;
    this.#root = remove(this.#root, this.#owner, 0, path) ?? [];
    if (this.size === before) return false;
    this.#hash = undefined;
    return true;
  }

  /** The item of `path`. */
  get(path: Packed): I | undefined {
    let node: TrieNode<I> | undefined = this.#root;
    for (let depth = 0; node instanceof Branch; depth++) node = node.children[digitAt(path, depth)];
    return node?.[findItem(node, path)];
  }

  /** 32 bytes that are equal exactly where the same items are held. Not to be changed. */
  root(): Uint8Array {
    if (this.#hash === undefined) {
      this.#hash = new Uint8Array(HASH_BYTES);
      hashNode(this.#root, this.#hash, 0);
    }
    return this.#hash;
  }

  /** The trie as it is now; later changes of either do not touch the other. Costs next to nothing. */
  snapshot(): Trie<I> {
    this.root();
    const copy = new Trie<I>();
    copy.#root = this.#root;
    copy.#hash = this.#hash;
    // The nodes of now belong to nobody from here on, so whoever changes one copies it.
    this.#owner = {};
    return copy;
  }

  /** The node at the end of `path`, hexadecimal digits from the root; its hashes are up to date. */
  nodeAt(path: string): TrieNode<I> | undefined {
    this.root();
    let node: TrieNode<I> | undefined = this.#root;
    for (const digit of path) {
      if (!(node instanceof Branch)) return undefined;
      node = node.children[Number.parseInt(digit, 16)];
    }
    return node;
  }

  /** The items in ascending order of paths. */
  [Symbol.iterator](): Iterator<I> {
    return itemsOf(this.#root);
  }

  /** Whether nothing was set or removed in either since one was a snapshot of the other. */
  isUnchanged(since: Trie<I>): boolean {
    return this.#root === since.#root;
  }

  /** Where this trie and `other` differ, by ascending path. What the two share is not looked at. */
  differences(other: Trie<I>): Generator<TrieDifference<I>> {
    this.root();
    other.root();
    return differences(this.#root, other.#root, BY_HASH);
  }

  /**
   * The same against an earlier snapshot of this trie, and nothing is hashed for it: what was set again
   * as it was before counts as another.
   */
  changes(since: Trie<I>): Generator<TrieDifference<I>> {
    return differences(this.#root, since.#root, BY_IDENTITY);
  }
}

/** A path at which two tries do not hold the same. */
export interface TrieDifference<I> {
  /** What this trie holds. */
  readonly mine: I | undefined;
  /** What the other trie holds. */
  readonly other: I | undefined;
}

/** How nodes and items are compared. */
interface Comparison {
  isSameChild(a: Branch<TrieItem>, b: Branch<TrieItem>, digit: number): boolean;
  isSameItem(a: TrieItem, b: TrieItem): boolean;
}

const hashes = [new Uint8Array(HASH_BYTES), new Uint8Array(HASH_BYTES)] as const;

const BY_HASH: Comparison = {
  isSameChild: (a, b, digit) => equalBytes(childHash(a, digit), childHash(b, digit)),
  isSameItem(a, b) {
    if (a === b) return true;
    hashItem(a, hashes[0]);
    hashItem(b, hashes[1]);
    return equalBytes(...hashes);
  },
};

const BY_IDENTITY: Comparison = {
  isSameChild: (a, b, digit) => a.children[digit] === b.children[digit],
  isSameItem: (a, b) => a === b,
};

function* differences<I extends TrieItem>(
  mine: TrieNode<I> | undefined,
  other: TrieNode<I> | undefined,
  by: Comparison,
): Generator<TrieDifference<I>> {
  if (mine === other) return;
  if (mine instanceof Branch && other instanceof Branch) {
    for (let digit = 0; digit < 16; digit++) {
      if (by.isSameChild(mine, other, digit)) continue;
      yield* differences(mine.children[digit], other.children[digit], by);
    }
    return;
  }
  const left = itemsOf(mine);
  const right = itemsOf(other);
  let a = left.next().value as I | undefined;
  let b = right.next().value as I | undefined;
  while (a !== undefined || b !== undefined) {
    const isFirst = b === undefined || (a !== undefined && a.path <= b.path);
    const isSecond = a === undefined || (b !== undefined && b.path <= a.path);
    if (!(isFirst && isSecond && by.isSameItem(a as I, b as I))) {
      yield { mine: isFirst ? a : undefined, other: isSecond ? b : undefined };
    }
    if (isFirst) a = left.next().value as I | undefined;
    if (isSecond) b = right.next().value as I | undefined;
  }
}
