import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomBelow, seededRandom } from '../util/random.ts';
import { runs } from '../util/testing/runs.ts';
import type { MemoryChange } from './changes.ts';
import { decodeDelta, encodeDelta } from './codec.ts';
import { collectionKey, recordKey } from './keys.ts';
import { addToCounter, readCount } from './readings/counter.ts';
import { makePresent } from './readings/presence.ts';
import { readConflicts, readRegister, writeRegister } from './readings/register.ts';
import { valuesOf } from './record.ts';
import { type Refused, Replica, type ReplicaOptions } from './replica.ts';
import { editAtRandom } from './testing/edits.ts';
import { dump } from './testing/oracle.ts';
import type { Delta, Dot, ReplicaId } from './types.ts';

const idOf = (number: number): ReplicaId => number.toString(16).padStart(16, '0');
const entry = (name: string) => recordKey(collectionKey('map', 'todos'), name);
const likes = recordKey(collectionKey('counter', 'likes'), '');
const open = recordKey(collectionKey('flag', 'open'), '');

/** A replica and the deltas that it made. */
class Writing {
  readonly deltas: Delta[] = [];
  readonly changes: MemoryChange[] = [];
  readonly replica: Replica;

  constructor(number: number, options: Partial<ReplicaOptions> = {}) {
    this.replica = new Replica({
      id: idOf(number),
      next: 0,
      ...options,
      changed: (change) => {
        this.changes.push(change);
        if (change.delta !== undefined) this.deltas.push(change.delta);
      },
    });
  }

  set(name: string, value: unknown): Delta {
    this.replica.transact((writer) => writeRegister(writer, entry(name), value));
    return this.deltas.at(-1) as Delta;
  }

  remove(name: string): Delta {
    this.replica.transact((writer) => writer.remove(entry(name)));
    return this.deltas.at(-1) as Delta;
  }

  add(amount: number): Delta {
    this.replica.transact((writer) => addToCounter(writer, likes, amount));
    return this.deltas.at(-1) as Delta;
  }

  read(name: string): unknown {
    return readRegister(this.replica.get(entry(name)));
  }
}

/** What one memory shows another in a walk that carries everything. */
function wholeSide(replica: Replica) {
  const pin = replica.pin();
  return { context: pin.context, records: new Map(pin.entries()), frontier: replica.frontier };
}

/** A history of up to four replicas: all of its deltas, made while some of them arrive. */
function makeDeltas(seed: number, steps: number, isCausal = false): Delta[] {
  const random = seededRandom(seed);
  const writers = Array.from({ length: 4 }, (_, i) => new Writing(i + 1, { isCausal }));
  for (let step = 0; step < steps; step++) {
    const writer = writers[randomBelow(random, 4)] as Writing;
    if (random() < 0.6) {
      writer.replica.transact((each) => editAtRandom(each, random, new Map()));
      writer.replica.publish();
    } else {
      const { deltas } = writers[randomBelow(random, 4)] as Writing;
      const delta = deltas[randomBelow(random, Math.max(1, deltas.length))];
      if (delta !== undefined) writer.replica.apply(delta);
    }
  }
  return writers.flatMap(({ deltas }) => deltas);
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = seededRandom(seed);
  return items
    .map((item) => [random(), item] as const)
    .sort((a, b) => a[0] - b[0])
    .map(([, item]) => item);
}

function memoryOf(deltas: readonly Delta[]): Replica {
  const replica = new Replica({ id: idOf(99), next: 0 });
  for (const delta of deltas) replica.apply(delta);
  return replica;
}

function join(into: Replica, from: Replica): Replica {
  into.joinDisk(wholeSide(from));
  return into;
}

