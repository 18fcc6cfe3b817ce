/** One tab of a simulated room: a node and the runtime's session in a process. */

import { Averaging } from '../protocol/aggregates/averaging.ts';
import type { ProtocolConfig } from '../protocol/config.ts';
import type { Effect, Input } from '../protocol/effects.ts';
import { Node } from '../protocol/node.ts';
import { Session } from '../runtime/session.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { Random } from '../util/random.ts';
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
  /** Chance of its sessions, one after another: what is drawn twice would be taken for old news. */
  readonly #random: Random;
  #session: Session | undefined;
  #isDoing = false;
  readonly #pending: Effect[] = [];
  /** Whose frame is being taken. */
  #from: PeerId | undefined;

  constructor(parts: TabParts) {
    const { id, process, config } = parts;
    this.#parts = parts;
    this.id = id;
    this.process = process;
    this.#random = process.world.random('session', process.index);
    const random = process.world.random('node', process.index);
    this.node = new Node(id, config, random, process.isHidden, process.now());
    this.node.handle({ type: 'joinAggregates', averaging: Averaging }, process.now());
  }

  /** Whether it is in the room and lives. */
  get isIn(): boolean {
    return this.#session !== undefined && !this.process.isDead;
  }

  /** Joins the room. */
  join(): void {
    if (this.#session !== undefined || this.process.isDead) return;
    const { id, process, network, server } = this.#parts;
    const session = new Session(
      {
        id,
        topic: TOPIC,
        clock: process,
        random: this.#random,
        transport: network.transport(process),
        createSignaling: (carry) => carry(server.client(process, id)),
        iceServers: [],
      },
      {
        wouldAnswer: (peer) => this.node.wouldAnswer(peer, process.now()),
        incoming: (peer) => this.input({ type: 'incoming', peer }),
        knocked: (peer) => this.input({ type: 'knocked', peer }),
        open: (peer) => this.input({ type: 'linkUp', peer }),
        frame: (peer, bytes) => this.#frame(peer, bytes),
        interrupted: (peer, broken) => this.input({ type: 'interrupted', peer, broken }),
        closed: (peer, { byPeer }) => this.input({ type: 'linkDown', peer, byPeer }),
        isLinked: () => this.neighbors.size > 0,
        canRoute: (peer) => this.node.canRoute(peer, process.now()),
        relay: (to, channel, payload) =>
          this.input({ type: 'relay', kind: 'signal', to, channel, payload }),
        state: () => undefined,
        candidates: (peers, total) =>
          this.input({ type: 'candidates', peers, ...(total === undefined ? {} : { total }) }),
        unreachable: () => undefined,
        error: () => undefined,
      },
    );
    this.#session = session;
    this.input({ type: 'start' });
    session.start();
  }

  /** Leaves the room in an orderly way; `join` comes back. */
  leave(): void {
    if (this.#session === undefined || this.process.isDead) return;
    this.input({ type: 'stop' });
    this.#session.close();
    this.#session = undefined;
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
    return this.#session?.dialer.send(peer, bytes, 'control') ?? false;
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
        this.#session?.dialer.send(effect.peer, effect.bytes, effect.lane);
        return;
      case 'dial':
        return this.#session?.dialer.dial(effect.peer);
      case 'knock':
        return this.#session?.dialer.knock(effect.peer);
      case 'hangUp':
        return this.#session?.dialer.hangUp(effect.peer);
      case 'find':
        return this.#session?.find();
      case 'timer':
        return this.#setTimer(effect.delay);
      case 'cancelTimers':
        if (this.#timer !== undefined) this.process.cancel(this.#timer);
        return;
      case 'signal':
        return this.#session?.relayed(effect.from, effect.payload);
      case 'unroutable':
        if (effect.kind === 'signal') this.#session?.unroutable(effect.to, effect.channel);
        return;
      case 'neighborUp':
        this.neighbors.add(effect.peer);
        this.#session?.linksChanged();
        break;
      case 'neighborDown':
        this.neighbors.delete(effect.peer);
        this.#session?.linksChanged();
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
