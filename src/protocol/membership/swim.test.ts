import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../util/random.ts';
import { type ProtocolConfig, resolveConfig } from '../config.ts';
import { claimOf, peer } from '../testing/members.ts';
import { type Frame, type FrameOf, type MemberEntry, shortOf, shortsToBytes } from '../wire.ts';
import { LOST_MS } from './reach.ts';
import { Swim } from './swim.ts';

const ME = peer(8);
const [A, B, C] = [1, 2, 3].map(peer) as [string, string, string];
const config = resolveConfig();

function swim(given: Partial<ProtocolConfig> = {}, hidden = false) {
  const sent: { peer: string; frame: Frame }[] = [];
  const told: string[] = [];
  const name = (id: string) => 'ABC'.charAt([A, B, C].indexOf(id)) || '?';
  const machine = new Swim({ id: ME, hidden }, resolveConfig(given), seededRandom(1), 0, {
    send: (to, frame) => sent.push({ peer: to, frame }),
    changed: ({ entry, before }) => told.push(`${name(entry.id)} ${before}>${entry.status}`),
    suspected: (id, suspected) => told.push(`${name(id)} ${suspected ? 'suspected' : 'cleared'}`),
    // As the overlay does: a dead neighbor is a neighbor no longer.
    dead: (id, now) => {
      told.push(`${name(id)} dead`);
      machine.neighborDown(id, 'closed', now);
    },
    dial: (id) => told.push(`dial ${name(id)}`),
  });
  /** What was sent to each neighbor about members since the last call. */
  const claims = (to: string): MemberEntry[] =>
    sent
      .splice(0)
      .flatMap(({ peer: id, frame }) =>
        id === to && frame.type === 'members' ? frame.entries : [],
      );
  const hear = (from: string, entries: readonly MemberEntry[], now: number) =>
    machine.onFrame(
      from,
      { type: 'members', asksEntries: false, asksLists: false, entries, lists: [] },
      now,
    );
  /** Runs its timers; those in `audible` are heard all the time. */
  const run = (from: number, until: number, audible: readonly string[] = []) => {
    for (let now = from; now <= until; now += 50) {
      for (const id of audible) machine.heard(id, now);
      if (machine.due <= now) machine.tick(now, 0);
    }
  };
  return { machine, sent, told, claims, hear, run };
}

/** With A and B as neighbors, and their word that C is there. */
function room(given: Partial<ProtocolConfig> = {}, entryOfA: Partial<MemberEntry> = {}) {
  const made = swim(given);
  made.machine.neighborUp(claimOf(A, 'alive', 0, entryOfA), 1, 0);
  made.machine.neighborUp(claimOf(B), 1, 0);
  made.hear(A, [claimOf(C)], 0);
  made.run(0, 900, [A, B]);
  made.sent.splice(0);
  made.told.splice(0);
  return made;
}

