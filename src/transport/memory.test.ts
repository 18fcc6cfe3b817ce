import { describe, expect, it } from 'vitest';
import type { Connection, SignalData, Transport } from '../ports/transport.ts';
import { memoryTransport } from './memory.ts';
import { transportCases } from './transport.contract.ts';

describe('the memory transport keeps the contract of transports', () => {
  for (const { name, run } of transportCases) it(name, () => run(memoryTransport()), 60_000);
});

/** A clock that stands still until it is moved. */
class ManualClock {
  now = 0;
  #timers: { at: number; callback: () => void }[] = [];

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.now + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** Moves on to `time`, running what falls due on the way, in order. */
  runTo(time: number): void {
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= time);
      if (due.length === 0) break;
      const next = due.reduce((first, timer) => (timer.at < first.at ? timer : first));
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.now = next.at;
      next.callback();
    }
    this.now = time;
  }
}

function dial(transport: Transport, initiator: boolean, told: string[]): Connection {
  return transport.dial(
    { initiator, iceServers: [], maxFrameBytes: 1024 },
    {
      signal: (data) => told.push(`signal ${JSON.stringify(data)}`),
      open: () => told.push('open'),
      frame: (frame) => told.push(`frame ${frame.join()}`),
      interrupted: () => undefined,
      close: () => told.push('close'),
    },
  );
}

describe('memoryTransport', () => {
  it('takes the latency of its clock for every step', () => {
    const clock = new ManualClock();
    const transport = memoryTransport({ clock, latencyMs: 50 });
    const told: [string[], string[]] = [[], []];
    const a = dial(transport, true, told[0]);
    const b = dial(transport, false, told[1]);
    clock.runTo(0);
    b.signal(signalIn(told[0]));
    clock.runTo(1);
    a.signal(signalIn(told[1]));
    clock.runTo(50);
    expect([a.state, b.state]).toEqual(['connecting', 'connecting']);
    clock.runTo(51);
    expect([a.state, b.state]).toEqual(['open', 'open']);
    a.send(Uint8Array.of(1, 2), 'control');
    a.close();
    clock.runTo(100);
    expect(told[1]).not.toContain('frame 1,2');
    clock.runTo(101);
    expect(told[1].slice(1)).toEqual(['open', 'frame 1,2', 'close']);
    expect(told[0].slice(1)).toEqual(['open', 'close']);
  });
});

function signalIn(told: readonly string[]): SignalData {
  return JSON.parse((told[0] ?? '').replace('signal ', ''));
}