describe('merge laws', () => {
  const seed = fc.nat(2 ** 31);

  it('deltas in any order, some of them twice, come to one memory, and their bytes to the same', () => {
    fc.assert(
      fc.property(seed, seed, (history, order) => {
        const deltas = makeDeltas(history, 40);
        const whole = dump(memoryOf(deltas));
        expect(dump(memoryOf(shuffled([...deltas, ...deltas.slice(0, 9)], order)))).toBe(whole);
        const carried = deltas.map((delta) => decodeDelta(encodeDelta(delta)) as Delta);
        expect(dump(memoryOf(carried))).toBe(whole);
      }),
      { numRuns: runs(300) },
    );
  });

  it('a record holds what was written and not replaced or removed by one who saw it', () => {
    fc.assert(
      fc.property(seed, seed, (history, order) => {
        const deltas = makeDeltas(history, 60);
        const memory = memoryOf(shuffled(deltas, order));
        const name = ({ replica, counter }: Dot) => `${replica}/${counter}`;
        const gone = new Set(
          deltas.flatMap(({ writes }) => writes.flatMap((write) => write.removed.map(name))),
        );
        const live = new Map<string, string[]>();
        for (const { replica, first, writes } of deltas) {
          for (const [index, { key, payload }] of writes.entries()) {
            const dot = name({ replica, counter: first + index });
            if (payload !== undefined && !gone.has(dot))
              live.set(key, [...(live.get(key) ?? []), dot]);
          }
        }
        const held = [...memory.entries()].map(([key, record]) => [
          key,
          Array.from(valuesOf(record), name),
        ]);
        expect(new Map(held as [string, string[]][])).toEqual(
          new Map([...live].map(([key, dots]) => [key, dots.sort()])),
        );
      }),
      { numRuns: runs(200) },
    );
  });

  it('joins are commutative, associative and idempotent, and agree with deltas', () => {
    fc.assert(
      fc.property(seed, seed, (history, order) => {
        const deltas = shuffled(makeDeltas(history, 40), order);
        const third = Math.ceil(deltas.length / 3);
        // Overlapping parts, as tabs hold them.
        const parts = [0, 1, 2].map((i) =>
          deltas.slice(Math.max(0, i * third - 3), (i + 1) * third),
        );
        const [a, b, c] = parts.map((part) => () => memoryOf(part)) as [
          () => Replica,
          () => Replica,
          () => Replica,
        ];
        const ab = dump(join(a(), b()));
        expect(dump(join(b(), a()))).toBe(ab);
        expect(dump(join(join(a(), b()), b()))).toBe(ab);
        expect(dump(join(a(), a()))).toBe(dump(a()));
        const whole = dump(join(join(a(), b()), c()));
        expect(dump(join(a(), join(b(), c())))).toBe(whole);
        expect(whole).toBe(dump(memoryOf(deltas)));
      }),
      { numRuns: runs(300) },
    );
  });
});