describe('membership', () => {
  it('M7: passes on what is news, to all but its teller, and once', () => {
    const { claims, hear, run } = room();
    hear(A, [claimOf(C, 'suspect', 0, { by: shortOf(B) })], 1_000);
    expect(claims(A)).toEqual([]);
    hear(A, [claimOf(C, 'alive', 1)], 2_000);
    expect(claims(B)).toEqual([claimOf(C, 'alive', 1)]);
    hear(B, [claimOf(C, 'alive', 1)], 2_001);
    run(2_050, 3_000, [A, B]);
    expect(claims(A)).toEqual([]);
  });

  it('M7: tells of one that came to it once that one has made its links', () => {
    const { machine, claims, run } = room();
    run(900, 4_950, [A, B]);
    claims(A);
    machine.neighborUp(claimOf(C, 'alive', 1), 1, 5_000);
    run(5_000, 5_250, [A, B, C]);
    expect(claims(A)).toEqual([]);
    run(5_300, 5_300, [A, B, C]);
    expect(claims(A)).toEqual([claimOf(C, 'alive', 1)]);
  });

  it('M7: does not wait where another told of it, or one hides, comes back, or refutes a suspicion', () => {
    const told = [
      claimOf(C, 'alive', 1), // by A
      claimOf(A, 'alive', 1, { hidden: true }),
    ];
    for (const claim of told) {
      const { claims, hear } = room();
      hear(A, [claim], 1_000);
      expect(claims(B)).toEqual([claim]);
    }
    const back = room();
    back.machine.neighborDown(A, 'left', 1_000);
    back.run(1_050, 4_950, [B]);
    back.claims(B);
    back.machine.neighborUp(claimOf(A, 'alive', 1), 1, 5_000);
    expect(back.claims(B)).toEqual([claimOf(A, 'alive', 1)]);
    const { claims, hear, run } = room();
    hear(B, [claimOf(A, 'suspect', 0, { by: shortOf(B) })], 1_000);
    run(1_050, 1_500, [A, B]);
    claims(B);
    hear(A, [claimOf(A, 'alive', 1)], 1_600);
    expect(claims(B)).toEqual([claimOf(A, 'alive', 1)]);
  });

  it('M7: tells a neighbor that knows less what is greater', () => {
    const { claims, hear } = room();
    hear(A, [claimOf(C, 'alive', 5)], 1_000);
    claims(B);
    hear(B, [claimOf(C, 'suspect', 4)], 2_000);
    expect(claims(B)).toEqual([claimOf(C, 'alive', 5)]);
  });

  it('M2, M5: a silent neighbor is suspected, and dead when its time is over, and both are told', () => {
    const { machine, told, sent, run } = room();
    run(1_000, 4_500, [B]);
    expect(told).toEqual(['A suspected', 'A alive>suspect']);
    const by = shortOf(ME);
    const suspicion = sent.flatMap(({ frame }) => (frame.type === 'members' ? frame.entries : []));
    expect(suspicion).toContainEqual(claimOf(A, 'suspect', 0, { by }));
    run(4_550, 20_000, [B]);
    expect(told.slice(2, 4)).toEqual(['A dead', 'A suspect>dead']);
    expect(machine.isPresent(A)).toBe(false);
    expect(machine.get(A)?.status).toBe('dead');
  });

  it('M5: the word of others shortens the time', () => {
    const deadAt = [0, 1, 2].map((others) => {
      const { machine, told, hear, run } = room();
      const list = {
        id: shortOf(A),
        version: 1,
        neighbors: shortsToBytes([ME, B, C].map(shortOf)),
      };
      machine.onFrame(
        B,
        { type: 'members', asksEntries: false, asksLists: false, entries: [], lists: [list] },
        900,
      );
      run(950, 3_000, [B]);
      for (const by of [B, C].slice(0, others)) {
        hear(B, [claimOf(A, 'suspect', 0, { by: shortOf(by) })], 3_000);
      }
      let now = 3_000;
      for (; !told.includes('A dead'); now += 50) run(now, now, [B]);
      return now;
    });
    expect(deadAt[1]).toBeLessThan(deadAt[0] as number);
    expect(deadAt[2]).toBeLessThan(deadAt[1] as number);
  });

  it('M5: a neighbor that is heard does not die, and is told that it is suspected', () => {
    const { machine, told, claims, hear, run } = room();
    hear(B, [claimOf(A, 'suspect', 0, { by: shortOf(B) })], 1_000);
    expect(claims(A)).toEqual([claimOf(A, 'suspect', 0, { by: shortOf(B) })]);
    run(1_050, 9_000, [A, B]);
    expect(machine.isPresent(A)).toBe(true);
    expect(claims(A)).toContainEqual(claimOf(A, 'suspect', 0, { by: shortOf(B) }));
    hear(A, [claimOf(A, 'alive', 1)], 9_050);
    expect(told.slice(-2)).toEqual(['A cleared', 'A suspect>alive']);
  });

  it('M3: refutes what is said against it, and nothing once it left', () => {
    const { machine, claims, hear } = room();
    hear(A, [claimOf(ME, 'suspect', 0)], 1_000);
    hear(A, [claimOf(ME, 'dead', 1)], 1_200);
    hear(A, [claimOf(ME, 'left', 2)], 1_400);
    hear(A, [claimOf(ME, 'alive', 9)], 1_600);
    expect(claims(B).map(({ incarnation }) => incarnation)).toEqual([1, 2, 3, 10]);
    hear(A, [claimOf(ME, 'alive', 10), claimOf(ME, 'dead', 9)], 1_800);
    expect(claims(B)).toEqual([]);
    machine.leave(2_000);
    expect(claims(B)).toEqual([claimOf(ME, 'left', 10)]);
    hear(A, [claimOf(ME, 'dead', 20)], 2_200);
    expect(machine.self.status).toBe('left');
  });

  it('M6: a claim of death is a suspicion where the member is alive or heard, and else a fact', () => {
    const { told, hear, run } = room({ suspicionMin: 2_000 });
    hear(B, [claimOf(C, 'dead')], 1_000);
    expect(told).toEqual(['C alive>suspect']);
    hear(B, [claimOf(C, 'dead')], 1_500);
    expect(told).toHaveLength(1);
    hear(B, [claimOf(C, 'dead')], 2_100);
    expect(told.at(-1)).toBe('C suspect>dead');
    hear(B, [claimOf(A, 'suspect')], 2_200);
    run(2_250, 4_000, [A, B]);
    hear(B, [claimOf(A, 'dead')], 4_000);
    expect(told.at(-1)).toBe('A alive>suspect');
  });

  it('M4: who says good-bye has left, and the others are told', () => {
    const { machine, told, claims } = room();
    machine.neighborDown(A, 'left', 1_000);
    expect(claims(B)).toEqual([claimOf(A, 'left')]);
    expect(told).toEqual(['A alive>left']);
  });

  it('M4: who leaves sees everyone leave, and joins again under the next incarnation', () => {
    const { machine, told } = room();
    machine.leave(1_000);
    for (const id of [A, B]) machine.neighborDown(id, 'closed', 1_000);
    machine.forgetOthers(1_000);
    expect(told.sort()).toEqual(['A alive>left', 'B alive>left', 'C alive>left']);
    expect([...machine.present()]).toEqual([]);
    machine.join(2_000);
    expect(machine.self).toEqual(claimOf(ME, 'alive', 1));
  });

  it('M9: a hidden neighbor that is only silent is suspect and has hiddenTimeout', () => {
    const { machine, told, run } = room({}, { hidden: true });
    run(1_000, 60_000, [B]);
    expect(told.slice(0, 2)).toEqual(['A suspected', 'A alive>suspect']);
    expect(machine.isPresent(A)).toBe(true);
    run(60_050, 90_000, [B]);
    expect(machine.isPresent(A)).toBe(false);
  });

  it('M9: a hidden neighbor whose path broke, with no other to know better, has no more time', () => {
    const { machine, run } = room({}, { hidden: true });
    machine.interrupted(A, true, 1_000);
    run(1_000, 12_000, [B]);
    expect(machine.isPresent(A)).toBe(false);
  });

  it('M9: a hidden tab tells what it hears at once', () => {
    const { machine, claims, hear } = swim({}, true);
    machine.neighborUp(claimOf(A), 1, 0);
    machine.neighborUp(claimOf(B), 1, 0);
    claims(B);
    for (const at of [1, 2, 3]) hear(A, [claimOf(C, 'alive', at)], at);
    expect(claims(B).map(({ incarnation }) => incarnation)).toEqual([1, 2, 3]);
  });

  it('M10: a late timer judges nobody', () => {
    const { machine, told, run } = room();
    run(1_000, 1_900, [B]);
    machine.tick(61_900, 60_000);
    machine.heard(B, 61_900);
    expect(told).toEqual([]);
    machine.heard(A, 61_950);
    run(61_950, 70_000, [A, B]);
    expect(told.filter((each) => !each.includes('C'))).toEqual([]);
  });

  it('M10: who hears nobody keeps its verdicts to itself', () => {
    const { machine, run, told, claims } = room();
    run(1_000, 60_000);
    expect(machine.count).toBe(1);
    expect(told.filter((each) => each.endsWith('>dead'))).toHaveLength(3);
    expect(claims(A).map(({ status }) => status)).not.toContain('dead');
    machine.neighborUp(claimOf(A), 1, 61_000);
    run(61_050, 66_000, [A]);
    expect(machine.isPresent(A)).toBe(true);
  });

  it('M11: hiding, showing and another replica take the next incarnation, and are told', () => {
    const { machine, claims } = room();
    machine.setHidden(true, 1_000);
    machine.setHidden(true, 1_001);
    machine.setHidden(false, 1_002);
    machine.setIdentity('a'.repeat(16), 4, 1_200);
    expect(claims(A)).toEqual([
      claimOf(ME, 'alive', 1, { hidden: true }),
      claimOf(ME, 'alive', 2),
      claimOf(ME, 'alive', 3, { replica: 'a'.repeat(16), generation: 4 }),
    ]);
  });

  it('M12: what jumps too far to be refuted is believed of the member alone', () => {
    const { machine, hear } = room();
    const far = 2 ** 42;
    hear(B, [claimOf(C, 'left', far), claimOf(A, 'left', far), claimOf(ME, 'dead', far)], 1_000);
    expect([A, C].map((id) => machine.isPresent(id))).toEqual([true, true]);
    expect(machine.self.incarnation).toBe(0);
    hear(A, [claimOf(A, 'alive', far)], 1_100);
    expect(machine.get(A)?.incarnation).toBe(far);
    hear(B, [claimOf(C, 'suspect', 65_536)], 1_200);
    expect(machine.get(C)?.status).toBe('suspect');
  });

  it('M13: a later session of a replica ends the one before, unless that is heard', () => {
    const replica = 'd'.repeat(16);
    const { machine, told, hear, run } = room({ suspicionMin: 2_000 }, { replica, generation: 1 });
    hear(B, [claimOf(C, 'alive', 1, { replica, generation: 2 })], 1_000);
    expect(told.slice(1)).toEqual([]);
    machine.neighborDown(A, 'closed', 1_000);
    hear(B, [claimOf(peer(4), 'alive', 0, { replica, generation: 3 })], 2_500);
    expect(machine.get(C)?.status).toBe('suspect');
    run(2_550, 4_500, [B]);
    expect(machine.isPresent(C)).toBe(false);
    expect(machine.isPresent(peer(4))).toBe(true);
  });

  it('M14: a member that nobody lists is dialed by the one chosen for it and then taken for dead', () => {
    const { machine, told, run, claims } = room({ probeInterval: 1_000 });
    run(950, 5_500, [A, B]);
    const chosen = told.filter((each) => each === 'dial C').length;
    expect(chosen).toBeLessThanOrEqual(1);
    run(5_550, LOST_MS + 3_000, [A, B]);
    expect(told.at(-1)).toBe('C alive>dead');
    expect(claims(A).map(({ status }) => status)).not.toContain('dead');
    const list = { id: shortOf(B), version: 1, neighbors: shortsToBytes([C, ME].map(shortOf)) };
    machine.onFrame(
      A,
      { type: 'members', asksEntries: false, asksLists: false, entries: [], lists: [list] },
      20_000,
    );
    run(20_050, 23_000, [A, B]);
    expect(machine.isPresent(C)).toBe(true);
  });

  it('M17: the dead are dialed now and then, those who left are not', () => {
    const { machine, told, hear, run } = room();
    hear(B, [claimOf(C, 'suspect')], 0);
    hear(B, [claimOf(C, 'dead')], 1_000);
    machine.neighborDown(A, 'left', 1_000);
    run(1_050, 120_000, [B]);
    const dials = told.filter((each) => each.startsWith('dial'));
    expect(dials.length).toBeGreaterThan(3);
    expect(dials.length).toBeLessThan(20);
    expect(new Set(dials)).toEqual(new Set(['dial C']));
  });

  it('M8: a digest that differs is answered by the table, seldom, and one that agrees by nothing', () => {
    const { machine, sent } = room();
    const round = (digest: Uint8Array): FrameOf<'round'> => ({ type: 'round', size: 4, digest });
    machine.onFrame(A, machine.round(), 5_000);
    expect(sent).toEqual([]);
    machine.onFrame(A, round(new Uint8Array(8).fill(1)), 5_000);
    machine.onFrame(B, round(new Uint8Array(8).fill(1)), 5_001);
    expect(sent.map(({ peer: to, frame }) => [to, frame.type])).toEqual([[A, 'members']]);
    const frame = sent[0]?.frame;
    expect(frame?.type === 'members' && frame.asksEntries && frame.entries.length).toBe(4);
  });

  it('M8: only the table that differs is told, of members or of their lists', () => {
    const { machine, sent } = room();
    const mine = machine.round();
    const theirs = (part: readonly [number, number]) =>
      ({ ...mine, digest: mine.digest.slice().fill(7, ...part) }) as const;
    machine.onFrame(A, theirs([0, 4]), 5_000);
    machine.onFrame(A, theirs([4, 8]), 9_000);
    const asked = sent.map(({ frame }) =>
      frame.type === 'members' ? [frame.asksEntries, frame.asksLists, frame.entries.length] : [],
    );
    expect(asked).toEqual([
      [true, false, 4],
      [false, true, 0],
    ]);
  });

  it('M8: one who joins asks one neighbor for the room, and not each', () => {
    const { machine, sent } = swim();
    for (const id of [A, B, C]) machine.neighborUp(claimOf(id), 50, 100);
    const asks = sent.filter(({ frame }) => frame.type === 'members' && frame.asksEntries);
    expect(asks.map(({ peer: to }) => to)).toEqual([A]);
  });

  it('M8: two rooms that meet tell each other everything, however lately a table was told', () => {
    const { machine, sent } = room();
    const other = { type: 'round', size: 9, digest: new Uint8Array(8).fill(1) } as const;
    machine.onFrame(A, other, 5_000);
    machine.neighborUp(claimOf(peer(20)), 9, 5_100);
    machine.neighborUp(claimOf(peer(21)), 9, 5_100);
    // That one joined this room.
    machine.onFrame(
      A,
      {
        ...{ type: 'members', asksEntries: false, asksLists: false, lists: [] },
        entries: [claimOf(peer(21))],
      },
      5_150,
    );
    sent.splice(0);
    machine.onFrame(peer(20), other, 5_400);
    machine.onFrame(peer(21), other, 5_400);
    const tables = sent.filter(({ frame }) => frame.type === 'members' && frame.asksEntries);
    expect(tables.map(({ peer: to }) => to)).toEqual([peer(20)]);
  });

  it('M8: a table is answered with what is greater or missing in it', () => {
    const { machine, claims } = room();
    const entries = [claimOf(ME), claimOf(A, 'alive', 3), claimOf(B)];
    machine.onFrame(
      A,
      { type: 'members', asksEntries: true, asksLists: true, entries, lists: [] },
      5_000,
    );
    expect(claims(A)).toEqual([claimOf(C)]);
  });

  it('M15: above its limit a tab knows its neighbors alone, and tells an estimate', () => {
    const { machine, told, hear } = room({ fullMembershipLimit: 16 });
    for (let n = 0; n < 3; n++) machine.hintSize(500, 1_000);
    expect([machine.isPartial, machine.count, machine.size]).toEqual([true, 3, 500]);
    expect(told).toEqual(['C alive>left']);
    expect(machine.round()).toEqual({ type: 'round', size: 500, digest: new Uint8Array(0) });
    hear(A, [claimOf(C, 'alive', 7)], 1_100);
    expect(machine.get(C)).toBeUndefined();
    machine.neighborUp(claimOf(C), 1, 1_200);
    expect(machine.isPresent(C)).toBe(true);
    machine.neighborDown(C, 'closed', 1_300);
    expect(machine.get(C)).toBeUndefined();
    for (let n = 0; n < 3; n++) machine.hintSize(7, 2_000);
    expect([machine.isPartial, machine.size]).toEqual([false, 3]);
  });

  it('M15: is told the size by new neighbors and by rounds; one who knows only itself says nothing', () => {
    const { machine } = room({ fullMembershipLimit: 16 });
    for (const n of [20, 21]) machine.neighborUp(claimOf(peer(n)), 1, 1_000);
    for (const n of [22, 23, 24]) machine.neighborUp(claimOf(peer(n)), 5, 1_000);
    for (const n of [25, 26]) machine.neighborUp(claimOf(peer(n)), 300, 1_000);
    expect(machine.isPartial).toBe(false);
    machine.onFrame(A, { type: 'round', size: 400, digest: new Uint8Array(0) }, 1_100);
    expect([machine.isPartial, machine.size]).toEqual([true, 300]);
  });

  it('M15: one that lies about the size moves nothing', () => {
    const { machine } = room({ fullMembershipLimit: 16 });
    for (const total of [4, 4, 1e9, 4, 1e9]) machine.hintSize(total, 1_000);
    expect(machine.isPartial).toBe(false);
  });

  it('M15: counts its way into partial membership', () => {
    const { machine, hear } = room({ fullMembershipLimit: 16 });
    hear(
      A,
      Array.from({ length: 30 }, (_, n) => claimOf(peer(100 + n))),
      1_000,
    );
    expect([machine.isPartial, machine.count]).toEqual([true, 3]);
    expect(config.fullMembershipLimit).toBe(1_000);
  });

  it('M12: holds no more than membersMax, whoever is told of', () => {
    const { machine, hear } = room({ membersMax: 20, fullMembershipLimit: 4_096 });
    hear(
      A,
      Array.from({ length: 100 }, (_, n) => claimOf(peer(100 + n))),
      1_000,
    );
    expect(machine.count).toBe(20);
  });
});
