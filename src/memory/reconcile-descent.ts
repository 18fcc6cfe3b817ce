/**
 * One trie's part of a walk: from the root down to the items in which two snapshots differ.
 *
 * A side describes a node to the other: a branch by its children's digests, a bucket by its items' ids.
 * The other describes each child that differs, and answers ids by telling which of them it lacks.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import type { Trie } from './trie.ts';
import {
  Branch,
  childHash,
  HASH_BYTES,
  itemsOf,
  MAX_DEPTH,
  type Packed,
  pack,
  type TrieItem,
  unpackInto,
} from './trie-nodes.ts';

/** Bytes of the salt of a walk. */
export const SALT_BYTES = 16;
/** Most items of one bucket that are told: those at the greatest depth alone might have more. */
export const MAX_LISTED = 32;

/** Hexadecimal digits from the root to a node. */
export type Path = string;

export type Section =
  /** The children of a branch, those that exist, by their digit. */
  | {
      readonly kind: 'digests';
      readonly path: Path;
      readonly digests: readonly (Packed | undefined)[];
    }
  /** The items of a bucket, but those that are sent whole, in ascending order of keys. */
  | { readonly kind: 'list'; readonly path: Path; readonly ids: readonly Packed[] }
  /** Of a list of the other side: bit i is set where item i is lacked. */
  | { readonly kind: 'answer'; readonly path: Path; readonly lacked: number };

/** A list that waits for its answer. */
export interface Question {
  readonly path: Path;
  readonly ids: readonly Packed[];
}

/** Digests of one walk: salted, so that nobody can choose what collides, and cut short (W3). */
export class Digester {
  readonly #width: number;
  readonly #input = new Uint8Array(SALT_BYTES + 2 * HASH_BYTES);

  constructor(salt: Uint8Array, width: number) {
    this.#width = width;
    this.#input.set(salt.subarray(0, SALT_BYTES));
  }

  /** Of a node's hash. */
  node(hash: Uint8Array): Packed {
    this.#input.set(hash, SALT_BYTES);
    return this.#cut(this.#input.subarray(0, SALT_BYTES + HASH_BYTES));
  }

  /** Of an item. */
  item({ bytes }: TrieItem<unknown>): Packed {
    unpackInto(this.#input, SALT_BYTES, bytes);
    return this.#cut(this.#input);
  }

  #cut(input: Uint8Array): Packed {
    return pack(sha256(input).subarray(0, this.#width));
  }
}

export class Descent<V> {
  readonly #trie: Trie<V>;
  readonly #digester: Digester;
  /** Branches described, and not yet described by the other side one level below: path and digits left. */
  readonly #described = new Map<Path, number>();
  /** Items that were listed, by path, until the answer came. */
  readonly #listed = new Map<Path, readonly TrieItem<V>[]>();
  #isRootOpen: boolean;
  /** Nodes to describe by digests or by a list. */
  readonly branches: Path[] = [];
  readonly buckets: Path[] = [];
  /** Lists of the other side to be answered. */
  readonly questions: Question[] = [];
  /** Items that the other side lacks, of those that were listed to it. */
  readonly lacked: TrieItem<V>[] = [];

  /** `isFirst`: whether this side describes the root. */
  constructor(trie: Trie<V>, digester: Digester, isFirst: boolean) {
    this.#trie = trie;
    this.#digester = digester;
    this.#isRootOpen = !isFirst;
    if (isFirst) this.#describe('');
  }

  /** Takes a section of the other side; tells what is wrong with it, if anything is. */
  receive(section: Section): string | undefined {
    const { path } = section;
    if (section.kind === 'answer') {
      const listed = this.#listed.get(path);
      if (listed === undefined) return 'an answer to no question';
      this.#listed.delete(path);
      for (const [i, item] of listed.entries()) {
        if ((section.lacked >>> i) & 1) this.lacked.push(item);
      }
      return undefined;
    }
    if (!this.#isAwaited(path)) return 'a node that was not asked for';
    if (section.kind === 'list') {
      this.questions.push(section);
      return undefined;
    }
    const node = this.#trie.nodeAt(path);
    if (!(node instanceof Branch)) {
      this.buckets.push(path);
      return undefined;
    }
    if (path.length >= MAX_DEPTH) return 'a branch at the greatest depth';
    for (let digit = 0; digit < 16; digit++) {
      const theirs = section.digests[digit];
      const mine = node.children[digit] && this.#digester.node(childHash(node, digit));
      if (mine === theirs) continue;
      const child = path + digit.toString(16);
      // They hold nothing there: all that is here goes, as if they had listed nothing.
      if (theirs === undefined) this.questions.push({ path: child, ids: [] });
      else this.#describe(child);
    }
    return undefined;
  }

  /** The other side has answered all that was asked; what it passed over is equal. */
  answered(): void {
    this.#listed.clear();
  }

  /** The section that tells a branch's children. */
  digests(path: Path): Section {
    const branch = this.#trie.nodeAt(path) as Branch<V>;
    const digests = branch.children.map(
      (child, digit) => child && this.#digester.node(childHash(branch, digit)),
    );
    this.#described.set(path, 0xffff);
    return { kind: 'digests', path, digests };
  }

  /** The section that lists a bucket's items, but those of which `isPushed` is true. */
  list(path: Path, isPushed: (item: TrieItem<V>) => boolean): Section {
    const items: TrieItem<V>[] = [];
    for (const item of itemsOf(this.#trie.nodeAt(path))) if (!isPushed(item)) items.push(item);
    items.length = Math.min(items.length, MAX_LISTED);
    this.#listed.set(path, items);
    return { kind: 'list', path, ids: items.map((item) => this.#digester.item(item)) };
  }

  /** What of a list is lacked here, by its bits, and the items here that are not in it. */
  answer({ path, ids }: Question): { lacked: number; unlisted: TrieItem<V>[] } {
    const places = new Map(ids.map((id, i) => [id, i]));
    let lacked = 0xffffffff >>> (32 - ids.length);
    const unlisted: TrieItem<V>[] = [];
    for (const item of itemsOf(this.#trie.nodeAt(path))) {
      const place = places.size === 0 ? undefined : places.get(this.#digester.item(item));
      if (place === undefined) unlisted.push(item);
      else lacked &= ~(1 << place);
    }
    return { lacked: ids.length === 0 ? 0 : lacked >>> 0, unlisted };
  }

  #describe(path: Path): void {
    const isBranch = this.#trie.nodeAt(path) instanceof Branch;
    (isBranch ? this.branches : this.buckets).push(path);
  }

  /** Whether the other side may describe `path` now; it may once. */
  #isAwaited(path: Path): boolean {
    if (path === '') {
      const wasOpen = this.#isRootOpen;
      this.#isRootOpen = false;
      return wasOpen;
    }
    const parent = path.slice(0, -1);
    const left = this.#described.get(parent) ?? 0;
    const bit = 1 << Number.parseInt(path.slice(-1), 16);
    this.#described.set(parent, left & ~bit);
    return (left & bit) !== 0;
  }
}
