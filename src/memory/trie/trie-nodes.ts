/**
 * Nodes of the hash trie (trie.ts): buckets of a few items, and branches over the sixteen next digits
 * of their paths.
 *
 * Items and buckets never change; a branch is changed in place by who owns it, and copied by anybody
 * else. A branch holds its children's hashes, and knows by a mask which of them are out of date. So a
 * node needs no hash of its own, and what changed is hashed once, when a root is asked for.
 */

import { HASH_BYTES } from '../../util/sha256.ts';
import { type Hasher, hasher, type Packed } from '../hasher.ts';

/** More items than this split a bucket; a branch that shrinks to it becomes one. */
export const BUCKET_ITEMS = 8;
/** At this depth a bucket holds any number of items: their paths agree in 64 bits. */
export const MAX_DEPTH = 16;

const BUCKET_DOMAIN = 1;
const BRANCH_DOMAIN = 2;
const ITEM_DOMAIN = 5;

/** One item of a trie; it never changes. */
export interface TrieItem {
  /** Where it hangs: 32 uniformly spread bytes, a hash of its name. */
  readonly path: Packed;
  /** Writes what it holds, its name included, in a form that tells where it ends. */
  write(to: Hasher): void;
}

/** Items in ascending order of paths. */
export type Bucket<I> = readonly I[];

/** Children by the next hexadecimal digit of the path. */
export class Branch<I> {
  /** Who may change it. */
  readonly owner: object;
  readonly children: (TrieNode<I> | undefined)[];
  /** Each child's hash, zeros where there is no child. */
  readonly hashes: Uint8Array;
  /** Bit i is set where the hash of child i is out of date. */
  stale: number;
  /** Items below it. */
  count: number;

  constructor(
    owner: object,
    children: (TrieNode<I> | undefined)[],
    hashes: Uint8Array,
    stale: number,
    count: number,
  ) {
    this.owner = owner;
    this.children = children;
    this.hashes = hashes;
    this.stale = stale;
    this.count = count;
  }
}

export type TrieNode<I> = Bucket<I> | Branch<I>;

/** How many items are below `node`. */
export function countOf(node: TrieNode<unknown> | undefined): number {
  return node instanceof Branch ? node.count : (node?.length ?? 0);
}

/** The hexadecimal digit of `path` at `depth`. */
export function digitAt(path: Packed, depth: number): number {
  const byte = path.charCodeAt(depth >> 1);
  return depth % 2 === 0 ? byte >> 4 : byte & 15;
}

/** Where the item of `path` is, or −1 − where it would be. */
export function findItem(bucket: Bucket<TrieItem>, path: Packed): number {
  let i = 0;
  for (const item of bucket) {
    if (item.path === path) return i;
    if (item.path > path) break;
    i++;
  }
  return -1 - i;
}

/** All items below `node`, in ascending order of paths. */
export function* itemsOf<I>(node: TrieNode<I> | undefined): Generator<I> {
  if (node instanceof Branch) for (const child of node.children) yield* itemsOf(child);
  else if (node !== undefined) yield* node;
}

/** Writes the hash of a node to `target`; brings up to date what is out of date below it. */
export function hashNode(node: TrieNode<TrieItem>, target: Uint8Array, offset: number): void {
  if (node instanceof Branch) {
    for (let stale = node.stale; stale !== 0; stale &= stale - 1) {
      const digit = 31 - Math.clz32(stale & -stale);
      const child = node.children[digit];
      const at = digit * HASH_BYTES;
      if (child === undefined) node.hashes.fill(0, at, at + HASH_BYTES);
      else hashNode(child, node.hashes, at);
    }
    node.stale = 0;
    hashBranch(node.hashes, target, offset);
  } else {
    const bucket = ofBucket();
    for (const item of node) item.write(bucket);
    bucket.finish(target, offset);
  }
}

/** Writes the hash of a branch to `target`, by those of its children. */
export function hashBranch(hashes: Uint8Array, target: Uint8Array, offset: number): void {
  hasher.of(BRANCH_DOMAIN).bytes(hashes);
  hasher.finish(target, offset);
}

