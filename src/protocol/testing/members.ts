/** Member entries for tests. */

import type { PeerId } from '../../util/peer-id.ts';
import type { MemberEntry, MemberStatus } from '../wire.ts';

/** The n-th PeerId: different in its first digits, as PeerIds are. */
export function peer(n: number): PeerId {
  return n.toString(16).padStart(8, '0').repeat(4);
}

/** A claim about a member, alive and shown where nothing else is said. */
export function claimOf(
  id: PeerId,
  status: MemberStatus = 'alive',
  incarnation = 0,
  rest: Partial<MemberEntry> = {},
): MemberEntry {
  return { id, status, incarnation, hidden: false, replica: '', generation: 0, by: '', ...rest };
}
