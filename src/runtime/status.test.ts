import { describe, expect, it } from 'vitest';
import { type StatusInputs, statusOf } from './status.ts';

const quiet: StatusInputs = {
  closed: false,
  joined: true,
  neighbors: 0,
  others: 0,
  signalingOpen: true,
  signalingTrouble: '',
  linkFailure: undefined,
};
const tell = (inputs: Partial<StatusInputs>) => {
  const { status, reason } = statusOf({ ...quiet, ...inputs });
  return `${status}: ${reason}`;
};

describe('status', () => {
  it('says closed and disconnected before all else', () => {
    expect(tell({ closed: true, joined: false, neighbors: 3 })).toBe('closed: closed');
    expect(tell({ joined: false, neighbors: 3 })).toBe('disconnected: disconnected by this tab');
  });

  it('is connected with any link, and tells of trouble with signaling besides', () => {
    expect(tell({ neighbors: 1, others: 1 })).toBe('connected: linked with 1 tab');
    expect(tell({ neighbors: 2, linkFailure: 'x', signalingTrouble: 'the server is gone' })).toBe(
      'connected: linked with 2 tabs; the server is gone',
    );
  });

  it('is connecting while something is in the way, and says what', () => {
    expect(tell({ signalingOpen: false })).toBe('connecting: looking for the tabs of the room');
    expect(tell({ others: 2 })).toBe('connecting: linking with the tabs of the room');
    expect(tell({ others: 2, linkFailure: 'no path' })).toBe('connecting: no path');
    expect(tell({ signalingTrouble: 'the server is gone' })).toBe('connecting: the server is gone');
    expect(tell({ linkFailure: 'no path', signalingTrouble: 'the server is gone' })).toBe(
      'connecting: no path; the server is gone',
    );
  });

  it('is alone where signaling works and nobody else is in the room', () => {
    expect(tell({})).toBe('alone: no other tab is in the room yet');
  });
});
