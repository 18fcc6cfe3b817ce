/**
 * Connections over WebRTC data channels (RFC 8831), through simple-peer.
 *
 * Its stream interface is used for its back-pressure: `write` calls back once at most 64 KiB wait in
 * the channel, by an event and not by a timer, which hidden tabs would run once a minute. So the
 * channel stays fed, and a control frame waits behind at most 80 KiB. Measured once against `send` with
 * a threshold of its own, it took 19 against 20 MB/s in Chromium, 16 against 22 in Firefox.
 *
 * The import names simple-peer's own bundle; what is published or served gets its source on slim shims
 * in that place (scripts/slim-simple-peer). The bundle calls back by a timer while the channel has room.
 */

import SimplePeer, { type Peer } from 'simple-peer/simplepeer.min.js';
import type {
  Connection,
  ConnectionHandlers,
  DialOptions,
  Lane,
  SignalData,
  Transport,
} from '../ports/transport.ts';
import { MeshError, messageOf } from '../util/errors.ts';
import { Framing } from './framing.ts';
import { parseSignal, type Signal } from './signals.ts';

/** Candidates taken for one session description. */
const MAX_CANDIDATES = 256;
/** A description of which no candidate comes is told after this. */
const DESCRIPTION_MS = 50;
/** How long a closing connection may take to hand what it sent to the network, and how often it looks. */
const FLUSH_LIMIT_MS = 500;
const FLUSH_POLL_MS = 5;

/** WebRTC connections of the browser. Where there is no WebRTC they close as `unsupported`. */
export function simplePeerTransport(): Transport {
  return { dial: (options, handlers) => new SimplePeerConnection(options, handlers) };
}

class SimplePeerConnection implements Connection {
  readonly #initiator: boolean;
  readonly #handlers: ConnectionHandlers;
  readonly #framing: Framing;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #ended = false;
  /** `undefined` where there is no WebRTC. */
  #peer: Peer | undefined;
  /** Whether an offer of this side waits for its answer. */
  #answerDue = false;
  #lastOffer = '';
  #candidates = 0;
  /** A description that is about to be told. */
  #description: { type: unknown; sdp: string } | undefined;
  #broken = false;
  #writing = false;
  #error: MeshError | undefined;

  constructor(options: DialOptions, handlers: ConnectionHandlers) {
    this.#initiator = options.initiator;
    this.#handlers = handlers;
    this.#framing = new Framing(options.maxFrameBytes);
    this.#start(options.iceServers);
  }

  get state(): 'connecting' | 'open' | 'closed' {
    return this.#state;
  }

  get queuedBytes(): number {
    return this.#framing.queuedBytes;
  }

  get receivingBytes(): number {
    return this.#framing.receivingBytes;
  }

