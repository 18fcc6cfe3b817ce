/**
 * Nodes of the hash trie (trie.ts): buckets of a few items, and branches over the sixteen next digits
 * of the key.
 *
 * Items and buckets never change; a branch is changed in place by who owns it, and copied by anybody
 * else. A branch holds its children's hashes, and knows by a mask which of them are out of date. So a
 * node needs no hash of its own, and what changed is hashed once, when a root is asked for.
 */

import { sha256 } from '@noble/hashes/sha2.js';

/** Bytes of a key, of a value's hash and of a node's hash. */
export const HASH_BYTES = 32;
/** More items than this split a bucket; a branch that shrinks to it becomes one. */
export const BUCKET_ITEMS = 8;
/** At this depth a bucket holds any number of items: their keys agree in 64 bits. */
export const MAX_DEPTH = 16;

const BUCKET_DOMAIN = 1;
const BRANCH_DOMAIN = 2;
const ITEM_BYTES = 2 * HASH_BYTES;

/** Bytes as a string of as many characters: an array of bytes takes three times the memory. */
export type Packed = string;

/** `bytes` as a string; at most a few hundred of them. */
export function pack(bytes: Uint8Array): Packed {
  return String.fromCharCode.apply(null, bytes as unknown as number[]);
}

/** Writes the bytes of `packed` into `target` from `offset` on. */
export function unpackInto(target: Uint8Array, offset: number, packed: Packed): void {
  for (let i = 0; i < packed.length; i++) target[offset + i] = packed.charCodeAt(i);
}

/** One item of a trie. */
export interface TrieItem<V> {
  /** Key, then hash of the value: 64 bytes. */
  readonly bytes: Packed;
  readonly value: V;
}

/** Items in ascending order of keys. */
export type Bucket<V> = readonly TrieItem<V>[];

/** Children by the next hexadecimal digit of the key. */
export class Branch<V> {
  /** Who may change it. */
  readonly owner: object;
  readonly children: (TrieNode<V> | undefined)[];
  /** The domain byte, then each child's hash, zeros where there is no child. */
  readonly bytes: Uint8Array;
  /** Bit i is set where the hash of child i is out of date. */
  stale: number;
  /** Items below it. */
  count: number;

  constructor(
    owner: object,
    children: (TrieNode<V> | undefined)[],
    bytes: Uint8Array,
    stale: number,
    count: number,
  ) {
    this.owner = owner;
    this.children = children;
    this.bytes = bytes;
    this.stale = stale;
    this.count = count;
  }
}

export type TrieNode<V> = Bucket<V> | Branch<V>;

/** How many items are below `node`. */
export function countOf(node: TrieNode<unknown> | undefined): number {
  return node instanceof Branch ? node.count : (node?.length ?? 0);
}

/** The hexadecimal digit of `bytes` at `depth`. */
export function digitAt(bytes: Packed, depth: number): number {
  const byte = bytes.charCodeAt(depth >> 1);
  return depth % 2 === 0 ? byte >> 4 : byte & 15;
}

/** Where the item of `key` is, or −1 − where it would be. */
export function findKey(bucket: Bucket<unknown>, key: Packed): number {
  let i = 0;
  for (const { bytes } of bucket) {
    if (bytes.startsWith(key)) return i;
    if (bytes > key) break;
    i++;
  }
  return -1 - i;
}

/** All items below `node`, in ascending order of keys. */
export function* itemsOf<V>(node: TrieNode<V> | undefined): Generator<TrieItem<V>> {
  if (node instanceof Branch) for (const child of node.children) yield* itemsOf(child);
  else if (node !== undefined) yield* node;
}

const EMPTY_HASH = new Uint8Array(HASH_BYTES);
/** Buckets of the usual sizes are put together here to be hashed. */
const scratch = new Uint8Array(1 + BUCKET_ITEMS * ITEM_BYTES);

