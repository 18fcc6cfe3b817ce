/** Memories with a reconciler each, linked in pairs over counted messages, in virtual time. */

import { toHex } from '../../util/bytes.ts';
import { seededRandom } from '../../util/random.ts';
import { collectionKey, recordKey } from '../keys.ts';
import { writeRegister } from '../readings/register.ts';
import { MemoryReconciler } from '../reconcile/reconcile.ts';
import { decodeReconcile } from '../reconcile/reconcile-messages.ts';
import { Replica } from '../replica.ts';
import { MemoryTries } from '../trie/trie-memory.ts';
import type { Delta, RecordKey } from '../types.ts';

/** Bytes that a link adds to a direct message: its tag and the channel. */
const FRAME_BYTES = 2;
const COLLECTION = collectionKey('map', 'items');

/** The key of entry `name` in the map of the tests. */
export const keyOf = (name: string): RecordKey => recordKey(COLLECTION, name);

/** One message on its way. */
export interface Sent {
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
}

export class Peer {
  readonly id: string;
  readonly replica: Replica;
  readonly tries: MemoryTries;
  readonly reconciler: MemoryReconciler;
  readonly misbehaved: string[] = [];
  /** Every delta that it wrote. */
  readonly deltas: Delta[] = [];
  twins = 0;
  /** Whether bytes are under way to or from whoever it is linked with. */
  isTransferring = false;
  wakeAt: number | undefined;
  /** How often it looked after what is due. */
  checks = 0;

  constructor(id: string, writer: string, world: World, isCausal = false) {
    this.id = id;
    let tries: MemoryTries | undefined;
    this.replica = new Replica({
      id: writer,
      next: 0,
      isCausal,
      changed: (change) => {
        if (world.without !== 'R10' || change.origin === 'local') tries?.note(change);
        if (change.delta !== undefined) this.deltas.push(change.delta);
        this.reconciler.changed(change.origin === 'local');
      },
    });
    this.tries = new MemoryTries(this.replica);
    tries = this.tries;
    const random = seededRandom(Number.parseInt(id, 16) + world.seed);
    this.reconciler = new MemoryReconciler(
      id,
      {
        isCausal,
        snapshot: () => this.tries.snapshot(),
        take: (side) => this.replica.takeRecords(side),
        join: (pin, side, joined) => {
          const refused = this.replica.joinPinned(pin, side);
          if (refused === undefined) this.tries.adopt(pin, joined);
          return refused;
        },
      },
      {
        send: (to, bytes) => world.send(this.id, to, bytes),
        isTransferring: () => this.isTransferring,
        now: () => world.now,
        random: (bytes) => Uint8Array.from({ length: bytes }, () => Math.floor(256 * random())),
        wake: (delay) => {
          this.wakeAt = world.now + delay;
        },
        changed: () => undefined,
        differs: () => undefined,
        misbehaved: (_, what) => this.misbehaved.push(what),
        twin: () => this.twins++,
      },
    );
  }

  /** Writes `value` under each of `names`, as one transaction. */
  set(names: readonly string[], value: string): void {
    this.replica.transact((writer) => {
      for (const name of names) writeRegister(writer, keyOf(name), value);
    });
    this.replica.publish();
  }

  delete(names: readonly string[]): void {
    this.replica.transact((writer) => {
      for (const name of names) writer.remove(keyOf(name));
    });
    this.replica.publish();
  }

  /** The root, in hexadecimal digits. */
  root(): string {
    return toHex(this.tries.root());
  }
}

/** Peers by id, and the messages between them, in order, each way by itself. */
export class World {
  readonly seed: number;
  readonly without: 'R10' | undefined;
  readonly peers = new Map<string, Peer>();
  readonly queue: Sent[] = [];
  readonly sent: Sent[] = [];
  now = 0;
  /** May change or drop (`undefined`) what is sent. */
  tamper: (sent: Sent) => Uint8Array | undefined = ({ bytes }) => bytes;

  /** `without`: a rule to be left out, to show that it is needed. */
  constructor(seed = 1, without?: 'R10') {
    this.seed = seed;
    this.without = without;
  }

  add(id: string, isCausal = false): Peer {
    const peer = new Peer(id, id.padStart(16, '0'), this, isCausal);
    this.peers.set(id, peer);
    return peer;
  }

  send(from: string, to: string, bytes: Uint8Array): void {
    const tampered = this.tamper({ from, to, bytes });
    if (tampered === undefined) return;
    const sent = { from, to, bytes: tampered };
    this.sent.push(sent);
    this.queue.push(sent);
  }

  /** Links two peers; the one with the smaller id compares first. */
  link(a: Peer, b: Peer): void {
    a.reconciler.neighborUp(b.id);
    b.reconciler.neighborUp(a.id);
  }

  /** Ends the link of two peers; what is on its way is lost. */
  unlink(a: Peer, b: Peer): void {
    a.reconciler.neighborDown(b.id);
    b.reconciler.neighborDown(a.id);
    this.queue.splice(0);
  }

  /** Delivers messages, and lets time pass up to `until`, until nothing is to be done. */
  run(until = this.now + 5_000): void {
    for (;;) {
      const next = this.queue.shift();
      if (next !== undefined) {
        this.peers.get(next.to)?.reconciler.receive(next.from, next.bytes);
        continue;
      }
      const due = [...this.peers.values()].filter(({ wakeAt }) => wakeAt !== undefined);
      const first = due.sort((a, b) => (a.wakeAt as number) - (b.wakeAt as number))[0];
      if (first?.wakeAt === undefined || first.wakeAt > until) break;
      this.now = Math.max(this.now, first.wakeAt);
      first.wakeAt = undefined;
      first.checks++;
      first.reconciler.check();
    }
    this.now = until;
  }

  /** What was sent since the last call, decoded, and what of it was not payload. */
  account(): Account {
    const sent = this.sent.splice(0);
    const account = { messages: sent.length, bytes: 0, overhead: 0, payloads: [] as string[] };
    for (const { bytes } of sent) {
      account.bytes += bytes.length + FRAME_BYTES;
      account.overhead += bytes.length + FRAME_BYTES;
      const message = decodeReconcile(bytes);
      if (message?.type !== 'step' && message?.type !== 'recent') continue;
      for (const { key, values } of message.records) {
        for (const { replica, counter, payload } of values) {
          if (payload === undefined) continue;
          account.overhead -= payload.length;
          account.payloads.push(`${replica}:${counter}`);
        }
        if (values.some(({ payload }) => payload !== undefined)) account.overhead -= key.length;
      }
    }
    return account;
  }
}

/** What crossed a link. */
export interface Account {
  readonly messages: number;
  readonly bytes: number;
  /** Bytes but for keys and payloads of values that the other side had not seen. */
  readonly overhead: number;
  /** Dots of the payloads. */
  readonly payloads: readonly string[];
}

/** Gives every peer the same `count` records, written by the first of them. */
export function fill(peers: readonly Peer[], count: number): void {
  const [first, ...others] = peers;
  const names = Array.from({ length: count }, (_, i) => `item-${i}`);
  for (let i = 0; i < count; i += 10_000) first?.set(names.slice(i, i + 10_000), `a value of ${i}`);
  if (first === undefined) return;
  const records = new Map(first.replica.entries());
  const { context, frontier } = first.replica;
  for (const peer of others) peer.replica.joinDisk({ records, context, frontier });
}
