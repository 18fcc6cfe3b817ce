/** One side of a virtual link: a Connection of the transport port, over the network's model. */

import type {
  Connection,
  ConnectionHandlers,
  DialOptions,
  Lane,
  SignalData,
} from '../ports/transport.ts';
import { MeshError } from '../util/errors.ts';
import { draw, happens } from './chance.ts';
import type { NetworkModel } from './network-model.ts';
import type { Process, ProcessEnd } from './process.ts';
import type { World } from './world.ts';

/** How late a reordered frame comes at most. */
const REORDER_MS = 200;
/** Frames of so young a link are spared: over a reliable channel its set-up needs no repetition. */
const SPARED_MS = 1_000;
/** Bytes that may wait on one connection; as over WebRTC. */
const MAX_QUEUED_BYTES = 512 * 1024 * 1024;

/** The network that a connection is part of. */
export interface Medium {
  readonly world: World;
  readonly model: NetworkModel;
  /** Connections that are not closed, by the id that their descriptions carry. */
  readonly connections: Map<string, VirtualConnection>;
  /** Whether what `from` sends arrives at `to`. */
  reaches(from: Process, to: Process): boolean;
}

export class VirtualConnection implements Connection, ProcessEnd {
  readonly #network: Medium;
  readonly #process: Process;
  readonly #id: string;
  readonly #options: DialOptions;
  readonly #handlers: ConnectionHandlers;
  #state: 'connecting' | 'open' | 'closed' = 'connecting';
  #other: VirtualConnection | undefined;
  #latencyMs = 0;
  /** When the last frame in order arrives at the other side, a lane. */
  readonly #lastArrival: Record<Lane, number> = { control: 0, bulk: 0 };
  #queuedBytes = 0;
  #openedAt = 0;
  /** Since when the path is broken, in the world's time. */
  #brokenSince: number | undefined;
  #wasInterrupted = false;

  constructor(
    network: Medium,
    process: Process,
    id: string,
    options: DialOptions,
    handlers: ConnectionHandlers,
  ) {
    this.#network = network;
    this.#process = process;
    this.#id = id;
    this.#options = options;
    this.#handlers = handlers;
    network.connections.set(id, this);
    process.hold(this);
    if (options.initiator) this.#soon(() => this.#describe('offer'));
  }

  get state(): 'connecting' | 'open' | 'closed' {
    return this.#state;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get receivingBytes(): number {
    return this.#other?.queuedBytes ?? 0;
  }

