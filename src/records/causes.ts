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
/** What is waited for longer than this is left to reconciliation. */
const MAX_ASKS = 8;

export class Causes {
  readonly #host: ExtensionHost;
  readonly #replica: Replica;
  #cancel: (() => void) | undefined;
  #asks = 0;

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
      this.#ask();
    }, ASK_MS);
  }

  #ask(): void {
    const dots = this.#replica.waiting?.missing().slice(0, MAX_MISSING) ?? [];
    if (dots.length === 0 || this.#asks++ >= MAX_ASKS) return;
    for (const peer of sample(this.#host.random, this.#host.neighbors(), 1)) {
      this.#host.send(peer, encodeRecordsMessage({ type: 'missing', dots }));
    }
    this.#schedule();
  }
}
