/**
 * The dialer: makes connections to peers by signaling, one a peer.
 *
 * Each attempt has an id that its messages carry, so that late ones of a given-up attempt are told
 * apart. When both sides dial at once, the offer of the smaller PeerId stands. What nobody answers is
 * said again, since it may have been lost with a tab that it went through (SPEC L11).
 */

import type { Connection, ConnectionHandlers, SignalData, Transport } from '../ports/transport.ts';
import { MAX_FRAME_BYTES } from '../protocol/limits.ts';
import type { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { Random } from '../util/random.ts';

/** Longest signaling text that is looked at. */
const MAX_SIGNAL_CHARACTERS = 65_536;
/** A path that stays broken this long is renewed by an ICE restart; unanswered, an offer is said again. */
const PATIENCE_MS = 1_500;
/** Bytes that stand still for so long are not under way any more, whoever is to blame. */
const STALLED_MS = 10_000;
/** Attempts that ended are remembered, since their offers may come again. */
const MAX_PAST = 1_024;

/** How a connection ended that this side did not hang up. */
export interface ConnectionEnd {
  /** Why it broke or could not be made; `undefined` where nothing failed. */
  readonly error: MeshError | undefined;
  /** Whether the other side closed it after it was open. */
  readonly byPeer: boolean;
}

const NO_FAULT: ConnectionEnd = { error: undefined, byPeer: false };

export interface DialerHandlers {
  /** Whether to answer a connection that `peer` begins. */
  wouldAnswer(peer: PeerId): boolean;
  incoming(peer: PeerId): void;
  /** The peer asks to be dialed. */
  knocked(peer: PeerId): void;
  open(peer: PeerId): void;
  frame(peer: PeerId, bytes: Uint8Array): void;
  interrupted(peer: PeerId, broken: boolean): void;
  /** The connection ended, and not by `hangUp`. */
  closed(peer: PeerId, end: ConnectionEnd): void;
}

export interface DialerOptions {
  readonly self: PeerId;
  /** This side is about to dial. */
  readonly begun?: (peer: PeerId) => void;
  /** Carries text to a peer, by signaling or over the mesh; false where that cannot be tried now. */
  readonly carry: (peer: PeerId, text: string) => boolean;
  readonly transport: Transport;
  readonly random: Random;
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
  readonly iceServers: () => readonly RTCIceServer[];
}

interface Attempt {
  readonly id: string;
  readonly initiator: boolean;
  readonly connection: Connection;
  /** What this side said of it before it was open. */
  readonly said: SignalData[];
  /** Takes back a repetition of the offer, or a restart, that is due. */
  cancelTimer?: (() => void) | undefined;
  /** Bytes under way when they were last seen to change, and when that was. */
  progress: { readonly bytes: number; readonly at: number };
}

/** A signaling message between two dialers: what an attempt has to say, that it is refused, or a knock. */
type DialMessage =
  | { readonly dial: string; readonly signal: SignalData }
  | { readonly dial: string; readonly refused: true }
  | { readonly knock: true };

export class Dialer {
  readonly #options: DialerOptions;
  readonly #handlers: DialerHandlers;
  readonly #attempts = new Map<PeerId, Attempt>();
  /** Ids of attempts that ended, the earliest first. */
  readonly #past = new Set<string>();
  #closed = false;

  constructor(options: DialerOptions, handlers: DialerHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  /** Begins a connection, unless there is one. */
  dial(peer: PeerId): void {
    if (this.#attempts.has(peer)) return;
    this.#options.begun?.(peer);
    const id = Math.floor(this.#options.random() * 2 ** 52).toString(36);
    this.#begin(peer, id, true);
  }

  /**
   * Asks the peer to dial this tab, should it be there. Unlike `dial` it costs no connection, of which
   * browsers make some hundreds in the life of a page.
   */
  knock(peer: PeerId): void {
    this.#send(peer, { knock: true });
  }

  /** Text from `peer` by signaling; hostile text changes nothing. */
  message(peer: PeerId, text: string): void {
    const message = parseMessage(text);
    if (message === undefined) return;
    if ('knock' in message) return this.#handlers.knocked(peer);
    const current = this.#attempts.get(peer);
    if ('refused' in message) {
      if (current?.id === message.dial && current.connection.state === 'connecting') {
        this.#drop(peer);
        this.#handlers.closed(peer, NO_FAULT);
      }
      return;
    }
    const { signal } = message;
    if (current?.id === message.dial) {
      if (current.connection.state === 'connecting') {
        if (signal.type === 'answer') current.cancelTimer?.();
        // Its offer again: the answer did not arrive.
        else if (signal.type === 'offer') return this.#sayAgain(peer, current);
      }
      return current.connection.signal(signal);
    }
    if (signal.type !== 'offer') return; // late news of an attempt that was given up
    if (current !== undefined && !this.#yields(peer, current)) return;
    if (this.#past.has(message.dial) || !this.#handlers.wouldAnswer(peer)) {
      this.#send(peer, { dial: message.dial, refused: true });
      return;
    }
    if (current !== undefined) {
      const wasOpen = current.connection.state === 'open';
      this.#drop(peer);
      if (wasOpen) this.#handlers.closed(peer, NO_FAULT);
      if (this.#closed) return; // by whom that was told to
    }
    this.#handlers.incoming(peer);
    this.#begin(peer, message.dial, false).signal(signal);
  }

  /** Signaling says that the peer is not there. */
  unreachable(peer: PeerId): void {
    const attempt = this.#attempts.get(peer);
    if (attempt?.connection.state !== 'connecting') return;
    this.#drop(peer);
    this.#handlers.closed(peer, NO_FAULT);
  }

  send(peer: PeerId, bytes: Uint8Array, lane: 'control' | 'bulk'): boolean {
    return this.#attempts.get(peer)?.connection.send(bytes, lane) ?? false;
  }

  /** Bytes under way to the peer and from it; 0 where they have stood still for 10 s at `now`. */
  bytesUnderWay(peer: PeerId, now: number): number {
    const attempt = this.#attempts.get(peer);
    if (attempt === undefined) return 0;
    const bytes = attempt.connection.queuedBytes + attempt.connection.receivingBytes;
    if (attempt.progress.bytes !== bytes) attempt.progress = { bytes, at: now };
    return now - attempt.progress.at < STALLED_MS ? bytes : 0;
  }

  /** Ends the connection with `peer`; `closed` is not called. */
  hangUp(peer: PeerId): void {
    this.#drop(peer);
  }

  /** Ends all connections, for good. */
  close(): void {
    this.#closed = true;
    for (const peer of [...this.#attempts.keys()]) this.#drop(peer);
  }

  /** Whether an offer of `peer` is taken: not while this side's own, of the smaller id, is open. */
  #yields(peer: PeerId, { initiator, connection }: Attempt): boolean {
    return !initiator || connection.state !== 'connecting' || peer < this.#options.self;
  }

  #begin(peer: PeerId, id: string, initiator: boolean): Connection {
    const isCurrent = () => this.#attempts.get(peer)?.id === id;
    const said: SignalData[] = [];
    let wasOpen = false;
    const handlers: ConnectionHandlers = {
      signal: (signal) => {
        if (!isCurrent()) return;
        if (!wasOpen) said.push(signal);
        if (this.#send(peer, { dial: id, signal })) return;
        // Without its description the other side never answers, so there is nothing to wait for.
        if (signal.type === 'offer' || signal.type === 'answer') this.unreachable(peer);
      },
      open: () => {
        wasOpen = true;
        if (isCurrent()) this.#handlers.open(peer);
      },
      frame: (frame) => {
        if (isCurrent()) this.#handlers.frame(peer, frame);
      },
      interrupted: (broken) => {
        if (isCurrent()) this.#interrupted(peer, broken);
      },
      close: (error) => {
        if (!isCurrent()) return;
        this.#drop(peer);
        this.#handlers.closed(peer, { error, byPeer: wasOpen && error === undefined });
      },
    };
    const { iceServers, transport } = this.#options;
    const connection = transport.dial(
      { initiator, iceServers: iceServers(), maxFrameBytes: MAX_FRAME_BYTES },
      handlers,
    );
    const attempt: Attempt = { id, initiator, connection, said, progress: { bytes: 0, at: 0 } };
    this.#attempts.set(peer, attempt);
    if (initiator) this.#repeat(peer, attempt, PATIENCE_MS);
    return connection;
  }

  /** Says again what was said where nothing is heard for so long, and where it still is not, twice as long. */
  #repeat(peer: PeerId, attempt: Attempt, afterMs: number): void {
    attempt.cancelTimer = this.#options.setTimer(() => {
      this.#sayAgain(peer, attempt);
      this.#repeat(peer, attempt, 2 * afterMs);
    }, afterMs);
  }

  #sayAgain(peer: PeerId, { id, said }: Attempt): void {
    for (const signal of said) this.#send(peer, { dial: id, signal });
  }

  #interrupted(peer: PeerId, broken: boolean): void {
    const attempt = this.#attempts.get(peer);
    if (attempt === undefined) return;
    attempt.cancelTimer?.();
    attempt.cancelTimer = broken
      ? this.#options.setTimer(() => attempt.connection.restart(), PATIENCE_MS)
      : undefined;
    this.#handlers.interrupted(peer, broken);
  }

  #drop(peer: PeerId): void {
    const attempt = this.#attempts.get(peer);
    if (attempt === undefined) return;
    this.#attempts.delete(peer);
    this.#past.add(attempt.id);
    if (this.#past.size > MAX_PAST) {
      const [earliest] = this.#past;
      if (earliest !== undefined) this.#past.delete(earliest);
    }
    attempt.cancelTimer?.();
    attempt.connection.close();
  }

  #send(peer: PeerId, message: DialMessage): boolean {
    return this.#options.carry(peer, JSON.stringify(message));
  }
}

function parseMessage(text: string): DialMessage | undefined {
  if (text.length > MAX_SIGNAL_CHARACTERS) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { dial, signal, refused, knock } = value as Record<string, unknown>;
  if (knock === true) return { knock };
  if (typeof dial !== 'string' || dial.length > 16) return undefined;
  if (refused === true) return { dial, refused };
  if (typeof signal !== 'object' || signal === null || Array.isArray(signal)) return undefined;
  return { dial, signal: signal as SignalData };
}
