/** Registers, sets, flags, counters and patterns: what each type means. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encode } from '../util/codec.ts';
import { runs } from '../util/testing/runs.ts';
import { collectionKey, recordKey } from './keys.ts';
import { addToCounter, readCount } from './readings/counter.ts';
import { observationsOf, observe, readPattern } from './readings/pattern.ts';
import { elementKey, elementOf, makePresent } from './readings/presence.ts';
import {
  isRegisterPayload,
  readConflicts,
  readRegister,
  writeRegister,
} from './readings/register.ts';
import { withValue } from './record.ts';
import { Replica } from './replica.ts';
import type { Writer } from './transaction.ts';
import { BOUNDS, type Delta } from './types.ts';
import { writeUint } from './wire.ts';

const title = recordKey(collectionKey('register', 'title'), '');
const likes = recordKey(collectionKey('counter', 'likes'), '');
const belief = recordKey(collectionKey('pattern', 'beliefs'), 'p');
const tags = collectionKey('set', 'tags');

/** Some replicas, and what they wrote, not yet delivered. */
function rooms(count: number) {
  const deltas: Delta[] = [];
  const replicas = Array.from({ length: count }, (_, i) => {
    const id = `${i + 1}`.padStart(16, '0');
    const changed = ({ delta }: { delta: Delta | undefined }) => {
      if (delta !== undefined) deltas.push(delta);
    };
    return new Replica({ id, next: 0, changed });
  });
  const at = (i: number) => replicas[i] as Replica;
  const write = (i: number, act: (writer: Writer) => void) => {
    at(i).transact(act);
    at(i).publish();
  };
  const deliver = (order: readonly Delta[] = deltas) => {
    for (const replica of replicas) for (const delta of order) replica.apply(delta);
  };
  return { at, write, deliver, deltas };
}

describe('registers', () => {
  it('read the value of the writer who had seen more; conflicts show all that stand', () => {
    const { at, write, deliver } = rooms(2);
    write(0, (writer) => writeRegister(writer, title, 'first'));
    write(0, (writer) => writeRegister(writer, title, 'second'));
    write(1, (writer) => writeRegister(writer, title, 'unseen'));
    deliver();
    for (const i of [0, 1]) {
      expect(readRegister(at(i).get(title))).toBe('second');
      expect(readConflicts(at(i).get(title))).toEqual(['second', 'unseen']);
    }
    write(1, (writer) => writeRegister(writer, title, 'both seen'));
    deliver();
    expect(readConflicts(at(0).get(title))).toEqual(['both seen']);
  });

  it('of values of one time the greater dot is read', () => {
    const { at, write, deliver } = rooms(2);
    write(1, (writer) => writeRegister(writer, title, 'two'));
    write(0, (writer) => writeRegister(writer, title, 'one'));
    deliver();
    expect([readRegister(at(0).get(title)), readRegister(at(1).get(title))]).toEqual([
      'two',
      'two',
    ]);
  });

  it('a time at its bound stays there, and one over it is refused', () => {
    const payload = (time: number) =>
      encode((encoder) => {
        writeUint(encoder, time);
        writeUint(encoder, 120);
      });
    expect(isRegisterPayload(payload(BOUNDS.counter))).toBe(true);
    expect(isRegisterPayload(payload(BOUNDS.counter + 1))).toBe(false);
    const { at, write } = rooms(1);
    const writes = [{ key: title, removed: [], payload: payload(BOUNDS.counter) }];
    at(0).apply({ replica: '00000000000000ff', first: 0, writes, dependencies: [] });
    write(0, (writer) => writeRegister(writer, title, 'after'));
    expect(readRegister(at(0).get(title))).toBe('after');
    expect(isRegisterPayload(at(0).get(title)?.payload as Uint8Array)).toBe(true);
  });
});

describe('sets', () => {
  it('hold equal values once, and give them back', () => {
    expect(elementKey(tags, { a: 1, b: 2 })).toBe(elementKey(tags, { b: 2, a: 1 }));
    for (const element of ['x', 7, { a: [null] }, new Uint8Array([0, 255])]) {
      expect(elementOf(elementKey(tags, element))).toEqual(element);
    }
    expect(elementOf(`${tags}nothing`)).toBeUndefined();
  });

  it('who adds while another removes prevails', () => {
    const { at, write, deliver } = rooms(2);
    const key = elementKey(tags, 'x');
    write(0, (writer) => makePresent(writer, key));
    deliver();
    write(0, (writer) => writer.remove(key));
    write(1, (writer) => makePresent(writer, key));
    deliver();
    expect([at(0).get(key) !== undefined, at(1).get(key) !== undefined]).toEqual([true, true]);
    write(0, (writer) => writer.remove(key));
    deliver();
    expect([at(0).get(key), at(1).get(key)]).toEqual([undefined, undefined]);
  });
});

