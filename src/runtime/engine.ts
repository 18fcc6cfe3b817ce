/**
 * The engine of one mesh: does what the node machine says, and tells it what happens.
 *
 * It owns everything of a mesh that must be freed: timers, signaling, connections, extensions and
 * page listeners. The node decides; the engine has no policy of its own.
 */

import type { Clock } from '../ports/clock.ts';
import type { Signaling } from '../ports/signaling.ts';
import type { Store } from '../ports/store.ts';
import type { Transport } from '../ports/transport.ts';
import type { ProtocolConfig } from '../protocol/config.ts';
import type { Effect, Input, TimerName } from '../protocol/effects.ts';
import type { MemberEntry } from '../protocol/wire.ts';
import type { MemberChange } from '../protocol/member-table.ts';
import { Node } from '../protocol/node.ts';
import { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { Random } from '../util/random.ts';
import { type ConnectionEnd, Dialer } from './dialer.ts';
import type { Extension, ExtensionHost } from './extension.ts';
import type { PageLife } from './page-life.ts';
import { type MeshStatus, statusOf } from './status.ts';
import { Timers } from './timers.ts';
import { isTransferring } from './transfers.ts';

export interface EngineOptions {
  readonly id: PeerId;
  readonly topic: string;
  readonly config: ProtocolConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly store: Store;
  readonly transport: Transport;
  readonly page: PageLife;
  /** A fresh signaling for each time that the room is joined. */
  readonly createSignaling: () => Signaling;
  /** The app's ICE servers; `undefined` takes those that signaling announces. */
  readonly iceServers: readonly RTCIceServer[] | undefined;
}

export interface EngineEvents {
  status(status: MeshStatus, reason: string): void;
  member(change: MemberChange): void;
  neighbor(peer: PeerId, linked: boolean): void;
  synced(synced: boolean): void;
  error(error: MeshError): void;
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #events: EngineEvents;
  readonly #node: Node;
  readonly #timers: Timers<TimerName>;
  readonly #extensions = new Map<number, Extension>();
  /** What the node wants done and is not done yet, in order. */
  readonly #effects: Effect[] = [];
  #isDoing = false;
  /** Neighbors that the extensions were told of. */
  readonly #linked = new Set<PeerId>();
  readonly #stopPageLife: () => void;
  #dialer: Dialer | undefined;
  #signaling: Signaling | undefined;
  #signalingOpen = false;
  #signalingTrouble = '';
  #announcedIceServers: readonly RTCIceServer[] = [];
  /** The latest link that failed, as long as nothing better is known of its peer. */
  #linkFailure: { readonly peer: PeerId; readonly message: string } | undefined;
  /** Whether the room is to be joined; differs where a listener asks for it while this leaves. */
  #isWanted = false;
  #isLeaving = false;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  #told = { status: 'connecting' as MeshStatus, reason: 'looking for the tabs of the room' };
  #toldSynced = false;
  /** Whether the page's going away, and not the app, made the mesh leave. */
  #leftWithPage = false;
  readonly #sent = { frames: 0, bytes: 0 };
  readonly #received = { frames: 0, bytes: 0 };

  constructor(options: EngineOptions, events: EngineEvents) {
    const { id, config, random, clock } = options;
    this.#options = options;
    this.#events = events;
    this.#timers = new Timers(clock);
    this.#node = new Node(id, config, random, options.page.isHidden(), clock.now());
    options.store.onLost = (error) => {
      this.#events.error(error);
      for (const extension of this.#extensions.values()) extension.storeLost();
    };
    this.#stopPageLife = options.page.follow({
      visibility: (hidden) => this.#input({ type: 'visibility', hidden }),
      hide: () => this.#pageHidden(),
      show: () => {
        if (this.#leftWithPage) this.join();
      },
      online: () => this.#input({ type: 'activity' }),
    });
  }

  get status(): MeshStatus {
    return this.#told.status;
  }

  get reason(): string {
    return this.#told.reason;
  }

  get members(): MemberEntry[] {
    return this.#node.members;
  }

  get neighbors(): PeerId[] {
    return this.#node.neighbors;
  }

  get isSynced(): boolean {
    const parts = [...this.#extensions.values()];
    return this.#node.neighbors.length > 0 && parts.every((part) => part.isSynced());
  }

  get extensions(): Iterable<Extension> {
    return this.#extensions.values();
  }

  get counts() {
    return { ...this.#node.counts, sent: { ...this.#sent }, got: { ...this.#received } };
  }

  /** Joins the room; does nothing where it is joined. */
  join(): void {
    if (this.#isClosed) return;
    this.#isWanted = true;
    if (this.#signaling !== undefined) return;
    const { topic, transport, random, clock, id } = this.#options;
    const signaling = this.#options.createSignaling();
    this.#signaling = signaling;
    this.#dialer = new Dialer(
      {
        self: id,
        topic,
        signaling,
        transport,
        random,
        setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
        iceServers: () => this.#options.iceServers ?? this.#announcedIceServers,
      },
      {
        wouldAnswer: (peer) => this.#node.wouldAnswer(peer, clock.now()),
        incoming: (peer) => this.#input({ type: 'incoming', peer }),
        open: (peer) => this.#input({ type: 'linkUp', peer }),
        frame: (peer, bytes) => this.#frame(peer, bytes),
        interrupted: (peer, broken) => this.#input({ type: 'interrupted', peer, broken }),
        closed: (peer, end) => this.#closed(peer, end),
      },
    );
    this.#input({ type: 'start' });
    signaling.start([topic], {
      state: (state, reason) => {
        this.#signalingOpen = state === 'open';
        this.#signalingTrouble = reason;
        this.#tellStatus();
      },
      peers: (inTopic, peers) => {
        if (inTopic === topic) this.#input({ type: 'candidates', peers });
      },
      message: (_topic, from, text) => this.#dialer?.message(from, text),
      unreachable: (_topic, to) => {
        this.#dialer?.unreachable(to);
        this.#forgetFailure(to);
      },
      iceServers: (servers) => {
        this.#announcedIceServers = servers;
      },
      error: (error) => this.#events.error(error),
    });
    this.#tellStatus();
  }

  /** Leaves the room; memory stays, and `join` comes back. */
  leave(): void {
    this.#isWanted = false;
    this.#leftWithPage = false;
    if (this.#signaling === undefined || this.#isLeaving) return;
    this.#isLeaving = true;
    for (const extension of this.#extensions.values()) extension.leaving();
    this.#input({ type: 'stop' });
    this.#doEffects(); // also where a listener of an effect leaves: the good-byes go before the links
    this.#dialer?.close();
    this.#signaling.close();
    this.#dialer = undefined;
    this.#signaling = undefined;
    this.#signalingOpen = false;
    this.#signalingTrouble = '';
    this.#linkFailure = undefined;
    this.#isLeaving = false;
    this.#tellStatus();
    if (this.#isWanted) this.join();
  }

  /** The extension of `channel`, made by `create` at the first call. */
  attach<T extends Extension>(channel: number, create: (host: ExtensionHost) => T): T {
    if (this.#isClosed) {
      throw new MeshError('closed', 'The mesh is closed. Nothing changed; open it again.');
    }
    const known = this.#extensions.get(channel);
    if (known !== undefined) return known as T;
    const extension = create(this.#hostOf(channel));
    this.#extensions.set(channel, extension);
    for (const peer of this.#linked) {
      extension.neighborUp(peer);
      extension.compare(peer);
    }
    this.#tellSynced();
    return extension;
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#extensions.values()].map((extension) => extension.flush()));
  }

  /** Leaves, writes what is unwritten, and frees everything; idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    this.leave();
    this.#stopPageLife();
    this.#tellStatus();
    await Promise.all([...this.#extensions.values()].map((extension) => extension.close()));
    this.#options.store.onLost = undefined;
    await this.#options.store.close();
  }

  #input(input: Input): void {
    this.#effects.push(...this.#node.handle(input, this.#options.clock.now()));
    // An input from within an effect waits for those before it, so that all are done in order.
    if (!this.#isDoing) this.#doEffects();
  }

  #doEffects(): void {
    this.#isDoing = true;
    try {
      for (let next = this.#effects.shift(); next !== undefined; next = this.#effects.shift()) {
        this.#do(next);
      }
    } finally {
      this.#isDoing = false;
    }
  }

  #do(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#sent.frames++;
        this.#sent.bytes += effect.bytes.length;
        return this.#send(effect);
      case 'dial':
        return this.#dialer?.dial(effect.peer);
      case 'hangUp':
        return this.#dialer?.hangUp(effect.peer);
      case 'find':
        return this.#signaling?.find(this.#options.topic);
      case 'timer':
        return this.#timers.set(effect.name, effect.delay, () =>
          this.#input({ type: 'timer', name: effect.name }),
        );
      case 'cancelTimers':
        return this.#timers.cancelAll();
      case 'deliver':
        return this.#extensions.get(effect.channel)?.deliver(effect.origin, effect.payload);
      case 'direct':
        return this.#extensions.get(effect.channel)?.direct(effect.peer, effect.payload);
      case 'neighborUp':
        this.#linkFailure = undefined;
        this.#linked.add(effect.peer);
        for (const extension of this.#extensions.values()) extension.neighborUp(effect.peer);
        return this.#neighborChanged(effect.peer, true);
      case 'neighborDown':
        this.#linked.delete(effect.peer);
        for (const extension of this.#extensions.values()) extension.neighborDown(effect.peer);
        return this.#neighborChanged(effect.peer, false);
      case 'member':
        return this.#memberChanged(effect.change);
      case 'compare':
        for (const extension of this.#extensions.values()) extension.compare(effect.peer);
        return;
      case 'error':
        return this.#events.error(new MeshError(effect.code, effect.message));
    }
  }

  #send({ peer, bytes, lane }: Extract<Effect, { type: 'send' }>): void {
    try {
      this.#dialer?.send(peer, bytes, lane);
    } catch (thrown) {
      if (!(thrown instanceof MeshError)) throw thrown;
      this.#events.error(thrown);
    }
  }

  #frame(peer: PeerId, bytes: Uint8Array): void {
    this.#received.frames++;
    this.#received.bytes += bytes.length;
    this.#input({ type: 'frame', peer, bytes });
  }

  #closed(peer: PeerId, { error, byPeer }: ConnectionEnd): void {
    if (error !== undefined) {
      this.#linkFailure = { peer, message: error.message };
      this.#events.error(error);
    }
    this.#input({ type: 'linkDown', peer, byPeer });
    if (error === undefined) this.#forgetFailure(peer);
    else this.#tellStatus();
  }

  #neighborChanged(peer: PeerId, linked: boolean): void {
    this.#events.neighbor(peer, linked);
    this.#tellStatus();
    this.#tellSynced();
  }

  #memberChanged(change: MemberChange): void {
    const { id, status } = change.entry;
    if (status === 'dead' || status === 'left') {
      this.#forgetFailure(id);
      for (const extension of this.#extensions.values()) extension.memberGone(id);
    }
    this.#events.member(change);
    this.#tellStatus();
  }

  /** The tab may be frozen or gone the next moment: leave at once, and write what can be written. */
  #pageHidden(): void {
    for (const extension of this.#extensions.values()) void extension.settle();
    const wasJoined = this.#signaling !== undefined;
    this.leave();
    this.#leftWithPage = wasJoined;
  }

  #forgetFailure(peer: PeerId): void {
    if (this.#linkFailure?.peer === peer) this.#linkFailure = undefined;
    this.#tellStatus();
  }

  #tellStatus(): void {
    const { neighbors, members } = this.#node;
    const next = statusOf({
      closed: this.#isClosed,
      joined: this.#signaling !== undefined && !this.#isLeaving,
      neighbors: neighbors.length,
      others: members.length - 1,
      signalingOpen: this.#signalingOpen,
      signalingTrouble: this.#signalingTrouble,
      linkFailure: this.#linkFailure?.message,
    });
    if (next.status === this.#told.status && next.reason === this.#told.reason) return;
    this.#told = next;
    this.#events.status(next.status, next.reason);
  }

  #tellSynced(): void {
    const synced = this.isSynced;
    if (synced === this.#toldSynced) return;
    this.#toldSynced = synced;
    this.#events.synced(synced);
  }

  #hostOf(channel: number): ExtensionHost {
    const { id, store, clock, random } = this.#options;
    return {
      id,
      store,
      clock,
      random,
      neighbors: () => this.#node.neighbors,
      isPresent: (peer) => this.#node.members.some((member) => member.id === peer),
      broadcast: (payload) => this.#input({ type: 'broadcast', channel, payload }),
      send: (peer, payload) => {
        const isNeighbor = this.#node.neighbors.includes(peer);
        if (isNeighbor) this.#input({ type: 'direct', peer, channel, payload });
        return isNeighbor;
      },
      isTransferring: (peer) =>
        isTransferring(peer, this.#node.asked(clock.now()), (of) =>
          this.#dialer === undefined ? 0 : this.#dialer.bytesUnderWay(of, clock.now()),
        ),
      activity: () => this.#input({ type: 'activity' }),
      misbehaved: (peer, what) => this.#input({ type: 'misbehaved', peer, what }),
      syncedChanged: () => this.#tellSynced(),
      error: (error) => this.#events.error(error),
    };
  }
}
