import { afterEach, describe, expect, it } from 'vitest';
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as Y from 'yjs';
import type { PeerId } from '../util/peer-id.ts';
import { decodeMessage, decodeRumor } from './messages.ts';
import { Presences } from './presences.ts';
import { FakeClock } from './testing/fake-clock.ts';

const [ME, A, B, C] = ['0', 'a', 'b', 'c'].map((digit) => digit.repeat(32)) as [
  PeerId,
  PeerId,
  PeerId,
  PeerId,
];

const made: Awareness[] = [];
function awareness(name?: string): Awareness {
  const one = new Awareness(new Y.Doc());
  if (name !== undefined) one.setLocalState({ name });
  made.push(one);
  return one;
}
afterEach(() => {
  for (const one of made.splice(0)) one.destroy();
});

const updateOf = (one: Awareness) => encodeAwarenessUpdate(one, [one.clientID]);

/** A tab in a room, with what it told and the members that it knows. */
class Tab {
  readonly clock = new FakeClock();
  readonly linked: PeerId[] = [];
  readonly present = new Set<PeerId>();
  /** What it told the room, and each neighbor. */
  readonly told: unknown[] = [];
  readonly sent: [to: PeerId, type: string | undefined][] = [];
  readonly presences: Presences;
  readonly awareness = awareness('me');
  /** Ends the sharing. */
  readonly end: () => void;

  constructor() {
    const { clock } = this;
    this.presences = new Presences({
      id: ME,
      clock,
      neighbors: () => this.linked,
      isPresent: (peer) => this.present.has(peer),
      broadcast: (payload) => this.told.push(decodeRumor(payload)?.type),
      send: (peer, payload) => this.sent.push([peer, decodeMessage(payload)?.type]) > 0,
      error: (error) => {
        throw error;
      },
    });
    this.end = this.presences.share('notes', this.awareness);
    this.told.splice(0);
  }

  link(peer: PeerId): void {
    this.linked.push(peer);
    this.presences.neighborUp(peer);
  }

  seen(peer: PeerId): void {
    this.present.add(peer);
    this.presences.memberSeen(peer);
  }

  /** The names of all who are shown. */
  names(): unknown[] {
    return [...this.awareness.getStates().values()].map(({ name }) => name).sort();
  }
}

describe('presence in a room (D7)', () => {
  it('tells each neighbor at once, and the room half a second after the first link, when there are more', async () => {
    const tab = new Tab();
    for (const peer of [A, B, C]) tab.link(peer);
    expect(tab.sent).toEqual([A, B, C].map((peer) => [peer, 'present']));
    await tab.clock.pass(499);
    expect(tab.told).toEqual([]);
    await tab.clock.pass(1);
    expect(tab.told).toEqual(['presence']);
  });

  it('shows a state that came before its tab was known, from it or from a neighbor, once it is known', () => {
    const tab = new Tab();
    tab.presences.deliver(A, 'notes', updateOf(awareness('a')));
    const states = [B, C].map((owner) => ({ owner, update: updateOf(awareness(owner.charAt(0))) }));
    tab.presences.direct(A, { type: 'present', name: 'notes', states });
    expect(tab.names()).toEqual(['me']);
    tab.seen(B);
    expect(tab.names()).toEqual(['b', 'me']);
    tab.presences.memberSeen(C); // as gone
    tab.seen(A);
    expect(tab.names()).toEqual(['a', 'b', 'me']);
  });

  it('keeps such a state for ten seconds, and forgets it after twenty, when its tab may have left', async () => {
    const tab = new Tab();
    await tab.clock.pass(9_990);
    tab.presences.deliver(A, 'notes', updateOf(awareness('a')));
    tab.presences.deliver(B, 'notes', updateOf(awareness('b')));
    await tab.clock.pass(9_990);
    tab.seen(A);
    expect(tab.names()).toEqual(['a', 'me']);
    await tab.clock.pass(10_020);
    tab.seen(B);
    expect(tab.names()).toEqual(['a', 'me']);
  });

  it('forgets such states where nothing is shared any more', () => {
    const tab = new Tab();
    tab.presences.deliver(A, 'notes', updateOf(awareness('a')));
    tab.end();
    tab.presences.share('notes', tab.awareness);
    tab.seen(A);
    expect(tab.names()).toEqual(['me']);
  });

  it('keeps 1,024 of them of up to 4 KiB, the latest', () => {
    const tab = new Tab();
    const [early, late] = [updateOf(awareness('early')), updateOf(awareness('late'))];
    const large = updateOf(awareness('x'.repeat(5_000)));
    tab.presences.deliver(A, 'notes', early);
    for (let i = 0; i < 1_024; i++) tab.presences.deliver(B, 'notes', late);
    tab.presences.deliver(C, 'notes', large);
    for (const peer of [A, B, C]) tab.seen(peer);
    expect(tab.names()).toEqual(['late', 'me']);
  });
});