describe('Replica', () => {
  it('a transaction is one delta of consecutive dots, a dot for each record, and one change', () => {
    const a = new Writing(1);
    a.replica.transact((writer) => {
      for (let i = 0; i < 10; i++) writeRegister(writer, entry('x'), i);
      addToCounter(writer, likes, 2);
      addToCounter(writer, likes, 3);
      expect(readCount(writer.get(likes))).toBe(5);
    });
    expect(a.deltas).toHaveLength(1);
    expect(a.changes).toHaveLength(1);
    expect(a.deltas[0]?.writes.map(({ key }) => key)).toEqual([entry('x'), likes]);
    expect(a.replica.next).toBe(2);
    expect(a.read('x')).toBe(9);
  });

  it('a transaction that throws leaves everything as it was', () => {
    const a = new Writing(1);
    a.set('x', 1);
    const before = dump(a.replica);
    const fails = () =>
      a.replica.transact((writer) => {
        writeRegister(writer, entry('x'), 2);
        writer.remove(entry('x'));
        writeRegister(writer, entry('y'), new Map());
      });
    expect(fails).toThrow(/neither plain/);
    expect(dump(a.replica)).toBe(before);
    expect(a.replica.next).toBe(1);
    expect(a.changes).toHaveLength(1);
  });

  it('changes are told in order also where a listener makes another', () => {
    const told: unknown[] = [];
    const listens = (change: MemoryChange) => {
      const [record] = change.records;
      told.push(readRegister(record?.after));
      if (told.length === 1) {
        replica.transact((writer) => writeRegister(writer, entry('y'), 'by the listener'));
        told.push('the listener is done');
      }
    };
    const replica = new Replica({ id: idOf(1), next: 0, changed: listens });
    replica.transact((writer) => writeRegister(writer, entry('x'), 'first'));
    expect(told).toEqual(['first', 'the listener is done', 'by the listener']);
  });

  it('changes tell what, by whom and from where', () => {
    const [a, b] = [new Writing(1), new Writing(2)];
    const delta = a.set('x', 1);
    b.replica.apply(delta);
    expect(b.changes).toHaveLength(1);
    expect(b.changes[0]).toMatchObject({
      origin: 'remote',
      author: idOf(1),
      delta: undefined,
      records: [{ key: entry('x'), before: undefined }],
      replicas: [idOf(1)],
    });
    expect(b.replica.apply(delta)).toBe('known');
    expect(b.changes).toHaveLength(1);
  });

  it('a removal of what is not there takes no dot', () => {
    const a = new Writing(1);
    a.replica.transact((writer) => writer.remove(entry('x')));
    expect(a.replica.next).toBe(0);
    expect(a.changes).toEqual([]);
  });

  it('a snapshot shows records and context as they were, whatever comes after', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), (seed) => {
        const deltas = makeDeltas(seed, 60);
        const half = deltas.length >> 1;
        const replica = memoryOf(deltas.slice(0, half));
        const before = dump(replica);
        const pin = replica.pin();
        for (const delta of deltas.slice(half)) replica.apply(delta);
        expect(dump(pin)).toBe(before);
        const touched = new Set(pin.touched());
        for (const [key, record] of replica.entries()) {
          expect(touched.has(key) || pin.get(key) === record).toBe(true);
        }
        pin.release();
      }),
      { numRuns: runs(200) },
    );
  });

  it('neither a delta nor a join nor a snapshot is taken within a transaction', () => {
    const [a, b] = [new Writing(1), new Writing(2)];
    const delta = b.set('x', 1);
    const within = (act: () => void) => () => a.replica.transact(act);
    expect(within(() => a.replica.apply(delta))).toThrow(/within a transaction/);
    expect(within(() => a.replica.joinDisk(wholeSide(b.replica)))).toThrow(/within a transaction/);
    expect(within(() => a.replica.pin())).toThrow(/within a transaction/);
  });
});

describe('R3', () => {
  /** The write of `x` reaches `a` while it walks with `b`, which removed `x` before. */
  function race(touched: 'touched' | 'overlooked'): unknown {
    const [writer, a, b] = [new Writing(3), new Writing(1), new Writing(2)];
    const late = writer.set('x', 'old');
    b.replica.apply(late);
    b.remove('x');
    const [pinA, pinB] = [a.replica.pin(), b.replica.pin()];
    a.replica.apply(late);
    expect(a.read('x')).toBe('old');
    const pin = touched === 'touched' ? pinA : { ...pinA, touched: () => [] };
    expect(
      a.replica.joinPinned(pin, { context: pinB.context, records: new Map() }),
    ).toBeUndefined();
    return a.read('x');
  }

  it('what was touched during a walk is judged by the context that is joined', () => {
    expect(race('touched')).toBeUndefined();
  });

  it('without it a removed entry stays', () => {
    expect(race('overlooked')).toBe('old');
  });
});

