import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../util/bytes.ts';
import { seededRandom } from '../../util/random.ts';
import { runs } from '../../util/testing/runs.ts';
import { Replica } from '../replica.ts';
import { editAtRandom } from '../testing/edits.ts';
import { fill, type Peer, type Sent, World } from '../testing/reconcile-pair.ts';
import { MemoryTries } from '../trie/trie-memory.ts';
import type { Delta } from '../types.ts';
import {
  decodeReconcile,
  encodeReconcile,
  type ReconcileMessage,
  type Step,
} from './reconcile-messages.ts';

const range = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => `item-${from + i}`);

/** Lets `change` see and replace each message that is sent. */
function tampering(change: (message: ReconcileMessage, sent: Sent) => ReconcileMessage) {
  return (sent: Sent) =>
    encodeReconcile(change(decodeReconcile(sent.bytes) as ReconcileMessage, sent));
}

function editALot(peer: Peer, random: () => number, edits: number): void {
  for (let i = 0; i < edits; i++) {
    peer.replica.transact((writer) => editAtRandom(writer, random, new Map()));
    peer.replica.publish();
  }
}

/** The root of what a memory holds, by tries that are made anew (R10). */
function rootNow({ replica }: Peer): string {
  return toHex(new MemoryTries(replica).root());
}

/** The root of a memory that took in every delta that was ever made. */
function rootOfAll(deltas: readonly Delta[]): string {
  const all = new Replica({ id: 'f'.repeat(16), next: 0 });
  for (const delta of deltas) all.apply(delta);
  return toHex(new MemoryTries(all).root());
}

describe('reconciliation', () => {
  it('makes memories what all their writes make, whatever was written before and meanwhile', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(30), fc.boolean(), (seed, edits, isCausal) => {
        const random = seededRandom(seed);
        const world = new World(seed);
        const peers = ['a', 'b', 'c'].map((id) => world.add(id, isCausal));
        const [a, b, c] = peers as [Peer, Peer, Peer];
        const pairs = [
          [a, b],
          [b, c],
          [a, c],
        ] as const;
        for (let round = 0; round < 4; round++) {
          for (const peer of peers) editALot(peer, random, Math.floor(random() * edits));
          const [left, right] = pairs[Math.floor(3 * random())] as readonly [Peer, Peer];
          world.tamper = ({ bytes }) => {
            // Writes go on while a walk does, and some walks are cut short.
            if (random() < 0.2) editALot(random() < 0.5 ? left : right, random, 1);
            return random() < 0.05 ? undefined : bytes;
          };
          world.link(left, right);
          world.run(world.now + 20);
          world.unlink(left, right);
        }
        world.tamper = ({ bytes }) => bytes;
        for (const [left, right] of [...pairs, ...pairs]) {
          world.link(left, right);
          world.run(world.now + 10_000);
          world.unlink(left, right);
        }
        const roots = peers.map((peer) => peer.root());
        for (const [i, peer] of peers.entries()) expect(roots[i]).toBe(rootNow(peer));
        const deltas = peers.flatMap((peer) => peer.deltas);
        expect(roots).toEqual([roots[0], roots[0], roots[0]]);
        if (!isCausal) expect(roots[0]).toBe(rootOfAll(deltas));
        expect(peers.flatMap((peer) => peer.misbehaved)).toEqual([]);
      }),
      { numRuns: runs(60) },
    );
  });

  it('R10: without it roots tell of a memory that is not there, and nobody becomes equal', () => {
    const world = new World(1, 'R10');
    const [a, b] = [world.add('a'), world.add('b')];
    a.set(range(40), 'left');
    b.set(range(40, 100), 'right');
    world.link(a, b);
    world.run(20_000);
    expect(b.replica.size).toBeGreaterThan(40);
    expect(b.root()).not.toBe(rootNow(b));
    expect([a.reconciler.isSynced(), b.reconciler.isSynced()]).not.toEqual([true, true]);
  });

  it('sends exactly what differs when a memory is new, many messages long', () => {
    const world = new World();
    const [a, b] = [world.add('a'), world.add('b')];
    a.set(range(12_000), 'x'.repeat(60));
    b.set(range(10, 20_000), 'y');
    world.link(a, b);
    world.run();
    const { payloads, messages } = world.account();
    expect(a.root()).toBe(b.root());
    expect(payloads).toHaveLength(12_010);
    expect(new Set(payloads).size).toBe(12_010);
    expect(messages).toBeGreaterThan(8);
  });

  it('looks now and then only after a neighbor that is silent while bytes are under way to it', () => {
    const world = new World();
    const [a, b] = [world.add('a'), world.add('b')];
    fill([a], 100);
    world.tamper = ({ from, bytes }) => (from === 'b' ? undefined : bytes);
    world.link(a, b);
    world.run(5_000);
    a.isTransferring = true;
    world.run(120_000);
    expect(a.checks).toBeLessThan(30);
    a.isTransferring = false;
    world.tamper = ({ bytes }) => bytes;
    world.run(200_000);
    expect(b.root()).toBe(a.root());
  });

  it('takes removals over, both ways, without bringing anything back', () => {
    const world = new World();
    const [a, b] = [world.add('a'), world.add('b')];
    fill([a, b], 500);
    a.delete(range(40));
    b.delete(range(40, 30));
    b.set(range(5, 35), 'written again');
    world.link(a, b);
    world.run();
    expect(a.root()).toBe(b.root());
    expect(a.replica.size).toBe(435);
    expect(world.account().payloads).toHaveLength(5);
  });

  it('with 2 of 10,000 replicas apart takes less than 1 KB', () => {
    const world = new World();
    const [a, b] = [world.add('a'), world.add('b')];
    fill([a, b], 10);
    for (const peer of [a, b]) {
      const context = new Replica({ id: 'e'.repeat(16), next: 0 });
      const deltas = Array.from({ length: 10_000 }, (_, i) => ({
        replica: (i + 256).toString(16).padStart(16, '1'),
        first: 0,
        writes: [{ key: 'ms\u0000x', removed: [], payload: undefined }],
        dependencies: [],
      }));
      for (const delta of deltas) context.apply(delta);
      peer.replica.joinPinned(peer.tries.snapshot(), {
        records: new Map(),
        context: context.context,
      });
    }
    a.set(['one'], '1');
    b.set(['two'], '2');
    world.link(a, b);
    world.run();
    const { overhead } = world.account();
    expect(a.root()).toBe(b.root());
    expect(overhead).toBeLessThanOrEqual(1_000);
  });
});

