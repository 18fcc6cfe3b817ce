/** Small helpers on byte arrays, shared by every layer. */

const HEX = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));

/** Lower-case hexadecimal of `bytes`, or of those from `start` to `end`. */
export function toHex(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let out = '';
  for (let i = start; i < end; i++) out += HEX[bytes[i] as number];
  return out;
}

/** Value of a lower-case hexadecimal digit by its character code; 16 where it is none. */
const DIGITS = new Uint8Array(128).fill(16);
for (let value = 0; value < 16; value++) DIGITS[value.toString(16).charCodeAt(0)] = value;

/** The byte that the digits at `2 * index` of a lower-case hexadecimal string say; over 255 where they are none. */
export function hexByteAt(hex: string, index: number): number {
  const high = DIGITS[hex.charCodeAt(2 * index)] ?? 16;
  const low = DIGITS[hex.charCodeAt(2 * index + 1)] ?? 16;
  return low > 15 ? 256 : 16 * high + low;
}

/** Bytes of a lower-case hexadecimal string; `undefined` where it is not one. */
export function fromHex(hex: string): Uint8Array | undefined {
  if (hex.length % 2 !== 0) return undefined;
  const out = new Uint8Array(hex.length / 2);
  for (let i = 0; i < out.length; i++) {
    const byte = hexByteAt(hex, i);
    if (byte > 255) return undefined;
    out[i] = byte;
  }
  return out;
}

/** Whether two byte arrays hold the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** One array that holds `parts` in order. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}
