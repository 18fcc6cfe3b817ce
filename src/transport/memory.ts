/**
 * Connections inside one process: for tests of a whole mesh without a browser.
 *
 * Frames go through the same fragments and queue as over WebRTC; only the channel is pretended. It
 * takes WINDOW_BYTES at a time, as a data channel's buffer does, so that control overtakes bulk.
 */

import type { Clock } from '../ports/clock.ts';
import type {
  Connection,
  ConnectionHandlers,
  DialOptions,
  Lane,
  SignalData,
  Transport,
} from '../ports/transport.ts';
import type { MeshError } from '../util/errors.ts';
import { Framing } from './framing.ts';
import { parseSignal } from './signals.ts';

/** Bytes that the pretended channel takes at once. */
const WINDOW_BYTES = 64 * 1024;

/** How a memory transport behaves. */
export interface MemoryTransportOptions {
  /** Time; by default that of the platform. */
  readonly clock?: Pick<Clock, 'setTimer'>;
  /** From sending to arrival, in ms; default 0, which still is not at once. */
  readonly latencyMs?: number;
}

const platformTimers: Pick<Clock, 'setTimer'> = {
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** A transport whose connections reach those of the same transport, as signals pair them. */
export function memoryTransport(options: MemoryTransportOptions = {}): Transport {
  const { clock = platformTimers, latencyMs = 0 } = options;
  const network: Network = {
    connections: new Map(),
    nextId: 1,
    setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
    latencyMs,
  };
  return {
    dial: (dialOptions, handlers) => new MemoryConnection(network, dialOptions, handlers),
  };
}

interface Network {
  /** Every connection that is not closed, by id. */
  readonly connections: Map<string, MemoryConnection>;
  nextId: number;
  readonly latencyMs: number;
  setTimer(callback: () => void, delayMs: number): () => void;
}

/** What travels from one side to the other, in order. */
type Parcel = readonly Uint8Array[] | 'open' | 'close';

class MemoryConnection implements Connection {
  readonly #network: Network;
  readonly #options: DialOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #id: string;
  readonly #framing: Framing;
  /** Sent by the other side and not yet here. */
  readonly #arriving: Parcel[] = [];
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #other: MemoryConnection | undefined;
  #pumping = false;

  constructor(network: Network, options: DialOptions, handlers: ConnectionHandlers) {
    this.#network = network;
    this.#options = options;
    this.#handlers = handlers;
    this.#id = String(network.nextId++);
    this.#framing = new Framing(options.maxFrameBytes);
    network.connections.set(this.#id, this);
    if (options.initiator) this.#emitSignal({ type: 'offer', sdp: this.#id });
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
    const wanted = this.#options.initiator ? 'answer' : 'offer';
    if (this.#state !== 'connecting' || this.#other !== undefined) return;
    if (signal?.type !== 'offer' && signal?.type !== 'answer') return;
    const other = this.#network.connections.get(signal.sdp);
    if (signal.type !== wanted || other === undefined || other === this) return;
    if (this.#options.initiator && other.#other !== this) return;
    this.#other = other;
    if (this.#options.initiator) {
      this.deliver('open');
      other.deliver('open');
    } else {
      this.#emitSignal({ type: 'answer', sdp: this.#id });
    }
  }

  restart(): void {
    // There is one path and it never breaks.
  }

  send(frame: Uint8Array, lane: Lane): boolean {
    if (this.#state !== 'open') return false;
    const isTaken = this.#framing.push(frame, lane);
    this.#pump();
    return isTaken;
  }

  close(): void {
    if (this.#state === 'open') this.#flush();
    this.#close(undefined);
  }

  #emitSignal(data: SignalData): void {
    this.#network.setTimer(() => {
      if (this.#state !== 'closed') this.#handlers.signal(data);
    }, 0);
  }

  /** Hands one window of fragments to the network now, and the rest a window a turn. */
  #pump(): void {
    if (this.#pumping || !this.#sendUpTo(WINDOW_BYTES)) return;
    this.#pumping = true;
    this.#network.setTimer(() => {
      this.#pumping = false;
      this.#pump();
    }, 0);
  }

  /** Control frames that wait are still sent, bulk frames are dropped. */
  #flush(): void {
    this.#framing.clearBulk();
    this.#sendUpTo(Number.POSITIVE_INFINITY);
  }

  /** Whether there was anything to send. */
  #sendUpTo(limitBytes: number): boolean {
    const fragments: Uint8Array[] = [];
    let bytes = 0;
    while (bytes < limitBytes) {
      const fragment = this.#framing.next();
      if (fragment === undefined) break;
      fragments.push(fragment);
      bytes += fragment.length;
    }
    if (fragments.length > 0) this.#other?.deliver(fragments);
    return fragments.length > 0;
  }

  /** Parcels arrive in the order sent, whatever order the timers of one instant run in. */
  deliver(parcel: Parcel): void {
    this.#arriving.push(parcel);
    this.#network.setTimer(() => {
      const next = this.#arriving.shift();
      if (next !== undefined && this.#state !== 'closed') this.#arrive(next);
    }, this.#network.latencyMs);
  }

  #arrive(parcel: Parcel): void {
    if (parcel === 'open') {
      this.#state = 'open';
      this.#handlers.open();
    } else if (parcel === 'close') {
      this.#close(undefined);
    } else {
      for (const fragment of parcel) this.#take(fragment);
    }
  }

  #take(fragment: Uint8Array): void {
    // A handler may have closed the connection while it took the fragment before.
    if (this.#state !== 'open') return;
    let frame: Uint8Array | undefined;
    try {
      frame = this.#framing.receive(fragment);
    } catch (error) {
      this.#close(error as MeshError);
      return;
    }
    this.#pump();
    if (frame !== undefined) this.#handlers.frame(frame);
  }

  #close(error: MeshError | undefined): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#framing.clear();
    this.#arriving.length = 0;
    this.#network.connections.delete(this.#id);
    this.#other?.deliver('close');
    this.#network.setTimer(() => this.#handlers.close(error), 0);
  }
}
