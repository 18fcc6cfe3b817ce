import { writeVarString, writeVarUint } from 'lib0/encoding';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { encode } from '../util/codec.ts';
import { Presence } from './presence.ts';

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);
const C = 'c'.repeat(32);

/** An awareness shared by the tab `id`, whose updates go to `tell`. */
function share(id: string, tell: (update: Uint8Array) => void = () => undefined) {
  const awareness = new Awareness(new Y.Doc());
  const presence = new Presence(awareness, id, tell);
  awarenesses.push(awareness);
  return { awareness, presence };
}

/** Two tabs that hear each other. */
function pair() {
  const a = share(A, (update) => b.presence.receive(A, update));
  const b = share(B, (update) => a.presence.receive(B, update));
  return { a, b };
}

function update(client: number, clock: number, state: string): Uint8Array {
  return encode((encoder) => {
    writeVarUint(encoder, 1);
    writeVarUint(encoder, client);
    writeVarUint(encoder, clock);
    writeVarString(encoder, state);
  });
}

/** Lets `ms` pass for what the awareness knows; y-protocols looks every 3 s. */
function age(awareness: Awareness, ms: number): void {
  for (const [client, meta] of awareness.meta) {
    awareness.meta.set(client, { ...meta, lastUpdated: meta.lastUpdated - ms });
  }
  vi.advanceTimersByTime(3_000);
}

