/**
 * The shapes of shared memory: dots, records, deltas, and their bounds (SPEC.md section 1).
 *
 * Every record is a set of dotted values, every write takes one dot, and one causal context covers
 * the whole room. What a record means is left to the types that read it.
 */

/** A writer's identity: 64 random bits, as 16 lower-case hexadecimal digits. */
export type ReplicaId = string;

/** Bytes of a ReplicaId on the wire and in hashes. */
export const REPLICA_BYTES = 8;

/** Whether `value` is a well-formed ReplicaId. */
export function isReplicaId(value: unknown): value is ReplicaId {
  return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value);
}

/** The name of one write: who, and the how-manieth of theirs, from 0 to `BOUNDS.counter`. */
export interface Dot {
  readonly replica: ReplicaId;
  readonly counter: number;
}

/**
 * One keyed entry's name: type letter, collection name, U+0000, entry, as one string. Its UTF-8 is
 * the canonical key, in frames, in hashes and on the disk. `keys.ts` makes and takes apart keys.
 */
export type RecordKey = string;

/**
 * A record that holds something: its dotted values as an immutable list in ascending order of dots,
 * each dot once. The first of them stands for the record, so that the usual record of one value is
 * one small object. A record that holds nothing is `undefined`, and is not stored.
 */
export interface DottedRecord extends Dot {
  /** What the write said, as it was first encoded; never encoded again. Not to be changed. */
  readonly payload: Uint8Array;
  readonly next: DottedRecord | undefined;
}

/** One write of a delta. Its dot is the delta's first, counted on by its place in the list. */
export interface Write {
  readonly key: RecordKey;
  /** The dots of this record that it replaces or removes. */
  readonly removed: readonly Dot[];
  /** `undefined` where it leaves no value. */
  readonly payload: Uint8Array | undefined;
}

/** What one transaction changes: consecutive dots of one replica. It travels and applies as one. */
export interface Delta {
  readonly replica: ReplicaId;
  /** Counter of the first write. */
  readonly first: number;
  /** At least one. */
  readonly writes: readonly Write[];
  /** In causal rooms: the nearest writes that came before it; empty in others. */
  readonly dependencies: readonly Dot[];
}

/** Largest of everything; decoders refuse more, and so do local writes. */
export const BOUNDS = {
  /** Dot counters and times. */
  counter: 2 ** 48,
  /** UTF-8 bytes of a collection's name. */
  nameBytes: 256,
  /** UTF-8 bytes of an entry within its collection. */
  entryBytes: 1024,
  /** UTF-8 bytes of a whole record key: letter, name (with a pattern's id), U+0000, entry. */
  keyBytes: 1 + 256 + 1 + 1024 + 1 + 1024,
  /** Bytes of one payload. */
  payloadBytes: 16 * 1024 * 1024 + 16,
  /** Dotted values in a record, and dots that a write removes. */
  dots: 65_536,
  /** Writes in a delta. */
  writes: 65_536,
  /** Nearest dependencies of a delta. */
  dependencies: 65_536,
  /** Replicas in a context. A room gets one for each tab of a profile that is open at a time. */
  replicas: 65_536,
  /** Intervals of one replica in a context. */
  intervals: 65_536,
  /** Nesting of a value. */
  depth: 64,
} as const;

/** −, 0 or + as dot `a` comes before, is, or comes after `b`: by replica, then counter. */
export function compareDots(a: Dot, b: Dot): number {
  if (a.replica === b.replica) return a.counter - b.counter;
  return a.replica < b.replica ? -1 : 1;
}
