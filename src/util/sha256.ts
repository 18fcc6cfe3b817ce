/**
 * SHA-256 (FIPS 180-4) of bytes that are at hand, by lib0, which documents need anyway. Memory hashes far
 * more and in pieces: src/memory/sha256-pieces.ts, by @noble/hashes.
 */

import { digest } from 'lib0/hash/sha256';

/** Bytes of a hash. */
export const HASH_BYTES = 32;

/** The 32 bytes of the hash of `bytes`. */
export function sha256(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(digest(bytes));
}
