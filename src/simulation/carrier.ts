/**
 * How a simulated tab's signaling text travels, as in the runtime: over the mesh where there is a
 * way, else by the server.
 */

import type { Signaling } from '../ports/signaling.ts';
import type { Input } from '../protocol/effects.ts';
import type { Node } from '../protocol/node.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { Process } from './process.ts';

/** What asks a peer to dial this tab. */
const KNOCK = 'knock';

/** What a carrier needs of its tab. */
export interface CarrierOptions {
  readonly topic: string;
  readonly process: Process;
  readonly node: Node;
  readonly signaling: Signaling;
  input(input: Input): void;
  /** Text of the dialer's from `from`. */
  message(from: PeerId, text: string): void;
  /** Nothing can be carried to `to`. */
  unreachable(to: PeerId): void;
}

export class Carrier {
  readonly #options: CarrierOptions;

  constructor(options: CarrierOptions) {
    this.#options = options;
  }

  /** Carries text to a peer; false where there is no way now. */
  send(to: PeerId, text: string): boolean {
    const { node, process, signaling, topic } = this.#options;
    if (node.canRoute(to, process.now())) {
      const payload = new TextEncoder().encode(text);
      this.#options.input({ type: 'relay', kind: 'signal', to, channel: 0, payload });
      return true;
    }
    return signaling.send(topic, to, text);
  }

  knock(to: PeerId): void {
    this.send(to, KNOCK);
  }

  /** Text that came for this tab, by whatever way. */
  heard(from: PeerId, text: string): void {
    if (text === KNOCK) this.#options.input({ type: 'knocked', peer: from });
    else this.#options.message(from, text);
  }
}
