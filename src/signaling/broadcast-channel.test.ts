import { afterEach, describe, expect, it, vi } from 'vitest';
import type { PeerId } from '../util/peer-id.ts';
import { seededRandom } from '../util/random.ts';
import {
  ALL_ANSWER_TABS,
  broadcastChannelSignaling,
  EXPECTED_ANSWERS,
} from './broadcast-channel.ts';
import { PATIENCE, peerOf, Recorder, topicOf } from './signaling.contract.ts';

const topic = topicOf('a');
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  vi.unstubAllGlobals();
});

const random = seededRandom(5);
function enter(peer: PeerId) {
  const tab = broadcastChannelSignaling({ peer, random });
  const told = new Recorder();
  tab.start([topic], told);
  cleanups.push(() => tab.close());
  return { tab, told };
}

/** A script of the same origin that writes to the channel. */
function intrude(): BroadcastChannel {
  const channel = new BroadcastChannel(`mnemesh:${topic}`);
  cleanups.push(() => channel.close());
  return channel;
}

describe('broadcastChannelSignaling', () => {
  it('is closed with a reason where there is no BroadcastChannel', () => {
    vi.stubGlobal('BroadcastChannel', undefined);
    const { tab, told } = enter(peerOf('1'));
    expect(tab.state).toBe('closed');
    expect(told.states).toEqual([
      { state: 'closed', reason: 'this browser has no BroadcastChannel' },
    ]);
    expect(tab.send(topic, peerOf('2'), 'text')).toBe(false);
  });

  it('is closed with a reason where BroadcastChannel is forbidden', () => {
    vi.stubGlobal(
      'BroadcastChannel',
      class {
        constructor() {
          throw new Error('opaque origin');
        }
      },
    );
    const { told } = enter(peerOf('1'));
    expect(told.states).toHaveLength(1);
    expect(told.states[0]).toMatchObject({
      state: 'closed',
      reason: expect.stringContaining('opaque origin'),
    });
  });

  it('tells unreachable when another tab closes, without having to send', async () => {
    const a = enter(peerOf('1'));
    const b = enter(peerOf('2'));
    await vi.waitFor(() => expect(b.told.peersMet).toContain(peerOf('1')), PATIENCE);
    a.tab.close();
    await vi.waitFor(() => expect(b.told.lost).toEqual([{ topic, to: peerOf('1') }]), PATIENCE);
    expect(b.tab.send(topic, peerOf('1'), 'text')).toBe(false);
  });

  it('answers fully in a small room, and by about 8 in a crowd', async () => {
    const idOf = (i: number) => i.toString(16).padStart(32, '0');
    const few = Array.from({ length: ALL_ANSWER_TABS }, (_, i) => enter(idOf(i + 1)));
    const latest = enter(idOf(100));
    await vi.waitFor(() => expect(latest.told.peersMet.size).toBe(few.length), PATIENCE);

    const crowd = Array.from({ length: 64 }, (_, i) => enter(idOf(i + 200)));
    const last = crowd.at(-1);
    const answers: number[] = [];
    const asker = new BroadcastChannel(`mnemesh:${topic}`);
    cleanups.push(() => asker.close());
    let heard = 0;
    asker.onmessage = (event: MessageEvent<{ type: string; to?: string }>) => {
      if (event.data.type === 'here' && event.data.to === idOf(999)) heard++;
    };
    await vi.waitFor(() => expect(last?.told.met.length).toBeGreaterThan(0), PATIENCE);
    for (let round = 0; round < 20; round++) {
      heard = 0;
      asker.postMessage({ type: 'hello', from: idOf(999) });
      const marker = `round ${round}`;
      // The marker is answered after the hello, as channels keep order.
      asker.postMessage({ type: 'message', from: idOf(999), to: idOf(1), data: marker });
      await vi.waitFor(() => expect(few[0]?.told.texts).toContain(marker), PATIENCE);
      await vi.waitFor(() => expect(heard).toBeGreaterThan(0), PATIENCE);
      answers.push(heard);
    }
    const mean = answers.reduce((sum, one) => sum + one, 0) / answers.length;
    expect(mean).toBeLessThan(3 * EXPECTED_ANSWERS);
  }, 30_000);

  it('takes hostile messages without a word', async () => {
    const { tab, told } = enter(peerOf('1'));
    const channel = intrude();
    const from = peerOf('2');
    const hostile = [
      null,
      'hello',
      42,
      [],
      new Map(),
      { type: 'hello' },
      { type: 'hello', from: 'x' },
      { type: 'hello', from: peerOf('1') },
      { type: 'here', from, to: peerOf('3') },
      { type: 'message', from, to: peerOf('1'), data: 7 },
      { type: 'message', from, to: peerOf('1'), data: 'x'.repeat(70_000) },
      { type: 'bye', from: peerOf('9') },
      { type: 'sing', from, to: peerOf('1') },
    ];
    for (const message of hostile) channel.postMessage(message);
    channel.postMessage({ type: 'message', from, to: peerOf('1'), data: 'the last' });
    await vi.waitFor(() => expect(told.texts).toEqual(['the last']), PATIENCE);
    expect(told.met).toEqual([]);
    expect(told.lost).toEqual([]);
    expect(tab.state).toBe('open');
  });
});
