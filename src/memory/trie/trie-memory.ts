/**
 * The two tries of a memory, one of records and one of the context by replica, kept up to date from its
 * changes, and snapshots of both (SPEC.md T3, T4 and T6).
 */

import { sha256 } from '@noble/hashes/sha2.js';
import type { IntervalSet } from '../../util/intervals.ts';
import { Context, type ContextView } from '../context.ts';
import { joinedPin, type MemorySide } from '../join.ts';
import { hashEntry, hashKey, hashRecord, hashReplica } from '../leaf.ts';
import type { Pin } from '../store.ts';
import type { DottedRecord, RecordKey, ReplicaId } from '../types.ts';
import { Trie } from './trie.ts';
import { HASH_BYTES } from './trie-nodes.ts';

const ROOT_DOMAIN = 3;

/** A record with its key, as the trie holds it. */
export interface RecordEntry {
  readonly key: RecordKey;
  readonly record: DottedRecord;
}

/** A replica's part of a context, as the trie holds it; a copy. */
export interface ContextEntry {
  readonly replica: ReplicaId;
  readonly intervals: IntervalSet;
}

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
  readonly #records = new Trie<RecordEntry>();
  readonly #contexts = new Trie<ContextEntry>();
  readonly #staleKeys = new Set<RecordKey>();
  readonly #staleReplicas = new Set<ReplicaId>();

  /** Tries of all that `source` holds; from then on it is to be told of every change. */
  constructor(source: TrieSource) {
    this.#source = source;
    for (const [key] of source.entries()) this.#staleKeys.add(key);
    for (const [replica] of source.context) this.#staleReplicas.add(replica);
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

  #refresh(): void {
    for (const key of this.#staleKeys) setRecord(this.#records, key, this.#source.get(key));
    this.#staleKeys.clear();
    for (const replica of this.#staleReplicas) {
      const intervals = this.#source.context.of(replica)?.copy();
      setEntry(this.#contexts, replica, intervals);
    }
    this.#staleReplicas.clear();
  }
}

/** A memory at one instant; it costs next to nothing to take, and need not be released. */
export class MemorySnapshot implements Pin {
  readonly records: Trie<RecordEntry>;
  readonly contexts: Trie<ContextEntry>;
  readonly frontier: DottedRecord | undefined;
  readonly #live: MemoryTries | undefined;
  #context: Context | undefined;

  constructor(
    records: Trie<RecordEntry>,
    contexts: Trie<ContextEntry>,
    frontier?: DottedRecord,
    live?: MemoryTries,
  ) {
    this.records = records;
    this.contexts = contexts;
    this.frontier = frontier;
    this.#live = live;
  }

  get context(): ContextView {
    if (this.#context === undefined) {
      this.#context = new Context();
      for (const { value } of this.contexts) this.#context.replace(value.replica, value.intervals);
    }
    return this.#context;
  }

  root(): Uint8Array {
    return rootOf(this.records, this.contexts);
  }

  get(key: RecordKey): DottedRecord | undefined {
    return this.records.get(hashKey(key))?.value.record;
  }

  *entries(): Generator<readonly [RecordKey, DottedRecord]> {
    for (const { value } of this.records) yield [value.key, value.record] as const;
  }

  /** Keys whose record in the live memory is another by now. */
  *touched(): Generator<RecordKey> {
    if (this.#live === undefined) return;
    const now = this.#live.snapshot();
    for (const { mine, other } of this.records.differences(now.records)) {
      yield ((mine ?? other) as NonNullable<typeof mine>).value.key;
    }
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
    return new MemorySnapshot(records, contexts, undefined, this.#live);
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
  else trie.set(hashKey(key), hashRecord(record), { key, record });
}

function setEntry(
  trie: Trie<ContextEntry>,
  replica: ReplicaId,
  intervals: IntervalSet | undefined,
): void {
  if (intervals === undefined) trie.delete(hashReplica(replica));
  else trie.set(hashReplica(replica), hashEntry(intervals), { replica, intervals });
}

function rootOf(records: Trie<RecordEntry>, contexts: Trie<ContextEntry>): Uint8Array {
  const both = new Uint8Array(1 + 2 * HASH_BYTES);
  both[0] = ROOT_DOMAIN;
  both.set(records.root(), 1);
  both.set(contexts.root(), 1 + HASH_BYTES);
  return sha256(both);
}
