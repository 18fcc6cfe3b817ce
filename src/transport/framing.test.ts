import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../util/testing/runs.ts';
import { ACKNOWLEDGEMENT, FRAGMENT_BYTES, isBulk } from './fragments.ts';
import { ACKNOWLEDGED_AT_ONCE, Framing, WINDOW } from './framing.ts';

const MIB = 1024 * 1024;
const bytes = (length: number, fill: number) => new Uint8Array(length).fill(fill);

/** All that `framing` sends now. */
function drain(framing: Framing): Uint8Array[] {
  const fragments: Uint8Array[] = [];
  for (let next = framing.next(); next !== undefined; next = framing.next()) fragments.push(next);
  return fragments;
}

describe('Framing', () => {
  it('delivers every frame whole, in its lane’s order, both ways, whatever the pace', () => {
    const frame = fc.record({
      side: fc.nat(1),
      lane: fc.constantFrom('control' as const, 'bulk' as const),
      size: fc.oneof(fc.nat(200), fc.nat(700 * 1024)),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), fc.infiniteStream(fc.nat(9)), (all, pace) => {
        const sides = [new Framing(MIB), new Framing(MIB)] as const;
        const wires: [Uint8Array[], Uint8Array[]] = [[], []];
        const got: [number[], number[]] = [[], []];
        for (const [i, { side, lane, size }] of all.entries()) {
          sides[side === 0 ? 0 : 1].push(bytes(size, i), lane);
        }
        const due = (to: 0 | 1, lane: string) =>
          all.flatMap((f, i) => (f.side !== to && f.lane === lane ? [[i, f.size]] : []));
        for (let idle = 0; idle < 4; ) {
          let moved = false;
          for (const from of [0, 1] as const) {
            const to = from === 0 ? 1 : 0;
            for (let n = pace.next().value ?? 0; n >= 0; n--) {
              const fragment = sides[from].next();
              if (fragment === undefined) break;
              wires[to].push(fragment);
              moved = true;
            }
            for (let n = pace.next().value ?? 0; n >= 0 && wires[to].length > 0; n--) {
              const whole = sides[to].receive(wires[to].shift() as Uint8Array);
              if (whole !== undefined) got[to].push(whole[0] ?? -1, whole.length);
              moved = true;
            }
          }
          idle = moved ? 0 : idle + 1;
        }
        for (const to of [0, 1] as const) {
          const pairs = got[to].flatMap((_, i) => (i % 2 === 0 ? [got[to].slice(i, i + 2)] : []));
          const expected = [...due(to, 'control'), ...due(to, 'bulk')];
          const byLane = (lane: string) =>
            pairs.filter(([i]) => i === -1 || all[i as number]?.lane === lane);
          expect(pairs.length).toBe(expected.length);
          for (const lane of ['control', 'bulk']) {
            const sized = byLane(lane).filter(([i]) => i !== -1);
            expect(sized).toEqual(due(to, lane).filter(([, size]) => size !== 0));
          }
          expect(sides[to].queuedBytes).toBe(0);
          expect(sides[to].receivingBytes).toBe(0);
        }
      }),
      { numRuns: runs(60) },
    );
  });

  it('has no more than a window of bulk under way until the other side takes some', () => {
    const [a, b] = [new Framing(16 * MIB), new Framing(16 * MIB)];
    a.push(bytes(8 * MIB, 1), 'bulk');
    const first = drain(a);
    expect(first).toHaveLength(WINDOW);
    a.push(bytes(10, 2), 'control');
    expect(drain(a).map((fragment) => fragment.length)).toEqual([11]);
    for (const fragment of first.slice(0, ACKNOWLEDGED_AT_ONCE)) b.receive(fragment);
    const acknowledgements = drain(b);
    expect(acknowledgements).toEqual([ACKNOWLEDGEMENT]);
    for (const fragment of acknowledgements) a.receive(fragment);
    const more = drain(a);
    expect(more).toHaveLength(ACKNOWLEDGED_AT_ONCE);
    expect(more.every(isBulk)).toBe(true);
    expect(a.queuedBytes).toBeGreaterThan(7 * MIB);
  });

  it('takes an acknowledgement of what was not sent for malformed', () => {
    const framing = new Framing(MIB);
    expect(() => framing.receive(ACKNOWLEDGEMENT)).toThrow(/acknowledges what was not sent/);
    framing.push(bytes(ACKNOWLEDGED_AT_ONCE * FRAGMENT_BYTES, 1), 'bulk');
    drain(framing);
    framing.receive(ACKNOWLEDGEMENT);
    expect(() => framing.receive(ACKNOWLEDGEMENT)).toThrow();
  });

  it('drops bulk and keeps control where it is about to close', () => {
    const framing = new Framing(MIB);
    framing.push(bytes(500_000, 1), 'bulk');
    framing.push(bytes(3, 2), 'control');
    framing.clearBulk();
    expect(drain(framing)).toHaveLength(1);
    expect(framing.unsentBytes).toBe(0);
  });

  it('takes no more than 512 MiB that wait, so that who asks and does not read fills no memory', () => {
    const framing = new Framing(64 * MIB);
    const frame = new Uint8Array(64 * MIB);
    for (let i = 0; i < 8; i++) expect(framing.push(frame, 'bulk')).toBe(true);
    expect(framing.push(frame, 'bulk')).toBe(false);
    expect(framing.push(bytes(1, 1), 'control')).toBe(false);
    expect(framing.queuedBytes).toBe(512 * MIB);
    framing.clearBulk();
    expect(framing.push(bytes(1, 1), 'control')).toBe(true);
  });
});
