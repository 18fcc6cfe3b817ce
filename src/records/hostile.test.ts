/** Members that lie, on whole records: the link is dropped, and the memory is as it was. */

import { writeUint8, writeUint8Array } from 'lib0/encoding';
import { describe, expect, it } from 'vitest';
import { encodeDelta } from '../memory/codec.ts';
import { collectionKey, recordKey } from '../memory/keys.ts';
import { hashKey } from '../memory/leaf.ts';
import {
  decodeReconcile,
  encodeReconcile,
  type ReconcileMessage,
} from '../memory/reconcile/reconcile-messages.ts';
import { BOUNDS, type Delta } from '../memory/types.ts';
import { writeUint } from '../memory/wire.ts';
import { memoryStore } from '../storage/memory.ts';
import { toHex } from '../util/bytes.ts';
import { type Encoder, encode } from '../util/codec.ts';
import { IntervalSet } from '../util/intervals.ts';
import { putSeen, putState } from './rows.ts';
import { Profile, settled, TestRoom, type TestTab } from './testing/room.ts';

const todos = collectionKey('map', 'todos');
const map = (tab: TestTab) => tab.collections.map<string>('todos');
const count = (tab: TestTab) => tab.collections.counter('visits');
const digest = (tab: TestTab) => toHex(tab.records.digest());

const upTo = (end: number) => {
  const set = new IntervalSet();
  set.add(0, end);
  return set;
};

/** A profile whose disk says that it has seen all of these. */
async function poisoned(seen: Iterable<readonly [string, IntervalSet]>): Promise<Profile> {
  const profile = new Profile();
  await memoryStore(profile.disk).transact('readwrite', async (rows) => {
    for (const [replica, intervals] of seen) await putSeen(rows, replica, intervals);
    await putState(rows, 1, undefined);
  });
  return profile;
}

/** Two linked tabs that hold the same. */
async function pair(): Promise<{ room: TestRoom; honest: TestTab; liar: TestTab }> {
  const room = new TestRoom();
  const [honest, liar] = [await room.open(new Profile()), await room.open(new Profile())];
  for (let i = 0; i < 60; i++) map(honest).set(`kept ${i}`, 'of the honest');
  count(honest).add(7);
  room.link(honest, liar);
  await room.advance(2_000);
  return { room, honest, liar };
}

/** Lets `change` see and replace what the liar says of memory. */
function lying(room: TestRoom, liar: TestTab, change: (m: ReconcileMessage) => ReconcileMessage) {
  room.tamper = (from, _to, frame) => {
    const message = from === liar ? decodeReconcile(frame) : undefined;
    return message === undefined ? frame : encodeReconcile(change(message));
  };
}

