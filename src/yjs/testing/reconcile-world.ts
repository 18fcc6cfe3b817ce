/** Several Reconcilers in virtual time, with real Yjs documents and links that delay and lose. */

import * as Y from 'yjs';
import { toHex } from '../../util/bytes.ts';
import { type Random, seededRandom } from '../../util/random.ts';
import { HeldRanges, type Leaf, rootOf } from '../held.ts';
import { type DocumentMessage, decodeMessage, encodeMessage } from '../messages.ts';
import { Reconciler } from '../reconcile.ts';
import { updateBeyond } from '../update-beyond.ts';
import { FakeClock } from './fake-clock.ts';

/** As the engine has it: more than this under way on a link is a transfer. */
const TRANSFER_BYTES = 32 * 1024;

export interface WorldOptions {
  readonly nodes: number;
  readonly latencyMs?: number;
  /** Up to so much more, by chance; frames of one link keep their order all the same. Default 0. */
  readonly jitterMs?: number;
  readonly bytesPerMs?: number;
  readonly seed?: number;
  /** Whether this message is lost on its way. */
  readonly isLost?: (message: DocumentMessage, from: number, to: number) => boolean;
}

interface SentMessage {
  readonly type: string;
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
  /** Of these, the bytes of a Yjs update. */
  readonly payload: number;
  readonly name?: string;
}

export class World {
  readonly clock = new FakeClock();
  readonly random: Random;
  readonly nodes: WorldNode[];
  readonly options: WorldOptions;
  /** Messages sent so far. */
  readonly sent: SentMessage[] = [];
  readonly #links = new Set<string>();
  readonly #underWay = new Map<string, number>();
  /** When the last frame of a link, one way, arrives. */
  readonly #lastAt = new Map<string, number>();
  isRumorLost: (from: number, to: number) => boolean = () => false;

  constructor(options: WorldOptions) {
    this.options = options;
    this.random = seededRandom(options.seed ?? 1);
    this.nodes = Array.from({ length: options.nodes }, (_, i) => new WorldNode(this, i));
  }

  node(i: number): WorldNode {
    return this.nodes[i] as WorldNode;
  }

  link(a: number, b: number): void {
    this.#links.add(`${a}-${b}`).add(`${b}-${a}`);
    this.node(a).reconciler.neighborUp(this.node(b).id);
    this.node(b).reconciler.neighborUp(this.node(a).id);
  }

  unlink(a: number, b: number): void {
    this.#links.delete(`${a}-${b}`);
    this.#links.delete(`${b}-${a}`);
    this.node(a).reconciler.neighborDown(this.node(b).id);
    this.node(b).reconciler.neighborDown(this.node(a).id);
  }

  linkAll(): void {
    for (const { index: a } of this.nodes) {
      for (let b = a + 1; b < this.nodes.length; b++) this.link(a, b);
    }
  }

  /** Links all, of whom each is told by the next what it holds, and so begins to fetch from it. */
  linkInARing(): void {
    this.linkAll();
    this.sent.length = 0;
    for (const { index, reconciler } of this.nodes) {
      const next = this.node((index + 1) % this.nodes.length);
      reconciler.receive(next.id, { type: 'leaves', leaves: next.leaves() });
    }
  }