describe('counters', () => {
  it('count every addition once, in any order of delivery', () => {
    const additions = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: -50, max: 50 })));
    fc.assert(
      fc.property(additions, fc.boolean(), (given, isReversed) => {
        const { at, write, deliver, deltas } = rooms(3);
        for (const [i, amount] of given) write(i, (writer) => addToCounter(writer, likes, amount));
        deliver(isReversed ? [...deltas].reverse() : deltas);
        const sum = given.reduce((total, [, amount]) => total + amount, 0);
        for (const i of [0, 1, 2]) expect(readCount(at(i).get(likes))).toBe(sum);
      }),
      { numRuns: runs(200) },
    );
  });

  it('an addition beyond the bound is refused, and nothing changes', () => {
    const { at, write } = rooms(1);
    write(0, (writer) => addToCounter(writer, likes, BOUNDS.counter));
    const over = () => write(0, (writer) => addToCounter(writer, likes, 1));
    expect(over).toThrow(expect.objectContaining({ code: 'bad-argument' }));
    expect(() => write(0, (writer) => addToCounter(writer, likes, 0.5))).toThrow(/safe integer/);
    expect(readCount(at(0).get(likes))).toBe(BOUNDS.counter);
  });

  it('what sums up beyond the safe integers reads the nearest of them', () => {
    const { at, write, deliver } = rooms(40);
    for (let i = 0; i < 40; i++) write(i, (writer) => addToCounter(writer, likes, BOUNDS.counter));
    deliver();
    expect(readCount(at(0).get(likes))).toBe(Number.MAX_SAFE_INTEGER);
  });
});

describe('patterns', () => {
  const observation = fc.record({
    confidence: fc.double({ min: 0, max: 1, noNaN: true }),
    support: fc.double({ min: 2 ** -20, max: 2 ** 40, noNaN: true }),
  });

  it('0.9 and 0.7 read 0.8, in either order, however often merged', () => {
    const { at, write, deliver, deltas } = rooms(2);
    write(0, (writer) => observe(writer, belief, { confidence: 0.9, support: 1 }));
    write(1, (writer) => observe(writer, belief, { confidence: 0.7, support: 1 }));
    deliver();
    deliver([...deltas].reverse());
    const expected = { confidence: 0.8, support: 2, observers: 2 };
    expect([readPattern(at(0).get(belief)), readPattern(at(1).get(belief))]).toEqual([
      expected,
      expected,
    ]);
  });

  it('read the same bits everywhere, within 0 and 1', () => {
    fc.assert(
      fc.property(fc.array(observation, { minLength: 1, maxLength: 6 }), (observations) => {
        const { at, write, deliver, deltas } = rooms(observations.length);
        for (const [i, each] of observations.entries())
          write(i, (writer) => observe(writer, belief, each));
        for (const delta of [...deltas].reverse()) at(0).apply(delta);
        deliver();
        const readings = observations.map((_, i) => readPattern(at(i).get(belief)));
        for (const reading of readings) expect(reading).toEqual(readings[0]);
        expect(readings[0]?.confidence).toBeGreaterThanOrEqual(0);
        expect(readings[0]?.confidence).toBeLessThanOrEqual(1);
      }),
      { numRuns: runs(200) },
    );
  });

  it('an observation replaces the same replica’s one before, and no other', () => {
    const { at, write, deliver } = rooms(2);
    write(0, (writer) => observe(writer, belief, { confidence: 0.2, support: 4 }));
    write(1, (writer) => observe(writer, belief, { confidence: 1, support: 1 }));
    deliver();
    write(0, (writer) => observe(writer, belief, { confidence: 0, support: 3 }));
    deliver();
    expect(readPattern(at(1).get(belief))).toEqual({ confidence: 0.25, support: 4, observers: 2 });
    expect([...observationsOf(at(1).get(belief)).values()].map(({ support }) => support)).toEqual([
      3, 1,
    ]);
  });

  it.each([
    { confidence: 1.1, support: 1 },
    { confidence: -0.1, support: 1 },
    { confidence: Number.NaN, support: 1 },
    { confidence: 0.5, support: 0 },
    { confidence: 0.5, support: Number.POSITIVE_INFINITY },
  ])('refuse %o', (wrong) => {
    const { write } = rooms(1);
    expect(() => write(0, (writer) => observe(writer, belief, wrong))).toThrow(/An observation/);
  });
});

it('nothing is read of a record that holds nothing, or what its type does not know', () => {
  const foreign = withValue(
    undefined,
    { replica: '1'.repeat(16), counter: 0 },
    new Uint8Array([255]),
  );
  expect([undefined, foreign].map((record) => readRegister(record))).toEqual([
    undefined,
    undefined,
  ]);
  expect([undefined, foreign].map((record) => readCount(record))).toEqual([0, 0]);
  expect([undefined, foreign].map((record) => readPattern(record))).toEqual([undefined, undefined]);
});
