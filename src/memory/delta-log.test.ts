import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WaitingDeltas } from './causal.ts';
import { Context } from './context.ts';
import { DeltaLog, sizeOf } from './delta-log.ts';
import type { Delta } from './types.ts';

const replica = (i: number) => `${i}`.repeat(16);

function deltaOf(by: number, first: number, writes: number, bytes = 1): Delta {
  const write = { key: 'fx\u0000', removed: [], payload: new Uint8Array(bytes) };
  return { replica: replica(by), first, writes: Array(writes).fill(write), dependencies: [] };
}

describe('DeltaLog', () => {
  it('finds each dot of what it keeps, and keeps the newest within its limits', () => {
    const made = fc.array(fc.tuple(fc.nat(2), fc.integer({ min: 1, max: 3 }), fc.nat(9)));
    fc.assert(
      fc.property(made, fc.nat(), (script, turn) => {
        const log = new DeltaLog({ writes: 12, bytes: 130 });
        const next = [0, 0, 0];
        const deltas = script.map(([by, writes, bytes]) => {
          const first = next[by] as number;
          next[by] = first + writes;
          return deltaOf(by, first, writes, bytes);
        });
        const order = deltas
          .map((delta, i) => ({ delta, at: (i * 7 + turn) % 11 }))
          .sort((a, b) => a.at - b.at);
        for (const { delta } of order) {
          log.add(delta);
          log.add(delta);
        }
        const kept: Delta[] = [];
        let [writes, bytes] = [0, 0];
        for (const { delta } of [...order].reverse()) {
          writes += delta.writes.length;
          bytes += sizeOf(delta);
          if (writes > 12 || bytes > 130) break;
          kept.push(delta);
        }
        for (const delta of deltas) {
          for (let i = 0; i < delta.writes.length; i++) {
            const found = log.find({ replica: delta.replica, counter: delta.first + i });
            expect(found).toBe(kept.includes(delta) ? delta : undefined);
          }
        }
        expect(log.bytes).toBe(kept.reduce((sum, delta) => sum + sizeOf(delta), 0));
      }),
    );
  });
});

describe('WaitingDeltas', () => {
  const waitingFor = (counter: number, first: number, bytes = 1): Delta => ({
    ...deltaOf(2, first, 1, bytes),
    dependencies: [{ replica: replica(1), counter }],
  });

  it('C2: lets go of the oldest beyond its limits, and has room again for what was released', () => {
    const [small, large] = [sizeOf(waitingFor(0, 0, 1)), sizeOf(waitingFor(0, 0, 8))];
    const waiting = new WaitingDeltas({ deltas: 2, bytes: small + large });
    const seen = new Context();
    waiting.add(waitingFor(0, 0, 8), seen);
    waiting.add(waitingFor(0, 1, 8), seen);
    expect([waiting.size, waiting.bytes]).toEqual([1, large]);
    waiting.add(waitingFor(1, 2), seen);
    expect([waiting.size, waiting.bytes]).toEqual([2, small + large]);
    waiting.add(waitingFor(1, 3), seen);
    expect([waiting.size, waiting.bytes]).toEqual([2, 2 * small]);
    seen.add(replica(1), 0, 4);
    expect(waiting.release(seen)).toHaveLength(2);
    expect([waiting.size, waiting.bytes, waiting.missing()]).toEqual([0, 0, []]);
  });

  it('C2: lets go of what came to wait before a place', () => {
    const waiting = new WaitingDeltas();
    const seen = new Context();
    waiting.add(waitingFor(0, 0), seen);
    const { added } = waiting;
    waiting.add(waitingFor(0, 1), seen);
    waiting.evict(added);
    expect([waiting.size, waiting.added]).toEqual([1, 2]);
    expect(waiting.missing()).toHaveLength(1);
  });

  it('C2: what a waiting delta will bring is not asked for', () => {
    const waiting = new WaitingDeltas();
    waiting.add(waitingFor(0, 0), new Context());
    waiting.add(
      { ...deltaOf(3, 0, 1), dependencies: [{ replica: replica(2), counter: 0 }] },
      new Context(),
    );
    expect(waiting.missing()).toEqual([{ replica: replica(1), counter: 0 }]);
  });
});
