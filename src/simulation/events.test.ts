import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventQueue } from './events.ts';

describe('the event queue', () => {
  it('gives happenings by time, and those of one instant in the order they were added', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 200 }), (times) => {
        const queue = new EventQueue();
        const happened: [time: number, order: number][] = [];
        for (const [order, time] of times.entries()) {
          queue.push(time, () => happened.push([time, order]));
        }
        while (queue.size > 0) {
          const at = queue.nextAt;
          queue.pop()?.();
          expect(happened.at(-1)?.[0]).toBe(at);
        }
        const sorted = times
          .map((time, order): [number, number] => [time, order])
          .sort(([a, i], [b, j]) => a - b || i - j);
        expect(happened).toEqual(sorted);
      }),
    );
  });

  it('stays in order while some are added between', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.nat(1_000)), { maxLength: 300 }), (steps) => {
        const queue = new EventQueue();
        let now = 0;
        const waiting: number[] = [];
        for (const step of steps) {
          if (step !== null) {
            const at = now + step;
            queue.push(at, () => undefined);
            waiting.push(at);
            waiting.sort((a, b) => a - b);
          } else if (waiting.length > 0) {
            expect(queue.nextAt).toBe(waiting[0]);
            now = waiting.shift() as number;
            queue.pop();
          }
        }
        expect(queue.size).toBe(waiting.length);
      }),
    );
  });

  it('holds more than it was made for', () => {
    const queue = new EventQueue();
    for (let i = 5_000; i > 0; i--) queue.push(i, () => undefined);
    for (let i = 1; i <= 5_000; i++) {
      expect(queue.nextAt).toBe(i);
      queue.pop();
    }
    expect(queue.nextAt).toBe(Number.POSITIVE_INFINITY);
    expect(queue.pop()).toBeUndefined();
  });
});
