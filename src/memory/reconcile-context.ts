/** The context's part of a walk: each side learns the other's context where the two differ (SPEC.md W4). */

import type { IntervalSet } from '../util/intervals.ts';
import { type ContextView, withEntries } from './context.ts';
import { Descent, type Digester, type Section } from './reconcile-descent.ts';
import type { SentEntry } from './reconcile-messages.ts';
import type { ContextEntry, MemorySnapshot } from './trie-memory.ts';
import type { ReplicaId } from './types.ts';

export class ContextWalk {
  readonly #own: ContextView;
  readonly #descent: Descent<ContextEntry>;
  /** Their part of each replica in which the sides differ; nothing until it came. */
  readonly #theirs = new Map<ReplicaId, IntervalSet | undefined>();
  readonly #told = new Set<ReplicaId>();

  constructor(snapshot: MemorySnapshot, digester: Digester, isFirst: boolean) {
    this.#own = snapshot.context;
    this.#descent = new Descent(snapshot.contexts, digester, isFirst);
  }

  /** Their context, once nothing is left to ask. */
  get theirs(): ContextView {
    return withEntries(this.#own, this.#theirs);
  }

  /** Takes their part of a message; tells what is wrong with it, if anything is. */
  receive(sections: readonly Section[], entries: readonly SentEntry[]): string | undefined {
    for (const section of sections) {
      const wrong = this.#descent.receive(section);
      if (wrong !== undefined) return wrong;
    }
    for (const { replica, intervals } of entries) {
      if (this.#told.has(replica)) return 'a context that is told twice';
      this.#told.add(replica);
      this.#theirs.set(replica, intervals);
    }
    return undefined;
  }

  /** What to tell next, and whether that asks them anything. */
  reply(): { sections: Section[]; entries: SentEntry[]; isAsking: boolean } {
    const descent = this.#descent;
    let isAsking = descent.branches.length + descent.buckets.length > 0;
    const sections = [
      ...descent.branches.splice(0).map((path) => descent.digests(path)),
      ...descent.buckets.splice(0).map((path) => descent.list(path, () => false)),
    ];
    const differing = descent.lacked.splice(0);
    for (const question of descent.questions.splice(0)) {
      const { lacked, unlisted } = descent.answer(question);
      differing.push(...unlisted);
      if (lacked === 0) continue;
      sections.push({ kind: 'answer', path: question.path, lacked });
      isAsking = true;
    }
    for (const { value } of differing) {
      if (!this.#theirs.has(value.replica)) this.#theirs.set(value.replica, undefined);
    }
    return { sections, entries: differing.map(({ value }) => value), isAsking };
  }
}
