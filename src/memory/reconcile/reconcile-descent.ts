/**
 * One trie's part of a walk: from the root down to the items in which two snapshots differ.
 *
 * A side describes a node to the other: a large one by its children's digests, a small one by its items' ids.
 * The other describes each child that differs, and answers ids by telling which of them it lacks.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes } from '../../util/bytes.ts';
import type { Trie } from '../trie/trie.ts';
import {
  Branch,
  childHash,
  countOf,
  HASH_BYTES,
  itemsOf,
  MAX_DEPTH,
  type Packed,
  pack,
  type TrieItem,
  unpackInto,
} from '../trie/trie-nodes.ts';

/** Bytes of the salt of a walk. */
export const SALT_BYTES = 16;
/** Most items in a list; buckets at the greatest depth alone might have more. */
export const MAX_LISTED = 32;
/** A branch of so few items is listed: that takes no more bytes than digests, and a message less. */
const FEW_ITEMS = 24;

/** Bytes of an item's id at the first walk, the second and the last. */
const ID_WIDTHS = [3, 8, 32] as const;
/** Near the root there are so few nodes that fewer bytes seldom collide. */
const SHORT_WIDTH = 2;
const SHORT_DEPTH = 2;

/** Bytes of an item's id. */
export function idWidth(attempt: number): number {
  return ID_WIDTHS[attempt] ?? HASH_BYTES;
}

/** Bytes of the digests of the children of the node at `path`. */
export function digestWidth(attempt: number, path: Path): number {
  return attempt === 0 && path.length < SHORT_DEPTH ? SHORT_WIDTH : idWidth(attempt);
}

/** Hexadecimal digits from the root to a node. */
export type Path = string;

export type Section =
  /** The children of a branch, those that exist, by their digit. */
  | {
      readonly kind: 'digests';
      readonly path: Path;
      readonly digests: readonly (Packed | undefined)[];
    }
  /** The items below a node, but those that are sent whole, in ascending order of keys. */
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
  readonly #attempt: number;
  readonly #input = new Uint8Array(SALT_BYTES + 2 * HASH_BYTES);

  constructor(salt: Uint8Array, attempt: number) {
    this.#attempt = attempt;
    this.#input.set(salt.subarray(0, SALT_BYTES));
  }

  /** Of the children of the branch at `path`, those that exist, by their digit. */
  children(branch: Branch<unknown>, path: Path): (Packed | undefined)[] {
    const width = digestWidth(this.#attempt, path);
    return branch.children.map((child, digit) => {
      if (child === undefined) return undefined;
      this.#input.set(childHash(branch, digit), SALT_BYTES);
      return cut(this.#input.subarray(0, SALT_BYTES + HASH_BYTES), width);
    });
  }

  /** Of an item. */
  item({ bytes }: TrieItem<unknown>): Packed {
    unpackInto(this.#input, SALT_BYTES, bytes);
    return cut(this.#input, idWidth(this.#attempt));
  }
}

function cut(input: Uint8Array, width: number): Packed {
  return pack(sha256(input).subarray(0, width));
}

const SALT_DOMAIN = 4;

/** Digests of a walk by the nonces of both sides: of who compared, then of who answered. */
export function digesterOf(nonces: readonly Uint8Array[], attempt: number): Digester {
  return new Digester(sha256(concatBytes([Uint8Array.of(SALT_DOMAIN), ...nonces])), attempt);
}

export class Descent<V> {
  readonly #trie: Trie<V>;
  readonly #digester: Digester;
  /** Branches described, and not yet described by the other side one level below: path and digits left. */
  readonly #described = new Map<Path, number>();
  /** Items that were listed, by path, until the answer came. */
  readonly #listed = new Map<Path, readonly TrieItem<V>[]>();
  #isRootOpen: boolean;
  /** Nodes to describe, by digests and by lists. */
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

  /** Whether one of the sides has described the root. */
  get isBegun(): boolean {
    return !this.#isRootOpen;
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
    if (!this.#isAwaited(path, section.kind)) return 'a node that was not asked for';
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
    for (const [digit, mine] of this.#digester.children(node, path).entries()) {
      const theirs = section.digests[digit];
      if (mine === theirs) continue;
      const child = path + digit.toString(16);
      // They hold nothing there: all that is here goes, as if they had listed nothing.
      if (theirs === undefined) this.questions.push({ path: child, ids: [] });
      else this.#describe(child);
    }
    return undefined;
  }

  /** The section that tells a branch's children. */
  digests(path: Path): Section {
    const branch = this.#trie.nodeAt(path) as Branch<V>;
    this.#described.set(path, 0xffff);
    return { kind: 'digests', path, digests: this.#digester.children(branch, path) };
  }

  /** The section that lists a node's items, but those of which `isPushed` is true. */
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
    const isLarge = countOf(this.#trie.nodeAt(path)) > FEW_ITEMS;
    (isLarge ? this.branches : this.buckets).push(path);
  }

  /** Whether the other side may describe `path` now; it may once. */
  #isAwaited(path: Path, kind: Section['kind']): boolean {
    // What is a branch here may be few items there, and they list them.
    if (kind === 'list' && this.#described.get(path) === 0xffff)
      return this.#described.delete(path);
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
