/**
 * How tabs find each other and carry the first messages, before they have a link.
 *
 * One signaling object serves one mesh. It joins topics, learns of some peers of them, and carries
 * addressed text; it reconnects by itself and never throws after `start`.
 */

import type { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';

/** `open`: joined and usable. `connecting`: being tried, or waiting to try again. */
export type SignalingState = 'connecting' | 'open' | 'closed';

export interface SignalingHandlers {
  /**
   * The state changed. `reason` tells people what is wrong and when the next try is due; it is empty
   * where all is well.
   */
  state(state: SignalingState, reason: string): void;
  /**
   * Peers that are in `topic`, a few of them at random; told on joining and after `find`. `total` is
   * how many are there in all, this one included, where that is known.
   */
  peers(topic: string, peers: readonly PeerId[], total?: number): void;
  /** Text that `from` sent to this tab in `topic`. `from` is a claim; seal what matters. */
  message(topic: string, from: PeerId, text: string): void;
  /** `to` is not there (any more). */
  unreachable(topic: string, to: PeerId): void;
  /** STUN and TURN servers that whoever runs the signaling announces. */
  iceServers(servers: readonly RTCIceServer[]): void;
  /** Something that a person may want to know; signaling goes on by itself. */
  error(error: MeshError): void;
}

export interface Signaling {
  /** For people: a URL, or `this browser`. */
  readonly name: string;
  readonly state: SignalingState;
  /** Joins `topics` and stays joined, through reconnects, until `close`. */
  start(topics: readonly string[], handlers: SignalingHandlers): void;
  /** Asks for a few more peers of `topic`. */
  find(topic: string): void;
  /** Sends text to a peer of `topic`; false where that cannot be tried now. */
  send(topic: string, to: PeerId, text: string): boolean;
  /** Leaves and frees everything; idempotent. No handler is called afterwards. */
  close(): void;
}
