import { beforeAll, describe, expect, it, vi } from 'vitest';
import type { Signaling, SignalingHandlers, SignalingState } from '../ports/signaling.ts';
import type { PeerId } from '../util/peer-id.ts';
import { KNOCKS_AT_ONCE, MAX_LOBBY_PEERS } from './lobby.ts';
import { lobbySignaling } from './lobby-signaling.ts';
import type { Seal } from './seal.ts';
import { sealedSignaling } from './sealed.ts';
import { deriveRoomKeys, type RoomKeys } from './secret.ts';
import { PATIENCE, peerOf, Recorder, topicOf } from './signaling.contract.ts';

const [alice, bob, carol] = [peerOf('1'), peerOf('2'), peerOf('3')];
const room = 'notes';

let open: RoomKeys;
let secret: RoomKeys;
let other: RoomKeys;

beforeAll(async () => {
  [open, secret, other] = await Promise.all([
    deriveRoomKeys(room),
    deriveRoomKeys(room, 'correct horse'),
    deriveRoomKeys(room, 'battery staple'),
  ]);
});

interface Sent {
  readonly topic: string;
  readonly from: PeerId;
  readonly to: PeerId;
  readonly text: string;
}

interface Entered {
  readonly tab: Signaling;
  readonly told: Recorder;
  dropped(): number;
}

/** A signaling server in the test's hands: it sees, and can change, all that is said. */
class Hub {
  readonly sent: Sent[] = [];
  /** What is delivered instead of a message; none where it gives undefined. */
  tamper: (sent: Sent) => Sent | undefined = (sent) => sent;
  readonly #tabs = new Map<PeerId, { topics: readonly string[]; handlers: SignalingHandlers }>();

