import { describe, expect, it } from 'vitest';
import type { PeerId } from '../util/peer-id.ts';
import type { ExtensionHost } from './extension.ts';
import { MAX_MESSAGE_BYTES, type Received, Topics } from './topics.ts';

const PEER = 'b'.repeat(32);
const FAR = 'c'.repeat(32);

function begin() {
  const state = {
    now: 0,
    waiting: 0,
    neighbors: [PEER] as PeerId[],
    broadcast: [] as Uint8Array[],
    sent: [] as { to: PeerId; payload: Uint8Array }[],
    relayed: [] as { to: PeerId; payload: Uint8Array }[],
    misbehaved: [] as PeerId[],
  };
  const host = {
    clock: { now: () => state.now },
    neighbors: () => state.neighbors,
    canReach: (peer: PeerId) => state.neighbors.includes(peer) || peer === FAR,
    bytesUnderWay: () => state.waiting,
    broadcast: (payload: Uint8Array) => state.broadcast.push(payload),
    send: (to: PeerId, payload: Uint8Array) => {
      if (state.neighbors.includes(to)) state.sent.push({ to, payload });
      return state.neighbors.includes(to);
    },
    relay: (to: PeerId, payload: Uint8Array) => state.relayed.push({ to, payload }),
    misbehaved: (peer: PeerId) => state.misbehaved.push(peer),
  } as unknown as ExtensionHost;
  const topics = new Topics(host);
  const heard: Received[] = [];
  let isEnded = false;
  topics.open('chat', {
    received: (message) => heard.push(message),
    ended: () => {
      isEnded = true;
    },
  });
  return { state, topics, heard, hasEnded: () => isEnded };
}

describe('topics', () => {
  it('what is published comes out at the others as it went in, on this topic alone', () => {
    const { state, topics, heard } = begin();
    const value = { text: 'hello', bytes: new Uint8Array([1, 2]), big: 7n, list: [1, null, true] };
    expect(topics.publish('chat', value)).toBe(true);
    topics.publish('other', 1);
    for (const payload of state.broadcast) topics.deliver(PEER, payload);
    expect(heard).toEqual([{ value, from: PEER, direct: false }]);
  });

  it('what is sent to one tab goes over the link, or over other tabs, or not at all', () => {
    const { state, topics, heard } = begin();
    expect(topics.send('chat', PEER, 1)).toBe(true);
    expect(topics.send('chat', FAR, 2)).toBe(true);
    expect(topics.send('chat', 'd'.repeat(32), 3)).toBe(false);
    expect([state.sent.length, state.relayed.length]).toEqual([1, 1]);
    topics.direct(PEER, state.sent[0]?.payload as Uint8Array);
    topics.routed(FAR, state.relayed[0]?.payload as Uint8Array);
    expect(heard).toEqual([
      { value: 1, from: PEER, direct: true },
      { value: 2, from: FAR, direct: true },
    ]);
  });

  it('alone, or where too much waits on the links, nothing is sent and false says so', () => {
    const { state, topics } = begin();
    state.waiting = 2 ** 20 + 1;
    expect([topics.publish('chat', 1), topics.send('chat', PEER, 1)]).toEqual([false, false]);
    state.waiting = 0;
    state.neighbors = [];
    expect([topics.publish('chat', 1), topics.send('chat', PEER, 1)]).toEqual([false, false]);
    expect([state.broadcast.length, state.sent.length]).toEqual([0, 0]);
  });

  it('more than 512 messages at once, or 256 a second, are refused, on all topics together', () => {
    const { state, topics } = begin();
    const accepted = (of: number) =>
      Array.from({ length: of }, (_, i) => topics.publish(`t${i % 3}`, i)).filter(Boolean).length;
    expect(accepted(600)).toBe(512);
    state.now += 1_000;
    expect(accepted(600)).toBe(256);
  });

  it('more than 4 MiB at once, or 1 MiB a second, are refused', () => {
    const { state, topics } = begin();
    const value = new Uint8Array(MAX_MESSAGE_BYTES - 16);
    const accepted = () =>
      Array.from({ length: 100 }, () => topics.publish('t', value)).filter(Boolean).length;
    expect(accepted()).toBe(64);
    state.now += 1_000;
    expect(accepted()).toBe(16);
  });

  it('a message over 64 KiB, or that is no value, is an error and nothing is sent', () => {
    const { state, topics } = begin();
    const tooLarge = new Uint8Array(MAX_MESSAGE_BYTES);
    expect(() => topics.publish('chat', tooLarge)).toThrow(/65540 bytes/);
    expect(() => topics.publish('chat', () => 1)).toThrow(/function/);
    expect(state.broadcast).toEqual([]);
  });

  it('bytes that are no message drop the link where a neighbor sent them, and only there', () => {
    const { state, topics, heard } = begin();
    const garbage = new Uint8Array([4, 1, 2]);
    topics.deliver(PEER, garbage);
    topics.routed(PEER, garbage);
    expect(state.misbehaved).toEqual([]);
    topics.direct(PEER, garbage);
    topics.direct(PEER, new Uint8Array(2 * MAX_MESSAGE_BYTES));
    expect(state.misbehaved).toEqual([PEER, PEER]);
    expect(heard).toEqual([]);
  });

  it('a topic that was shut hears nothing, and closing ends those that are open', async () => {
    const { state, topics, heard, hasEnded } = begin();
    topics.publish('chat', 1);
    topics.shut('chat');
    topics.deliver(PEER, state.broadcast[0] as Uint8Array);
    expect(heard).toEqual([]);
    expect(hasEnded()).toBe(false);
    topics.open('chat', { received: () => undefined, ended: () => undefined });
    await topics.close();
  });

  it('at 1,024 open topics one more is refused', () => {
    const { topics } = begin();
    const none = { received: () => undefined, ended: () => undefined };
    for (let i = 1; i < 1_024; i++) topics.open(`t${i}`, none);
    expect(() => topics.open('one more', none)).toThrow(/1024 topics are open/);
    topics.shut('t1');
    topics.open('one more', none);
  });
});
