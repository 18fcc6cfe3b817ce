/**
 * In causal rooms: asks neighbors for the writes that deltas wait for (SPEC.md C3). They come from the
 * logs of recent deltas; what no log has, reconciliation brings.
 */

import type { Replica } from '../memory/replica.ts';
import type { Dot } from '../memory/types.ts';
import type { ExtensionHost } from '../runtime/extension.ts';
import { sample } from '../util/random.ts';
import { encodeRecordsMessage, MAX_MISSING } from './messages.ts';

/** A cause that did not come by itself within this time is asked for, of one neighbor at a time. */
const ASK_MS = 250;
/** A cause is asked for so often since a delta came to wait; then reconciliation is to bring it. */
const MAX_ASKS = 8;
/** What waits for so long is let go of. Its cause may be gone for good; else reconciliation brings both. */
const GIVE_UP_MS = 10_000;

export class Causes {
  readonly #host: ExtensionHost;
  readonly #replica: Replica;
  #cancel: (() => void) | undefined;
  #asks = 0;
  /** How many deltas had come to wait, and when. */
  #marks: { readonly at: number; readonly added: number }[] = [];

  constructor(host: ExtensionHost, replica: Replica) {
    this.#host = host;
    this.#replica = replica;
  }

  /** A delta waits. */
  wait(): void {
    this.#asks = 0;
    this.#schedule();
  }

  /** Sends the neighbor what the log has of `dots`, each delta once. */
  answer(peer: string, dots: readonly Dot[]): void {
    const deltas = new Set(dots.map((dot) => this.#replica.log.find(dot)));
    for (const delta of deltas) {
      if (delta !== undefined)
        this.#host.send(peer, encodeRecordsMessage({ type: 'delta', delta }));
    }
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #schedule(): void {
    this.#cancel ??= this.#host.clock.setTimer(() => {
      this.#cancel = undefined;
      this.#look();
    }, ASK_MS);
  }

  #look(): void {
    const { waiting } = this.#replica;
    const now = this.#host.clock.now();
    const past = this.#marks.findLast(({ at }) => at <= now - GIVE_UP_MS);
    if (past !== undefined) {
      this.#marks = this.#marks.filter(({ at }) => at > past.at);
      waiting?.evict(past.added);
      this.#host.activity();
    }
    if (waiting === undefined || waiting.size === 0) {
      this.#marks = [];
      return;
    }
    this.#marks.push({ at: now, added: waiting.added });
    this.#schedule();
    if (this.#asks++ >= MAX_ASKS) return;
    const dots = waiting.missing().slice(0, MAX_MISSING);
    if (dots.length === 0) return;
    for (const peer of sample(this.#host.random, this.#host.neighbors(), 1)) {
      this.#host.send(peer, encodeRecordsMessage({ type: 'missing', dots }));
    }
  }
}
