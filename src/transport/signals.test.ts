import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SignalData } from '../ports/transport.ts';
import { MAX_CANDIDATE_LENGTH, MAX_SDP_LENGTH, parseSignal } from './signals.ts';

describe('parseSignal', () => {
  it('takes descriptions, candidates and requests, and nothing else that is in them', () => {
    expect(parseSignal({ type: 'offer', sdp: 'v=0', extra: 1 })).toEqual({
      type: 'offer',
      sdp: 'v=0',
    });
    expect(parseSignal({ type: 'answer', sdp: 'v=0' })).toEqual({ type: 'answer', sdp: 'v=0' });
    expect(parseSignal({ type: 'renegotiate', renegotiate: true })).toEqual({
      type: 'renegotiate',
      renegotiate: true,
    });
    expect(
      parseSignal({
        type: 'candidate',
        candidate: { candidate: 'candidate:1', sdpMid: 'x', sdpMLineIndex: 9 },
      }),
    ).toEqual({ type: 'candidate', candidate: { candidate: 'candidate:1', sdpMLineIndex: 0 } });
  });

  it('takes strings up to their limits alone', () => {
    const offer = (length: number) => parseSignal({ type: 'offer', sdp: 'x'.repeat(length) });
    expect(offer(MAX_SDP_LENGTH)).toBeDefined();
    expect(offer(MAX_SDP_LENGTH + 1)).toBeUndefined();
    const candidate = (length: number) =>
      parseSignal({ type: 'candidate', candidate: { candidate: 'x'.repeat(length) } });
    expect(candidate(MAX_CANDIDATE_LENGTH)).toBeDefined();
    expect(candidate(MAX_CANDIDATE_LENGTH + 1)).toBeUndefined();
  });

  it('drops whatever else it is given', () => {
    fc.assert(
      fc.property(fc.anything(), fc.constantFrom('offer', 'candidate', 'x'), (value, type) => {
        const given = [
          value,
          { type, sdp: value, candidate: value },
          { type, candidate: { candidate: value } },
        ];
        for (const data of given) {
          const signal = parseSignal(data as SignalData);
          if (signal !== undefined) expect(['offer', 'candidate']).toContain(signal.type);
        }
      }),
    );
  });
});
