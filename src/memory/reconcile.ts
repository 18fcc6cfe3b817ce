/**
 * Reconciliation of memory with neighbors (SPEC.md section 8): compare one root, and where it differs
 * send what changed since the last common one, or walk both tries to what differs.
 *
 * The machine does no I/O; it tells its `ReconcileOutput`. A walk keeps its state for as long as it
 * goes on; whatever cuts it short, the next comparison starts over from what was taken in by then.
 */

import { equalBytes } from '../util/bytes.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { MemorySide } from './join.ts';
import { FlightRecorder } from './reconcile-flight.ts';
import {
  decodeReconcile,
  encodeReconcile,
  type Flight,
  NONCE_BYTES,
  type Recent,
  type ReconcileMessage,
  type Step,
  WALK_BYTES,
  WIDTHS,
} from './reconcile-messages.ts';
import { additionsOf, changedMemory, changesOf, sideOf } from './reconcile-records.ts';
import { type StepContent, Walk } from './reconcile-walk.ts';
import type { MemorySnapshot } from './trie-memory.ts';
import { valuesOf } from './record.ts';

/** After this tab's last write, neighbors are asked whether they hold it. */
const CONFIRM_MS = 300;
/** Where something differs still, comparisons are so far apart in the end. */
const MAX_RETRY_MS = 30_000;
/** A comparison that was put off is tried again after this. */
const LATER_MS = 1_000;
/** A comparison or a walk that says nothing for so long, with nothing under way, is given up. */
const STALLED_MS = 15_000;
/** What changed since a common root is sent as it is up to so many bytes, and walked for beyond. */
const RECENT_BYTES = 32 * 1024;

/** The memory, as the machine needs it. */
export interface ReconcileMemory {
  /** Whether a memory is taken whole or not at all (causal rooms). */
  readonly isCausal: boolean;
  snapshot(): MemorySnapshot;
  /** Takes values and their dots alone; false where somebody else writes with this replica's id. */
  take(side: MemorySide): boolean;
  /** Joins with `side`, which is whole as against `pin`; false as `take`. */
  join(pin: MemorySnapshot, side: MemorySide): boolean;
}

export interface ReconcileOutput {
  send(to: PeerId, message: Uint8Array): void;
  /** Whether something large is under way to or from the neighbor. */
  isTransferring(peer: PeerId): boolean;
  /** Milliseconds, monotonic. */
  now(): number;
  /** Fresh random bytes. */
  random(bytes: number): Uint8Array;
  /** Calls `check` after so many milliseconds; a later call replaces it. */
  wake(delay: number): void;
  /** What is known of neighbors changed. */
  changed(): void;
  /** Memories differ, so rounds should come soon. */
  differs(): void;
  /** The neighbor breaks the protocol: its link is to be dropped. */
  misbehaved(peer: PeerId, what: string): void;
  /** Somebody else writes with this replica's id: it is to move to another (R9). */
  twin(): void;
}

interface Neighbor {
  /** What was asked last, until it is answered. */
  asked: { readonly nonce: Uint8Array; readonly snapshot: MemorySnapshot } | undefined;
  walk: { readonly name: Uint8Array; readonly attempt: number; readonly walk: Walk } | undefined;
  /** Sent as what changed since the common root, until theirs came. */
  told: { readonly name: Uint8Array; readonly snapshot: MemorySnapshot } | undefined;
  /** What both held when they were last equal. */
  base: MemorySnapshot | undefined;
  /** How often walks ended apart in a row. */
  failures: number;
  /** Whether memories were ever found equal, or made so. */
  compared: boolean;
  /** Whether the neighbor is known to hold what this tab holds, but for what is on its way. */
  synced: boolean;
  retries: number;
  heardAt: number;
  dueAt: number | undefined;
}

export class MemoryReconciler {
  readonly #self: PeerId;
  readonly #memory: ReconcileMemory;
  readonly #output: ReconcileOutput;
  readonly #neighbors = new Map<PeerId, Neighbor>();
  readonly #flights = new FlightRecorder();
  /** Walks begun, to be watched. */
  #walks = 0;

  constructor(self: PeerId, memory: ReconcileMemory, output: ReconcileOutput) {
    this.#self = self;
    this.#memory = memory;
    this.#output = output;
  }

  /** How many walks were begun here, by either side. */
  get walks(): number {
    return this.#walks;
  }

