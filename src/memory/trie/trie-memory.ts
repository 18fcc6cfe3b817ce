/**
 * The two tries of a memory, one of records and one of the context by replica, kept up to date from its
 * changes, and snapshots of both (SPEC.md T3, T4 and T6).
 */

import type { IntervalSet } from '../../util/intervals.ts';
import { Context, type ContextView } from '../context.ts';
import { hasher } from '../hasher.ts';
import { joinedPin, type MemorySide, type PinnedJoin } from '../join.ts';
import { ContextEntry, hashKey, hashReplica, RecordEntry } from '../leaf.ts';
import { isEqualRecord } from '../record.ts';
import type { Pin } from '../store.ts';
import type { DottedRecord, RecordKey, ReplicaId } from '../types.ts';
import { Trie } from './trie.ts';

const ROOT_DOMAIN = 3;

/** A memory, as far as its tries need it. */
export interface TrieSource {
  readonly context: ContextView;
  readonly frontier: DottedRecord | undefined;
  get(key: RecordKey): DottedRecord | undefined;
  entries(): Iterable<readonly [RecordKey, DottedRecord]>;
}

/** What changed in a memory: as much of a `MemoryChange` as the tries need. */
export interface TrieChange {
  readonly records: readonly { readonly key: RecordKey }[];
  readonly replicas: readonly ReplicaId[];
}

export class MemoryTries {
  readonly #source: TrieSource;
  #records = new Trie<RecordEntry>();
  #contexts = new Trie<ContextEntry>();
  #isBuilt = false;
  readonly #staleKeys = new Set<RecordKey>();
  readonly #staleReplicas = new Set<ReplicaId>();

  /** Tries of all that `source` holds; from then on it is to be told of every change. */
  constructor(source: TrieSource) {
    this.#source = source;
  }

  /** Notes a change. It is hashed when a root or a snapshot is asked for. */
  note({ records, replicas }: TrieChange): void {
    for (const { key } of records) this.#staleKeys.add(key);
    for (const replica of replicas) this.#staleReplicas.add(replica);
  }

