/**
 * Counts what a page sends on its data channels, whatever library sends it. `countSends` is handed
 * to pages as a script that runs before any of their own, so it uses nothing outside of itself.
 */

/** What a page has sent on all its data channels since it was opened. */
export interface Sends {
  messages: number;
  bytes: number;
  /** Messages that carried each edit, by the edit's number. */
  readonly payloads: Record<number, number>;
}

declare global {
  /** Counts of this page; there where `countSends` ran. */
  var sends: Sends;
}

/** The bytes by which a value is known in a message, whatever is around it; its number follows. */
export const MARK: readonly number[] = [0xe9, 0x1d, 0xa7, 0x42];

/** The number of bytes of an edit's value: the mark, the edit's number, random bytes. */
export const VALUE_BYTES = 20;

/** The value of edit `index`: its number after the mark, and the rest drawn from `random`. */
export function markedValue(index: number, random: () => number): Uint8Array {
  const value = Uint8Array.from({ length: VALUE_BYTES }, () => Math.floor(random() * 256));
  value.set(MARK);
  new DataView(value.buffer).setUint32(MARK.length, index);
  return value;
}

/** The number of the edit whose value this is. */
export const indexOfValue = (value: Uint8Array): number =>
  new DataView(value.buffer, value.byteOffset).getUint32(MARK.length);

/** Stands before RTCDataChannel.send and counts, on `sends`. */
export function countSends(mark: readonly number[]): void {
  const counts: Sends = { messages: 0, bytes: 0, payloads: {} };
  globalThis.sends = counts;
  const [first = 0] = mark;
  const isMarkAt = (bytes: Uint8Array, at: number) =>
    mark.every((byte, i) => bytes[at + i] === byte);
  const countEdits = (bytes: Uint8Array) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const found = new Set<number>();
    for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
      const end = at + mark.length;
      if (end + 4 <= bytes.length && isMarkAt(bytes, at)) found.add(view.getUint32(end));
    }
    for (const index of found) counts.payloads[index] = (counts.payloads[index] ?? 0) + 1;
  };
  const send = RTCDataChannel.prototype.send as (data: unknown) => void;
  RTCDataChannel.prototype.send = function (this: RTCDataChannel, data: unknown) {
    // Neither library sends strings or blobs.
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data as ArrayBuffer);
    send.call(this, data);
    counts.messages++;
    counts.bytes += bytes.byteLength;
    countEdits(bytes);
  };
}