describe('a member that lies', () => {
  it('and mines keys to one prefix makes walks longer, and no more', async () => {
    const mined: string[] = [];
    for (let i = 0; mined.length < 100; i++) {
      const path = hashKey(recordKey(todos, `${i}`));
      if (path.charCodeAt(0) === 0 && path.charCodeAt(1) < 16) mined.push(`${i}`);
    }
    const room = new TestRoom();
    const [honest, liar] = [await room.open(new Profile()), await room.open(new Profile())];
    for (let i = 0; i < 500; i++) map(honest).set(`kept ${i}`, 'of the honest');
    for (const name of mined) map(liar).set(name, 'mined');
    room.link(honest, liar);
    await room.advance(5_000);
    expect([map(honest).size, digest(honest)]).toEqual([600, digest(liar)]);
    expect([...honest.misbehaved, ...liar.misbehaved]).toEqual([]);
    // Each record and its share of the walk.
    const bytes = [...honest.frames, ...liar.frames].reduce((sum, { length }) => sum + length, 0);
    expect(bytes).toBeLessThan(600 * 100);
  });

  it('about sizes is dropped before anything is made room for', async () => {
    const { room, honest, liar } = await pair();
    const before = digest(honest);
    const huge = 2 ** 40;
    const step = (flags: number, body: (encoder: Encoder) => void) =>
      encode((encoder) => {
        writeUint8(encoder, 4);
        writeUint8Array(encoder, Uint8Array.of(1, 2));
        writeUint8(encoder, flags);
        body(encoder);
      });
    const frames = [
      // Sections, entries of a context, records, values of a record, bytes of a value, a frontier.
      step(8, (encoder) => writeUint(encoder, huge)),
      step(8, (encoder) => {
        writeUint(encoder, 0);
        writeUint(encoder, huge);
      }),
      step(16, (encoder) => {
        writeUint(encoder, 0);
        writeUint(encoder, huge);
      }),
      step(16, (encoder) => {
        for (const number of [0, 1, huge]) writeUint(encoder, number);
      }),
      step(4 + 128, (encoder) => writeUint(encoder, huge)),
      // Writes that are asked for, and a delta of more writes than one has.
      encode((encoder) => {
        writeUint8(encoder, 128);
        writeUint(encoder, huge);
      }),
      encode((encoder) => {
        writeUint8(encoder, 129);
        writeUint8Array(encoder, new Uint8Array(8));
        for (const number of [0, 0, huge]) writeUint(encoder, number);
      }),
    ];
    for (const [i, frame] of frames.entries()) {
      if (!honest.peers.has(liar.id)) room.link(honest, liar);
      honest.records.direct(liar.id, frame);
      expect(honest.misbehaved).toHaveLength(i + 1);
      expect(honest.peers.has(liar.id)).toBe(false);
    }
    expect(digest(honest)).toBe(before);
    expect(honest.errors).toEqual([]);
  });

  it('about digests is dropped after the widest of them, and nothing is removed', async () => {
    const { room, honest, liar } = await pair();
    lying(room, liar, (message) => {
      if (message.type === 'recent') return { ...message, root: new Uint8Array(32) };
      if (message.type !== 'step' || message.guard === undefined) return message;
      return { ...message, guard: { ...message.guard, root: new Uint8Array(32) } };
    });
    room.carries = () => false;
    map(liar).delete('kept 1');
    map(liar).set('news', 'of the liar');
    await room.advance(60_000);
    expect([...honest.misbehaved, ...liar.misbehaved].length).toBeGreaterThan(0);
    expect(honest.peers.size).toBe(0);
    for (let i = 0; i < 60; i++) expect(map(honest).get(`kept ${i}`)).toBe('of the honest');
    expect(count(honest).value).toBe(7);
  });

  it('about where a walk goes on, so that it never ends, is dropped', async () => {
    const { room, honest, liar } = await pair();
    let first: ReconcileMessage | undefined;
    lying(room, liar, (message) => {
      if (message.type !== 'step') return message;
      first ??= message;
      return first.type === 'step'
        ? { ...first, walk: message.walk, nonce: message.nonce }
        : message;
    });
    room.unlink(honest, liar);
    for (let i = 0; i < 2_000; i++) map(liar).set(`news ${i}`, 'x'.repeat(50));
    room.link(honest, liar);
    await room.advance(60_000);
    expect(honest.misbehaved.length).toBeGreaterThan(0);
    expect(honest.peers.size).toBe(0);
    for (let i = 0; i < 60; i++) expect(map(honest).get(`kept ${i}`)).toBe('of the honest');
  });

  it('about writes that this tab is still to make costs it a new id a few times, and then its link', async () => {
    const { room, honest, liar: other } = await pair();
    const ids = new Set<string>();
    const liars: TestTab[] = [];
    for (let i = 0; i < 5; i++) {
      ids.add(honest.replica);
      const profile = await poisoned([[honest.replica, upTo(1_000_000)]]);
      const tab = await room.open(profile);
      liars.push(tab);
      room.link(honest, tab);
      await room.advance(5_000);
      map(honest).set(`kept ${60 + i}`, 'of the honest');
      count(honest).add(1);
      await room.advance(2_000);
    }
    expect(ids.size).toBe(4);
    expect(honest.misbehaved).toEqual(
      Array.from({ length: 2 }, () => 'it tells of writes of this tab that this tab never made'),
    );
    expect(liars.map((tab) => honest.peers.has(tab.id))).toEqual([true, true, true, false, false]);
    for (const tab of [honest, other]) {
      for (let i = 0; i < 65; i++) expect(map(tab).get(`kept ${i}`)).toBe('of the honest');
      expect(count(tab).value).toBe(12);
    }
    expect(digest(other)).toBe(digest(honest));
  });

  it('with broadcasts in this tab’s name makes it move a few times, and then they are dropped', async () => {
    const { honest, liar } = await pair();
    const forged = (): Delta => ({
      replica: honest.replica,
      first: 100_000,
      writes: [{ key: recordKey(todos, 'forged'), removed: [], payload: Uint8Array.of(0, 126) }],
      dependencies: [],
    });
    const ids = new Set([honest.replica]);
    for (let i = 0; i < 6; i++) {
      honest.records.deliver(liar.id, encodeDelta(forged()));
      ids.add(honest.replica);
    }
    expect(ids.size).toBe(4);
    expect(honest.errors.map(({ code }) => code)).toEqual(['bad-frame', 'bad-frame', 'bad-frame']);
    expect(honest.errors[0]?.message).toMatch(/never made/);
    for (let i = 0; i < 60; i++) expect(map(honest).get(`kept ${i}`)).toBe('of the honest');
    expect(count(honest).value).toBe(7);
  });

  it('about who writes cannot fill a memory with writers', async () => {
    const { room, honest } = await pair();
    const invented = Array.from(
      { length: BOUNDS.replicas },
      (_, i) => [(i + 2 ** 32).toString(16).padStart(16, 'e'), upTo(1)] as const,
    );
    const tab = await room.open(await poisoned(invented));
    const before = digest(honest);
    room.link(honest, tab);
    await room.advance(5_000);
    const fault = `more than ${BOUNDS.replicas} writers of one memory`;
    expect([...honest.misbehaved, ...tab.misbehaved]).toContain(fault);
    expect(honest.peers.has(tab.id)).toBe(false);
    expect(digest(honest)).toBe(before);
    map(honest).set('after', 'all');
    await settled();
    expect(map(honest).get('after')).toBe('all');
  });
});

