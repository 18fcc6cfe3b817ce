import { describe, expect, it } from 'vitest';
import { Process, type ProcessModel } from './process.ts';
import { World } from './world.ts';

function process(model: Partial<ProcessModel> = {}) {
  const world = new World(1);
  const subject = new Process(world, 0, model);
  const log: [what: string, at: number][] = [];
  const note = (what: string) => () => log.push([what, world.now]);
  return { world, subject, log, note };
}

describe('a process', () => {
  it('runs a timer once when it is due, and never after it was cancelled', () => {
    const { world, subject, log, note } = process();
    subject.setTimer(note('a'), 100);
    subject.setTimer(note('b'), 50)();
    world.run(1_000);
    expect(log).toEqual([['a', 100]]);
  });

  it('has a clock of its own that runs at its rate and never goes back', () => {
    const { world, subject, log, note } = process({ clockRate: 2 });
    const start = subject.now();
    subject.setTimer(note('a'), 100);
    world.run(1_000);
    expect(log).toEqual([['a', 50]]);
    expect(subject.now() - start).toBe(2_000);
  });

  it('reads at least what a timer was due at when it runs, however the clock rounds', () => {
    const { world, subject } = process({ clockRate: 1.000_1 });
    const early: number[] = [];
    let timers = 0;
    const next = () => {
      const dueAt = subject.now() + Math.PI * ++timers;
      subject.setTimer(() => {
        if (subject.now() < dueAt) early.push(dueAt - subject.now());
        if (timers < 500) next();
      }, Math.PI * timers);
    };
    next();
    world.run(1_000_000);
    expect(timers).toBe(500);
    expect(early).toEqual([]);
  });

  it('runs timers of a hidden page once a second with a channel, and once a minute without', () => {
    const { world, subject, log, note } = process();
    subject.channels = 1;
    subject.setHidden(true);
    subject.setTimer(note('with'), 1_200);
    world.run(15_000);
    subject.channels = 0;
    subject.setTimer(note('without'), 1_200);
    world.run(60_000);
    expect(log).toEqual([
      ['with', 2_000],
      ['without', 60_000],
    ]);
  });

  it('runs what is due at once when a hidden page is shown', () => {
    const { world, subject, log, note } = process();
    subject.setHidden(true);
    world.run(20_000);
    subject.setTimer(note('a'), 100);
    world.run(5_000);
    subject.setHidden(false);
    world.run(0);
    expect(log).toEqual([['a', 25_000]]);
  });

  it('keeps messages and timers of a frozen page until it thaws', () => {
    const { world, subject, log, note } = process();
    subject.setTimer(note('timer'), 100);
    subject.freeze();
    world.run(200);
    subject.run(note('message 1'));
    subject.run(note('message 2'));
    world.run(1_000);
    expect(log).toEqual([]);
    subject.thaw();
    world.run(0);
    expect(log.filter(([what]) => what !== 'timer')).toEqual([
      ['message 1', 1_200],
      ['message 2', 1_200],
    ]);
    expect(log).toContainEqual(['timer', 1_200]);
    expect(log).toHaveLength(3);
  });

  it('may run what fell due before or after what came, when it thaws', () => {
    const firsts = new Set(
      Array.from({ length: 20 }, (_, index) => {
        const world = new World(1);
        const subject = new Process(world, index);
        const log: string[] = [];
        subject.setTimer(() => log.push('timer'), 100);
        subject.freeze();
        subject.run(() => log.push('message'));
        world.run(1_000);
        subject.thaw();
        world.run(0);
        return log[0];
      }),
    );
    expect(firsts).toEqual(new Set(['timer', 'message']));
  });

  it('takes its time for each message where it is slow', () => {
    const { world, subject, log, note } = process({ busyMs: 10 });
    for (const what of ['a', 'b', 'c']) subject.run(note(what));
    subject.setTimer(note('timer'), 5);
    world.run(100);
    expect(log).toEqual([
      ['a', 0],
      ['b', 10],
      ['c', 20],
      ['timer', 30],
    ]);
  });

  it('runs timers that a jump of its clock made due', () => {
    const { world, subject, log, note } = process();
    const start = subject.now();
    subject.setTimer(note('a'), 3_600_000);
    world.run(1_000);
    subject.jump(3_600_000);
    world.run(0);
    expect(log).toEqual([['a', 1_000]]);
    expect(subject.now() - start).toBe(3_601_000);
  });

  it('runs nothing once it crashed, and tells those that hold it', () => {
    const { world, subject, log, note } = process();
    subject.setTimer(note('timer'), 100);
    subject.freeze();
    subject.run(note('message'));
    subject.hold({ crashed: note('crashed') });
    const released = { crashed: note('released') };
    subject.hold(released);
    subject.release(released);
    subject.crash();
    subject.thaw();
    subject.run(note('late'));
    world.run(1_000);
    expect(log).toEqual([['crashed', 0]]);
  });

  it('sends control frames before bulk over a narrow uplink', () => {
    const { subject } = process();
    expect(subject.uplink(1_000, 'bulk', 1)).toBe(1_000);
    expect(subject.uplink(10, 'control', 1)).toBe(10);
    expect(subject.uplink(1_000, 'bulk', 1)).toBe(2_010);
    expect(subject.uplink(1_000, 'bulk', Number.POSITIVE_INFINITY)).toBe(0);
  });
});