  signal(data: SignalData): void {
    const signal = parseSignal(data);
    if (signal === undefined || this.#state === 'closed' || !this.#expects(signal)) return;
    try {
      this.#peer?.signal(signal);
    } catch (error) {
      this.#fail(toMeshError(error));
    }
  }

  restart(): void {
    if (this.#state !== 'open') return;
    // simple-peer lets the initiator alone make offers; the other side asks it to.
    if (this.#initiator) this.#peer?.negotiate();
    else this.#handlers.signal({ type: 'renegotiate', renegotiate: true });
  }

  send(frame: Uint8Array, lane: Lane): boolean {
    if (this.#state !== 'open') return false;
    const isTaken = this.#framing.push(frame, lane);
    this.#pump();
    return isTaken;
  }

  /** Control frames that wait are still sent, bulk frames are dropped; it takes at most 500 ms. */
  close(): void {
    if (this.#state === 'closed') return;
    const wasOpen = this.#state === 'open';
    this.#state = 'closed';
    this.#framing.clearBulk();
    if (wasOpen) this.#flush(performance.now() + FLUSH_LIMIT_MS);
    else this.#destroy();
  }

  #start(iceServers: readonly RTCIceServer[]): void {
    if (typeof RTCPeerConnection === 'undefined') {
      return this.#fail(
        new MeshError(
          'unsupported',
          'No WebRTC here: tabs cannot be linked, local work goes on. Use another browser.',
        ),
      );
    }
    const peer = new SimplePeer({
      initiator: this.#initiator,
      trickle: true,
      objectMode: true,
      // Its defaults would contact servers of third parties.
      config: { iceServers: [...iceServers] },
      // Every offer after the first is for a new path; on the first this has no effect.
      offerOptions: { iceRestart: true },
      // Unused when trickling, but its timer would outlive the connection.
      iceCompleteTimeout: 1,
    });
    this.#peer = peer;
    peer.on('signal', (data) => this.#emitSignal(data));
    peer.on('connect', () => this.#open());
    peer.on('data', (data) => this.#receive(data));
    peer.on('iceStateChange', (state) => this.#watchPath(state));
    peer.on('error', (error) => {
      if (this.#state !== 'closed' && !isCloseOfOther(error)) this.#error ??= toMeshError(error);
    });
    peer.on('close', () => this.#end());
  }

  /**
   * Signals may come twice, when two servers reach the other tab, or from a hostile one; simple-peer
   * would end the connection on a description out of turn.
   */
  #expects(signal: Signal): boolean {
    switch (signal.type) {
      case 'offer':
        if (this.#initiator || signal.sdp === this.#lastOffer) return false;
        this.#lastOffer = signal.sdp;
        this.#candidates = 0;
        return true;
      case 'answer':
        if (!this.#answerDue) return false;
        this.#answerDue = false;
        this.#candidates = 0;
        return true;
      case 'candidate':
        return ++this.#candidates <= MAX_CANDIDATES;
      case 'renegotiate':
        return this.#initiator && this.#state === 'open';
    }
  }

  /**
   * A description waits for the candidates that come right after it and takes them along: one message
   * in place of three, and none to be added one by one, which holds up the page on the other side.
   */
  #emitSignal(data: SignalData): void {
    if (this.#state === 'closed') return;
    const { type, sdp } = data;
    if (type === 'offer') this.#answerDue = true;
    if (typeof sdp === 'string') {
      this.#description = { type, sdp };
      setTimeout(() => this.#tellDescription(), DESCRIPTION_MS);
      return;
    }
    const line = (data.candidate as RTCIceCandidate | undefined)?.candidate;
    if (this.#description === undefined || !line) return this.#handlers.signal(data);
    this.#description.sdp += `a=${line}\r\n`;
    // Not by a timer, which hidden pages run late.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      this.#tellDescription();
    };
    port2.postMessage(0);
  }

  #tellDescription(): void {
    const description = this.#description;
    this.#description = undefined;
    if (description !== undefined && this.#state !== 'closed') this.#handlers.signal(description);
  }

  #open(): void {
    if (this.#state !== 'connecting') return;
    this.#state = 'open';
    this.#handlers.open();
  }

  #receive(data: unknown): void {
    // The other side may be open first; what it sends shows that the channel is.
    this.#open();
    if (this.#state !== 'open') return;
    let frame: Uint8Array | undefined;
    try {
      frame = this.#framing.receive(asBytes(data));
    } catch (error) {
      this.#fail(toMeshError(error));
      return;
    }
    this.#pump();
    if (frame !== undefined) this.#handlers.frame(frame);
  }

  #watchPath(state: RTCIceConnectionState): void {
    if (this.#state !== 'open') return;
    const healthy = state === 'connected' || state === 'completed';
    if (this.#broken ? !healthy : state !== 'disconnected') return;
    this.#broken = !this.#broken;
    this.#handlers.interrupted(this.#broken);
  }

  #pump(): void {
    if (this.#writing || this.#peer === undefined) return;
    const fragment = this.#framing.next();
    if (fragment === undefined) return;
    this.#writing = true;
    this.#peer.write(fragment, () => {
      this.#writing = false;
      this.#pump();
    });
  }

  /** Destroying a peer drops what its channel holds, so that is waited for. */
  #flush(deadline: number): void {
    if (this.#ended) return;
    const waiting = this.#framing.unsentBytes + (this.#peer?.bufferSize ?? 0);
    const flushed = !this.#writing && waiting === 0;
    if (flushed || performance.now() >= deadline) this.#destroy();
    else setTimeout(() => this.#flush(deadline), FLUSH_POLL_MS);
  }

  #fail(error: MeshError): void {
    this.#error ??= error;
    this.#state = 'closed';
    this.#destroy();
  }

  #destroy(): void {
    if (this.#peer !== undefined) this.#peer.destroy();
    else queueMicrotask(() => this.#end());
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#state = 'closed';
    this.#framing.clear();
    this.#handlers.close(this.#error);
  }
}

/** simple-peer hands over its own kind of Buffer, or a string where the other side sent text. */
function asBytes(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) {
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  throw new MeshError('bad-frame', 'A peer sent text in place of bytes; the link is dropped.');
}

/** Chromium words a close by the other side as an error (RFC 9260 section 3.3.10.12). */
function isCloseOfOther(error: unknown): boolean {
  return codeOf(error) === 'ERR_DATA_CHANNEL' && messageOf(error).includes('User-Initiated Abort');
}

/** What simple-peer and the browser say of a failure, in terms of what a person can do about it. */
function toMeshError(cause: unknown): MeshError {
  if (cause instanceof MeshError) return cause;
  const why = messageOf(cause);
  switch (codeOf(cause)) {
    case 'ERR_ICE_CONNECTION_FAILURE':
    case 'ERR_CONNECTION_FAILURE':
      return new MeshError(
        'link',
        'No network path to the other tab was found, or it broke; local work goes on. Different networks may need a TURN server: name it in iceServers or by the signaling server (--ice).',
        { cause },
      );
    case 'ERR_PC_CONSTRUCTOR':
      return new MeshError(
        'link',
        `The browser refused to make a connection (${why}). Check iceServers; reload a page that made hundreds of connections.`,
        { cause },
      );
    case 'ERR_DATA_CHANNEL':
      return new MeshError(
        'link',
        `The link to the other tab broke (${why}); what it had not received is repaired over the next one.`,
        { cause },
      );
    default:
      return new MeshError(
        'link',
        `The link to the other tab could not be made (${why}); it is tried again.`,
        { cause },
      );
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