describe('R9', () => {
  /** A profile that lived on after a copy of it was made, a peer that knew it, and the copy. */
  function restored(): { peer: Writing; copy: Writing } {
    const life = new Writing(1, { next: 0, epoch: 0 });
    const peer = new Writing(2);
    const copied = [life.add(5), life.set('kept', 'before')];
    for (const delta of copied) peer.replica.apply(delta);
    for (const delta of [life.set('x', 'later life'), life.add(10)]) peer.replica.apply(delta);
    const copy = new Writing(1, { next: 2, epoch: 0 });
    copy.replica.joinDisk(wholeSide(memoryOf(copied)));
    copy.add(7);
    copy.set('y', 'after the restore');
    copy.set('kept', 'changed');
    return { peer, copy };
  }

  /** Joins all of `from`, as a walk that carries everything would. */
  function walk(into: Replica, from: Replica): Refused | undefined {
    const { context, records } = wholeSide(from);
    const missing = [...into.entries()].filter(([key]) => !records.has(key));
    const all = new Map([...records, ...missing.map(([key]) => [key, undefined] as const)]);
    return into.joinPinned(into.pin(), { context, records: all });
  }

  function expectBothLives(memory: Writing): void {
    expect(memory.read('x')).toBe('later life');
    expect(memory.read('y')).toBe('after the restore');
    expect(memory.read('kept')).toBe('changed');
    expect(readCount(memory.replica.get(likes))).toBe(22);
  }

  it('a copy that meets its own dots moves to a fresh id, and both lives are whole', () => {
    const { peer, copy } = restored();
    const before = dump(copy.replica);
    expect(walk(copy.replica, peer.replica)).toBe('twin');
    expect(copy.replica.takeRecords(wholeSide(peer.replica))).toBe('twin');
    expect(dump(copy.replica)).toBe(before);
    copy.replica.moveTo(idOf(77), true);
    expect(copy.replica.id).toBe(idOf(77));
    expect(walk(copy.replica, peer.replica)).toBeUndefined();
    expect(walk(peer.replica, copy.replica)).toBeUndefined();
    expect(dump(peer.replica)).toBe(dump(copy.replica));
    expectBothLives(peer);
    expectBothLives(copy);
  });

  it('without it writes of one life are lost', () => {
    const { peer, copy } = restored();
    // What comes from the disk is not judged.
    copy.replica.joinDisk(wholeSide(peer.replica));
    expect([copy.read('x'), copy.read('y')]).not.toEqual(['later life', 'after the restore']);
  });

  it('own dots that were let out come back unharmed; with another content they are a twin', () => {
    const [a, twin] = [new Writing(1), new Writing(1)];
    const mine = a.set('x', 1);
    a.replica.publish();
    expect(a.replica.apply(mine)).toBe('known');
    expect(a.replica.apply(twin.set('x', 2))).toBe('twin');
    expect(a.replica.apply(new Writing(1).set('y', 1))).toBe('twin');
    expect(a.replica.apply(new Writing(1, { next: 5 }).set('x', 1))).toBe('twin');
    expect(a.read('x')).toBe(1);
  });

  it('dots that were let out are named as removed by the move', () => {
    const a = new Writing(1);
    const peer = new Writing(2);
    peer.replica.apply(a.set('x', 1));
    a.replica.publish();
    a.replica.moveTo(idOf(9), true);
    peer.replica.apply(a.deltas.at(-1) as Delta);
    expect(readConflicts(peer.replica.get(entry('x')))).toEqual([1]);
    expect(dump(peer.replica)).toBe(dump(a.replica));
  });
});

describe('a move for want of counters (R6, R9)', () => {
  it('leaves what was published as it is, so that what others removed of it stays removed', () => {
    const [a, peer] = [new Writing(1), new Writing(2)];
    peer.replica.apply(a.set('told', 1));
    a.replica.publish();
    peer.replica.transact((writer) => writer.remove(entry('told')));
    a.set('untold', 2);
    a.replica.moveTo(idOf(9), false);
    peer.replica.apply(a.deltas.at(-1) as Delta);
    a.replica.apply(peer.deltas.at(-1) as Delta);
    expect([peer.read('told'), peer.read('untold')]).toEqual([undefined, 2]);
    expect(dump(a.replica)).toBe(dump(peer.replica));
  });

  it('tells nobody of dots that were forgotten, since another session may use them', () => {
    const a = new Writing(1);
    a.set('told', 1);
    a.replica.publish();
    a.set('untold', 2);
    a.replica.moveTo(idOf(9), false);
    const told = (counter: number) => a.replica.log.find({ replica: idOf(1), counter });
    expect([told(0)?.first, told(1)]).toEqual([0, undefined]);
  });

  it('counts once a total that was on its way to the disk, and replaced meanwhile', () => {
    for (const isWritten of [true, false]) {
      const [a, other] = [new Writing(1), new Writing(2)];
      const first = a.add(5);
      a.replica.mark();
      // Another tab reads it there, before the next total is.
      if (isWritten) other.replica.apply(first);
      a.add(30);
      if (isWritten) a.replica.publishMarked();
      else a.replica.unmark();
      a.add(100);
      a.replica.moveTo(idOf(9), false);
      other.replica.apply(a.deltas.at(-1) as Delta);
      expect([a, other].map(({ replica }) => readCount(replica.get(likes)))).toEqual([135, 135]);
    }
  });
});

