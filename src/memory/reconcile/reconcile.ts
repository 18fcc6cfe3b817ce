/**
 * Reconciliation of memory with neighbors (SPEC.md section 8): compare one root, and where it differs
 * send what changed since the last common one, or walk both tries to what differs.
 *
 * The machine does no I/O; it tells its `ReconcileOutput`. A walk keeps its state for as long as it
 * goes on; whatever cuts it short, the next comparison starts over from what was taken in by then.
 */

import { equalBytes, fromHex, toHex } from '../../util/bytes.ts';
import type { PeerId } from '../../util/peer-id.ts';
import type { MemorySide } from '../join.ts';
import { valuesOf } from '../record.ts';
import type { Refused } from '../replica.ts';
import type { MemorySnapshot } from '../trie/trie-memory.ts';
import { BOUNDS } from '../types.ts';
import { FlightRecorder } from './reconcile-flight.ts';
import {
  ATTEMPTS,
  decodeReconcile,
  encodeReconcile,
  type Flight,
  NONCE_BYTES,
  type Recent,
  type ReconcileMessage,
  type Step,
  WALK_BYTES,
} from './reconcile-messages.ts';
import { CONFIRM_MS, CommonRoots, Neighbor, STALLED_MS } from './reconcile-neighbors.ts';
import type { ReconcileMemory, ReconcileOutput } from './reconcile-ports.ts';
import { additionsOf, changedMemory, changesOf, sideOf } from './reconcile-records.ts';
import { type StepContent, Walk } from './reconcile-walk.ts';

/** What changed since a common root is sent as it is up to so many bytes, and walked for beyond. */
const RECENT_BYTES = 32 * 1024;

export class MemoryReconciler {
  readonly #self: PeerId;
  readonly #memory: ReconcileMemory;
  readonly #output: ReconcileOutput;
  readonly #neighbors = new Map<PeerId, Neighbor>();
  readonly #flights = new FlightRecorder();
  readonly #bases = new CommonRoots();
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
    // The smaller id begins; the other does if nothing came, so that one message is enough.
    const dueAt = this.#self < peer ? now : now + CONFIRM_MS;
    this.#neighbors.set(peer, new Neighbor(now, dueAt));
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
    for (const neighbor of this.#neighbors.values()) neighbor.wrote(now);
    this.#wake();
    this.#output.changed();
  }

