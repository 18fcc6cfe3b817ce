/**
 * The engine of one mesh: does what the node machine says, and tells it what happens.
 *
 * It owns everything of a mesh that must be freed: timers, signaling, connections, extensions and
 * page listeners. The node decides; the engine has no policy of its own.
 */

import type { Store } from '../ports/store.ts';
import type { Averaging, Estimate } from '../protocol/aggregates/averaging.ts';
import type { ProtocolConfig } from '../protocol/config.ts';
import type { Effect, Input } from '../protocol/effects.ts';
import type { MemberChange } from '../protocol/membership/member-table.ts';
import { Node } from '../protocol/node.ts';
import type { MemberEntry } from '../protocol/wire.ts';
import { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import { Deferred } from './deferred.ts';
import type { ConnectionEnd } from './dialer.ts';
import type { Extension, ExtensionHost } from './extension.ts';
import type { PageLife } from './page-life.ts';
import { Session, type SessionOptions } from './session.ts';
import { type MeshStatus, statusOf } from './status.ts';
import { isTransferring } from './transfers.ts';

export interface EngineOptions extends SessionOptions {
  readonly config: ProtocolConfig;
  readonly store: Store;
  readonly page: PageLife;
}

export interface EngineEvents {
  status(status: MeshStatus, reason: string): void;
  member(change: MemberChange): void;
  neighbor(peer: PeerId, linked: boolean): void;
  synced(synced: boolean): void;
  aggregate(name: string): void;
  error(error: MeshError): void;
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #events: EngineEvents;
  readonly #node: Node;
  #cancelTimer: (() => void) | undefined;
  readonly #extensions = new Map<number, Extension>();
  /** What the node wants done and is not done yet, in order. */
  readonly #effects: Effect[] = [];
  #isDoing = false;
  /** Neighbors that the extensions were told of. */
  readonly #linked = new Set<PeerId>();
  readonly #stopPageLife: () => void;
  /** This stay in the room; `undefined` while out of it. */
  #session: Session | undefined;
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
    this.#node = new Node(id, config, random, options.page.isHidden(), clock.now());
    options.store.onLost = (error) => {
      this.#events.error(error);
      for (const extension of this.#extensions.values()) extension.storeLost?.();
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
    return this.#node.neighbors.length > 0 && parts.every((part) => part.isSynced?.() ?? true);
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
    if (this.#session !== undefined) return;
    const { clock } = this.#options;
    const session = new Session(this.#options, {
      wouldAnswer: (peer) => this.#node.wouldAnswer(peer, clock.now()),
      incoming: (peer) => this.#input({ type: 'incoming', peer }),
      knocked: (peer) => this.#input({ type: 'knocked', peer }),
      open: (peer) => this.#input({ type: 'linkUp', peer }),
      frame: (peer, bytes) => this.#frame(peer, bytes),
      interrupted: (peer, broken) => this.#input({ type: 'interrupted', peer, broken }),
      closed: (peer, end) => this.#closed(peer, end),
      isLinked: () => this.#linked.size > 0,
      canRoute: (peer) => this.#node.canRoute(peer, clock.now()),
      relay: (to, channel, payload) =>
        this.#input({ type: 'relay', kind: 'signal', to, channel, payload }),
      state: () => this.#tellStatus(),
      candidates: (peers, total) => this.#input({ type: 'candidates', peers, total }),
      unreachable: (peer) => this.#forgetFailure(peer),
      error: (error) => this.#events.error(error),
    });
    this.#session = session;
    this.#input({ type: 'start' });
    session.start();
    this.#tellStatus();
  }

  /** Leaves the room; memory stays, and `join` comes back. */
  leave(): void {
    this.#isWanted = false;
    this.#leftWithPage = false;
    if (this.#session === undefined || this.#isLeaving) return;
    this.#isLeaving = true;
    for (const extension of this.#extensions.values()) extension.leaving?.();
    this.#input({ type: 'stop' });
    this.#doEffects(); // also where a listener of an effect leaves: the good-byes go before the links
    this.#session.close();
    this.#session = undefined;
    this.#linkFailure = undefined;
    this.#isLeaving = false;
    this.#tellStatus();
    if (this.#isWanted) this.join();
  }

  /** The extension of `channel`, made by `create` at the first call, or in the place of a `Deferred`. */
  attach<T extends Extension>(channel: number, create: (host: ExtensionHost) => T): T {
    if (this.#isClosed) {
      throw new MeshError('closed', 'The mesh is closed. Nothing changed; open it again.');
    }
    const known = this.#extensions.get(channel);
    const isDeferred = known instanceof Deferred;
    if (known !== undefined && !isDeferred) return known as T;
    const extension = create(this.#hostOf(channel));
    this.#extensions.set(channel, extension);
    for (const peer of this.#linked) {
      extension.neighborUp?.(peer);
      extension.compare?.(peer);
    }
    for (const member of this.#node.members) extension.memberSeen?.(member);
    if (isDeferred) known.handOver(extension);
    this.#tellSynced();
    return extension;
  }

  /** Takes part in aggregates from now on; before, there are none. */
  joinAggregates(averaging: typeof Averaging): void {
    this.#input({ type: 'joinAggregates', averaging });
  }

  /** What is known of an aggregate. */
  estimate(name: string): Estimate | undefined {
    return this.#node.estimate(name);
  }

  /** Sets this tab's value of an aggregate, or clears it. */
  setAggregate(name: string, value: number | undefined): void {
    this.#input({ type: 'aggregate', name, value });
  }

  async flush(): Promise<void> {
    await Promise.all([...this.#extensions.values()].map((extension) => extension.flush?.()));
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
    await Promise.all([...this.#extensions.values()].map((extension) => extension.close?.()));
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
        return this.#session?.dialer.dial(effect.peer);
      case 'hangUp':
        return this.#session?.dialer.hangUp(effect.peer);
      case 'knock':
        return this.#session?.dialer.knock(effect.peer);
      case 'find':
        return this.#session?.find();
      case 'signal':
        return this.#session?.relayed(effect.from, effect.payload);
      case 'unroutable':
        if (effect.kind === 'signal') this.#session?.unroutable(effect.to, effect.channel);
        return;
      case 'timer':
        this.#cancelTimer?.();
        this.#cancelTimer = this.#options.clock.setTimer(() => {
          this.#input({ type: 'timer', name: effect.name });
        }, effect.delay);
        return;
      case 'cancelTimers':
        return this.#cancelTimer?.();
      case 'deliver':
        return this.#extensions.get(effect.channel)?.deliver(effect.origin, effect.payload);
      case 'direct':
        return this.#extensions.get(effect.channel)?.direct(effect.peer, effect.payload);
      case 'routed':
        return this.#extensions.get(effect.channel)?.routed?.(effect.from, effect.payload);
      case 'aggregate':
        return this.#events.aggregate(effect.name);
      case 'neighborUp':
        this.#linkFailure = undefined;
        this.#linked.add(effect.peer);
        for (const extension of this.#extensions.values()) extension.neighborUp?.(effect.peer);
        return this.#neighborChanged(effect.peer, true);
      case 'neighborDown':
        this.#linked.delete(effect.peer);
        for (const extension of this.#extensions.values()) extension.neighborDown?.(effect.peer);
        return this.#neighborChanged(effect.peer, false);
      case 'member':
        return this.#memberChanged(effect.change);
      case 'compare':
        for (const extension of this.#extensions.values()) extension.compare?.(effect.peer);
        return;
      case 'error':
        return this.#events.error(new MeshError(effect.code, effect.message));
    }
  }

  #send({ peer, bytes, lane }: Extract<Effect, { type: 'send' }>): void {
    try {
      this.#session?.dialer.send(peer, bytes, lane);
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
    this.#session?.linksChanged();
    this.#events.neighbor(peer, linked);
    this.#tellStatus();
    this.#tellSynced();
  }

  #memberChanged(change: MemberChange): void {
    const { id, status } = change.entry;
    for (const extension of this.#extensions.values()) extension.memberSeen?.(change.entry);
    if (status === 'dead' || status === 'left') {
      this.#forgetFailure(id);
      for (const extension of this.#extensions.values()) extension.memberGone?.(id);
    }
    this.#events.member(change);
    this.#tellStatus();
  }

  /** The tab may be frozen or gone the next moment: leave at once, and write what can be written. */
  #pageHidden(): void {
    for (const extension of this.#extensions.values()) void extension.settle?.();
    const wasJoined = this.#session !== undefined;
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
      joined: this.#session !== undefined && !this.#isLeaving,
      neighbors: neighbors.length,
      others: members.length - 1,
      signalingOpen: this.#session?.isOpen === true,
      signalingTrouble: this.#session?.trouble ?? '',
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
    const bytesUnderWay = (peer: PeerId) =>
      this.#session?.dialer.bytesUnderWay(peer, clock.now()) ?? 0;
    return {
      id,
      store,
      clock,
      random,
      neighbors: () => this.#node.neighbors,
      isPresent: (peer) => this.#node.isPresent(peer),
      identity: (replica, generation) => this.#input({ type: 'identity', replica, generation }),
      broadcast: (payload) => this.#input({ type: 'broadcast', channel, payload }),
      send: (peer, payload) => {
        const isNeighbor = this.#node.isNeighbor(peer);
        if (isNeighbor) this.#input({ type: 'direct', peer, channel, payload });
        return isNeighbor;
      },
      canReach: (peer) => this.#linked.has(peer) || this.#node.canRoute(peer, clock.now()),
      relay: (to, payload) => this.#input({ type: 'relay', kind: 'message', to, channel, payload }),
      bytesUnderWay,
      isTransferring: (peer) => isTransferring(peer, this.#node.asked(clock.now()), bytesUnderWay),
      activity: (gained = false) => this.#input({ type: 'activity', gained }),
      misbehaved: (peer, what) => this.#input({ type: 'misbehaved', peer, what }),
      syncedChanged: () => this.#tellSynced(),
      error: (error) => this.#events.error(error),
    };
  }
}
