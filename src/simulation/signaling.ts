/**
 * The signaling server in virtual time: who is in a room, addressed text, and being down.
 *
 * It tells a few peers at random, as the real one does, and knows of a crash as soon as the operating
 * system closed the socket; who is cut off stays in its lists until it has been silent for a while.
 */

import type { Signaling, SignalingHandlers, SignalingState } from '../ports/signaling.ts';
import type { PeerId } from '../util/peer-id.ts';
import { jitter, type Random, randomBelow } from '../util/random.ts';
import type { Network } from './network.ts';
import type { Process, ProcessEnd } from './process.ts';
import type { World } from './world.ts';

/** Peers told at once, as the server's default. */
const PEERS_TOLD = 8;
/** Silence after which the server drops a client that it cannot reach. */
const STALE_MS = 30_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

/** A signaling server. */
export class SignalingServer {
  readonly world: World;
  readonly network: Network;
  readonly #random: Random;
  /** Clients of each topic, in the order of their joining; a gap where one left. */
  readonly #topics = new Map<string, Roster>();
  #up = true;
  /** On which side of a partition it is; `undefined` is reached from all. */
  group: number | undefined;

  constructor(world: World, network: Network) {
    this.world = world;
    this.network = network;
    this.#random = world.random('signaling');
  }

  get isUp(): boolean {
    return this.#up;
  }

  /** A signaling of one tab. */
  client(process: Process, peer: PeerId): Signaling {
    return new Client(this, process, peer);
  }