  /** A round picked this neighbor. */
  compare(peer: PeerId): void {
    const neighbor = this.#neighbors.get(peer);
    if (neighbor?.isIdle) this.#compare(peer, neighbor, false);
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
      if (!neighbor.isIdle && neighbor.heardAt + STALLED_MS <= now) {
        if (this.#output.isTransferring(peer)) neighbor.heardAt = now;
        else {
          neighbor.drop();
          neighbor.again(now);
        }
      }
      if (neighbor.dueAt === undefined || neighbor.dueAt > now) continue;
      neighbor.dueAt = undefined;
      if (neighbor.isIdle) this.#compare(peer, neighbor, false);
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
    const base = neighbor.base ?? this.#bases.newest;
    this.#send(peer, {
      type: 'compare',
      nonce,
      root: snapshot.root(),
      insist,
      failures: neighbor.failures,
      base: base === undefined ? undefined : fromHex(base),
    });
    this.#wake();
  }

  #onCompare(
    peer: PeerId,
    neighbor: Neighbor,
    { nonce, root, insist, failures, base }: Extract<ReconcileMessage, { type: 'compare' }>,
  ): void {
    const snapshot = this.#memory.snapshot();
    if (equalBytes(snapshot.root(), root)) {
      this.#send(peer, { type: 'equal', nonce });
      return this.#agreed(neighbor, snapshot);
    }
    // Both asked at once: the smaller id's comparison stands. A new one ends what came of an older.
    if (neighbor.asked !== undefined && this.#self < peer) return;
    neighbor.drop();
    neighbor.failures = Math.max(neighbor.failures, failures);
    this.#output.differs();
    if (this.#output.isTransferring(peer)) {
      this.#send(peer, { type: 'later', nonce });
      return this.#later(neighbor);
    }
    if (neighbor.compared && !insist && this.#tellFlight(peer, nonce, false, [])) return;
    if (this.#tellRecent(peer, neighbor, nonce, snapshot, base)) return;
    const answer = this.#output.random(NONCE_BYTES);
    const walk = new Walk(snapshot, [nonce, answer], neighbor.failures, true);
    this.#begin(neighbor, nonce, neighbor.failures, walk);
    this.#sendStep(peer, neighbor, walk.reply().content, answer);
  }

  #tellFlight(
    peer: PeerId,
    nonce: Uint8Array,
    isAnswer: boolean,
    others: readonly string[],
  ): boolean {
    const { contexts } = this.#memory.snapshot();
    const told = this.#flights.tell(this.#output.now(), contexts, others);
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
    if (named === undefined || neighbor.failures > 0) return false;
    const base = this.#bases.get(toHex(named));
    if (base === undefined) return false;
    neighbor.base = toHex(named);
    const changes = changesOf(base, snapshot, RECENT_BYTES);
    if (changes === undefined) return false;
    const name = nameOf(nonce);
    neighbor.told = { name, base, snapshot };
    this.#sendRecent(peer, name, false, snapshot, changes);
    return true;
  }

  #onRecent(peer: PeerId, neighbor: Neighbor, message: Recent): void {
    const { walk, isLast, root } = message;
    const told = isLast ? neighbor.told : undefined;
    const expected = isLast ? told?.name : neighbor.asked && nameOf(neighbor.asked.nonce);
    if (expected === undefined || !equalBytes(expected, walk)) return;
    const name = neighbor.base ?? this.#bases.newest;
    const base = told?.base ?? this.#bases.get(name);
    neighbor.drop();
    const theirs = base && changedMemory(base, message, told?.snapshot);
    if (base === undefined || theirs === undefined || !equalBytes(theirs.root(), root)) {
      // Not what was common after all: the walk finds out.
      this.#bases.forget(name);
      neighbor.base = undefined;
      return this.#compare(peer, neighbor, true);
    }
    const mine = told?.snapshot ?? this.#memory.snapshot();
    if (!isLast) {
      const changes = changesOf(base, mine, Number.POSITIVE_INFINITY, theirs);
      if (changes !== undefined) this.#sendRecent(peer, walk, true, mine, changes);
    }
    const side = sideOf(mine, theirs, message.frontier);
    this.#join(peer, neighbor, mine, side, mine.joined(side));
  }

  #onStep(peer: PeerId, neighbor: Neighbor, step: Step): void {
    if (step.nonce !== undefined) {
      const { asked } = neighbor;
      if (asked === undefined || !equalBytes(nameOf(asked.nonce), step.walk)) return;
      const snapshot = this.#memory.snapshot();
      const walk = new Walk(snapshot, [asked.nonce, step.nonce], step.attempt, false);
      neighbor.drop();
      this.#begin(neighbor, asked.nonce, step.attempt, walk);
      this.#output.differs();
    }
    const current = neighbor.walking;
    if (current === undefined || !equalBytes(current.name, step.walk)) return;
    if (step.attempt !== current.attempt) {
      this.#output.misbehaved(peer, 'a walk that changes its digests');
      return;
    }
    const wrong = current.walk.receive(step);
    if (wrong !== undefined) {
      neighbor.drop();
      this.#output.misbehaved(peer, wrong);
      return;
    }
    // What came is of use at once, whatever becomes of the walk.
    const additions = this.#memory.isCausal ? undefined : additionsOf(step.records);
    const refused = additions && this.#memory.take(additions);
    if (refused !== undefined) return this.#refused(peer, neighbor, refused);
    const { content, progress } = current.walk.reply();
    if (content !== undefined) this.#sendStep(peer, neighbor, content, undefined);
    if (progress === 'agreed') {
      const { snapshot, side, joined } = current.walk;
      return this.#join(peer, neighbor, snapshot, side, joined);
    }
    if (progress === 'apart') return this.#failed(peer, neighbor, current.attempt);
    this.#wake();
  }

  #join(
    peer: PeerId,
    neighbor: Neighbor,
    pin: MemorySnapshot,
    side: MemorySide,
    joined: MemorySnapshot,
  ): void {
    const refused = this.#memory.join(pin, side, joined);
    if (refused !== undefined) return this.#refused(peer, neighbor, refused);
    this.#agreed(neighbor, joined);
  }

  /** A walk ended apart: digests collided, which wider ones of another salt do not, or somebody lies. */
  #failed(peer: PeerId, neighbor: Neighbor, attempt: number): void {
    neighbor.drop();
    if (attempt === ATTEMPTS - 1) {
      this.#output.misbehaved(peer, 'digests that are not those of what was sent');
      return;
    }
    neighbor.failures = attempt + 1;
    if (this.#self < peer) this.#compare(peer, neighbor, true);
    else this.#again(neighbor);
  }

  #refused(peer: PeerId, neighbor: Neighbor, refused: Refused): void {
    neighbor.drop();
    if (refused === 'full') {
      this.#output.misbehaved(peer, `more than ${BOUNDS.replicas} writers of one memory`);
      return;
    }
    this.#again(neighbor);
    this.#output.twin(peer);
  }

  #agreed(neighbor: Neighbor, common: MemorySnapshot | undefined): void {
    neighbor.agreed();
    if (common !== undefined) {
      neighbor.base = this.#bases.keep(common);
      this.#flights.keep(this.#output.now(), common.contexts);
      // What was written meanwhile is confirmed by another comparison.
      const isCurrent = equalBytes(common.root(), this.#memory.snapshot().root());
      if (!isCurrent) neighbor.wrote(this.#output.now());
    }
    this.#wake();
    this.#output.changed();
  }

  #begin(neighbor: Neighbor, nonce: Uint8Array, attempt: number, walk: Walk): void {
    this.#walks++;
    neighbor.synced = false;
    neighbor.walking = { name: nameOf(nonce), attempt, walk };
    this.#wake();
  }

  #sendStep(
    peer: PeerId,
    neighbor: Neighbor,
    content: StepContent | undefined,
    nonce: Uint8Array | undefined,
  ): void {
    const { walking } = neighbor;
    if (content === undefined || walking === undefined) return;
    const { name, attempt } = walking;
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

  #again(neighbor: Neighbor): void {
    neighbor.again(this.#output.now());
    this.#wake();
  }

  #later(neighbor: Neighbor): void {
    neighbor.later(this.#output.now());
    this.#wake();
  }

  #wake(): void {
    let next = Number.POSITIVE_INFINITY;
    for (const { nextAt } of this.#neighbors.values()) next = Math.min(next, nextAt);
    if (next === Number.POSITIVE_INFINITY) return;
    this.#output.wake(Math.max(0, Math.ceil(next - this.#output.now())));
  }
}

function isAnswer(neighbor: Neighbor, nonce: Uint8Array): boolean {
  return neighbor.asked !== undefined && equalBytes(neighbor.asked.nonce, nonce);
}

/** What a walk is called that answers the comparison of `nonce`. */
const nameOf = (nonce: Uint8Array): Uint8Array => nonce.subarray(0, WALK_BYTES);
