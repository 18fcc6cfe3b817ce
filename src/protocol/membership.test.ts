import { describe, expect, it } from 'vitest';
import { resolveConfig } from './config.ts';
import type { MemberEntry, MemberStatus } from './frames.ts';
import { Membership } from './membership.ts';

const ME = '8'.repeat(32);
const A = 'a'.repeat(32);
const B = 'b'.repeat(32);
const config = resolveConfig();

const entry = (id: string, status: MemberStatus = 'alive', incarnation = 0): MemberEntry => ({
  id,
  status,
  incarnation,
  hidden: false,
});

function membership(audible: readonly string[] = []) {
  const claimed: MemberEntry[] = [];
  const changed: string[] = [];
  const machine = new Membership({ id: ME, hidden: false }, config, 0, {
    claim: (entries) => claimed.push(...entries),
    changed: ({ entry: { id, status }, before }) =>
      changed.push(`${id.charAt(0)} ${before}>${status}`),
    isAudible: (id) => audible.includes(id),
  });
  return { machine, claimed, changed };
}

describe('membership', () => {
  it('M2: suspects a member once, tells everyone, and forgets the suspicion when it is refuted', () => {
    const { machine, claimed, changed } = membership();
    machine.hear([entry(A)], 0);
    machine.suspect(A, 1);
    machine.suspect(A, 2);
    expect(claimed).toEqual([entry(A, 'suspect')]);
    machine.hear([entry(A, 'alive', 1)], 3);
    machine.tick(10_000);
    expect(changed).toEqual(['a undefined>alive', 'a alive>suspect', 'a suspect>alive']);
  });

  it('M3: a living tab refutes suspicion, death and leave, and one that left does not', () => {
    const { machine, claimed } = membership();
    machine.hear([entry(ME, 'suspect', 0)], 0);
    machine.hear([entry(ME, 'dead', 1)], 0);
    machine.hear([entry(ME, 'left', 2)], 0);
    expect(claimed).toEqual([1, 2, 3].map((incarnation) => entry(ME, 'alive', incarnation)));
    machine.hear([entry(ME, 'alive', 3), entry(ME, 'dead', 2)], 0);
    expect(claimed).toHaveLength(3);
    machine.leave(1);
    machine.hear([entry(ME, 'dead', 9)], 2);
    expect(claimed.at(-1)).toEqual(entry(ME, 'left', 3));
  });

  it('M5: a suspect is dead after suspicionTimeout, which is told above and not broadcast', () => {
    const { machine, claimed, changed } = membership();
    machine.hear([entry(A), entry(A, 'suspect')], 0);
    expect(machine.tick(config.suspicionTimeout - 1)).toEqual([]);
    expect(machine.tick(config.suspicionTimeout)).toEqual([entry(A, 'dead')]);
    expect(machine.tick(config.suspicionTimeout + 1)).toEqual([]);
    expect(changed.at(-1)).toBe('a suspect>dead');
    expect(claimed).toEqual([]);
  });

  it('M5: a suspect that is heard over a link does not die', () => {
    const { machine } = membership([A]);
    machine.hear([entry(A), entry(A, 'suspect')], 0);
    expect(machine.tick(60_000)).toEqual([]);
    expect(machine.isPresent(A)).toBe(true);
  });

  it('M6: a claim of death is a suspicion where the member is alive or heard, and else a fact', () => {
    const { machine, changed } = membership([B]);
    machine.hear([entry(A), entry(B), entry(B, 'suspect')], 0);
    machine.hear([entry(A, 'dead'), entry(B, 'dead')], 0);
    expect(changed.slice(2)).toEqual(['b alive>suspect', 'a alive>suspect']);
    machine.hear([entry(A, 'dead'), entry('c'.repeat(32), 'dead')], 0);
    expect(changed.at(-1)).toBe('a suspect>dead');
    expect(machine.isPresent('c'.repeat(32))).toBe(false);
  });

  it('M7: a member unheard of for four announcements is suspected', () => {
    const { machine, claimed } = membership();
    machine.hear([entry(A)], 0);
    machine.tick(4 * config.announceInterval - 1);
    expect(claimed).toEqual([]);
    machine.tick(4 * config.announceInterval);
    expect(claimed).toEqual([entry(A, 'suspect')]);
  });

  it('M10: after a sleep nobody is suspected and suspects have their time anew', () => {
    const { machine, claimed } = membership();
    machine.hear([entry(A), entry(B), entry(B, 'suspect')], 0);
    machine.excuse(600_000);
    expect(machine.tick(600_001)).toEqual([]);
    expect(claimed).toEqual([]);
    expect(machine.tick(600_000 + config.suspicionTimeout)).toEqual([entry(B, 'dead')]);
  });

  it('M11: joins again under a greater incarnation, and a change of visibility takes one too', () => {
    const { machine, claimed } = membership();
    machine.join(0);
    expect(machine.self).toEqual(entry(ME));
    machine.leave(1);
    machine.join(2);
    expect(machine.self).toEqual(entry(ME, 'alive', 1));
    machine.setHidden(false, 3);
    expect(machine.self.incarnation).toBe(1);
    machine.setHidden(true, 3);
    expect(claimed.at(-1)).toEqual({ ...entry(ME, 'alive', 2), hidden: true });
  });

  it('M4: who leaves tells the room, and tells the layers above that everyone is gone', () => {
    const { machine, claimed, changed } = membership();
    machine.hear([entry(A), entry(B), entry(B, 'left')], 0);
    machine.leave(1);
    machine.forgetOthers(1);
    expect(claimed).toEqual([entry(ME, 'left')]);
    expect(changed.at(-1)).toBe('a alive>left');
    expect([...machine.present()]).toEqual([]);
  });

  it('M8: tells everyone what one neighbor said, as far as it was news, at the next tick', () => {
    const { machine, claimed } = membership();
    machine.hear([entry(A)], 0);
    machine.merge([entry(A), entry(B)], 0);
    machine.merge([entry(A), entry(B)], 0);
    expect(claimed).toEqual([]);
    machine.tick(500);
    machine.tick(1_000);
    expect(claimed).toEqual([entry(B)]);
  });

  it('M8: news of a table that a rumor tells meanwhile is not told again, an older rumor does not count', () => {
    const { machine, claimed } = membership();
    machine.merge([entry(A, 'alive', 2), entry(B, 'alive', 2)], 0);
    machine.hear([entry(A, 'alive', 2), entry(B, 'alive', 1)], 100);
    machine.tick(500);
    expect(claimed).toEqual([entry(B, 'alive', 2)]);
  });
});
