/**
 * One walk between two snapshots (SPEC.md W2 to W8): both sides learn in which records they differ, and
 * send each other what the other has not seen. Messages take turns.
 *
 * What is learned is kept here until both sides have shown that they come to the same join, so that a
 * digest that collides, or lies, changes no memory.
 */

import { equalBytes } from '../../util/bytes.ts';
import type { IntervalSet } from '../../util/intervals.ts';
import { type ContextView, withEntries } from '../context.ts';
import type { MemorySide } from '../join.ts';
import type { ContextEntry, RecordEntry } from '../leaf.ts';
import { mergeRecords, valuesOf } from '../record.ts';
import type { MemorySnapshot } from '../trie/trie-memory.ts';
import { BOUNDS, type Dot, type DottedRecord, type RecordKey, type ReplicaId } from '../types.ts';
import { Descent, type Section } from './reconcile-descent.ts';
import { Digester } from './reconcile-digests.ts';
import { EntryWalk } from './reconcile-entries.ts';
import type { Guard, Step } from './reconcile-messages.ts';
import { frontierOf, isSameRecord, recordFrom, sentRecord } from './reconcile-records.ts';
import type { SentRecord } from './reconcile-wire.ts';

/** A message is closed at about so many bytes; one record may take it further. */
const STEP_BYTES = 256 * 1024;

/** Where a walk stands. */
export type Progress =
  | 'walking'
  /** Both sides come to the same join of their snapshots, and it is to be made. */
  | 'agreed'
  /** They do not: a digest collided, or one of them is not what it says. */
  | 'apart';

/** A message of a walk, but for what the walk is called. */
export type StepContent = Omit<Step, 'type' | 'walk' | 'nonce' | 'attempt'>;

export class Walk {
  readonly snapshot: MemorySnapshot;
  readonly #attempt: number;
  readonly #contexts: EntryWalk<ContextEntry>;
  readonly #records: Descent<RecordEntry>;
  /** Their parts of the context, where they differ from this side's. */
  readonly #entries = new Map<ReplicaId, IntervalSet | undefined>();
  /** Their records, where they are known to differ from this side's. */
  readonly #theirs = new Map<RecordKey, DottedRecord | undefined>();
  readonly #receivedKeys = new Set<RecordKey>();
  readonly #sentKeys = new Set<RecordKey>();
  /** Records that came and were not looked at yet. */
  #received: SentRecord[] = [];
  /** Keys of records to send, each as it is or as nothing. */
  #outgoing: RecordKey[] = [];
  #theirContext: ContextView | undefined;
  #theirRoot: Uint8Array | undefined;
  #frontier: readonly Dot[] = [];
  #joined: MemorySnapshot | undefined;
  #sentRoot: Uint8Array | undefined;
  #theyHaveMore = false;
  #iHaveMore = false;
  #isFlawed = false;

  /** `isFirst`: whether this side sends the first step. `nonces`: of who compared, then of who answered. */
  constructor(
    snapshot: MemorySnapshot,
    nonces: readonly Uint8Array[],
    attempt: number,
    isFirst: boolean,
  ) {
    this.snapshot = snapshot;
    this.#attempt = attempt;
    const digester = new Digester(nonces, attempt);
    this.#contexts = new EntryWalk(snapshot.contexts, digester, isFirst);
    this.#records = new Descent(snapshot.records, digester, isFirst);
  }

