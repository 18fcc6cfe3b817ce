/** What every Signaling must do, and what its tests share. */

import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '../ports/clock.ts';
import type { Signaling, SignalingHandlers, SignalingState } from '../ports/signaling.ts';
import type { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';

/** Longest wait for anything, far above the usual. */
export const PATIENCE = { timeout: 10_000, interval: 5 };

/** A topic, or a peer id, of one repeated hexadecimal digit. */
export const topicOf = (digit: string) => digit.repeat(64);
export const peerOf = (digit: string) => digit.repeat(32);

/** The platform's time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** How many timers are set. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Milliseconds until the next timer. */
  get nextIn(): number {
    return Math.min(...this.#timers.map((timer) => timer.at)) - this.#now;
  }

  /** Moves on, running what falls due on the way. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end);
      const next = due.sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = next.at;
      next.callback();
    }
    this.#now = end;
  }
}

/** Handlers that write down what they were told. */
export class Recorder implements SignalingHandlers {
  readonly states: { state: SignalingState; reason: string }[] = [];
  readonly met: { topic: string; peer: PeerId }[] = [];
  readonly messages: { topic: string; from: PeerId; text: string }[] = [];
  readonly lost: { topic: string; to: PeerId }[] = [];
  readonly ice: (readonly RTCIceServer[])[] = [];
  readonly errors: MeshError[] = [];
  /** Calls of any handler. */
  calls = 0;

  state(state: SignalingState, reason: string): void {
    this.calls++;
    this.states.push({ state, reason });
  }

  peers(topic: string, peers: readonly PeerId[]): void {
    this.calls++;
    for (const peer of peers) this.met.push({ topic, peer });
  }

  message(topic: string, from: PeerId, text: string): void {
    this.calls++;
    this.messages.push({ topic, from, text });
  }

  unreachable(topic: string, to: PeerId): void {
    this.calls++;
    this.lost.push({ topic, to });
  }

  iceServers(servers: readonly RTCIceServer[]): void {
    this.calls++;
    this.ice.push(servers);
  }

  error(error: MeshError): void {
    this.calls++;
    this.errors.push(error);
  }

  /** Peers that were told, each once. */
  get peersMet(): Set<PeerId> {
    return new Set(this.met.map(({ peer }) => peer));
  }

  get reason(): string {
    return this.states.at(-1)?.reason ?? '';
  }

  get texts(): string[] {
    return this.messages.map(({ text }) => text);
  }

  get codes(): string[] {
    return this.errors.map(({ code }) => code);
  }
}

/** Where tabs of one test meet. */
export interface Place {
  /** A new, unstarted signaling for the tab `peer`. */
  tab(peer: PeerId): Signaling;
  /** Called after the tabs were closed. */
  close?(): Promise<void>;
}

/** Runs the acceptance suite on what `open` makes. */
export function describeSignaling(name: string, open: () => Promise<Place>): void {
  describe(`${name} keeps the contract of Signaling`, () => {
    const cleanups: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const cleanup of cleanups.splice(0)) await cleanup();
    });

    async function place(): Promise<(peer: PeerId, topics: string[]) => [Signaling, Recorder]> {
      const opened = await open();
      const tabs: Signaling[] = [];
      cleanups.push(async () => {
        for (const tab of tabs) tab.close();
        await opened.close?.();
      });
      return (peer, topics) => {
        const tab = opened.tab(peer);
        const told = new Recorder();
        tabs.push(tab);
        tab.start(topics, told);
        return [tab, told];
      };
    }

    const topic = topicOf('a');
    const [alice, bob, carol] = [peerOf('1'), peerOf('2'), peerOf('3')];

    it('opens, and introduces two tabs of one topic', async () => {
      const enter = await place();
      const [a, toldA] = enter(alice, [topic]);
      await vi.waitFor(() => expect(a.state).toBe('open'), PATIENCE);
      const [, toldB] = enter(bob, [topic]);
      await vi.waitFor(() => expect(toldB.peersMet).toContain(alice), PATIENCE);
      expect(toldA.states.at(-1)?.state).toBe('open');
      expect(toldB.met.every((met) => met.topic === topic && met.peer === alice)).toBe(true);
    });

    it('carries text to the one tab it is for, in order and to the letter', async () => {
      const enter = await place();
      const [, toldA] = enter(alice, [topic]);
      const [, toldC] = enter(carol, [topic]);
      const [b, toldB] = enter(bob, [topic]);
      await vi.waitFor(() => expect(toldB.peersMet.size).toBe(2), PATIENCE);
      const texts = Array.from({ length: 100 }, (_, i) => `${i} "ä\u0000\u{1F600}\\`);
      for (const text of texts) expect(b.send(topic, alice, text)).toBe(true);
      await vi.waitFor(() => expect(toldA.texts).toHaveLength(100), PATIENCE);
      expect(toldA.texts).toEqual(texts);
      expect(toldA.messages.every((one) => one.from === bob && one.topic === topic)).toBe(true);
      expect(toldC.messages).toEqual([]);
    });

    it('keeps topics apart', async () => {
      const enter = await place();
      const [, toldA] = enter(alice, [topic]);
      const [c] = enter(carol, [topicOf('b')]);
      const [, toldB] = enter(bob, [topic, topicOf('b')]);
      await vi.waitFor(() => expect(toldB.peersMet.size).toBe(2), PATIENCE);
      await vi.waitFor(() => {
        c.send(topic, alice, 'not for this topic');
        c.send(topicOf('b'), bob, 'for this one');
        expect(toldB.texts).toContain('for this one');
      }, PATIENCE);
      expect(toldB.messages.every((one) => one.topic === topicOf('b'))).toBe(true);
      expect(toldA.messages).toEqual([]);
      expect(toldA.peersMet).not.toContain(carol);
    });

    it('tells more peers on find', async () => {
      const enter = await place();
      enter(alice, [topic]);
      const [b, toldB] = enter(bob, [topic]);
      await vi.waitFor(() => expect(toldB.peersMet).toContain(alice), PATIENCE);
      const before = toldB.met.length;
      b.find(topic);
      await vi.waitFor(() => expect(toldB.met.length).toBeGreaterThan(before), PATIENCE);
    });

    it('does not pretend to reach a tab that closed', async () => {
      const enter = await place();
      const [a] = enter(alice, [topic]);
      const [b, toldB] = enter(bob, [topic]);
      await vi.waitFor(() => expect(toldB.peersMet).toContain(alice), PATIENCE);
      a.close();
      await vi.waitFor(() => {
        b.send(topic, alice, 'still there?');
        expect(toldB.lost).toContainEqual({ topic, to: alice });
      }, PATIENCE);
    });

    it('closes twice without harm, and calls no handler afterwards', async () => {
      const enter = await place();
      const [a, toldA] = enter(alice, [topic]);
      const [b, toldB] = enter(bob, [topic]);
      await vi.waitFor(() => expect(toldB.peersMet).toContain(alice), PATIENCE);
      b.send(topic, alice, 'hello');
      a.close();
      a.close();
      const calls = toldA.calls;
      await vi.waitFor(() => {
        b.send(topic, alice, 'too late');
        expect(toldB.lost).toContainEqual({ topic, to: alice });
      }, PATIENCE);
      expect(a.state).toBe('closed');
      expect(a.send(topic, bob, 'from beyond')).toBe(false);
      expect(toldA.calls).toBe(calls);
    });
  });
}