  tab(peer: PeerId): Signaling {
    const hub = this;
    let state: SignalingState = 'closed';
    return {
      name: 'hub',
      get state() {
        return state;
      },
      start(topics, handlers) {
        const there = [...hub.#tabs.entries()];
        hub.#tabs.set(peer, { topics, handlers });
        state = 'open';
        handlers.state('open', 'joined the hub');
        for (const topic of topics) {
          const peers = there.filter(([, one]) => one.topics.includes(topic)).map(([id]) => id);
          handlers.peers(topic, peers);
        }
      },
      find: () => undefined,
      send(topic, to, text) {
        return hub.deliver({ topic, from: peer, to, text });
      },
      close() {
        state = 'closed';
        hub.#tabs.delete(peer);
      },
    };
  }

  deliver(sent: Sent): boolean {
    this.sent.push(sent);
    const changed = this.tamper(sent);
    const receiver = this.#tabs.get(sent.to);
    if (receiver === undefined) return false;
    if (changed !== undefined) {
      receiver.handlers.message(changed.topic, changed.from, changed.text);
    }
    return true;
  }

  /** Enters as a tab of the room does; `dropped` tells how many texts were. */
  enter(peer: PeerId, { topic, lobby, seal }: RoomKeys): Entered {
    const plain = lobbySignaling(this.tab(peer), { room, peer, lobby, seal });
    const sealed = seal && sealedSignaling(plain, { peer, seal });
    const tab = sealed ?? plain;
    const told = new Recorder();
    tab.start([topic], told);
    return { tab, told, dropped: () => sealed?.dropped ?? 0 };
  }

  /** Words said in the lobby. */
  said(word: string): Sent[] {
    return this.sent.filter(({ topic, text }) => topic === open.lobby && text.startsWith(word));
  }
}

describe('sealedSignaling', () => {
  it('shows the server neither the text nor anything that repeats', async () => {
    const hub = new Hub();
    const a = hub.enter(alice, secret);
    const b = hub.enter(bob, secret);
    b.tab.send(secret.topic, alice, 'v=0 fingerprint');
    b.tab.send(secret.topic, alice, 'v=0 fingerprint');
    await vi.waitFor(() => expect(a.told.texts).toHaveLength(2), PATIENCE);
    expect(a.told.texts[0]).toBe('v=0 fingerprint');
    expect(hub.sent.some(({ text }) => text.includes('fingerprint'))).toBe(false);
    expect(new Set(hub.sent.map(({ text }) => text)).size).toBe(hub.sent.length);
  });

  it('drops, counts and tells once a peer what a server changed', async () => {
    const hub = new Hub();
    const a = hub.enter(alice, secret);
    const b = hub.enter(bob, secret);
    hub.tamper = (sent) => ({ ...sent, text: `A${sent.text.slice(1)}` });
    const honest = 'honest';
    for (let i = 0; i < 20; i++) b.tab.send(secret.topic, alice, `changed ${i}`);
    await vi.waitFor(() => expect(a.dropped()).toBeGreaterThanOrEqual(18), PATIENCE);
    hub.tamper = (sent) => sent;
    b.tab.send(secret.topic, alice, honest);
    await vi.waitFor(() => expect(a.told.texts).toContain(honest), PATIENCE);
    expect(a.told.codes).toEqual(['bad-frame']);
  });

  it('drops what a server delivers as from another tab, to another tab, or unsealed', async () => {
    const hub = new Hub();
    const a = hub.enter(alice, secret);
    const b = hub.enter(bob, secret);
    hub.enter(carol, secret);
    hub.tamper = (sent) => (sent.topic === secret.topic ? { ...sent, from: carol } : sent);
    b.tab.send(secret.topic, alice, 'as carol');
    await vi.waitFor(() => expect(a.dropped()).toBe(1), PATIENCE);
    hub.tamper = (sent) => (sent.topic === secret.topic ? { ...sent, text: 'plain' } : sent);
    b.tab.send(secret.topic, alice, 'changed');
    await vi.waitFor(() => expect(a.dropped()).toBe(2), PATIENCE);
    expect(a.told.texts).toEqual([]);
    expect(a.told.codes).toEqual(['bad-frame', 'bad-frame']);
  });

  it('keeps the order of a sender although opening takes different times', async () => {
    const hub = new Hub();
    let opened = 0;
    const slow: Seal = {
      seal: async (text) => text,
      open: async (text) => {
        // Every other text takes longer than the one after it.
        const turns = opened++ % 2 === 0 ? 20 : 1;
        for (let i = 0; i < turns; i++) await Promise.resolve();
        return text;
      },
    };
    const keys = { ...secret, seal: slow };
    const a = hub.enter(alice, keys);
    const b = hub.enter(bob, keys);
    const texts = Array.from({ length: 50 }, (_, i) => String(i));
    for (const text of texts) b.tab.send(keys.topic, alice, text);
    await vi.waitFor(() => expect(a.told.texts).toHaveLength(50), PATIENCE);
    expect(a.told.texts).toEqual(texts);
  });

  it('bounds what waits to be sealed or opened', async () => {
    const hub = new Hub();
    const stuck: Seal = {
      seal: () => new Promise(() => undefined),
      open: () => new Promise(() => undefined),
    };
    const keys = { ...secret, seal: stuck };
    const a = hub.enter(alice, keys);
    let taken = 0;
    for (let i = 0; i < 3_000; i++) {
      if (a.tab.send(keys.topic, bob, 'text')) taken++;
      hub.deliver({ topic: keys.topic, from: bob, to: alice, text: 'text' });
    }
    expect(taken).toBeLessThanOrEqual(1_024);
    expect(a.dropped()).toBeGreaterThanOrEqual(3_000 - 1_024);
  });

  it('tells that a peer is unreachable where sealed text then cannot be sent', async () => {
    const hub = new Hub();
    const a = hub.enter(alice, secret);
    expect(a.tab.send(secret.topic, bob, 'nobody')).toBe(true);
    await vi.waitFor(
      () => expect(a.told.lost).toEqual([{ topic: secret.topic, to: bob }]),
      PATIENCE,
    );
  });

  it('tells a failure of WebCrypto as an error, and goes on', async () => {
    const hub = new Hub();
    let failing = true;
    const keys: RoomKeys = {
      ...secret,
      seal: {
        seal: async (text) => {
          if (failing) throw new Error('out of memory');
          return text;
        },
        open: async (text) => text,
      },
    };
    const a = hub.enter(alice, keys);
    const b = hub.enter(bob, { ...keys, lobby: topicOf('f') });
    a.tab.send(keys.topic, bob, 'lost');
    await vi.waitFor(() => expect(a.told.codes).toEqual(['signaling']), PATIENCE);
    failing = false;
    a.tab.send(keys.topic, bob, 'arrives');
    await vi.waitFor(() => expect(b.told.texts).toEqual(['arrives']), PATIENCE);
  });
});

describe('the lobby', () => {
  const mismatch = (told: Recorder) => told.codes.filter((code) => code === 'secret-mismatch');

  it.each([
    ['two secrets', () => [secret, other]],
    ['a secret and none', () => [secret, open]],
    ['none and a secret', () => [open, secret]],
  ])('tells both sides, once, where there are %s', async (_name, keysOf) => {
    const hub = new Hub();
    const [first, second] = keysOf() as [RoomKeys, RoomKeys];
    const a = hub.enter(alice, first);
    const b = hub.enter(bob, second);
    await vi.waitFor(() => {
      expect(mismatch(a.told)).toHaveLength(1);
      expect(mismatch(b.told)).toHaveLength(1);
    }, PATIENCE);
    // Whatever follows changes nothing.
    for (const [knock] of [hub.said('knock'), hub.said('differs')]) {
      if (knock !== undefined) for (let i = 0; i < 10; i++) hub.deliver(knock);
    }
    await vi.waitFor(() => expect(hub.said('differs').length).toBeGreaterThan(1), PATIENCE);
    expect(a.told.codes).toEqual(['secret-mismatch']);
    expect(b.told.codes).toEqual(['secret-mismatch']);
    expect(a.told.errors[0]?.message).toMatch(/room "notes".*Check the secret on both sides/);
  });

  it.each([
    ['the same secret', () => secret],
    ['no secret', () => open],
  ])('says nothing to people where both have %s', async (_name, keysOf) => {
    const hub = new Hub();
    const a = hub.enter(alice, keysOf());
    const b = hub.enter(bob, keysOf());
    await vi.waitFor(() => expect(hub.said('knock')).toHaveLength(1), PATIENCE);
    b.tab.send(keysOf().topic, alice, 'after the knock');
    await vi.waitFor(() => expect(a.told.texts).toEqual(['after the knock']), PATIENCE);
    expect(hub.said('differs')).toEqual([]);
    expect([...a.told.errors, ...b.told.errors]).toEqual([]);
  });

  it('never shows above: its topic, peers and words stay inside', async () => {
    const hub = new Hub();
    const a = hub.enter(alice, secret);
    const b = hub.enter(bob, other);
    await vi.waitFor(() => expect(mismatch(a.told)).toHaveLength(1), PATIENCE);
    for (const { told } of [a, b])
      expect([told.met, told.messages, told.lost]).toEqual([[], [], []]);
  });

  it('ignores "differs" from a tab that was not asked, and words that it does not know', async () => {
    const hub = new Hub();
    const a = hub.enter(alice, secret);
    const topic = secret.lobby;
    for (const text of ['differs', 'differ', '', 'knocker', '{"type":"knock"}']) {
      hub.deliver({ topic, from: bob, to: alice, text });
    }
    hub.deliver({ topic: secret.topic, from: carol, to: alice, text: 'unsealed' });
    await vi.waitFor(() => expect(a.told.codes).toEqual(['bad-frame']), PATIENCE);
  });

  it('takes a forged knock for a different secret, and bounds its answers', async () => {
    const hub = new Hub();
    const a = hub.enter(alice, secret);
    const others = MAX_LOBBY_PEERS + 50;
    for (let i = 0; i < others; i++) {
      const from = i.toString(16).padStart(32, '0');
      hub.deliver({ topic: secret.lobby, from, to: alice, text: 'knock:AAAA' });
    }
    hub.deliver({ topic: secret.topic, from: carol, to: alice, text: 'unsealed' });
    await vi.waitFor(() => expect(a.told.codes).toContain('bad-frame'), PATIENCE);
    expect(mismatch(a.told)).toHaveLength(MAX_LOBBY_PEERS);
    expect(hub.said('differs')).toHaveLength(MAX_LOBBY_PEERS);
  });

  it('knocks at a few of many', async () => {
    const hub = new Hub();
    for (let i = 0; i < 20; i++) hub.enter(i.toString(16).padStart(32, '0'), open);
    const before = hub.said('knock').length;
    hub.enter(alice, open);
    await vi.waitFor(() => {
      expect(hub.said('knock').filter((one) => one.from === alice)).toHaveLength(KNOCKS_AT_ONCE);
    }, PATIENCE);
    expect(hub.said('knock').length).toBeLessThanOrEqual(before + 20 * KNOCKS_AT_ONCE);
  });
});
