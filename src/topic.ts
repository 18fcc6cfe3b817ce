/** A topic: messages to whoever listens now. */

import type { Storable, Written } from './memory/storable.ts';
import type { Value } from './memory/value.ts';
import type { Topics } from './runtime/topics.ts';
import { BoundedStream } from './util/bounded-stream.ts';
import { MeshError } from './util/errors.ts';
import type { PeerId } from './util/peer-id.ts';
import { TypedEventTarget } from './util/typed-events.ts';

/** Messages that wait for a slow reader of `messages()`; of more, the oldest are lost. */
const MAX_WAITING = 1_024;

/** One message of a topic. */
export interface TopicMessage<T> {
  /** What was sent. Another tab sent it, so check it as you would any input. */
  readonly value: T;
  /** The tab that sent it. Where it came over other tabs, this is what they say. */
  readonly from: PeerId;
  /** Whether it was sent to this tab alone, by `send`. */
  readonly direct: boolean;
}

/** Details of the events of a Topic. */
export interface TopicEvents<T> {
  /** Another tab published a message, or sent one to this tab. */
  message: TopicMessage<T>;
}

/**
 * A topic of a room, as of `mesh.topic(name)`: publish and subscribe, with nothing kept. A message
 * reaches the tabs that are there and have the topic open, in the order sent where nothing is lost
 * on the way; a tab does not get its own. What must not be lost belongs in a map or a document.
 *
 * A message takes at most 64 KiB. A tab sends at most 256 messages and 1 MiB a second on all its
 * topics together, 512 messages and 4 MiB in a burst.
 */
export class Topic<T extends Storable<T> = Value> extends TypedEventTarget<TopicEvents<T>> {
  /** The topic's name. */
  readonly name: string;
  readonly #topics: Topics;
  readonly #onClose: () => void;
  readonly #streams = new Set<BoundedStream<TopicMessage<T>>>();
  #isClosed = false;

  /** @internal */
  constructor(name: string, topics: Topics, onClose: () => void) {
    super();
    this.name = name;
    this.#topics = topics;
    this.#onClose = onClose;
    topics.open(name, {
      received: (message) => this.#received(message as TopicMessage<T>),
      ended: () => this.#end(),
    });
  }

  /**
   * Sends to all other tabs of the room that have the topic open. False where it was not sent: it
   * would be more than a tab may send, too much waits on the links, or there is no link. Send less,
   * or later; nothing is queued.
   * @throws MeshError `bad-argument` where `value` is no JSON, Uint8Array or bigint, `value-too-large`
   * above 64 KiB, `closed`
   */
  publish<V extends Storable<V>>(value: Written<T, V>): boolean {
    this.#throwIfClosed();
    return this.#topics.publish(this.name, value);
  }

  /**
   * Sends to one tab, over the link with it or over other tabs. False where it was not sent, as for
   * `publish`, or where no way to the tab is known. True says that it left this tab, not that it came.
   * @throws MeshError as `publish`
   */
  send<V extends Storable<V>>(peer: PeerId, value: Written<T, V>): boolean {
    this.#throwIfClosed();
    return this.#topics.send(this.name, peer, value);
  }

  /**
   * Messages from now on, until the loop is left or the topic is closed. Up to 1,024 wait for a slow
   * reader; of more, the oldest are lost.
   */
  messages(): AsyncIterableIterator<TopicMessage<T>> {
    const stream = new BoundedStream<TopicMessage<T>>(MAX_WAITING, (ended) =>
      this.#streams.delete(ended),
    );
    this.#streams.add(stream);
    if (this.#isClosed) stream.end();
    return stream;
  }

  /** Stops listening; idempotent. `mesh.topic` opens it anew. */
  close(): void {
    if (this.#isClosed) return;
    this.#topics.shut(this.name);
    this.#end();
  }

  #end(): void {
    this.#isClosed = true;
    for (const stream of [...this.#streams]) stream.end();
    this.#onClose();
  }

  #received(message: TopicMessage<T>): void {
    for (const stream of this.#streams) stream.push(message);
    this.emit('message', message);
  }

  #throwIfClosed(): void {
    if (!this.#isClosed) return;
    throw new MeshError(
      'closed',
      `The topic ${JSON.stringify(this.name)} is closed. Nothing was sent; take it from the mesh again.`,
    );
  }
}
