/**
 * How two tabs are linked: reliable, ordered frames in two lanes.
 *
 * A transport dials; what comes back is a connection that is `connecting`, then `open`, then
 * `closed`, once each. Frames that one side sends on a lane arrive whole and in the lane's order;
 * `control` frames overtake `bulk` ones.
 */

import type { MeshError } from '../util/errors.ts';

/** Small and urgent, or large and patient. */
export type Lane = 'control' | 'bulk';

/** What one side of a connection tells the other through signaling: an SDP or an ICE candidate. */
export type SignalData = Readonly<Record<string, unknown>>;

export interface ConnectionHandlers {
  /** Carry `data` to the other side's `signal`. */
  signal(data: SignalData): void;
  /** Both sides can send from now on. */
  open(): void;
  /** One whole frame arrived. */
  frame(frame: Uint8Array): void;
  /** The path to the other side broke or came back; the connection may recover by `restart`. */
  interrupted(broken: boolean): void;
  /** The last event; `error` tells why it broke, and is `undefined` where one side closed it. */
  close(error: MeshError | undefined): void;
}

export interface Connection {
  readonly state: 'connecting' | 'open' | 'closed';
  /** Bytes taken by `send` that the other side is not known to have; a last few may not count. */
  readonly queuedBytes: number;
  /** Bytes so far of a frame that is still arriving in pieces; 0 where none is. */
  readonly receivingBytes: number;
  /** Takes what the other side's `signal` handler gave. Never throws on hostile data. */
  signal(data: SignalData): void;
  /** Asks for a new network path (ICE restart, RFC 8445 section 9), keeping the connection. */
  restart(): void;
  /**
   * Queues one frame. False where the connection is not open, or too much waits to be sent.
   * @throws MeshError `value-too-large` above `maxFrameBytes`; nothing was queued.
   */
  send(frame: Uint8Array, lane: Lane): boolean;
  /** Closes after what the network took; idempotent. `handlers.close` follows once. */
  close(): void;
}

export interface DialOptions {
  /** Whether this side makes the offer. */
  readonly initiator: boolean;
  readonly iceServers: readonly RTCIceServer[];
  /** Largest frame to send or to reassemble, in bytes. */
  readonly maxFrameBytes: number;
}

export interface Transport {
  /** Begins a connection. Failures arrive at `handlers.close`, never as an exception. */
  dial(options: DialOptions, handlers: ConnectionHandlers): Connection;
}
