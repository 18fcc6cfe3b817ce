import { describe, expect, it } from 'vitest';
import { draw, fork, happens } from './chance.ts';
import { Trace } from './trace.ts';

describe('the trace hash', () => {
  const digestOf = (note: (trace: Trace) => void) => {
    const trace = new Trace();
    note(trace);
    return trace.digest();
  };

  it('is the same on every machine', () => {
    const digest = digestOf((trace) => {
      trace.note(0, 0, 'fault');
      trace.note(1.5, 3, 'frame', Uint8Array.of(1, 2, 3, 4, 5));
      trace.note(2 ** 33, 70_000, 'timer');
    });
    expect(digest).toBe('2c5f714d6bc3b4c4');
  });

  it('tells apart what differs in time, process, kind, bytes or order', () => {
    const digests = [
      digestOf((trace) => trace.note(1, 1, 'frame', Uint8Array.of(1))),
      digestOf((trace) => trace.note(1.001, 1, 'frame', Uint8Array.of(1))),
      digestOf((trace) => trace.note(1, 2, 'frame', Uint8Array.of(1))),
      digestOf((trace) => trace.note(1, 1, 'signal', Uint8Array.of(1))),
      digestOf((trace) => trace.note(1, 1, 'frame', Uint8Array.of(2))),
      digestOf((trace) => trace.note(1, 1, 'frame', Uint8Array.of(1, 0))),
      digestOf((trace) => trace.note(1, 1, 'frame')),
      digestOf(() => undefined),
    ];
    expect(new Set(digests).size).toBe(digests.length);
    const twice = (first: number, second: number) =>
      digestOf((trace) => {
        trace.note(1, first, 'timer');
        trace.note(1, second, 'timer');
      });
    expect(twice(1, 2)).not.toBe(twice(2, 1));
  });
});

describe('chance', () => {
  const draws = (random: () => number) => Array.from({ length: 5 }, random);

  it('is the same for the same seed, concern and index, and unrelated otherwise', () => {
    const first = draws(fork(1, 'network', 2));
    expect(draws(fork(1, 'network', 2))).toEqual(first);
    for (const other of [fork(2, 'network', 2), fork(1, 'node', 2), fork(1, 'network', 3)]) {
      expect(draws(other)).not.toEqual(first);
    }
  });

  it('draws times around their median, within a tenth and ten times of it', () => {
    const random = fork(1, 'times');
    const times = Array.from({ length: 2_000 }, () => draw(random, { medianMs: 100, sigma: 1 }));
    const below = times.filter((time) => time < 100).length;
    expect(below).toBeGreaterThan(900);
    expect(below).toBeLessThan(1_100);
    expect(Math.min(...times)).toBeGreaterThanOrEqual(10);
    expect(Math.max(...times)).toBeLessThanOrEqual(1_000);
    expect(draw(random, { medianMs: 100, sigma: 0 })).toBe(100);
  });

  it('draws nothing where there is no doubt', () => {
    let drawn = 0;
    const random = () => {
      drawn++;
      return 0.5;
    };
    expect(happens(random, 0)).toBe(false);
    expect(drawn).toBe(0);
    expect(happens(random, 0.6)).toBe(true);
    expect(happens(random, 0.4)).toBe(false);
  });
});
