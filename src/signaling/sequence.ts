/** Tasks of signaling that take a moment, one after the other and a bounded number of them. */

import { MeshError, messageOf } from '../util/errors.ts';

/** Most tasks that wait. */
const MAX_WAITING = 1_024;

export class Sequence {
  readonly #failed: (error: MeshError) => void;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  /** `failed` is told of a task that throws; the others run all the same. */
  constructor(failed: (error: MeshError) => void) {
    this.#failed = failed;
  }

  /** Runs `task` after those before it; false where too many wait, and it never runs. */
  push(task: () => Promise<void>): boolean {
    if (this.#waiting >= MAX_WAITING) return false;
    this.#waiting++;
    this.#last = this.#last
      .then(task)
      .catch((thrown: unknown) => this.#failed(failure(thrown)))
      .finally(() => {
        this.#waiting--;
      });
    return true;
  }
}

function failure(thrown: unknown): MeshError {
  return new MeshError(
    'signaling',
    `A signaling message could not be handled (${messageOf(thrown)}). It was dropped; its link is tried again.`,
    { cause: thrown },
  );
}