const awarenesses: Awareness[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
afterEach(() => {
  for (const awareness of awarenesses.splice(0)) awareness.destroy();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe('Presence (D7)', () => {
  it('tells each change of the own state, and not what others told', () => {
    const told: Uint8Array[] = [];
    const { awareness, presence } = share(A, (each) => told.push(each));
    awareness.setLocalStateField('name', 'Ada');
    expect(told).toHaveLength(1);
    presence.receive(B, update(7, 1, '{"name":"Bob"}'));
    expect(told).toHaveLength(1);
    expect(awareness.getStates().get(7)).toEqual({ name: 'Bob' });
  });

  it('shows a tab that never set its state after the sharing, though awareness begins at clock 0', () => {
    const { a, b } = pair();
    a.presence.renew();
    expect(b.awareness.getStates().has(a.awareness.clientID)).toBe(true);
  });

  it('a member that is gone takes its state along, and may come back with the same one', () => {
    const { a, b } = pair();
    a.awareness.setLocalStateField('name', 'Ada');
    b.presence.gone(A);
    expect(b.awareness.getStates().has(a.awareness.clientID)).toBe(false);
    expect(b.awareness.meta.has(a.awareness.clientID)).toBe(false);
    for (const { owner, update: state } of a.presence.states()) b.presence.receive(owner, state);
    expect(b.awareness.getStates().get(a.awareness.clientID)).toEqual({ name: 'Ada' });
  });

  it('tells its state again every minute or so, for those who missed it, and a change at once', () => {
    let told = 0;
    const { awareness } = share(A, () => told++);
    awareness.setLocalStateField('name', 'Ada');
    expect(told).toBe(1);
    for (let renewal = 0; renewal < 3; renewal++) age(awareness, 16_000);
    expect(told).toBe(1);
    age(awareness, 16_000);
    expect(told).toBe(2);
    age(awareness, 16_000);
    awareness.setLocalStateField('name', 'Ada L.');
    expect(told).toBe(3);
    awareness.setLocalState(null);
    expect(told).toBe(4);
  });

  it('tells it more seldom the more states are shown, so that a large room is not kept busy by it', () => {
    let told = 0;
    const { awareness, presence } = share(A, () => told++);
    awareness.setLocalStateField('name', 'Ada');
    expect(told).toBe(1);
    for (let client = 1; client < 40; client++) {
      presence.receive(client.toString(16).padStart(32, '0'), update(client, 1, '{}'));
    }
    const renew = () => {
      age(awareness, 16_000);
      presence.refresh(() => true);
    };
    for (let renewal = 0; renewal < 9; renewal++) renew();
    expect(told).toBe(1);
    renew();
    expect(told).toBe(2);
  });

  it('keeps the state of a silent tab for as long as it is present, and no longer', () => {
    const { awareness, presence } = share(A);
    presence.receive(B, update(7, 1, '{"name":"Bob"}'));
    presence.receive(C, update(8, 1, '{"name":"Cy"}'));
    for (let i = 0; i < 12; i++) {
      age(awareness, 10_000);
      presence.refresh((owner) => owner === B);
    }
    expect(awareness.getStates().has(7)).toBe(true);
    expect(awareness.getStates().has(8)).toBe(false);
  });

  it('takes its state back from the room when it ends, and shows it again when it is shared anew', () => {
    const { a, b } = pair();
    a.awareness.setLocalStateField('name', 'Ada');
    const client = a.awareness.clientID;
    b.awareness.setLocalStateField('name', 'Bob');
    a.presence.close();
    expect(b.awareness.getStates().has(client)).toBe(false);
    expect(a.awareness.getStates().has(b.awareness.clientID)).toBe(false);
    expect(a.awareness.getLocalState()).toEqual({ name: 'Ada' });
    a.awareness.setLocalStateField('name', 'nobody hears this');
    expect(b.awareness.getStates().has(client)).toBe(false);
    new Presence(a.awareness, A, (each) => b.presence.receive(A, each)).renew();
    expect(b.awareness.getStates().get(client)).toEqual({ name: 'nobody hears this' });
  });

  it('a tab cannot speak for another that is there, nor for this one', () => {
    const { awareness, presence } = share(A);
    awareness.setLocalStateField('name', 'Ada');
    presence.receive(B, update(7, 1, '{"name":"Bob"}'));
    expect(presence.receive(C, update(7, 2, '{"name":"not Bob"}'))).toBe(false);
    expect(presence.receive(C, update(awareness.clientID, 99, 'null'))).toBe(false);
    expect(awareness.getStates().get(7)).toEqual({ name: 'Bob' });
    expect(awareness.getLocalState()).toEqual({ name: 'Ada' });
    presence.receive(B, update(7, 2, 'null'));
    expect(presence.receive(C, update(7, 3, '{"name":"now Cy"}'))).toBe(true);
    expect(awareness.getStates().get(7)).toEqual({ name: 'now Cy' });
  });

  it('refuses what is no update, what is too deep, and more clients of one tab than 64', () => {
    const { awareness, presence } = share(A);
    const deep = (levels: number) => `{"x":${'['.repeat(levels)}${']'.repeat(levels)}}`;
    for (const state of ['', '{', '7', '"text"', deep(100), deep(100_000)]) {
      expect(presence.receive(B, update(7, 1, state))).toBe(false);
    }
    expect(presence.receive(B, new Uint8Array([200]))).toBe(false);
    expect(awareness.getStates().size).toBe(1);
    expect(presence.receive(B, update(7, 1, deep(99)))).toBe(true);
    expect(presence.receive(B, update(8, 1, `{"text":"${'['.repeat(200)}\\""}`))).toBe(true);
    for (let client = 9; client < 71; client++) {
      expect(presence.receive(B, update(client, 1, '{}'))).toBe(true);
    }
    expect(presence.receive(B, update(71, 1, '{}'))).toBe(false);
    expect(presence.receive(C, update(71, 1, '{}'))).toBe(true);
  });

  it('a listener of the app that throws is reported to the page and stops nothing', () => {
    const report = vi.fn();
    vi.stubGlobal('reportError', report);
    const { awareness, presence } = share(A);
    const broken = () => {
      throw new Error('of the app');
    };
    awareness.on('change', broken);
    expect(presence.receive(B, update(7, 1, '{}'))).toBe(true);
    presence.gone(B);
    expect(report).toHaveBeenCalledTimes(2);
    expect(awareness.getStates().has(7)).toBe(false);
    awareness.off('change', broken);
  });

  it('tells the states that it knows by the tab they belong to, absent ones left out', () => {
    const { awareness, presence } = share(A);
    presence.receive(B, update(7, 1, '{}'));
    presence.receive(B, update(8, 1, '{}'));
    presence.receive(C, update(9, 1, '{}'));
    presence.receive(C, update(9, 2, 'null'));
    expect(presence.states().map(({ owner }) => owner)).toEqual([B, A]);
    awareness.setLocalState(null);
    expect(presence.states().map(({ owner }) => owner)).toEqual([B]);
  });
});
