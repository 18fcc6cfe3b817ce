/** What kind of frame bytes are, told by their first byte without decoding them all. */

import { decodeFrame } from '../protocol/wire-codec.ts';

const KINDS: (string | undefined)[] = [];

/** The type of the frame that `bytes` hold; `unreadable` where they hold none. */
export function kindOf(bytes: Uint8Array): string {
  const tag = bytes[0] ?? 255;
  const known = KINDS[tag];
  if (known !== undefined) return known;
  const frame = decodeFrame(bytes);
  if (frame === undefined) return 'unreadable';
  KINDS[tag] = frame.type;
  return frame.type;
}

/** Whether the bytes are a rumor on `channel`. */
export function isRumorOn(channel: number, bytes: Uint8Array): boolean {
  if (kindOf(bytes) !== 'rumor') return false;
  const frame = decodeFrame(bytes);
  return frame?.type === 'rumor' && frame.channel === channel;
}