  /** Ends all connections; clients try again and again until it is back. */
  goDown(): void {
    this.#up = false;
    const clients = [...this.#topics.values()].flatMap((roster) => [...roster.clients]);
    this.#topics.clear();
    for (const client of clients) client.lost();
  }

  comeBack(): void {
    this.#up = true;
  }

  /** Whether it can be used from there. */
  serves(process: Process): boolean {
    return this.#up && (this.group === undefined || this.group === process.group);
  }

  join(client: Client, topic: string): void {
    let roster = this.#topics.get(topic);
    if (roster === undefined) {
      roster = new Roster();
      this.#topics.set(topic, roster);
    }
    roster.add(client);
  }

  leave(client: Client, topic: string): void {
    this.#topics.get(topic)?.delete(client);
  }

  /** A few others of the topic, and how many are in it. */
  tell(client: Client, topic: string): void {
    const roster = this.#topics.get(topic);
    if (roster === undefined) return;
    client.hear((handlers) =>
      handlers.peers(topic, roster.sample(this.#random, PEERS_TOLD, client), roster.clients.length),
    );
  }

  carry(from: Client, topic: string, to: PeerId, text: string): void {
    const client = this.#topics.get(topic)?.byPeer(to);
    if (client === undefined) from.hear((handlers) => handlers.unreachable(topic, to));
    else client.hear((handlers) => handlers.message(topic, from.peer, text));
  }

  /** Clients that a partition cut off are dropped once they were silent for long. */
  pathsChanged(): void {
    const clients = [...this.#topics.values()].flatMap((roster) => [...roster.clients]);
    for (const client of clients) if (!this.serves(client.process)) client.cutOff(STALE_MS);
  }
}

/** The clients of one topic, to be drawn from and looked up. */
class Roster {
  readonly clients: Client[] = [];
  readonly #places = new Map<PeerId, number>();

  byPeer(peer: PeerId): Client | undefined {
    const place = this.#places.get(peer);
    return place === undefined ? undefined : this.clients[place];
  }

  add(client: Client): void {
    if (this.#places.has(client.peer)) return;
    this.#places.set(client.peer, this.clients.length);
    this.clients.push(client);
  }

  /** The last takes its place. */
  delete(client: Client): void {
    const place = this.#places.get(client.peer);
    if (place === undefined || this.clients[place] !== client) return;
    this.#places.delete(client.peer);
    const last = this.clients.pop() as Client;
    if (last === client) return;
    this.clients[place] = last;
    this.#places.set(last.peer, place);
  }

  /** Up to `count` peers other than `except`. */
  sample(random: Random, count: number, except: Client): PeerId[] {
    const { clients } = this;
    if (clients.length <= count + 1) {
      return clients.filter((client) => client !== except).map(({ peer }) => peer);
    }
    const chosen = new Set<PeerId>();
    while (chosen.size < count) {
      const client = clients[randomBelow(random, clients.length)] as Client;
      if (client !== except) chosen.add(client.peer);
    }
    return [...chosen];
  }
}

/** The signaling of one tab, by the server. */
class Client implements Signaling, ProcessEnd {
  readonly name = 'virtual signaling';
  readonly process: Process;
  readonly peer: PeerId;
  readonly #server: SignalingServer;
  #topics: readonly string[] = [];
  #handlers: SignalingHandlers | undefined;
  #state: SignalingState = 'connecting';
  #tries = 0;

  constructor(server: SignalingServer, process: Process, peer: PeerId) {
    this.#server = server;
    this.process = process;
    this.peer = peer;
  }

  get state(): SignalingState {
    return this.#state;
  }

  start(topics: readonly string[], handlers: SignalingHandlers): void {
    this.#topics = topics;
    this.#handlers = handlers;
    this.process.hold(this);
    this.#connect();
  }

  find(topic: string): void {
    this.#request(() => this.#server.tell(this, topic));
  }

  send(topic: string, to: PeerId, text: string): boolean {
    if (this.#state !== 'open') return false;
    this.#request(() => this.#server.carry(this, topic, to, text));
    return true;
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#handlers = undefined;
    this.process.release(this);
    this.#later(() => this.#leave());
  }

  crashed(): void {
    this.close();
  }

  /** Something from the server, one latency later. */
  hear(tell: (handlers: SignalingHandlers) => void): void {
    this.#later(() => {
      if (!this.#server.serves(this.process)) return;
      this.process.run(() => {
        if (this.#state !== 'open' || this.#handlers === undefined) return;
        const { world } = this.#server;
        world.trace.note(world.now, this.process.index, 'signal');
        tell(this.#handlers);
      });
    });
  }

  /** The server is gone. */
  lost(): void {
    this.#later(() => this.process.run(() => this.#reconnect()));
  }

  /** The server cannot be reached; both sides notice after a while. */
  cutOff(afterMs: number): void {
    this.#server.world.after(afterMs, () => {
      if (this.#state !== 'open' || this.#server.serves(this.process)) return;
      this.#leave();
      this.process.run(() => this.#reconnect());
    });
  }

  #connect(): void {
    this.#later(() => {
      if (this.#state !== 'connecting') return;
      if (!this.#server.serves(this.process)) {
        this.process.run(() => this.#reconnect());
        return;
      }
      for (const topic of this.#topics) this.#server.join(this, topic);
      this.#later(() =>
        this.process.run(() => {
          if (this.#state !== 'connecting') return;
          this.#state = 'open';
          this.#tries = 0;
          this.#handlers?.state('open', '');
          for (const topic of this.#topics) this.#server.tell(this, topic);
        }),
      );
    });
  }

  #reconnect(): void {
    if (this.#state === 'closed') return;
    this.#state = 'connecting';
    this.#handlers?.state('connecting', 'the signaling server cannot be reached');
    const delay = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** this.#tries++);
    this.process.schedule(() => this.#connect(), jitter(this.process.random, delay, 0.5));
  }

  #leave(): void {
    for (const topic of this.#topics) this.#server.leave(this, topic);
  }

  #request(ask: () => void): void {
    if (this.#state !== 'open') return;
    this.#later(() => {
      if (this.#server.serves(this.process)) ask();
    });
  }

  #later(task: () => void): void {
    const { world, network } = this.#server;
    world.after(network.latency(this.process), task);
  }
}
