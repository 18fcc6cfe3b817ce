/**
 * Sealing of signaling text end to end: AES-256-GCM (NIST SP 800-38D) by WebCrypto.
 *
 * All tabs of a room share one key. A sealed text is base64 of a random 96-bit nonce, the
 * ciphertext and the 128-bit tag; version, topic, sender and receiver are authenticated with it, so
 * that a server can neither read a text nor hand it to someone else. Random nonces are safe for
 * 2^32 texts a key, far more than introductions of tabs ever take.
 */

import type { PeerId } from '../util/peer-id.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Longest sealed text that `open` looks at, in characters. */
export const MAX_SEALED_CHARACTERS = 131_072;

/** What a sealed text is bound to. */
export interface SealContext {
  /** 64 hexadecimal digits. */
  readonly topic: string;
  readonly from: PeerId;
  readonly to: PeerId;
}

/** Seals and opens texts of one room. */
export interface Seal {
  /** `text` as base64 that only a holder of the key can read, in this context alone. */
  seal(text: string, context: SealContext): Promise<string>;
  /** The text; `undefined` where it does not authenticate. Never throws on hostile input. */
  open(sealed: string, context: SealContext): Promise<string | undefined>;
}

/** A seal with `key`, an AES-GCM key that can encrypt and decrypt. */
export function createSeal(key: CryptoKey, crypto: Crypto): Seal {
  return {
    async seal(text, context) {
      const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
      const sealed = await crypto.subtle.encrypt(
        { name: 'AES-GCM', iv, additionalData: bound(context) },
        key,
        new TextEncoder().encode(text),
      );
      const bytes = new Uint8Array(NONCE_BYTES + sealed.byteLength);
      bytes.set(iv);
      bytes.set(new Uint8Array(sealed), NONCE_BYTES);
      return toBase64(bytes);
    },
    async open(sealed, context) {
      const bytes = strictFromBase64(sealed);
      if (bytes === undefined || bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
      try {
        const opened = await crypto.subtle.decrypt(
          {
            name: 'AES-GCM',
            iv: bytes.slice(0, NONCE_BYTES),
            additionalData: bound(context),
          },
          key,
          bytes.slice(NONCE_BYTES),
        );
        return new TextDecoder().decode(opened);
      } catch {
        return undefined;
      }
    },
  };
}

/** Peer ids and topics are hexadecimal, so the separator is in none of them. */
function bound(context: SealContext): Uint8Array<ArrayBuffer> {
  const parts = ['mnemesh/1/seal', context.topic, context.from, context.to];
  return Uint8Array.from(new TextEncoder().encode(parts.join('\0')));
}

// `btoa` and `atob` are in browsers and Node alike; lib0's base64 reads `window` on import.
function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Decoders skip stray characters and unused bits; the one canonical text of the bytes is taken. */
function strictFromBase64(text: string): Uint8Array | undefined {
  if (text.length > MAX_SEALED_CHARACTERS) return undefined;
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return toBase64(bytes) === text ? bytes : undefined;
  } catch {
    return undefined;
  }
}