describe('a peer that is not what it says', () => {
  /** Hides from every walk up to attempt `last` the first list of records. */
  function hiding(last: number): World {
    const world = new World();
    const [a, b] = [world.add('a'), world.add('b')];
    fill([a, b], 300);
    a.delete(range(50));
    b.set(range(50, 100), 'news');
    world.tamper = tampering((message) => {
      if (message.type !== 'step' || message.attempt > last) return message;
      const at = message.recordSections.findIndex(
        ({ kind, path }) => kind === 'list' && path !== '',
      );
      if (at < 0) return message;
      const recordSections = message.recordSections.toSpliced(at, 1);
      return { ...message, recordSections };
    });
    world.link(a, b);
    return world;
  }

  it('a subtree hidden by digests that collide is found by the next walk, and nothing is lost (R2)', () => {
    const world = hiding(0);
    world.run(10_000);
    const [a, b] = [...world.peers.values()] as [Peer, Peer];
    expect(a.root()).toBe(b.root());
    expect(a.replica.size).toBe(250);
    expect([...a.misbehaved, ...b.misbehaved]).toEqual([]);
    expect(a.reconciler.walks).toBeGreaterThan(1);
  });

  it('digests that lie at every width end in a dropped link, and remove nothing', () => {
    const world = new World();
    const [a, b] = [world.add('a'), world.add('b')];
    fill([a, b], 300);
    a.set(range(50), 'news');
    const before = b.replica.size;
    world.tamper = tampering((message, { from }) => {
      if (from !== 'a' || message.type !== 'step' || message.guard === undefined) return message;
      return { ...message, guard: { ...message.guard, root: new Uint8Array(32) } };
    });
    world.link(a, b);
    world.run(60_000);
    expect(b.misbehaved.length).toBeGreaterThan(0);
    expect(b.replica.size).toBe(before);
  });

  it('a walk that never ends is a broken protocol', () => {
    const world = new World();
    const [a, b] = [world.add('a'), world.add('b')];
    fill([a, b], 2_000);
    b.set(range(20), 'news');
    let last: Step | undefined;
    world.tamper = tampering((message, { from }) => {
      if (from !== 'b' || message.type !== 'step') return message;
      last ??= message;
      return { ...last, nonce: message.nonce };
    });
    world.link(a, b);
    world.run(1_000);
    expect(a.misbehaved).toEqual(['a node that was not asked for']);
  });

  it('a context from the future of this replica does not enter the memory', () => {
    const world = new World();
    const [a, b] = [world.add('a'), world.add('b')];
    fill([a, b], 20);
    b.set(['x'], 'y');
    world.tamper = tampering((message, { from }) => {
      if (from !== 'b' || message.type !== 'step') return message;
      const entries = message.entries.map(({ replica, intervals }) => {
        intervals?.add(0, 1_000_000);
        return { replica: replica.replace('b', 'a'), intervals };
      });
      return { ...message, entries };
    });
    world.link(a, b);
    world.run(60_000);
    expect(a.replica.size).toBe(21);
    expect(a.replica.context.of(a.replica.id)?.end()).toBe(20);
  });

  it('bytes of any kind throw nothing, and what is read is written alike', () => {
    const world = new World();
    const [a, b] = [world.add('a'), world.add('b')];
    fill([a, b], 200);
    a.set(range(20), 'left');
    b.set(range(20, 100), 'right');
    world.link(a, b);
    world.run();
    const real = world.sent.map(({ bytes }) => bytes);
    for (const bytes of real) {
      expect(encodeReconcile(decodeReconcile(bytes) as ReconcileMessage)).toEqual(bytes);
    }
    fc.assert(
      fc.property(
        fc.constantFrom(...real),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
        fc.nat(400),
        (bytes, changes, end) => {
          const changed = bytes.slice(0, end);
          for (const [at, value] of changes) changed[at % Math.max(1, changed.length)] = value;
          decodeReconcile(changed);
          const size = b.replica.size;
          a.reconciler.receive('b', changed);
          expect(a.replica.size).toBeGreaterThanOrEqual(size);
        },
      ),
      { numRuns: runs(500) },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeReconcile(bytes);
      }),
      { numRuns: runs(2_000) },
    );
  });
});
