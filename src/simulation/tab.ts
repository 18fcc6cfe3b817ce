/** One tab of a simulated room: a node and the runtime's dialer in a process, and what it remembers. */

import type { Signaling } from '../ports/signaling.ts';
import type { ProtocolConfig } from '../protocol/config.ts';
import type { Effect, Input } from '../protocol/effects.ts';
import { Node } from '../protocol/node.ts';
import { Dialer } from '../runtime/dialer.ts';
import type { PeerId } from '../util/peer-id.ts';
import { Carrier } from './carrier.ts';
import type { Network } from './network.ts';
import type { Process, Timer } from './process.ts';
import type { SignalingServer } from './signaling.ts';

/** The one room of a simulation. */
const TOPIC = 'room';

/** What a tab tells those that watch a run. */
export interface TabWatcher {
  /** A frame goes out. */
  sent(tab: Tab, peer: PeerId, bytes: Uint8Array): void;
  /** A frame came in, before the node takes it. */
  received(tab: Tab, peer: PeerId, bytes: Uint8Array): void;
  /** The node said something that is not for the network: `from` is whose frame made it say so. */
  told(tab: Tab, effect: Effect, from: PeerId | undefined): void;
}

/** What a tab is made of. */
export interface TabParts {
  readonly id: PeerId;
  readonly process: Process;
  readonly config: ProtocolConfig;
  readonly network: Network;
  readonly server: SignalingServer;
  readonly watcher: TabWatcher;
}

export class Tab {
  readonly id: PeerId;
  readonly process: Process;
  readonly node: Node;
  /** Neighbors, as the node told of them. */
  readonly neighbors = new Set<PeerId>();
  readonly #parts: TabParts;
  #timer: Timer | undefined;
  #dialer: Dialer | undefined;
  #signaling: Signaling | undefined;
  #carrier: Carrier | undefined;
  #isDoing = false;
  readonly #pending: Effect[] = [];
  /** Whose frame is being taken. */
  #from: PeerId | undefined;

  constructor(parts: TabParts) {
    const { id, process, config } = parts;
    this.#parts = parts;
    this.id = id;
    this.process = process;
    const random = process.world.random('node', process.index);
    this.node = new Node(id, config, random, process.isHidden, process.now());
  }

  /** Whether it is in the room and lives. */
  get isIn(): boolean {
    return this.#dialer !== undefined && !this.process.isDead;
  }

  /** Joins the room. */
  join(): void {
    if (this.#dialer !== undefined || this.process.isDead) return;
    const { id, process, network, server } = this.#parts;
    const signaling = server.client(process, id);
    this.#signaling = signaling;
    const carrier = new Carrier({
      topic: TOPIC,
      process,
      node: this.node,
      signaling,
      input: (input) => this.input(input),
      message: (from, text) => dialer.message(from, text),
      unreachable: (to) => dialer.unreachable(to),
    });
    this.#carrier = carrier;
    const dialer = new Dialer(
      {
        self: id,
        topic: TOPIC,
        signaling: { send: (_topic, to, text) => carrier.send(to, text) },
        transport: network.transport(process),
        random: process.world.random('dialer', process.index),
        setTimer: (callback, delayMs) => process.setTimer(callback, delayMs),
        iceServers: () => [],
      },
      {
        wouldAnswer: (peer) => this.node.wouldAnswer(peer, process.now()),
        incoming: (peer) => this.input({ type: 'incoming', peer }),
        open: (peer) => this.input({ type: 'linkUp', peer }),
        frame: (peer, bytes) => this.#frame(peer, bytes),
        interrupted: (peer, broken) => this.input({ type: 'interrupted', peer, broken }),
        closed: (peer, { byPeer }) => this.input({ type: 'linkDown', peer, byPeer }),
      },
    );
    this.#dialer = dialer;
    this.input({ type: 'start' });
    signaling.start([TOPIC], {
      state: () => undefined,
      peers: (_topic, peers) =>
        this.input({ type: 'candidates', peers, total: server.countOf(TOPIC) }),
      message: (_topic, from, text) => carrier.heard(from, text),
      unreachable: (_topic, to) => dialer.unreachable(to),
      iceServers: () => undefined,
      error: () => undefined,
    });
  }

  /** Leaves the room in an orderly way; `join` comes back. */
  leave(): void {
    if (this.#dialer === undefined || this.process.isDead) return;
    this.input({ type: 'stop' });
    this.#dialer.close();
    this.#signaling?.close();
    this.#dialer = undefined;
    this.#signaling = undefined;
    this.#carrier = undefined;
  }

  /** Hides or shows its page. */
  setHidden(hidden: boolean): void {
    if (hidden === this.process.isHidden) return;
    this.process.setHidden(hidden);
    this.process.run(() => this.input({ type: 'visibility', hidden }));
  }

  /** Gives the node an input, and does what it says. */
  input(input: Input): void {
    if (this.process.isDead) return;
    const effects = this.node.handle(input, this.process.now());
    if (this.#isDoing) {
      // As in the engine: an input from within an effect waits for those before it.
      this.#pending.push(...effects);
      return;
    }
    this.#isDoing = true;
    for (let i = 0; i < effects.length; i++) this.#do(effects[i] as Effect);
    for (let i = 0; i < this.#pending.length; i++) this.#do(this.#pending[i] as Effect);
    this.#pending.length = 0;
    this.#isDoing = false;
  }

  /** Sends raw bytes to a peer, as a hostile tab would; false where there is no open connection. */
  inject(peer: PeerId, bytes: Uint8Array): boolean {
    return this.#dialer?.send(peer, bytes, 'control') ?? false;
  }

  #frame(peer: PeerId, bytes: Uint8Array): void {
    this.#parts.watcher.received(this, peer, bytes);
    this.#from = peer;
    this.input({ type: 'frame', peer, bytes });
    this.#from = undefined;
  }

  #do(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#parts.watcher.sent(this, effect.peer, effect.bytes);
        this.#dialer?.send(effect.peer, effect.bytes, effect.lane);
        return;
      case 'dial':
        return this.#dialer?.dial(effect.peer);
      case 'hangUp':
        return this.#dialer?.hangUp(effect.peer);
      case 'find':
        return this.#signaling?.find(TOPIC);
      case 'timer':
        return this.#setTimer(effect.delay);
      case 'cancelTimers':
        if (this.#timer !== undefined) this.process.cancel(this.#timer);
        return;
      case 'knock':
        return this.#carrier?.knock(effect.peer);
      case 'signal':
        return this.#carrier?.heard(effect.from, new TextDecoder().decode(effect.payload));
      case 'unroutable':
        return this.#dialer?.unreachable(effect.to);
      case 'neighborUp':
        this.neighbors.add(effect.peer);
        break;
      case 'neighborDown':
        this.neighbors.delete(effect.peer);
        break;
    }
    this.#parts.watcher.told(this, effect, this.#from);
  }

  #setTimer(delay: number): void {
    if (this.#timer !== undefined) this.process.cancel(this.#timer);
    const timerRanOut = () => this.input({ type: 'timer', name: 'tick' });
    this.#timer = this.process.schedule(timerRanOut, delay);
  }
}
