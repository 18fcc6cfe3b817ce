/** An aggregate: mean, sum, count, least and greatest of a number that each tab sets. */

import type { Estimate } from './protocol/aggregates/averaging.ts';
import { MAX_MAGNITUDE } from './protocol/aggregates/averaging-codec.ts';
import { BoundedStream } from './util/bounded-stream.ts';
import { MeshError } from './util/errors.ts';
import { TypedEventTarget } from './util/typed-events.ts';

/** Details of the events of an Aggregate. */
export interface AggregateEvents {
  /** The estimate changed by more than a little; `undefined` where no tab has a value any more. */
  change: Estimate | undefined;
}

/** What an Aggregate does through its mesh. */
export interface AggregateHost {
  set(name: string, value: number | undefined): void;
  estimate(name: string): Estimate | undefined;
}

/**
 * A number that each tab of the room may set, and what all of them come to, as of
 * `mesh.aggregate(name)`. Nothing is stored; a tab's value goes when the tab does.
 *
 * Tabs average with their neighbors until they agree, twice in each `averagingInterval`, and are
 * silent then. After a change every tab is within 1% of the true mean in about 6 intervals at 100
 * tabs whose values lie evenly, in 10 where one tab holds nearly everything; some 4 later for deaths,
 * which have to be noticed. At rest the mean is within 0.1%, `count` follows from it and the number
 * of members, and `sum` is their product. `min` and `max` are exact values that some tab has set.
 */
export class Aggregate extends TypedEventTarget<AggregateEvents> {
  /** The aggregate's name. */
  readonly name: string;
  readonly #host: AggregateHost;
  readonly #streams = new Set<BoundedStream<Estimate | undefined>>();
  #isClosed = false;

  /** @internal */
  constructor(name: string, host: AggregateHost) {
    super();
    this.name = name;
    this.#host = host;
  }

  /** What is known now; `undefined` where no tab is known to have a value. */
  get estimate(): Estimate | undefined {
    return this.#host.estimate(this.name);
  }

  /**
   * Sets this tab's value, in whatever unit the app takes.
   * @throws MeshError `bad-argument` where it is no number, or over 1e100 in size; `closed`
   */
  set(value: number): void {
    if (typeof value !== 'number' || !(Math.abs(value) <= MAX_MAGNITUDE)) {
      throw new MeshError(
        'bad-argument',
        `An aggregate takes a number from ${-MAX_MAGNITUDE} to ${MAX_MAGNITUDE}, not ${String(value)}. Nothing changed.`,
      );
    }
    this.#throwIfClosed();
    this.#host.set(this.name, value);
  }

  /** Takes this tab's value back. */
  clear(): void {
    this.#throwIfClosed();
    this.#host.set(this.name, undefined);
  }

  /** Estimates as they change, the latest where the reader is slow, until the loop is left or the mesh closed. */
  changes(): AsyncIterableIterator<Estimate | undefined> {
    const stream = new BoundedStream<Estimate | undefined>(1, (ended) =>
      this.#streams.delete(ended),
    );
    this.#streams.add(stream);
    if (this.#isClosed) stream.end();
    return stream;
  }

  /** @internal */
  changed(): void {
    const { estimate } = this;
    for (const stream of this.#streams) stream.push(estimate);
    this.emit('change', estimate);
  }

  /** @internal */
  end(): void {
    this.#isClosed = true;
    for (const stream of [...this.#streams]) stream.end();
  }

  #throwIfClosed(): void {
    if (!this.#isClosed) return;
    throw new MeshError('closed', 'The mesh is closed. Nothing changed; open it again.');
  }
}
