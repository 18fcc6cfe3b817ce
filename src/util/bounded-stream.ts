/** Events as an async iterable, so that they can be read by `for await`. */

/** Hands on what was pushed, in order; of more than `limit` that wait, the oldest go. */
export class BoundedStream<T> implements AsyncIterableIterator<T> {
  readonly #limit: number;
  readonly #onEnd: (stream: BoundedStream<T>) => void;
  readonly #waiting: T[] = [];
  #readers: ((result: IteratorResult<T, undefined>) => void)[] = [];
  #isEnded = false;

  /** `onEnd` is called once, when the reader leaves its loop or `end` is called. */
  constructor(limit: number, onEnd: (stream: BoundedStream<T>) => void) {
    this.#limit = limit;
    this.#onEnd = onEnd;
  }

  push(item: T): void {
    if (this.#isEnded) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) return reader({ done: false, value: item });
    this.#waiting.push(item);
    if (this.#waiting.length > this.#limit) this.#waiting.shift();
  }

  /** Ends the stream after what waits; idempotent. */
  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const reader of this.#readers) reader({ done: true, value: undefined });
    this.#readers = [];
    this.#onEnd(this);
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting.length > 0) {
      return Promise.resolve({ done: false, value: this.#waiting.shift() as T });
    }
    if (this.#isEnded) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#readers.push(resolve));
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#waiting.length = 0;
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
