/** Peer identities: 128 random bits a session, written as 32 lower-case hex digits. */

import { toHex } from './bytes.ts';

/** One open tab's session, new at every open: 32 lower-case hexadecimal digits. */
export type PeerId = string;

/** Bytes of a PeerId on the wire. */
export const PEER_ID_BYTES = 16;

/** Whether `value` is a well-formed PeerId. */
export function isPeerId(value: unknown): value is PeerId {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
}

/** The PeerId of 16 random bytes. */
export function peerIdOf(bytes: Uint8Array): PeerId {
  return toHex(bytes.subarray(0, PEER_ID_BYTES));
}
