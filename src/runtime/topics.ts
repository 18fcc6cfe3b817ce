/**
 * Topics: messages that are heard now or never, on a channel of their own (SPEC.md, section 9).
 *
 * What is published goes as a rumor to every tab; what is sent to one tab goes over their link, or
 * over other tabs. Nothing is kept, compared or repaired.
 */

import { writeUint8Array } from 'lib0/encoding';
import { readValue, type Value, writeValue } from '../memory/value.ts';
import { Budget } from '../protocol/overlay/budget.ts';
import { decodeTotal, encode } from '../util/codec.ts';
import { MeshError } from '../util/errors.ts';
import { MAX_NAME_BYTES, readNameText, writeNameText } from '../util/names.ts';
import type { PeerId } from '../util/peer-id.ts';
import { type Extension, type ExtensionHost, TOPICS_CHANNEL } from './extension.ts';

/** Largest message, encoded: 64 KiB. */
export const MAX_MESSAGE_BYTES = 64 * 1024;
/** The same with its topic's name and length. */
const MAX_PAYLOAD_BYTES = MAX_MESSAGE_BYTES + MAX_NAME_BYTES + 2;
/** Topics that a mesh has open at once. */
const MAX_TOPICS = 1_024;
/** Messages that a tab sends on all topics: in a burst, and so many a second. */
const BURST_MESSAGES = 512;
const MESSAGES_PER_SECOND = 256;
/** The same of bytes. */
const BURST_BYTES = 4 * 1024 * 1024;
const BYTES_PER_SECOND = 1024 * 1024;
/** Where more than this waits on a link, nothing further is sent over it. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** One message, as it is handed on. */
export interface Received {
  readonly value: Value;
  readonly from: PeerId;
  readonly direct: boolean;
}

export interface TopicListener {
  received(message: Received): void;
  /** The mesh closed. */
  ended(): void;
}

export class Topics implements Extension {
  readonly channel = TOPICS_CHANNEL;
  readonly #host: ExtensionHost;
  readonly #listeners = new Map<string, TopicListener>();
  readonly #messages = new Budget(BURST_MESSAGES, 1_000 / MESSAGES_PER_SECOND);
  readonly #bytes = new Budget(BURST_BYTES, 1_000 / BYTES_PER_SECOND);

  constructor(host: ExtensionHost) {
    this.#host = host;
  }

  /** @throws MeshError `bad-argument` where as many topics are open as may be. */
  open(name: string, listener: TopicListener): void {
    if (this.#listeners.size >= MAX_TOPICS) {
      throw new MeshError(
        'bad-argument',
        `${MAX_TOPICS} topics are open, which is the most. Nothing changed; close one first.`,
      );
    }
    this.#listeners.set(name, listener);
  }

  shut(name: string): void {
    this.#listeners.delete(name);
  }

  /** Tells every tab; false where nothing was sent. */
  publish(name: string, value: unknown): boolean {
    const payload = encodeMessage(name, value);
    const hasRoom = this.#host.neighbors().some((peer) => this.#hasRoom(peer));
    if (!hasRoom || !this.#take(payload.length)) return false;
    this.#host.broadcast(payload);
    return true;
  }

  /** Tells one tab; false where nothing was sent. */
  send(name: string, peer: PeerId, value: unknown): boolean {
    const payload = encodeMessage(name, value);
    if (!this.#host.canReach(peer) || !this.#hasRoom(peer) || !this.#take(payload.length)) {
      return false;
    }
    if (!this.#host.send(peer, payload)) this.#host.relay(peer, payload);
    return true;
  }

  deliver(origin: PeerId, payload: Uint8Array): void {
    this.#received(origin, payload, false);
  }

  routed(from: PeerId, payload: Uint8Array): void {
    this.#received(from, payload, true);
  }

  direct(peer: PeerId, payload: Uint8Array): void {
    if (!this.#received(peer, payload, true)) {
      this.#host.misbehaved(peer, 'a message of a topic that cannot be read');
    }
  }

  async close(): Promise<void> {
    for (const { ended } of this.#listeners.values()) ended();
    this.#listeners.clear();
  }

  /** Hands a message on where its topic is open; false where it cannot be read. */
  #received(from: PeerId, payload: Uint8Array, direct: boolean): boolean {
    const message = payload.length > MAX_PAYLOAD_BYTES ? undefined : decodeMessage(payload);
    if (message === undefined) return false;
    this.#listeners.get(message.name)?.received({ value: message.value, from, direct });
    return true;
  }

  #hasRoom(peer: PeerId): boolean {
    return this.#host.bytesUnderWay(peer) <= MAX_WAITING_BYTES;
  }

  #take(bytes: number): boolean {
    const now = this.#host.clock.now();
    const isAllowed = this.#messages.available(now) >= 1 && this.#bytes.take(bytes, now);
    return isAllowed && this.#messages.take(1, now);
  }
}

/** @throws MeshError `bad-argument` where it is no value, `value-too-large` */
function encodeMessage(name: string, value: unknown): Uint8Array {
  const encoded = encode((encoder) => writeValue(encoder, value));
  if (encoded.length > MAX_MESSAGE_BYTES) {
    throw new MeshError(
      'value-too-large',
      `A message takes ${encoded.length} bytes, more than ${MAX_MESSAGE_BYTES}. It was not sent; keep what is large in a document or a map.`,
    );
  }
  return encode((encoder) => {
    writeNameText(encoder, name);
    writeUint8Array(encoder, encoded);
  });
}

function decodeMessage(payload: Uint8Array): { name: string; value: Value } | undefined {
  return decodeTotal(payload, (decoder) => ({
    name: readNameText(decoder),
    value: readValue(decoder),
  }));
}
