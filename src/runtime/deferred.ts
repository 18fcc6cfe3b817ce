/**
 * Stands for shared memory in a tab that has no use for it, until its code is loaded.
 *
 * Memory goes from neighbor to neighbor, so a tab without would cut a room in two. It is needed as soon
 * as some tab of the room writes as a replica, or something of memory comes; what comes is kept and
 * handed over.
 */

import type { MemberEntry } from '../protocol/wire.ts';
import { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import { type Extension, type ExtensionHost, MEMORY_CHANNEL } from './extension.ts';

/** What is kept; what comes beyond is dropped, and repaired by a later comparison. */
const MAX_FRAMES = 1_024;
const MAX_BYTES = 4 * 1024 * 1024;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

/** A rumor or a direct frame that waits. */
interface Frame {
  readonly peer: PeerId;
  readonly payload: Uint8Array;
  readonly kind: 'deliver' | 'direct';
}

export class Deferred implements Extension {
  readonly channel = MEMORY_CHANNEL;
  readonly #host: ExtensionHost;
  readonly #load: () => Promise<void>;
  #isNeeded = false;
  #isOver = false;
  #failures = 0;
  #cancelRetry: (() => void) | undefined;
  #frames: Frame[] = [];
  #bytes = 0;

  /** `load` attaches what this stands for, or rejects. */
  constructor(host: ExtensionHost, load: () => Promise<void>) {
    this.#host = host;
    this.#load = load;
  }

  /** Resolves once loading was tried; where it failed it is tried again until it succeeds. */
  async need(): Promise<void> {
    if (this.#isNeeded || this.#isOver) return;
    this.#isNeeded = true;
    this.#host.syncedChanged();
    await this.#try();
  }

  /** Gives `extension`, which is there now, what came before. */
  handOver(extension: Extension): void {
    this.#end();
    for (const { kind, peer, payload } of this.#frames.splice(0)) extension[kind](peer, payload);
  }

  memberSeen({ replica }: MemberEntry): void {
    if (replica !== '') void this.need();
  }

  neighborDown(peer: PeerId): void {
    this.#frames = this.#frames.filter((frame) => frame.kind === 'deliver' || frame.peer !== peer);
  }

  deliver(peer: PeerId, payload: Uint8Array): void {
    this.#keep({ kind: 'deliver', peer, payload });
  }

  direct(peer: PeerId, payload: Uint8Array): void {
    this.#keep({ kind: 'direct', peer, payload });
  }

  isSynced(): boolean {
    return !this.#isNeeded;
  }

  async close(): Promise<void> {
    this.#end();
  }

  #keep(frame: Frame): void {
    void this.need();
    this.#bytes += frame.payload.length;
    if (this.#frames.length < MAX_FRAMES && this.#bytes <= MAX_BYTES) this.#frames.push(frame);
  }

  async #try(): Promise<void> {
    try {
      await this.#load();
    } catch (thrown) {
      if (!(thrown instanceof MeshError)) throw thrown;
      if (this.#isOver) return;
      // A first failure passes by itself, as a rule.
      if (++this.#failures === 2) this.#host.error(thrown);
      const delay = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (this.#failures - 1));
      this.#cancelRetry = this.#host.clock.setTimer(() => void this.#try(), delay);
    }
  }

  #end(): void {
    this.#isOver = true;
    this.#cancelRetry?.();
  }
}