  neighborsOf(index: number): WorldNode[] {
    return this.nodes.filter((other) => this.#links.has(`${index}-${other.index}`));
  }

  bytesUnderWay(a: number, b: number): number {
    return (this.#underWay.get(`${a}-${b}`) ?? 0) + (this.#underWay.get(`${b}-${a}`) ?? 0);
  }

  send(from: number, to: number, message: DocumentMessage): void {
    const bytes = encodeMessage(message);
    const { type } = message;
    this.sent.push({
      type,
      from,
      to,
      bytes: bytes.length,
      payload: 'update' in message ? message.update.length : 0,
      ...('name' in message ? { name: message.name } : {}),
    });
    if (this.options.isLost?.(message, from, to) === true) return;
    this.deliver(from, to, bytes.length, () => {
      const read = decodeMessage(bytes);
      if (read === undefined) throw new Error(`unreadable ${type}`);
      this.node(to).reconciler.receive(this.node(from).id, read);
    });
  }

  deliver(from: number, to: number, bytes: number, arrive: () => void): void {
    const key = `${from}-${to}`;
    const { latencyMs = 50, jitterMs = 0, bytesPerMs = Number.POSITIVE_INFINITY } = this.options;
    const queued = (this.#underWay.get(key) ?? 0) + bytes;
    this.#underWay.set(key, queued);
    const takes = latencyMs + jitterMs * this.random() + queued / bytesPerMs;
    const at = Math.max(this.clock.now() + takes, this.#lastAt.get(key) ?? 0);
    this.#lastAt.set(key, at);
    this.clock.setTimer(() => {
      this.#underWay.set(key, (this.#underWay.get(key) ?? 0) - bytes);
      if (this.#links.has(key)) arrive();
    }, at - this.clock.now());
  }

  /** Gossip rounds of all nodes, one a second each, for so long. */
  async rounds(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      for (const node of this.nodes) node.round();
      await this.clock.pass(1_000);
    }
  }

  count(type: DocumentMessage['type']): number {
    return this.sent.filter((message) => message.type === type).length;
  }

  get roots(): string[] {
    return this.nodes.map((node) => toHex(node.root()));
  }

  get isConverged(): boolean {
    return new Set(this.roots).size === 1;
  }
}

export class WorldNode {
  readonly index: number;
  readonly id: string;
  readonly world: World;
  readonly reconciler: Reconciler;
  readonly docs = new Map<string, Y.Doc>();
  readonly misbehaved: string[] = [];
  /** What `isSynced` was, each time that something changed. */
  readonly synced: boolean[] = [];
  readonly #held = new Map<string, HeldRanges>();
  #cancelWake: (() => void) | undefined;

  constructor(world: World, index: number) {
    this.world = world;
    this.index = index;
    this.id = (index + 1).toString(16).padStart(32, '0');
    this.reconciler = new Reconciler(
      this.id,
      {
        root: () => this.root(),
        leaves: () => this.leaves(),
        names: () => [...this.docs.keys()],
        heldOf: (name) => this.held(name),
        updateSince: async (name, vector) => Y.encodeStateAsUpdate(this.doc(name), vector),
        updateBeyond: async (name, theirs) =>
          updateBeyond(this.held(name).ranges, theirs, async (vector) =>
            Y.encodeStateAsUpdate(this.doc(name), vector),
          ),
        apply: (name, update) => this.apply(name, update),
      },
      {
        send: (to, message) => world.send(index, Number.parseInt(to, 16) - 1, message),
        isTransferring: (peer) =>
          world.bytesUnderWay(index, Number.parseInt(peer, 16) - 1) > TRANSFER_BYTES,
        now: () => world.clock.now(),
        random: (count) => Uint8Array.from({ length: count }, () => 256 * world.random()),
        wake: (delay) => {
          this.#cancelWake?.();
          this.#cancelWake = world.clock.setTimer(() => this.reconciler.check(), delay);
        },
        changed: () => this.synced.push(this.reconciler.isSynced()),
        differs: () => undefined,
        misbehaved: (_peer, what) => this.misbehaved.push(what),
        failed: (thrown) => {
          throw thrown;
        },
      },
    );
  }

  held(name: string): HeldRanges {
    let held = this.#held.get(name);
    if (held === undefined) {
      held = new HeldRanges();
      this.#held.set(name, held);
    }
    return held;
  }

  doc(name: string): Y.Doc {
    let doc = this.docs.get(name);
    if (doc === undefined) {
      doc = new Y.Doc();
      doc.clientID = 1_000 * (this.index + 1) + this.docs.size;
      this.docs.set(name, doc);
      doc.on('update', (update: Uint8Array) => this.held(name).add(update));
    }
    return doc;
  }

  text(name: string): string {
    return this.doc(name).getText('t').toString();
  }

  /** Inserts `text`, unknown to the others. */
  write(name: string, text: string): void {
    this.doc(name).getText('t').insert(0, text);
  }

  /** Inserts `text` and tells all linked nodes, who tell theirs. */
  type(name: string, text: string): void {
    const before = Y.encodeStateVector(this.doc(name));
    this.held(name).takeFresh();
    this.write(name, text);
    this.reconciler.came(name, this.held(name).takeFresh());
    this.reconciler.edited(name);
    this.#spread(name, Y.encodeStateAsUpdate(this.doc(name), before));
  }

  apply(name: string, update: Uint8Array): boolean | undefined {
    try {
      if (this.held(name).add(update) === undefined) return false;
    } catch {
      return undefined;
    }
    Y.applyUpdate(this.doc(name), update, this);
    return true;
  }

  leaves(): Leaf[] {
    return [...this.#held]
      .filter(([, held]) => !held.isEmpty)
      .map(([name, held]) => ({ name, leaf: held.leaf() }));
  }

  root(): Uint8Array {
    return rootOf(this.leaves());
  }

  round(): void {
    const neighbors = this.world.neighborsOf(this.index);
    const picked = neighbors[Math.floor(this.world.random() * neighbors.length)];
    if (picked !== undefined) this.reconciler.compare(picked.id);
  }

  #spread(name: string, update: Uint8Array, except?: number): void {
    for (const { index } of this.world.neighborsOf(this.index)) {
      if (index === except || this.world.isRumorLost(this.index, index)) continue;
      this.world.deliver(this.index, index, update.length, () => {
        const other = this.world.node(index);
        other.held(name).takeFresh();
        if (other.apply(name, update) !== true) return;
        other.reconciler.came(name, other.held(name).takeFresh());
        other.#spread(name, update, this.index);
      });
    }
  }
}

/** Fills the nodes with documents, some shared, some that differ. */
export function fill(world: World, seed: number): void {
  const random = seededRandom(seed);
  for (const node of world.nodes) {
    for (let i = 0; i < 4; i++) {
      if (random() < 0.6) node.write(`doc ${Math.floor(random() * 5)}`, `${node.index}:${i} `);
    }
  }
}

/** All that a node holds of a document, as one update. */
export function updateOf(world: World, node: number, name: string): Uint8Array {
  return Y.encodeStateAsUpdate(world.node(node).doc(name));
}
