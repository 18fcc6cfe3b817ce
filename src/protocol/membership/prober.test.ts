import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../util/random.ts';
import { resolveConfig } from '../config.ts';
import { peer } from '../testing/members.ts';
import type { Frame } from '../wire.ts';
import { Prober } from './prober.ts';

const config = resolveConfig({ probeInterval: 1_000 });
const { probeInterval, probeTimeout } = config;
const [A, B, C, D] = [1, 2, 3, 4].map(peer) as [string, string, string, string];

function prober(relays: readonly string[] = []) {
  const sent: { peer: string; frame: Frame }[] = [];
  const silent: string[] = [];
  const machine = new Prober(config, seededRandom(1), {
    send: (to, frame) => sent.push({ peer: to, frame }),
    relaysTo: () => relays,
    silent: (target) => silent.push(target),
  });
  const run = (from: number, until: number) => {
    for (let now = from; now <= until; now += 50) if (machine.due <= now) machine.tick(now);
  };
  const take = () => sent.splice(0).map(({ peer: to, frame }) => `${frame.type} ${to.slice(7, 8)}`);
  return { machine, sent, silent, run, take };
}

describe('the prober', () => {
  it('M2: pings the neighbor that it heard least lately, one each interval', () => {
    const { machine, run, take } = prober();
    for (const [at, id] of [A, B, C].entries()) machine.neighborUp(id, at);
    machine.heard(A, 3);
    run(50, 1.2 * probeInterval);
    expect(take()).toEqual(['ping 2']);
    machine.heard(B, 1_210);
    run(1_250, 2.3 * probeInterval);
    expect(take()).toEqual(['ping 3']);
  });

  it('M2: pings nobody that was heard within half an interval', () => {
    const { machine, take } = prober();
    machine.neighborUp(A, 0);
    for (let now = 0; now <= 20_000; now += 400) {
      machine.heard(A, now);
      if (machine.due <= now) machine.tick(now);
    }
    expect(take()).toEqual([]);
  });

  it('M2: who does not answer is asked through those that list it, then found silent', () => {
    const { machine, silent, run, take } = prober([B, C, D]);
    for (const id of [A, B, C]) machine.neighborUp(id, 0);
    for (const id of [B, C]) machine.heard(id, 400);
    machine.probe(A, 500);
    run(500, 500 + probeTimeout);
    // D lists it too, but is no neighbor that could be asked.
    expect(take().sort()).toEqual(['ping 1', 'ping 1', 'pingReq 2', 'pingReq 3']);
    for (const id of [B, C]) machine.heard(id, 1_100);
    run(1_050, 450 + 2 * probeTimeout);
    expect(silent).toEqual([]);
    run(500 + 2 * probeTimeout, 500 + 2 * probeTimeout);
    expect(silent).toEqual([A]);
  });

  it('M2: any frame answers, and so does what a relay reached', () => {
    const { machine, sent, silent, run } = prober([B]);
    for (const id of [A, B]) machine.neighborUp(id, 0);
    machine.probe(A, 0);
    machine.heard(A, 100);
    machine.heard(B, 900);
    machine.probe(A, 1_000);
    run(1_000, 1_000 + probeTimeout);
    const request = sent.find(({ frame }) => frame.type === 'pingReq')?.frame;
    const sequence = request?.type === 'pingReq' ? request.sequence : -1;
    machine.onFrame(A, { type: 'pong', sequence: 99 }, 1_600);
    machine.onFrame(B, { type: 'pong', sequence }, 1_600);
    machine.heard(B, 1_600);
    run(1_650, 2_100);
    expect(silent).toEqual([]);
  });

  it('M2: where one is silent all that were not heard lately are probed', () => {
    const { machine, silent, run, take } = prober();
    for (const id of [A, B, C, D]) machine.neighborUp(id, 0);
    machine.heard(D, 1_900);
    machine.probe(A, 1_500);
    take();
    machine.tick(2_000);
    expect(take().sort()).toEqual(['ping 1', 'ping 2', 'ping 3']);
    machine.heard(D, 2_500);
    run(2_500, 3_500);
    expect(new Set(silent)).toEqual(new Set([A, B, C]));
  });

  it('M2: probes for others and answers pong, or nack in time', () => {
    const { machine, sent, take } = prober();
    for (const id of [A, B]) machine.neighborUp(id, 0);
    machine.onFrame(A, { type: 'pingReq', sequence: 7, target: B }, 0);
    expect(take()).toEqual(['ping 2']);
    machine.heard(B, 100);
    expect(sent.splice(0)).toEqual([{ peer: A, frame: { type: 'pong', sequence: 7 } }]);
    machine.onFrame(A, { type: 'pingReq', sequence: 8, target: B }, 200);
    sent.splice(0);
    machine.tick(machine.due);
    expect(machine.due).toBeGreaterThan(200);
    expect(sent.splice(0)).toContainEqual({ peer: A, frame: { type: 'nack', sequence: 8 } });
    machine.onFrame(A, { type: 'pingReq', sequence: 9, target: C }, 900);
    expect(sent).toEqual([{ peer: A, frame: { type: 'nack', sequence: 9 } }]);
  });

  it('M12: probes for others at most 256 at once', () => {
    const { machine, take } = prober();
    for (const id of [A, B]) machine.neighborUp(id, 0);
    for (let i = 0; i < 300; i++) {
      machine.onFrame(A, { type: 'pingReq', sequence: i, target: B }, 0);
    }
    const sent = take();
    expect(sent.filter((each) => each === 'ping 2')).toHaveLength(256);
    expect(sent.filter((each) => each === 'nack 1')).toHaveLength(44);
  });

  it('M10: after its own sleep the probes have their time anew', () => {
    const { machine, silent } = prober();
    for (const id of [A, B]) machine.neighborUp(id, 0);
    machine.probe(A, 100);
    machine.excuse(60_000);
    machine.tick(60_000);
    expect(silent).toEqual([]);
    expect(machine.health).toBe(1);
  });

  it('M10: who hears nobody gives more time, up to a bound, and less again with each answer', () => {
    const { machine, run, silent } = prober();
    for (const id of [A, B]) machine.neighborUp(id, 0);
    run(0, 200_000);
    expect(machine.health).toBe(config.healthMax - 1);
    silent.splice(0);
    for (let now = 200_000; machine.health > 0; now += 1_000) {
      machine.probe(A, now);
      machine.heard(A, now + 1);
    }
    expect(silent).toEqual([]);
  });

  it('M10: nacks of relays are not missed where they came', () => {
    for (const answers of [true, false]) {
      const { machine, sent, run } = prober([B]);
      for (const id of [A, B]) machine.neighborUp(id, 0);
      machine.probe(A, 0);
      run(0, probeTimeout);
      const frame = sent.at(-1)?.frame;
      machine.heard(B, 900);
      if (answers && frame?.type === 'pingReq') {
        machine.onFrame(B, { type: 'nack', sequence: frame.sequence }, 900);
      }
      run(950, 2 * probeTimeout);
      expect(machine.health).toBe(answers ? 0 : 1);
    }
  });

  it('is not due while there is nobody to probe', () => {
    const { machine } = prober();
    expect(machine.due).toBe(Number.POSITIVE_INFINITY);
    machine.neighborUp(A, 0);
    machine.probe(A, 0);
    machine.onFrame(A, { type: 'pingReq', sequence: 1, target: A }, 0);
    machine.neighborDown(A);
    expect(machine.due).toBe(Number.POSITIVE_INFINITY);
  });
});