  neighborUp(peer: PeerId): void {
    const now = this.#output.now();
    this.#neighbors.set(peer, {
      asked: undefined,
      walk: undefined,
      told: undefined,
      base: undefined,
      failures: 0,
      compared: false,
      synced: false,
      retries: 0,
      heardAt: now,
      // The smaller id begins; the other does if nothing came, so that one message is enough.
      dueAt: this.#self < peer ? now : now + CONFIRM_MS,
    });
    this.#wake();
  }

  neighborDown(peer: PeerId): void {
    this.#neighbors.delete(peer);
    this.#output.changed();
  }

  /** Memory changed; `isLocal` where this tab wrote, and nobody is known to hold that yet. */
  changed(isLocal: boolean): void {
    const now = this.#output.now();
    this.#flights.note(now, () => this.#memory.snapshot().contexts);
    if (!isLocal) return;
    for (const neighbor of this.#neighbors.values()) {
      neighbor.synced = false;
      neighbor.retries = 0;
      neighbor.dueAt = now + CONFIRM_MS;
    }
    this.#wake();
    this.#output.changed();
  }

  /** A round picked this neighbor. */
  compare(peer: PeerId): void {
    const neighbor = this.#neighbors.get(peer);
    if (neighbor !== undefined && this.#isIdle(neighbor)) this.#compare(peer, neighbor, false);
  }

  /** Whether there are neighbors, and all are known to hold what this tab holds. */
  isSynced(): boolean {
    const neighbors = [...this.#neighbors.values()];
    return neighbors.length > 0 && neighbors.every(({ synced }) => synced);
  }

  /** Does what is due; called after `wake`. */
  check(): void {
    const now = this.#output.now();
    for (const [peer, neighbor] of this.#neighbors) {
      const isStalled = now - neighbor.heardAt >= STALLED_MS && !this.#output.isTransferring(peer);
      if (isStalled && !this.#isIdle(neighbor)) {
        this.#drop(neighbor);
        this.#again(neighbor);
      }
      if (neighbor.dueAt === undefined || neighbor.dueAt > now) continue;
      neighbor.dueAt = undefined;
      if (this.#isIdle(neighbor)) this.#compare(peer, neighbor, false);
    }
    this.#wake();
  }

  /** Bytes of a neighbor on this machine's channel. */
  receive(peer: PeerId, bytes: Uint8Array): void {
    const neighbor = this.#neighbors.get(peer);
    if (neighbor === undefined) return;
    const message = decodeReconcile(bytes);
    if (message === undefined) {
      this.#output.misbehaved(peer, 'a message on memory that cannot be read');
      return;
    }
    neighbor.heardAt = this.#output.now();
    switch (message.type) {
      case 'compare':
        return this.#onCompare(peer, neighbor, message);
      case 'equal':
        if (!isAnswer(neighbor, message.nonce)) return;
        return this.#agreed(neighbor, neighbor.asked?.snapshot);
      case 'later':
        if (!isAnswer(neighbor, message.nonce)) return;
        neighbor.asked = undefined;
        return this.#later(neighbor);
      case 'flight':
        return this.#onFlight(peer, neighbor, message);
      case 'step':
        return this.#onStep(peer, neighbor, message);
      case 'recent':
        return this.#onRecent(peer, neighbor, message);
    }
  }

  #compare(peer: PeerId, neighbor: Neighbor, insist: boolean): void {
    if (this.#output.isTransferring(peer)) return this.#later(neighbor);
    const snapshot = this.#memory.snapshot();
    const nonce = this.#output.random(NONCE_BYTES);
    neighbor.asked = { nonce, snapshot };
    neighbor.heardAt = this.#output.now();
    const base = neighbor.base?.root().subarray(0, NONCE_BYTES);
    this.#send(peer, { type: 'compare', nonce, root: snapshot.root(), insist, base });
    this.#wake();
  }

  #onCompare(
    peer: PeerId,
    neighbor: Neighbor,
    { nonce, root, insist, base }: Extract<ReconcileMessage, { type: 'compare' }>,
  ): void {
    const snapshot = this.#memory.snapshot();
    if (equalBytes(snapshot.root(), root)) {
      this.#send(peer, { type: 'equal', nonce });
      return this.#agreed(neighbor, snapshot);
    }
    // Both asked at once: the smaller id's comparison stands. A new one ends what came of an older.
    if (neighbor.asked !== undefined && this.#self < peer) return;
    this.#drop(neighbor);
    this.#output.differs();
    if (this.#output.isTransferring(peer)) {
      this.#send(peer, { type: 'later', nonce });
      return this.#later(neighbor);
    }
    if (neighbor.compared && !insist && this.#tellFlight(peer, nonce, false, [])) return;
    if (this.#tellRecent(peer, neighbor, nonce, snapshot, base)) return;
    const answer = this.#output.random(NONCE_BYTES);
    const attempt = Math.min(neighbor.failures, WIDTHS.length - 1);
    const walk = new Walk(snapshot, [nonce, answer], attempt, true);
    this.#begin(neighbor, nonce, attempt, walk);
    this.#sendStep(peer, neighbor, walk.reply().content, answer);
  }

  #tellFlight(
    peer: PeerId,
    nonce: Uint8Array,
    isAnswer: boolean,
    others: readonly string[],
  ): boolean {
    const told = this.#flights.tell(
      this.#output.now(),
      this.#memory.snapshot().contexts,
      others,
    );
    if (told === undefined || told.entries.length === 0) return false;
    this.#send(peer, { type: 'flight', nonce, isAnswer, ...told });
    return true;
  }

  #onFlight(peer: PeerId, neighbor: Neighbor, flight: Flight): void {
    if (!flight.isAnswer) {
      if (!isAnswer(neighbor, flight.nonce)) return;
      neighbor.asked = undefined;
    }
    const contexts = this.#memory.snapshot().contexts;
    const verdict = this.#flights.judge(this.#output.now(), contexts, flight);
    const others = flight.entries.map(({ replica }) => replica);
    if (verdict === 'lost') this.#compare(peer, neighbor, true);
    else if (verdict === 'unsure' && !flight.isAnswer) {
      this.#tellFlight(peer, flight.nonce, true, others);
    }
    if (!neighbor.synced) this.#later(neighbor);
  }

  #tellRecent(
    peer: PeerId,
    neighbor: Neighbor,
    nonce: Uint8Array,
    snapshot: MemorySnapshot,
    named: Uint8Array | undefined,
  ): boolean {
    const base = neighbor.base;
    if (base === undefined || named === undefined || neighbor.failures > 0) return false;
    if (!equalBytes(base.root().subarray(0, NONCE_BYTES), named)) return false;
    const changes = changesOf(base, snapshot, RECENT_BYTES);
    if (changes === undefined) return false;
    const name = nonce.subarray(0, WALK_BYTES);
    neighbor.told = { name, snapshot };
    this.#sendRecent(peer, name, false, snapshot, changes);
    return true;
  }

  #onRecent(peer: PeerId, neighbor: Neighbor, message: Recent): void {
    const { walk: name, isLast, root } = message;
    const asked = isLast ? neighbor.told : neighbor.asked;
    const expected = isLast
      ? neighbor.told?.name
      : neighbor.asked?.nonce.subarray(0, WALK_BYTES);
    if (asked === undefined || expected === undefined || !equalBytes(expected, name)) return;
    const base = isLast ? asked.snapshot : neighbor.base;
    this.#drop(neighbor);
    const theirs = base && changedMemory(base, message.entries, message.records);
    if (theirs === undefined || !equalBytes(theirs.root(), root)) {
      // Not what was common after all: the walk finds out.
      neighbor.base = undefined;
      return this.#compare(peer, neighbor, true);
    }
    const mine = isLast ? asked.snapshot : this.#memory.snapshot();
    if (!isLast) {
      const changes = changesOf(theirs, mine, Number.POSITIVE_INFINITY);
      if (changes !== undefined) this.#sendRecent(peer, name, true, mine, changes);
    }
    const side = sideOf(mine, theirs, message.frontier);
    if (!this.#memory.join(mine, side)) return this.#output.twin();
    this.#agreed(neighbor, mine.joined(side));
  }

  #onStep(peer: PeerId, neighbor: Neighbor, step: Step): void {
    if (step.nonce !== undefined) {
      const { asked } = neighbor;
      if (asked === undefined || !startsWith(asked.nonce, step.walk)) return;
      const snapshot = this.#memory.snapshot();
      const walk = new Walk(snapshot, [asked.nonce, step.nonce], step.attempt, false);
      this.#drop(neighbor);
      this.#begin(neighbor, asked.nonce, step.attempt, walk);
      this.#output.differs();
    }
    const current = neighbor.walk;
    if (current === undefined || !equalBytes(current.name, step.walk)) return;
    if (step.attempt !== current.attempt) {
      this.#output.misbehaved(peer, 'a walk that changes its digests');
      return;
    }
    const wrong = current.walk.receive(step);
    if (wrong !== undefined) {
      this.#drop(neighbor);
      this.#output.misbehaved(peer, wrong);
      return;
    }
    // What came is of use at once, whatever becomes of the walk.
    const additions = this.#memory.isCausal ? undefined : additionsOf(step.records);
    if (additions !== undefined && !this.#memory.take(additions)) return this.#output.twin();
    const { content, progress } = current.walk.reply();
    if (content !== undefined) this.#sendStep(peer, neighbor, content, undefined);
    if (progress === 'agreed') return this.#join(neighbor, current.walk);
    if (progress === 'apart') return this.#failed(peer, neighbor, current.attempt);
    this.#wake();
  }

  #join(neighbor: Neighbor, walk: Walk): void {
    this.#drop(neighbor);
    if (!this.#memory.join(walk.snapshot, walk.side)) return this.#output.twin();
    this.#agreed(neighbor, walk.joined);
  }

  /** A walk ended apart: digests collided, which wider ones of another salt do not, or somebody lies. */
  #failed(peer: PeerId, neighbor: Neighbor, attempt: number): void {
    this.#drop(neighbor);
    if (attempt === WIDTHS.length - 1) {
      this.#output.misbehaved(peer, 'digests that are not those of what was sent');
      return;
    }
    neighbor.failures = attempt + 1;
    if (this.#self < peer) this.#compare(peer, neighbor, true);
    else this.#again(neighbor);
  }

  #agreed(neighbor: Neighbor, common: MemorySnapshot | undefined): void {
    this.#drop(neighbor);
    neighbor.base = common;
    neighbor.failures = 0;
    neighbor.retries = 0;
    neighbor.compared = true;
    neighbor.dueAt = undefined;
    neighbor.synced = true;
    // What was written meanwhile is confirmed by another comparison.
    if (common !== undefined && !equalBytes(common.root(), this.#memory.snapshot().root())) {
      neighbor.synced = false;
      neighbor.dueAt = this.#output.now() + CONFIRM_MS;
      this.#wake();
    }
    this.#output.changed();
  }

  #begin(neighbor: Neighbor, nonce: Uint8Array, attempt: number, walk: Walk): void {
    this.#walks++;
    neighbor.synced = false;
    neighbor.walk = { name: nonce.subarray(0, WALK_BYTES), attempt, walk };
    this.#wake();
  }

  #sendStep(
    peer: PeerId,
    neighbor: Neighbor,
    content: StepContent | undefined,
    nonce: Uint8Array | undefined,
  ): void {
    if (content === undefined || neighbor.walk === undefined) return;
    const { name, attempt } = neighbor.walk;
    this.#send(peer, { type: 'step', walk: name, nonce, attempt, ...content });
  }

  #sendRecent(
    peer: PeerId,
    walk: Uint8Array,
    isLast: boolean,
    snapshot: MemorySnapshot,
    changes: Pick<Recent, 'entries' | 'records'>,
  ): void {
    const frontier = [...valuesOf(snapshot.frontier)];
    this.#send(peer, { type: 'recent', walk, isLast, root: snapshot.root(), frontier, ...changes });
  }

  #send(peer: PeerId, message: ReconcileMessage): void {
    this.#output.send(peer, encodeReconcile(message));
  }

  #isIdle({ asked, walk, told }: Neighbor): boolean {
    return asked === undefined && walk === undefined && told === undefined;
  }

  #drop(neighbor: Neighbor): void {
    neighbor.asked = undefined;
    neighbor.walk = undefined;
    neighbor.told = undefined;
  }

  /** Compares again in a moment, and each time in a longer one. */
  #again(neighbor: Neighbor): void {
    if (neighbor.dueAt !== undefined) return;
    const delay = Math.min(MAX_RETRY_MS, CONFIRM_MS * 2 ** neighbor.retries++);
    neighbor.dueAt = this.#output.now() + delay;
    this.#wake();
  }

  #later(neighbor: Neighbor): void {
    neighbor.dueAt ??= this.#output.now() + LATER_MS;
    this.#wake();
  }

  #wake(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const neighbor of this.#neighbors.values()) {
      next = Math.min(next, neighbor.dueAt ?? next);
      if (!this.#isIdle(neighbor)) next = Math.min(next, neighbor.heardAt + STALLED_MS);
    }
    if (next === Number.POSITIVE_INFINITY) return;
    this.#output.wake(Math.max(0, Math.ceil(next - this.#output.now())));
  }
}

function isAnswer(neighbor: Neighbor, nonce: Uint8Array): boolean {
  return neighbor.asked !== undefined && equalBytes(neighbor.asked.nonce, nonce);
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return equalBytes(bytes.subarray(0, prefix.length), prefix);
}