  /** 32 bytes that are equal exactly where records and contexts are (R5). */
  root(): Uint8Array {
    this.#refresh();
    return rootOf(this.#records, this.#contexts);
  }

  /** Both tries as they are now, and the frontier. */
  snapshot(): MemorySnapshot {
    this.#refresh();
    return new MemorySnapshot(
      this.#records.snapshot(),
      this.#contexts.snapshot(),
      this.#source.frontier,
      this,
    );
  }

  /** Keys of records that were touched since `since` was a snapshot of the memory's. */
  *touched(since: Trie<RecordEntry>): Generator<RecordKey> {
    for (const { mine, other } of this.#records.changes(since)) {
      yield ((mine ?? other) as RecordEntry).key;
    }
    yield* [...this.#staleKeys];
  }

  /**
   * Takes over the tries of `joined`, made of `base`, an earlier snapshot of this memory, where the
   * memory came to hold the very same by now: they are hashed already.
   */
  adopt(base: MemorySnapshot, joined: MemorySnapshot): void {
    if (joined.changed === undefined || !this.#isFrom(base, joined.changed)) return;
    this.#records = joined.records.snapshot();
    this.#contexts = joined.contexts.snapshot();
    this.#staleKeys.clear();
    this.#staleReplicas.clear();
  }

  /** Whether the memory is now `base` with `changed`, and differs from it in nothing else. */
  #isFrom(base: MemorySnapshot, { records, replicas }: PinnedJoin): boolean {
    if (!this.#isBuilt || !this.#records.isUnchanged(base.records)) return false;
    if (!this.#contexts.isUnchanged(base.contexts)) return false;
    if (this.#staleKeys.size !== records.size) return false;
    if (this.#staleReplicas.size !== replicas.size) return false;
    for (const [key, record] of records) {
      if (!this.#staleKeys.has(key) || !isEqualRecord(this.#source.get(key), record)) return false;
    }
    for (const [replica, intervals] of replicas) {
      if (!this.#staleReplicas.has(replica)) return false;
      if (this.#source.context.of(replica)?.equals(intervals) !== true) return false;
    }
    return true;
  }

  #refresh(): void {
    if (this.#isBuilt) {
      for (const key of this.#staleKeys) setRecord(this.#records, key, this.#source.get(key));
      for (const replica of this.#staleReplicas) {
        setEntry(this.#contexts, replica, this.#source.context.of(replica)?.copy());
      }
    } else {
      this.#build();
    }
    this.#staleKeys.clear();
    this.#staleReplicas.clear();
  }

  #build(): void {
    const records: RecordEntry[] = [];
    for (const [key, record] of this.#source.entries()) records.push(new RecordEntry(key, record));
    this.#records = new Trie(records);
    for (const [replica, intervals] of this.#source.context) {
      setEntry(this.#contexts, replica, intervals.copy());
    }
    this.#isBuilt = true;
  }
}

/** A memory at one instant; it costs next to nothing to take, and need not be released. */
export class MemorySnapshot implements Pin {
  readonly records: Trie<RecordEntry>;
  readonly contexts: Trie<ContextEntry>;
  readonly frontier: DottedRecord | undefined;
  /** Of a join: in what it differs from the snapshot that it was made of. */
  readonly changed: PinnedJoin | undefined;
  readonly #live: MemoryTries | undefined;
  #context: Context | undefined;

  constructor(
    records: Trie<RecordEntry>,
    contexts: Trie<ContextEntry>,
    frontier?: DottedRecord,
    live?: MemoryTries,
    changed?: PinnedJoin,
  ) {
    this.changed = changed;
    this.records = records;
    this.contexts = contexts;
    this.frontier = frontier;
    this.#live = live;
  }

  get context(): ContextView {
    if (this.#context === undefined) {
      this.#context = new Context();
      for (const entry of this.contexts) this.#context.replace(entry.replica, entry.intervals);
    }
    return this.#context;
  }

  root(): Uint8Array {
    return rootOf(this.records, this.contexts);
  }

  get(key: RecordKey): DottedRecord | undefined {
    return this.records.get(hashKey(key))?.record;
  }

  *entries(): Generator<readonly [RecordKey, DottedRecord]> {
    for (const { key, record } of this.records) yield [key, record] as const;
  }

  /** Keys whose record in the live memory is another by now, or was set again. */
  *touched(): Generator<RecordKey> {
    if (this.#live === undefined) return;
    yield* this.#live.touched(this.records);
  }

  release(): void {
    // The garbage collector does.
  }

  /** This memory joined with another at one instant (R2). */
  joined(side: MemorySide): MemorySnapshot {
    const records = this.records.snapshot();
    const contexts = this.contexts.snapshot();
    const changed = joinedPin(this, side);
    for (const [key, record] of changed.records) setRecord(records, key, record);
    for (const [replica, intervals] of changed.replicas) setEntry(contexts, replica, intervals);
    return new MemorySnapshot(records, contexts, undefined, this.#live, changed);
  }

  /** This memory with what stands in `side` in place of its own, untouched where nothing does. */
  replaced(
    records: ReadonlyMap<RecordKey, DottedRecord | undefined>,
    replicas: ReadonlyMap<ReplicaId, IntervalSet | undefined>,
  ): MemorySnapshot {
    const copy = new MemorySnapshot(this.records.snapshot(), this.contexts.snapshot());
    for (const [key, record] of records) setRecord(copy.records, key, record);
    for (const [replica, intervals] of replicas) setEntry(copy.contexts, replica, intervals);
    return copy;
  }
}

function setRecord(
  trie: Trie<RecordEntry>,
  key: RecordKey,
  record: DottedRecord | undefined,
): void {
  if (record === undefined) trie.delete(hashKey(key));
  else trie.set(new RecordEntry(key, record));
}

function setEntry(
  trie: Trie<ContextEntry>,
  replica: ReplicaId,
  intervals: IntervalSet | undefined,
): void {
  if (intervals === undefined) trie.delete(hashReplica(replica));
  else trie.set(new ContextEntry(replica, intervals));
}

function rootOf(records: Trie<RecordEntry>, contexts: Trie<ContextEntry>): Uint8Array {
  const roots = [records.root(), contexts.root()];
  hasher.of(ROOT_DOMAIN);
  for (const root of roots) hasher.bytes(root);
  return hasher.digest();
}