  /** Their memory, as far as it differs; complete once the walk has agreed. */
  get side(): MemorySide {
    return {
      context: this.#theirContext ?? this.snapshot.context,
      records: this.#theirs,
      frontier: frontierOf(this.#frontier),
    };
  }

  /** The join of both snapshots, by what is known. */
  get joined(): MemorySnapshot {
    this.#joined ??= this.snapshot.joined(this.side);
    return this.#joined;
  }

  /** Takes a step of the other side; tells how it breaks the protocol, if it does. */
  receive(step: Step): string | undefined {
    const { contextSections, entries, recordSections, records, guard, more } = step;
    const parts = contextSections.length + entries.length + recordSections.length + records.length;
    if (parts === 0 && (more || (guard === undefined && !this.#iHaveMore))) {
      return 'a step that says nothing';
    }
    const wrong = this.#contexts.receive(contextSections);
    if (wrong !== undefined) return wrong;
    for (const { replica, intervals } of entries) {
      if (this.#entries.has(replica)) return 'a context that is told twice';
      this.#entries.set(replica, intervals);
    }
    if (this.#entries.size > 2 * BOUNDS.replicas) return 'more replicas than two memories have';
    for (const section of recordSections) {
      const wrongToo = this.#records.receive(section);
      if (wrongToo !== undefined) return wrongToo;
    }
    for (const record of records) {
      if (this.#receivedKeys.has(record.key)) return 'a record that is sent twice';
      this.#receivedKeys.add(record.key);
      this.#received.push(record);
    }
    if (parts > 0) this.#joined = undefined;
    this.#theyHaveMore = more;
    if (guard !== undefined) {
      this.#theirRoot = guard.root ?? this.#sentRoot;
      this.#frontier = guard.frontier;
    }
    // Who asks about records waits for an answer, if only that the root which was told still stands.
    if (recordSections.length > 0) this.#sentRoot = undefined;
    return undefined;
  }

  /** What to send next, `undefined` for nothing, and where the walk stands then. */
  reply(): { content: StepContent | undefined; progress: Progress } {
    const contexts = this.#contexts.reply();
    const isContextKnown = !contexts.isAsking && !this.#theyHaveMore;
    if (isContextKnown) this.#theirContext ??= this.#contextOf();
    const { sections, isAsking } = this.#describe(isContextKnown);
    const records = isContextKnown ? this.#send() : [];
    const { branches, buckets, questions } = this.#records;
    const waiting = buckets.length + questions.length;
    this.#iHaveMore =
      branches.length + this.#outgoing.length > 0 || (isContextKnown && waiting > 0);
    const isComplete = isContextKnown && !isAsking && !this.#iHaveMore;
    const isSilent =
      contexts.sections.length + contexts.entries.length + sections.length + records.length === 0;
    // Before anything came of the records, it tells nothing, unless there is nothing else to say.
    const guard = isComplete && (this.#records.isBegun || isSilent) ? this.#guard() : undefined;
    const content = {
      more: this.#iHaveMore,
      contextSections: contexts.sections,
      entries: contexts.entries,
      recordSections: sections,
      records,
      guard,
    };
    const hasContent = !isSilent || guard !== undefined || this.#theyHaveMore;
    const progress = isSilent && isComplete ? this.#judge() : 'walking';
    return { content: hasContent ? content : undefined, progress };
  }

  /** Sections of what is to be told of records, and whether they ask the other side anything. */
  #describe(isContextKnown: boolean): { sections: Section[]; isAsking: boolean } {
    const { branches, buckets, questions, lacked } = this.#records;
    const sections: Section[] = [];
    let room = STEP_BYTES;
    const taken = <T>(from: T[], bytes: number): T[] => {
      const items = from.splice(0, Math.max(1, Math.floor(room / bytes)));
      room -= items.length * bytes;
      return items;
    };
    for (const path of taken(branches, 64)) sections.push(this.#records.digests(path));
    if (isContextKnown) {
      for (const path of taken(buckets, 32)) {
        sections.push(this.#records.list(path, (item) => this.#isUnseen(item)));
      }
    }
    const isAsking = sections.length > 0;
    if (isContextKnown) {
      this.#lookAtReceived();
      for (const question of taken(questions, 8)) {
        const answer = this.#records.answer(question);
        if (answer.lacked !== 0) {
          sections.push({ kind: 'answer', path: question.path, lacked: answer.lacked });
        }
        for (const item of answer.unlisted) this.#onUnlisted(item, answer.lacked === 0);
      }
      // What they lack of what was listed, and did not send otherwise, they do not hold at all.
      for (const { key } of lacked.splice(0)) this.#noteAbsent(key);
    }
    return { sections, isAsking };
  }

  #contextOf(): ContextView {
    // Where they told nothing of what differs, they have seen nothing.
    for (const { replica } of this.#contexts.differing) {
      if (!this.#entries.has(replica)) this.#entries.set(replica, undefined);
    }
    return withEntries(this.snapshot.context, this.#entries);
  }

  /** Whether an item goes whole, since the other side has not seen all of it; then it is sent. */
  #isUnseen({ key, record }: RecordEntry): boolean {
    for (const { replica, counter } of valuesOf(record)) {
      if (this.#theirContext?.has(replica, counter)) continue;
      this.#outgoing.push(key);
      return true;
    }
    return false;
  }

  /** An item of this side's that is not in their list; `isWhole` where all of their list is known here. */
  #onUnlisted(item: RecordEntry, isWhole: boolean): void {
    const { key } = item;
    if (this.#receivedKeys.has(key) || this.#isUnseen(item)) return;
    // They have seen all of it. Either they removed it, or what they list is another version of it.
    if (isWhole) this.#noteAbsent(key);
    else this.#outgoing.push(key);
  }

  #noteAbsent(key: RecordKey): void {
    if (!this.#receivedKeys.has(key)) this.#theirs.set(key, undefined);
    this.#joined = undefined;
  }

  #lookAtReceived(): void {
    const context = this.#theirContext as ContextView;
    for (const sent of this.#received) {
      const mine = this.snapshot.get(sent.key);
      const theirs = recordFrom(sent, mine, this.snapshot.context, context);
      // It speaks of dots that the contexts, as known here, do not have.
      if (theirs === 'flawed') {
        this.#isFlawed = true;
        continue;
      }
      this.#theirs.set(sent.key, theirs);
      const merged = mergeRecords(mine, this.snapshot.context, theirs, context);
      // They cannot know of what this side adds or has removed, unless it tells.
      if (!isSameRecord(merged, sent)) this.#outgoing.push(sent.key);
    }
    this.#received = [];
  }

  /** Records to send, as many as go into a message. */
  #send(): SentRecord[] {
    const records: SentRecord[] = [];
    let room = STEP_BYTES;
    let taken = 0;
    for (const key of this.#outgoing) {
      if (room <= 0) break;
      taken++;
      if (this.#sentKeys.has(key)) continue;
      this.#sentKeys.add(key);
      const theirs = this.#theirContext as ContextView;
      // Where a walk failed, one dot may stand for two values: then both sides are to see both.
      const { record, bytes } = sentRecord(
        key,
        this.snapshot.get(key),
        (dot) => this.#attempt === 0 && theirs.has(dot.replica, dot.counter),
      );
      records.push(record);
      room -= bytes;
    }
    this.#outgoing = this.#outgoing.slice(taken);
    return records;
  }

  /** The root of the join, unless it was told already, or told by the other side. */
  #guard(): Guard | undefined {
    const root = this.joined.root();
    if (this.#sentRoot !== undefined && equalBytes(root, this.#sentRoot)) return undefined;
    this.#sentRoot = root;
    const isTold = this.#theirRoot !== undefined && equalBytes(root, this.#theirRoot);
    const frontier = [...valuesOf(this.snapshot.frontier)];
    return { root: isTold ? undefined : root, frontier };
  }

  #judge(): Progress {
    if (this.#theirRoot === undefined) return 'walking';
    const isSame = equalBytes(this.joined.root(), this.#theirRoot);
    return isSame && !this.#isFlawed ? 'agreed' : 'apart';
  }
}
