/**
 * A walk over a trie of small entries, such as a context by replica (SPEC.md W4) or a document's held
 * ranges by client (W11): each side learns those of the other's entries that are not as its own.
 */

import type { Trie } from '../trie/trie.ts';
import type { TrieItem } from '../trie/trie-nodes.ts';
import { Descent, type Section } from './reconcile-descent.ts';
import type { Digester } from './reconcile-digests.ts';

/** What one side tells. */
export interface EntryReply<I> {
  readonly sections: readonly Section[];
  /** Entries that the other side lacks. */
  readonly entries: readonly I[];
  /** Whether that asks the other side anything. */
  readonly isAsking: boolean;
}

export class EntryWalk<I extends TrieItem> {
  readonly #descent: Descent<I>;
  readonly #differing: I[] = [];

  /** `isFirst`: whether this side describes the root. */
  constructor(trie: Trie<I>, digester: Digester, isFirst: boolean) {
    this.#descent = new Descent(trie, digester, isFirst);
  }

  /** The entries of this side that they lack, or hold otherwise. Of theirs, they send as much. */
  get differing(): readonly I[] {
    return this.#differing;
  }

  /** Takes their sections; tells what is wrong with them, if anything is. */
  receive(sections: readonly Section[]): string | undefined {
    for (const section of sections) {
      const wrong = this.#descent.receive(section);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  reply(): EntryReply<I> {
    const descent = this.#descent;
    const sections = [
      ...descent.branches.splice(0).map((path) => descent.digests(path)),
      ...descent.buckets.splice(0).map((path) => descent.list(path, () => false)),
    ];
    let isAsking = sections.length > 0;
    const entries = descent.lacked.splice(0);
    for (const question of descent.questions.splice(0)) {
      const { lacked, unlisted } = descent.answer(question);
      entries.push(...unlisted);
      if (lacked === 0) continue;
      sections.push({ kind: 'answer', path: question.path, lacked });
      isAsking = true;
    }
    this.#differing.push(...entries);
    return { sections, entries, isAsking };
  }
}
