/** The state of a mesh in one word, and the reason for it in a sentence for people. */

/**
 * - `connecting`: no link yet; signaling or a link is being tried.
 * - `alone`: signaling works, and nobody else is in the room.
 * - `connected`: at least one link stands.
 * - `disconnected`: left by `disconnect()` or because the page went away; `connect()` joins again.
 * - `closed`: closed for good.
 */
export type MeshStatus = 'connecting' | 'alone' | 'connected' | 'disconnected' | 'closed';

export interface StatusInputs {
  readonly closed: boolean;
  readonly joined: boolean;
  readonly neighbors: number;
  /** Members in the room besides this tab. */
  readonly others: number;
  /** Whether some way of signaling is open. */
  readonly signalingOpen: boolean;
  /** What is wrong with signaling; empty where nothing is. */
  readonly signalingTrouble: string;
  /** Why the latest link failed, where that is all there is to say. */
  readonly linkFailure: string | undefined;
}

export function statusOf(inputs: StatusInputs): { status: MeshStatus; reason: string } {
  const { neighbors, others, signalingOpen, signalingTrouble, linkFailure } = inputs;
  if (inputs.closed) return { status: 'closed', reason: 'closed' };
  if (!inputs.joined) return { status: 'disconnected', reason: 'disconnected by this tab' };
  const words: string[] = [];
  if (neighbors > 0) words.push(`linked with ${neighbors} ${neighbors === 1 ? 'tab' : 'tabs'}`);
  else if (linkFailure !== undefined) words.push(linkFailure);
  else if (others > 0) words.push('linking with the tabs of the room');
  if (signalingTrouble !== '') words.push(signalingTrouble);
  if (neighbors > 0) return { status: 'connected', reason: words.join('; ') };
  if (words.length > 0) return { status: 'connecting', reason: words.join('; ') };
  return signalingOpen
    ? { status: 'alone', reason: 'no other tab is in the room yet' }
    : { status: 'connecting', reason: 'looking for the tabs of the room' };
}
