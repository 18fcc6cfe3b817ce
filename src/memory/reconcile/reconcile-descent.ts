/**
 * One trie's part of a walk: from the root down to the items in which two snapshots differ.
 *
 * A side describes a node to the other: a large one by its children's digests, a small one by its items' ids.
 * The other describes each child that differs, and answers ids by telling which of them it lacks.
 */

import type { Packed } from '../hasher.ts';
import type { Trie } from '../trie/trie.ts';
import { Branch, countOf, itemsOf, MAX_DEPTH, type TrieItem } from '../trie/trie-nodes.ts';
import type { Digester, Path } from './reconcile-digests.ts';

/** Most items in a list; buckets at the greatest depth alone might have more. */
export const MAX_LISTED = 32;
/** A branch of so few items is listed: that takes no more bytes than digests, and a message less. */
const FEW_ITEMS = 24;

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

export class Descent<I extends TrieItem> {
  readonly #trie: Trie<I>;
  readonly #digester: Digester;
  /** Branches described, and not yet described by the other side one level below: path and digits left. */
  readonly #described = new Map<Path, number>();
  /** Items that were listed, by path, until the answer came. */
  readonly #listed = new Map<Path, readonly I[]>();
  #isRootOpen: boolean;
  /** Nodes to describe, by digests and by lists. */
  readonly branches: Path[] = [];
  readonly buckets: Path[] = [];
  /** Lists of the other side to be answered. */
  readonly questions: Question[] = [];
  /** Items that the other side lacks, of those that were listed to it. */
  readonly lacked: I[] = [];

  /** `isFirst`: whether this side describes the root. */
  constructor(trie: Trie<I>, digester: Digester, isFirst: boolean) {
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
    const branch = this.#trie.nodeAt(path) as Branch<I>;
    this.#described.set(path, 0xffff);
    return { kind: 'digests', path, digests: this.#digester.children(branch, path) };
  }

  /** The section that lists a node's items, but those of which `isPushed` is true. */
  list(path: Path, isPushed: (item: I) => boolean): Section {
    const items: I[] = [];
    for (const item of itemsOf(this.#trie.nodeAt(path))) if (!isPushed(item)) items.push(item);
    if (items.length > MAX_LISTED) items.length = MAX_LISTED;
    this.#listed.set(path, items);
    return { kind: 'list', path, ids: items.map((item) => this.#digester.item(item)) };
  }

  /** What of a list is lacked here, by its bits, and the items here that are not in it. */
  answer({ path, ids }: Question): { lacked: number; unlisted: I[] } {
    const places = new Map(ids.map((id, i) => [id, i]));
    let lacked = 0xffffffff >>> (32 - ids.length);
    const unlisted: I[] = [];
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
