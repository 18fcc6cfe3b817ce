import { describe, expect, it } from 'vitest';
import type { Signaling, SignalingHandlers, SignalingState } from '../ports/signaling.ts';
import { severalSignalings } from './several.ts';
import { peerOf, Recorder, topicOf } from './signaling.contract.ts';

const topic = topicOf('a');
const bob = peerOf('2');

/** A part whose events are the test's. */
class Part implements Signaling {
  readonly name: string;
  state: SignalingState = 'connecting';
  takes = true;
  closed = 0;
  readonly sent: string[] = [];
  handlers: SignalingHandlers = new Recorder();

  constructor(name: string) {
    this.name = name;
  }

  start(_topics: readonly string[], handlers: SignalingHandlers): void {
    this.handlers = handlers;
  }

  find(): void {
    this.sent.push('find');
  }

  send(_topic: string, _to: string, text: string): boolean {
    if (this.takes) this.sent.push(text);
    return this.takes;
  }

  close(): void {
    this.closed++;
  }

  become(state: SignalingState, reason: string): void {
    this.state = state;
    this.handlers.state(state, reason);
  }
}

function compose(prefer?: 'first' | 'latest') {
  const parts: [Part, Part] = [new Part('one'), new Part('two')];
  const all = severalSignalings(parts, prefer === undefined ? {} : { prefer });
  const told = new Recorder();
  all.start([topic], told);
  for (const part of parts) part.state = 'open';
  return { parts, all, told };
}

describe('severalSignalings', () => {
  it('is open if any part is, and gives the reasons of all', () => {
    const { parts, all, told } = compose();
    parts[0].become('open', '');
    parts[1].become('connecting', 'two is tried');
    expect(all.state).toBe('open');
    expect(told.reason).toBe('two is tried');
    parts[0].become('closed', 'one is gone');
    expect(all.state).toBe('connecting');
    parts[1].become('closed', 'two is gone');
    expect(told.states.at(-1)).toEqual({ state: 'closed', reason: 'one is gone; two is gone' });
    expect(all.name).toBe('one, two');
  });

  it('of nothing is closed, with a reason', () => {
    const told = new Recorder();
    const none = severalSignalings([]);
    none.start([topic], told);
    expect(none.state).toBe('closed');
    expect(told.states).toEqual([{ state: 'closed', reason: 'no signaling is configured' }]);
    expect(none.send(topic, bob, 'text')).toBe(false);
  });

  it('sends by all parts to a peer that none has heard', () => {
    const { parts, all } = compose();
    expect(all.send(topic, bob, 'hello')).toBe(true);
    expect(parts.map((part) => part.sent)).toEqual([['hello'], ['hello']]);
  });

  it('sends by the first part that has heard the peer', () => {
    const { parts, all } = compose();
    parts[0].handlers.peers(topic, [bob]);
    parts[1].handlers.message(topic, bob, 'later');
    all.send(topic, bob, 'hello');
    expect(parts.map((part) => part.sent)).toEqual([['hello'], []]);
  });

  it('sends by the part that heard the peer latest, where told so', () => {
    const { parts, all } = compose('latest');
    parts[1].handlers.peers(topic, [bob]);
    parts[0].handlers.peers(topic, [bob]);
    parts[1].handlers.message(topic, bob, 'later');
    all.send(topic, bob, 'hello');
    expect(parts.map((part) => part.sent)).toEqual([[], ['hello']]);
  });

  it('falls back to another part where the preferred one cannot send', () => {
    const { parts, all } = compose();
    parts[0].handlers.peers(topic, [bob]);
    parts[0].takes = false;
    expect(all.send(topic, bob, 'hello')).toBe(true);
    expect(parts[1].sent).toEqual(['hello']);
    parts[1].takes = false;
    expect(all.send(topic, bob, 'hello')).toBe(false);
  });

  it('tells unreachable only when every part that was tried says so', () => {
    const { parts, all, told } = compose();
    all.send(topic, bob, 'hello');
    parts[0].handlers.unreachable(topic, bob);
    expect(told.lost).toEqual([]);
    parts[1].handlers.unreachable(topic, bob);
    expect(told.lost).toEqual([{ topic, to: bob }]);
  });

  it('waits for no answer of a part that lost its server meanwhile', () => {
    const { parts, all, told } = compose();
    all.send(topic, bob, 'hello');
    parts[0].become('connecting', 'one is tried again');
    parts[1].handlers.unreachable(topic, bob);
    expect(told.lost).toEqual([{ topic, to: bob }]);
  });

  it('tells unreachable at once where one part alone was tried', () => {
    const { parts, all, told } = compose();
    parts[0].handlers.peers(topic, [bob]);
    all.send(topic, bob, 'hello');
    parts[0].handlers.unreachable(topic, bob);
    expect(told.lost).toHaveLength(1);
    all.send(topic, bob, 'again');
    expect(parts[1].sent).toEqual(['again']);
  });

  it('announces the ICE servers of all parts', () => {
    const { parts, told } = compose();
    parts[0].handlers.iceServers([{ urls: 'stun:a' }]);
    parts[1].handlers.iceServers([{ urls: 'stun:b' }]);
    parts[0].handlers.iceServers([{ urls: 'stun:c' }]);
    expect(told.ice.at(-1)).toEqual([{ urls: 'stun:c' }, { urls: 'stun:b' }]);
  });

  it('forgets the peers heard longest ago rather than grow without end', () => {
    const { parts, all } = compose();
    parts[0].handlers.peers(topic, [bob]);
    for (let i = 0; i < 5_000; i++) {
      parts[1].handlers.peers(topic, [i.toString(16).padStart(32, '0')]);
    }
    all.send(topic, bob, 'hello');
    expect(parts.map((part) => part.sent)).toEqual([['hello'], ['hello']]);
  });

  it('starts no further part once a handler has closed it', () => {
    const parts = [new Part('one'), new Part('two')];
    const all = severalSignalings(parts);
    let started = 0;
    for (const part of parts) {
      part.start = (_topics, handlers) => {
        started++;
        handlers.state('open', 'open');
      };
    }
    const told = new Recorder();
    told.state = () => all.close();
    all.start([topic], told);
    expect(started).toBe(1);
    expect(parts.map((part) => part.closed)).toEqual([1, 1]);
  });
});
