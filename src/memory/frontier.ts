/**
 * In causal rooms: the newest writes seen, on which every other that was seen depends. They are the
 * nearest dependencies of the next delta, few where version vectors would name every writer.
 *
 * It is a set of dots under the one merge: a dot leaves it when a delta depends on it.
 */

import { type ContextView, type Seen, seenOf } from './context.ts';
import { linked, mergeRecords, valuesOf } from './record.ts';
import { compareDots, type Delta, type Dot, type DottedRecord } from './types.ts';

const NOTHING = new Uint8Array();

export class Frontier {
  #dots: DottedRecord | undefined;

  /** The dots, as a record whose payloads are empty. */
  get dots(): DottedRecord | undefined {
    return this.#dots;
  }

  /** What a delta that is made now depends on. */
  dependencies(): Dot[] {
    return Array.from(valuesOf(this.#dots), ({ replica, counter }) => ({ replica, counter }));
  }

  /** Moves on to `delta`; `context` is the memory's from before it. */
  note({ replica, first, writes, dependencies }: Delta, context: Seen): void {
    const counter = first + writes.length - 1;
    const seen = seenOf(dependencies);
    seen.add(replica, first, counter + 1);
    const last = { replica, counter, payload: NOTHING, next: undefined };
    this.#dots = mergeRecords(this.#dots, context, last, seen);
  }

  /** Joins another memory's frontier; `context` is the own from before the join. */
  join(context: Seen, theirs: DottedRecord | undefined, theirContext: Seen): void {
    this.#dots = mergeRecords(this.#dots, context, theirs, theirContext);
  }

  /** Starts over from the last dot of each replica, which depend on all that `context` has. */
  reset(context: ContextView): void {
    const dots = Array.from(context, ([replica, intervals]) => ({
      replica,
      counter: intervals.end() - 1,
      payload: NOTHING,
      next: undefined,
    }));
    this.#dots = linked(dots.sort(compareDots));
  }
}
