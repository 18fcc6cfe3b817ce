/**
 * What a mesh has beside documents: shared memory, topics and aggregates.
 *
 * An app of documents alone does without, so this file and what it alone imports are a chunk of their
 * own: `openMesh` loads it dynamically, and only the simulator, which is synchronous, statically.
 */

import { Aggregate } from './aggregate.ts';
import type { Storable } from './memory/storable.ts';
import { Averaging } from './protocol/aggregates/averaging.ts';
import { MAX_AGGREGATES } from './protocol/aggregates/averaging-codec.ts';
import { Collections } from './records/collections.ts';
import { type LoadOptions, loadRecords } from './records/load.ts';
import { webLocks } from './records/locks.ts';
import { Records, type RecordsParts } from './records/records.ts';
import type { Engine } from './runtime/engine.ts';
import { MEMORY_CHANNEL, TOPICS_CHANNEL } from './runtime/extension.ts';
import { Topics } from './runtime/topics.ts';
import { Topic } from './topic.ts';
import { MeshError } from './util/errors.ts';
import { isName, MAX_NAME_BYTES } from './util/names.ts';

/** `Everything`, loaded with what the disk held, and not begun. */
export interface LoadedEverything {
  begin(engine: Engine): Everything;
  /** Lets go of what it holds, where it is not begun. */
  release(): void;
}

/** Reads what the records begin with; never rejects for a store that fails. */
export async function loadEverything(
  options: Omit<LoadOptions, 'locks'>,
): Promise<LoadedEverything> {
  const parts = await loadRecords({ ...options, locks: webLocks() });
  return {
    begin: (engine) => new Everything(engine, parts),
    release: () => parts.lease?.release(),
  };
}

export class Everything {
  readonly collections: Collections;
  readonly #engine: Engine;
  readonly #records: Records;
  readonly #topics = new Map<string, Topic>();
  readonly #aggregates = new Map<string, Aggregate>();

  /** @throws MeshError `closed` */
  constructor(engine: Engine, parts: RecordsParts) {
    this.#engine = engine;
    this.#records = engine.attach(MEMORY_CHANNEL, (host) => new Records(host, parts));
    this.collections = new Collections(this.#records);
    engine.joinAggregates(Averaging);
  }

  /** As of `MeshStats`. */
  get counts(): { readonly records: number; readonly waiting: number } {
    return { records: this.#records.size, waiting: this.#records.waiting };
  }

  transact<T>(body: () => T): T {
    if (typeof body !== 'function') {
      const message = 'A transaction is a function that writes. Nothing changed.';
      throw new MeshError('bad-argument', message);
    }
    return this.#records.transact(() => {
      const result = body();
      if (typeof Object(result).then !== 'function') return result;
      const message = 'A transaction is over when its function returns, so it cannot be async.';
      throw new MeshError('bad-argument', `${message} Nothing of it is kept; await before it.`);
    });
  }

  topic<T extends Storable<T>>(name: string): Topic<T> {
    throwIfNoName('a topic', name);
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      const topics = this.#engine.attach(TOPICS_CHANNEL, (host) => new Topics(host));
      topic = new Topic(name, topics, () => this.#topics.delete(name));
      this.#topics.set(name, topic);
    }
    // What a topic carries is the app's word; the bytes are checked to be a value, no more.
    return topic as unknown as Topic<T>;
  }

  aggregate(name: string): Aggregate {
    throwIfNoName('an aggregate', name);
    let aggregate = this.#aggregates.get(name);
    if (aggregate === undefined) {
      if (this.#aggregates.size >= MAX_AGGREGATES) {
        throw new MeshError(
          'bad-argument',
          `This tab uses ${MAX_AGGREGATES} aggregates, which is the most. Nothing changed; use fewer names.`,
        );
      }
      aggregate = new Aggregate(name, {
        set: (of, value) => this.#engine.setAggregate(of, value),
        estimate: (of) => this.#engine.estimate(of),
      });
      this.#aggregates.set(name, aggregate);
    }
    return aggregate;
  }

  /** The estimate of an aggregate changed. */
  aggregateChanged(name: string): void {
    this.#aggregates.get(name)?.changed();
  }

  /** The mesh closes; its engine closes records and topics. */
  end(): void {
    for (const aggregate of this.#aggregates.values()) aggregate.end();
  }
}

function throwIfNoName(of: string, name: unknown): void {
  if (isName(name)) return;
  throw new MeshError(
    'bad-argument',
    `The name of ${of} must be text of 1 to ${MAX_NAME_BYTES} bytes of UTF-8. Nothing changed.`,
  );
}