/** Hash of a node; brings up to date what is out of date below it. */
export function hashNode(node: TrieNode<unknown>): Uint8Array {
  if (!(node instanceof Branch)) return hashBucket(node);
  for (let stale = node.stale; stale !== 0; stale &= stale - 1) {
    const digit = 31 - Math.clz32(stale & -stale);
    const child = node.children[digit];
    node.bytes.set(child === undefined ? EMPTY_HASH : hashNode(child), 1 + digit * HASH_BYTES);
  }
  node.stale = 0;
  return sha256(node.bytes);
}

function hashBucket(bucket: Bucket<unknown>): Uint8Array {
  const length = 1 + bucket.length * ITEM_BYTES;
  const bytes = length <= scratch.length ? scratch.subarray(0, length) : new Uint8Array(length);
  bytes[0] = BUCKET_DOMAIN;
  let offset = 1;
  for (const item of bucket) {
    unpackInto(bytes, offset, item.bytes);
    offset += ITEM_BYTES;
  }
  return sha256(bytes);
}

/** Hash of a child, as a view; the branch's own hash was asked for before. */
export function childHash(branch: Branch<unknown>, digit: number): Uint8Array {
  return branch.bytes.subarray(1 + digit * HASH_BYTES, 1 + (digit + 1) * HASH_BYTES);
}

/** `node` with `item` in it, in place of one with its key; the same branch where `owner` owns it. */
export function insert<V>(
  node: TrieNode<V> | undefined,
  owner: object,
  depth: number,
  item: TrieItem<V>,
): TrieNode<V> {
  if (node === undefined) return [item];
  if (node instanceof Branch) {
    const branch = owned(node, owner);
    const digit = digitAt(item.bytes, depth);
    const child = branch.children[digit];
    const before = countOf(child);
    const changed = insert(child, owner, depth + 1, item);
    branch.children[digit] = changed;
    branch.stale |= 1 << digit;
    branch.count += countOf(changed) - before;
    return branch;
  }
  const at = findKey(node, item.bytes.slice(0, HASH_BYTES));
  const bucket = node.slice();
  if (at >= 0) bucket[at] = item;
  else bucket.splice(-1 - at, 0, item);
  return divided(bucket, owner, depth);
}

/** `node` without the item of `key`: the very same where it holds none, `undefined` where nothing is left. */
export function remove<V>(
  node: TrieNode<V> | undefined,
  owner: object,
  depth: number,
  key: Packed,
): TrieNode<V> | undefined {
  if (node instanceof Branch) {
    const digit = digitAt(key, depth);
    const child = node.children[digit];
    const before = countOf(child);
    const changed = remove(child, owner, depth + 1, key);
    if (countOf(changed) === before) return node;
    const branch = owned(node, owner);
    branch.children[digit] = changed;
    branch.stale |= 1 << digit;
    branch.count--;
    return branch.count > BUCKET_ITEMS ? branch : [...itemsOf(branch)];
  }
  const at = node === undefined ? -1 : findKey(node, key);
  if (node === undefined || at < 0) return node;
  return node.length === 1 ? undefined : node.toSpliced(at, 1);
}

function owned<V>(node: Branch<V>, owner: object): Branch<V> {
  if (node.owner === owner) return node;
  return new Branch(owner, node.children.slice(), node.bytes.slice(), node.stale, node.count);
}

/** `bucket`, or the branch that stands for it where it is too large. */
function divided<V>(bucket: Bucket<V>, owner: object, depth: number): TrieNode<V> {
  if (bucket.length <= BUCKET_ITEMS || depth === MAX_DEPTH) return bucket;
  const buckets: (TrieItem<V>[] | undefined)[] = new Array(16).fill(undefined);
  let stale = 0;
  for (const item of bucket) {
    const digit = digitAt(item.bytes, depth);
    const child = buckets[digit];
    if (child === undefined) buckets[digit] = [item];
    else child.push(item);
    stale |= 1 << digit;
  }
  const children = buckets.map((child) => child && divided(child, owner, depth + 1));
  const bytes = new Uint8Array(1 + 16 * HASH_BYTES);
  bytes[0] = BRANCH_DOMAIN;
  return new Branch(owner, children, bytes, stale, bucket.length);
}
