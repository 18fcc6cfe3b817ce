import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Lane } from '../ports/transport.ts';
import { runs } from '../util/testing/runs.ts';
import { FRAGMENT_BYTES, Reassembler } from './fragments.ts';
import { CONTROL_RUN, SendQueue } from './send-queue.ts';

const MAX = 1024 * 1024;

/** Takes fragments until the queue is empty, or `limit` of them; the lane of each is its lowest bit. */
function drain(queue: SendQueue, limit = Number.POSITIVE_INFINITY): Lane[] {
  const lanes: Lane[] = [];
  while (lanes.length < limit) {
    const fragment = queue.next();
    if (fragment === undefined) break;
    lanes.push(((fragment[0] as number) & 1) === 1 ? 'bulk' : 'control');
  }
  return lanes;
}

/** Frames of these tests are of one byte throughout. */
const summary = (frame: Uint8Array) => [frame.length, frame[0], frame.at(-1)];

describe('SendQueue', () => {
  it('sends control between two fragments of a bulk frame', () => {
    const queue = new SendQueue(MAX);
    queue.push(new Uint8Array(3 * FRAGMENT_BYTES), 'bulk');
    expect(drain(queue, 2)).toEqual(['bulk', 'bulk']);
    queue.push(new Uint8Array(10), 'control');
    expect(drain(queue)).toEqual(['control', 'bulk', 'bulk']);
  });

  it('lets one bulk fragment pass after 32 of control, and not before', () => {
    const queue = new SendQueue(MAX);
    queue.push(new Uint8Array(2 * FRAGMENT_BYTES), 'bulk');
    for (let i = 0; i < 80; i++) queue.push(new Uint8Array(10), 'control');
    const run = new Array(CONTROL_RUN).fill('control');
    const lanes = drain(queue);
    expect(lanes.slice(0, 66)).toEqual([...run, 'bulk', ...run, 'bulk']);
    expect(lanes).toHaveLength(83);
  });

  it('counts only control that bulk waited for', () => {
    const queue = new SendQueue(MAX);
    for (let i = 0; i < 100; i++) queue.push(new Uint8Array(10), 'control');
    drain(queue, 50);
    queue.push(new Uint8Array(10), 'bulk');
    expect(drain(queue, 33)).toEqual([...new Array(32).fill('control'), 'bulk']);
  });

  it('refuses a frame over the limit as value-too-large, and queues nothing', () => {
    const queue = new SendQueue(100);
    expect(() => queue.push(new Uint8Array(101), 'bulk')).toThrow(
      expect.objectContaining({ code: 'value-too-large' }),
    );
    expect(queue.queuedBytes).toBe(0);
    expect(queue.next()).toBeUndefined();
    queue.push(new Uint8Array(100), 'bulk');
    expect(queue.queuedBytes).toBe(100);
  });

  it('drops bulk alone, or all', () => {
    const queue = new SendQueue(MAX);
    queue.push(new Uint8Array(3 * FRAGMENT_BYTES), 'bulk');
    queue.next();
    queue.push(new Uint8Array(10), 'control');
    queue.clearBulk();
    expect(queue.queuedBytes).toBe(10);
    expect(drain(queue)).toEqual(['control']);
    queue.push(new Uint8Array(10), 'control');
    queue.clear();
    expect(queue.queuedBytes).toBe(0);
    expect(queue.next()).toBeUndefined();
  });

  it('keeps each lane in order, counts what waits, and loses nothing', () => {
    const step = fc.oneof(
      fc.record({
        lane: fc.constantFrom<Lane>('control', 'bulk'),
        length: fc.oneof(fc.nat(50), fc.nat(60_000)),
      }),
      fc.constant('send' as const),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const queue = new SendQueue(MAX);
        const reassembler = new Reassembler(MAX);
        const sent: Record<Lane, Uint8Array[]> = { control: [], bulk: [] };
        const received: Record<Lane, Uint8Array[]> = { control: [], bulk: [] };
        let pushedBytes = 0;
        let arrivedBytes = 0;
        const send = (): boolean => {
          const fragment = queue.next();
          if (fragment === undefined) return false;
          const lane = ((fragment[0] as number) & 1) === 1 ? 'bulk' : 'control';
          const frame = reassembler.push(fragment);
          if (frame !== undefined) {
            received[lane].push(frame);
            arrivedBytes += frame.length;
          }
          return true;
        };
        for (const action of steps) {
          if (action === 'send') {
            send();
          } else {
            const frame = new Uint8Array(action.length).fill(sent[action.lane].length);
            sent[action.lane].push(frame);
            queue.push(frame, action.lane);
            pushedBytes += frame.length;
          }
          const onTheWay = reassembler.receivingBytes + arrivedBytes;
          expect(queue.queuedBytes).toBe(pushedBytes - onTheWay);
        }
        while (send());
        expect(queue.queuedBytes).toBe(0);
        for (const each of ['control', 'bulk'] as const) {
          expect(received[each].map(summary)).toEqual(sent[each].map(summary));
        }
      }),
      { numRuns: runs(60) },
    );
  });
});