/** Begins the hash of a bucket, which goes on with what its items hold. */
export function ofBucket(): Hasher {
  return hasher.of(BUCKET_DOMAIN);
}

/** Writes the hash of an item to `target`. */
export function hashItem(item: TrieItem, target: Uint8Array): void {
  item.write(hasher.of(ITEM_DOMAIN));
  hasher.finish(target);
}

/** Hash of a child, as a view; the branch's own hash was asked for before. */
export function childHash(branch: Branch<unknown>, digit: number): Uint8Array {
  return branch.hashes.subarray(digit * HASH_BYTES, (digit + 1) * HASH_BYTES);
}

/** `node` with `item` in it, in place of one with its path; the same branch where `owner` owns it. */
export function insert<I extends TrieItem>(
  node: TrieNode<I> | undefined,
  owner: object,
  depth: number,
  item: I,
): TrieNode<I> {
  if (node === undefined) return [item];
  if (node instanceof Branch) {
    const branch = owned(node, owner);
    const digit = digitAt(item.path, depth);
    const child = branch.children[digit];
    const before = countOf(child);
    const changed = insert(child, owner, depth + 1, item);
    branch.children[digit] = changed;
    branch.stale |= 1 << digit;
    branch.count += countOf(changed) - before;
    return branch;
  }
  const at = findItem(node, item.path);
  const bucket = node.slice();
  if (at >= 0) bucket[at] = item;
  else bucket.splice(-1 - at, 0, item);
  return divided(bucket, owner, depth);
}

/** `node` without the item of `path`: the very same where it holds none, `undefined` where nothing is left. */
export function remove<I extends TrieItem>(
  node: TrieNode<I> | undefined,
  owner: object,
  depth: number,
  path: Packed,
): TrieNode<I> | undefined {
  if (node instanceof Branch) {
    const digit = digitAt(path, depth);
    const child = node.children[digit];
    const before = countOf(child);
    const changed = remove(child, owner, depth + 1, path);
    if (countOf(changed) === before) return node;
    const branch = owned(node, owner);
    branch.children[digit] = changed;
    branch.stale |= 1 << digit;
    branch.count--;
    return branch.count > BUCKET_ITEMS ? branch : [...itemsOf(branch)];
  }
  const at = node === undefined ? -1 : findItem(node, path);
  if (node === undefined || at < 0) return node;
  return node.length === 1 ? undefined : node.toSpliced(at, 1);
}

function owned<I>(node: Branch<I>, owner: object): Branch<I> {
  if (node.owner === owner) return node;
  return new Branch(owner, node.children.slice(), node.hashes.slice(), node.stale, node.count);
}

/** The bucket of `items`, each of another path, or the branch that stands for it where it is too large. */
export function divided<I extends TrieItem>(items: I[], owner: object, depth: number): TrieNode<I> {
  if (items.length <= BUCKET_ITEMS || depth === MAX_DEPTH) return sorted(items);
  const counts = new Uint32Array(16);
  for (const { path } of items) {
    const digit = digitAt(path, depth);
    counts[digit] = (counts[digit] as number) + 1;
  }
  const parts = Array.from(counts, (count) => (count === 0 ? undefined : new Array<I>(count)));
  let stale = 0;
  for (const item of items) {
    const digit = digitAt(item.path, depth);
    stale |= 1 << digit;
    const left = (counts[digit] as number) - 1;
    counts[digit] = left;
    (parts[digit] as I[])[left] = item;
  }
  const children = parts.map((part) => part && divided(part, owner, depth + 1));
  return new Branch(owner, children, new Uint8Array(16 * HASH_BYTES), stale, items.length);
}

/** `items`, which are few as a rule, in order of their paths. */
function sorted<I extends TrieItem>(items: I[]): I[] {
  return items.length < 2 ? items : items.sort((a, b) => (a.path < b.path ? -1 : 1));
}