  signal(data: SignalData): void {
    if (this.#state !== 'connecting' || this.#other !== undefined) return;
    const wanted = this.#options.initiator ? 'answer' : 'offer';
    const { type, sdp } = data;
    if (type !== wanted || typeof sdp !== 'string') return;
    const other = this.#network.connections.get(sdp);
    if (other === undefined || other === this) return;
    if (!this.#options.initiator) {
      this.#other = other;
      this.#describe('answer');
    } else if (other.#other === this) {
      this.#other = other;
      this.#setUp(other);
    }
  }

  restart(): void {
    // A path comes back by itself as soon as the network lets it.
  }

  send(frame: Uint8Array, lane: Lane): boolean {
    if (this.#state !== 'open') return false;
    const { length } = frame;
    if (length > this.#options.maxFrameBytes) {
      const limit = this.#options.maxFrameBytes;
      throw new MeshError(
        'value-too-large',
        `A frame of ${length} bytes is over the limit of ${limit}; nothing was sent. Split the value.`,
      );
    }
    if (this.#queuedBytes + length > MAX_QUEUED_BYTES) return false;
    const { world, model } = this.#network;
    const { random } = this.#process;
    const isSpared = world.now < this.#openedAt + SPARED_MS;
    const gone = this.#process.uplink(length, lane, model.bytesPerMs);
    const arrival = gone + this.#latencyMs * (1 + model.jitter * random());
    const inOrder = Math.max(arrival, this.#lastArrival[lane]);
    const isLate = !isSpared && happens(random, model.reordering);
    if (!isLate) this.#lastArrival[lane] = inOrder;
    this.#queuedBytes += length;
    const at = isLate ? inOrder + random() * REORDER_MS : inOrder;
    const isLost = (!isSpared && happens(random, model.loss)) || !this.#canReach();
    world.at(at, () => {
      this.#queuedBytes -= length;
      if (!isLost && this.#canReach()) this.#other?.arrive(frame);
    });
    if (!isLost && !isSpared && happens(random, model.duplication)) {
      world.at(at + random() * REORDER_MS, () => {
        if (this.#canReach()) this.#other?.arrive(frame);
      });
    }
    return true;
  }

  /** What was sent before still arrives, and then the other side sees the end. */
  close(): void {
    if (this.#state === 'closed') return;
    const other = this.#other;
    const wasOpen = this.#state === 'open';
    this.#end(undefined);
    if (other === undefined || !wasOpen) return;
    const { control, bulk } = this.#lastArrival;
    this.#network.world.at(Math.max(control, bulk, this.#now + this.#latencyMs), () => {
      if (this.#network.reaches(this.#process, other.#process)) {
        other.#process.run(() => other.#end(undefined));
      } else {
        other.pathChanged();
      }
    });
  }

  /** A frame comes in from the network. */
  arrive(frame: Uint8Array): void {
    if (this.#process.isFree) this.#take(frame);
    else this.#process.run(() => this.#take(frame));
  }

  /** The process of this side is gone; the other side finds out by silence. */
  crashed(): void {
    const other = this.#other;
    this.#state = 'closed';
    this.#network.connections.delete(this.#id);
    other?.pathChanged();
  }

  /** The path under this link may have broken or come back. */
  pathChanged(): void {
    if (this.#state === 'closed' || this.#other === undefined) return;
    const isBroken = !this.#hasPath();
    if (isBroken === (this.#brokenSince !== undefined)) return;
    if (!isBroken) {
      this.#brokenSince = undefined;
      if (this.#wasInterrupted) this.#interrupt(false);
      return;
    }
    const since = this.#now;
    this.#brokenSince = since;
    const { interruptedAfterMs, pathFailsAfterMs } = this.#network.model;
    this.#whileBroken(since, interruptedAfterMs, () => this.#interrupt(true));
    this.#whileBroken(since, pathFailsAfterMs, () =>
      this.#end(new MeshError('link', 'The connection broke: the network path was lost.')),
    );
  }

  get #now(): number {
    return this.#network.world.now;
  }

  /** Whether what this side sends now can arrive. */
  #canReach(): boolean {
    const other = this.#other;
    return (
      other !== undefined &&
      other.state !== 'closed' &&
      this.#network.reaches(this.#process, other.#process)
    );
  }

  /** Whether both sides live and reach each other; consent needs both ways (RFC 7675). */
  #hasPath(): boolean {
    const other = this.#other;
    if (other === undefined || other.state === 'closed') return false;
    return (
      this.#network.reaches(this.#process, other.#process) &&
      this.#network.reaches(other.#process, this.#process)
    );
  }

  #take(frame: Uint8Array): void {
    if (this.#state !== 'open') return;
    const { world } = this.#network;
    world.trace.note(world.now, this.#process.index, 'frame', frame);
    this.#handlers.frame(frame);
  }

  #whileBroken(since: number, delayMs: number, then: () => void): void {
    if (delayMs === Number.POSITIVE_INFINITY) return;
    this.#network.world.after(delayMs, () => {
      if (this.#brokenSince === since && this.#state !== 'closed') this.#process.run(then);
    });
  }

  #interrupt(broken: boolean): void {
    this.#wasInterrupted = broken;
    this.#handlers.interrupted(broken);
  }

  #describe(type: 'offer' | 'answer'): void {
    this.#handlers.signal({ type, sdp: this.#id });
  }

  /** Both descriptions are exchanged: the path is found and secured, or not. */
  #setUp(other: VirtualConnection): void {
    const { world, model } = this.#network;
    const { random } = this.#process;
    const latency = draw(random, model.latency);
    this.#latencyMs = latency;
    other.#latencyMs = latency;
    if (happens(random, model.setupFailure)) {
      const error = new MeshError('link', 'No network path between the two tabs was found.');
      for (const side of [this, other]) {
        world.after(model.setupTimeoutMs, () => {
          if (side.state === 'connecting') side.#process.run(() => side.#end(error));
        });
      }
      return;
    }
    const openAt = world.now + draw(random, model.setup);
    // What the first side sends at once arrives when the other has just seen the channel open.
    world.at(openAt, () => this.#process.run(() => this.#open()));
    world.at(openAt + latency, () => other.#process.run(() => other.#open()));
  }

  #open(): void {
    if (this.#state !== 'connecting' || !this.#hasPath()) return;
    this.#state = 'open';
    this.#openedAt = this.#now;
    this.#process.channels++;
    this.#handlers.open();
  }

  #end(error: MeshError | undefined): void {
    if (this.#state === 'closed') return;
    if (this.#state === 'open') this.#process.channels--;
    this.#state = 'closed';
    this.#network.connections.delete(this.#id);
    this.#process.release(this);
    this.#soon(() => this.#handlers.close(error));
  }

  /** In a task of its own. */
  #soon(task: () => void): void {
    this.#network.world.after(0, () => this.#process.run(task));
  }
}
