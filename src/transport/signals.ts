/** What a connection takes from signaling: it comes from another machine, so anything may be in it. */

import type { SignalData } from '../ports/transport.ts';

/** A session description or an ICE candidate that is safe to hand to WebRTC. */
export type Signal =
  | { readonly type: 'offer' | 'answer'; readonly sdp: string }
  | { readonly type: 'candidate'; readonly candidate: SignaledCandidate }
  | { readonly type: 'renegotiate'; readonly renegotiate: true };

/** A candidate of the one media section that a data channel has. */
export interface SignaledCandidate {
  readonly candidate: string;
  readonly sdpMLineIndex: 0;
}

/** Longest session description to accept, in UTF-16 units; browsers make about 500 for a data channel. */
export const MAX_SDP_LENGTH = 64 * 1024;

/** Longest candidate line to accept, in UTF-16 units; browsers make about 150. */
export const MAX_CANDIDATE_LENGTH = 1024;

/** `data` where it is of a known form, rebuilt with nothing else in it; otherwise undefined. */
export function parseSignal(data: SignalData): Signal | undefined {
  if (typeof data !== 'object' || data === null) return undefined;
  const { type, sdp, candidate } = data;
  if (type === 'offer' || type === 'answer') {
    if (typeof sdp !== 'string' || sdp === '' || sdp.length > MAX_SDP_LENGTH) return undefined;
    return { type, sdp };
  }
  if (type === 'candidate') {
    const parsed = parseCandidate(candidate);
    return parsed && { type, candidate: parsed };
  }
  if (type === 'renegotiate') return { type, renegotiate: true };
  return undefined;
}

/** Only the line counts: a candidate of a section that is not there would close the connection. */
function parseCandidate(value: unknown): SignaledCandidate | undefined {
  if (typeof value !== 'object' || value === null || !('candidate' in value)) return undefined;
  const { candidate } = value;
  if (typeof candidate !== 'string' || candidate.length > MAX_CANDIDATE_LENGTH) return undefined;
  return { candidate, sdpMLineIndex: 0 };
}
