import { describe, expect, it } from 'vitest';
import { hashOf, MAX_ROOM_LENGTH, placeOf, randomRoom, signalingOf } from './room.ts';

describe('the room in the address', () => {
  it('is read back from the hash that names it, whatever its characters', () => {
    for (const room of ['brave-otter-42', 'a&secret=b', 'Küche 🥘', '100%', '#']) {
      for (const secret of [undefined, 'correct horse & battery=#']) {
        expect(placeOf(hashOf({ room, secret }))).toEqual({ room, secret });
      }
    }
  });

  it('is none where the hash names none', () => {
    for (const hash of ['', '#', '#room=', '#room=%20', '#secret=x']) {
      expect(placeOf(hash)).toBeUndefined();
    }
  });

  it('is cut to the longest name', () => {
    expect(placeOf(`#room=${'x'.repeat(1000)}`)?.room).toHaveLength(MAX_ROOM_LENGTH);
  });

  it('has a readable name of its own making', () => {
    expect(randomRoom()).toMatch(/^[a-z]+-[a-z]+-[1-9]\d$/);
  });
});

describe('the signaling server of mnemesh.json', () => {
  it('is taken as it stands where it names a host', () => {
    expect(signalingOf({ signaling: 'wss://example.org/s' }, 'here')).toBe('wss://example.org/s');
  });

  it('is at the host of the page where it listens on every address', () => {
    expect(signalingOf({ signaling: 'ws://0.0.0.0:4444' }, '10.0.0.7')).toBe('ws://10.0.0.7:4444');
    expect(signalingOf({ signaling: 'ws://*:4444' }, 'here')).toBe('ws://here:4444');
  });

  it('is none where the file says something else', () => {
    for (const config of [null, 7, {}, { signaling: 4444 }, { signaling: 'http://x' }, []]) {
      expect(signalingOf(config, 'here')).toBeUndefined();
    }
  });
});