describe('in a causal room, a member', () => {
  const effect = (replica: string, cause: string): Delta => ({
    replica,
    first: 0,
    writes: [{ key: recordKey(todos, replica), removed: [], payload: Uint8Array.of(0, 126) }],
    dependencies: [{ replica: cause, counter: 3 }],
  });

  it('whose writes name causes that are gone holds up nobody, and its writes are let go of', async () => {
    const room = new TestRoom({ isCausal: true });
    const [a, b] = [await room.open(new Profile()), await room.open(new Profile())];
    room.link(a, b);
    await room.advance(2_000);
    for (let i = 0; i < 5_000; i++) {
      const delta = effect(i.toString(16).padStart(16, 'a'), i.toString(16).padStart(16, 'c'));
      b.records.deliver('f'.repeat(32), encodeDelta(delta));
    }
    expect(b.records.waiting).toBe(4_096);
    room.carries = (from) => from !== a;
    map(a).set('cause', '1');
    await settled();
    room.carries = () => true;
    map(a).set('effect', '2');
    await settled();
    expect(b.records.waiting).toBe(4_096);
    await room.advance(5_000);
    expect([map(b).get('cause'), map(b).get('effect')]).toEqual(['1', '2']);
    await room.advance(15_000);
    expect(b.records.waiting).toBe(0);
    expect(digest(b)).toBe(digest(a));
  });
});