describe('causal memories', () => {
  it('C1: show no effect without its causes, whatever arrives when', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 31), fc.nat(2 ** 31), (history, order) => {
        const deltas = makeDeltas(history, 50, true);
        const replica = new Replica({ id: idOf(99), next: 0, isCausal: true });
        for (const delta of shuffled(deltas, order)) {
          replica.apply(delta);
          for (const each of deltas) {
            if (!replica.context.has(each.replica, each.first)) continue;
            const isWhole = each.dependencies.every((dot) =>
              replica.context.has(dot.replica, dot.counter),
            );
            expect(isWhole).toBe(true);
          }
        }
        expect(replica.waiting?.size).toBe(0);
        expect(replica.waiting?.bytes).toBe(0);
        expect(dump(replica)).toBe(dump(memoryOf(deltas)));
      }),
      { numRuns: runs(200) },
    );
  });

  it('C2: a delta that lacks a cause waits in view, and names what is missing', () => {
    const [a, b] = [new Writing(1, { isCausal: true }), new Writing(2, { isCausal: true })];
    const [first, second, third] = [a.set('x', 1), a.set('x', 2), a.set('y', 3)] as const;
    expect(second.dependencies).toEqual([{ replica: idOf(1), counter: 0 }]);
    expect(b.replica.apply(third)).toBe('waiting');
    expect(b.replica.apply(second)).toBe('waiting');
    expect(b.replica.apply(second)).toBe('waiting');
    expect(b.replica.waiting?.size).toBe(2);
    expect(b.replica.waiting?.missing()).toEqual([{ replica: idOf(1), counter: 0 }]);
    expect(b.read('y')).toBeUndefined();
    expect(a.replica.log.find({ replica: idOf(1), counter: 0 })).toBe(first);
    expect(b.replica.apply(first)).toBe('applied');
    expect(b.read('y')).toBe(3);
  });

  it('C3: a join brings the frontier, and what waited for it applies', () => {
    const [a, b, c] = [1, 2, 3].map((i) => new Writing(i, { isCausal: true })) as [
      Writing,
      Writing,
      Writing,
    ];
    for (const delta of [a.set('x', 1), a.set('y', 2)]) b.replica.apply(delta);
    expect(c.replica.apply(b.set('z', 3))).toBe('waiting');
    c.set('own', 0);
    expect(c.replica.joinPinned(c.replica.pin(), wholeSide(a.replica))).toBeUndefined();
    expect(c.replica.waiting?.size).toBe(0);
    expect(c.read('z')).toBe(3);
    expect(c.set('after', 4).dependencies).toEqual([
      { replica: idOf(2), counter: 0 },
      { replica: idOf(3), counter: 0 },
    ]);
  });

  it('take no single records', () => {
    const a = new Writing(1, { isCausal: true });
    expect(() => a.replica.takeRecords({ context: a.replica.context, records: new Map() })).toThrow(
      /takes no single records/,
    );
  });
});

it('a flag that is set while another unsets it is on', () => {
  const [a, b] = [new Writing(1), new Writing(2)];
  a.replica.transact((writer) => makePresent(writer, open));
  b.replica.apply(a.deltas[0] as Delta);
  b.replica.transact((writer) => writer.remove(open));
  a.replica.transact((writer) => makePresent(writer, open));
  a.replica.publish();
  b.replica.apply(a.deltas[1] as Delta);
  a.replica.apply(b.deltas[0] as Delta);
  expect(a.replica.get(open)).toBeDefined();
  expect(dump(a.replica)).toBe(dump(b.replica));
});
