/**
 * What rooms with a secret need besides, in a chunk of its own: keys by PBKDF2-HMAC-SHA256 (RFC 8018, 600,000 iterations
 * as OWASP 2023 advises), slow on purpose, then HKDF-SHA256 (RFC 5869) with an `info` for each use, all by
 * WebCrypto.
 */

import { createSeal, type Seal } from './seal.ts';
import { sealedSignaling } from './sealed.ts';

const PBKDF2_ITERATIONS = 600_000;

/** What is derived from a secret. */
export interface SecretKeys {
  /** 32 bytes. */
  readonly topic: Uint8Array;
  /** 8 bytes by which stores of differing secrets are told apart. */
  readonly fingerprint: Uint8Array;
  readonly seal: Seal;
  /** Handed on, so that it is loaded with a secret alone. */
  readonly sealedSignaling: typeof sealedSignaling;
}

/** Some hundred milliseconds, which is the point of it. `crypto` must have its `subtle` part. */
export async function deriveSecretKeys(
  secret: string,
  salt: Uint8Array<ArrayBuffer>,
  crypto: Crypto,
): Promise<SecretKeys> {
  const { subtle } = crypto;
  const password = await subtle.importKey('raw', encode(secret), 'PBKDF2', false, ['deriveBits']);
  const slow = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: PBKDF2_ITERATIONS };
  const master = await subtle.deriveBits(slow, password, 256);
  const source = await subtle.importKey('raw', master, 'HKDF', false, ['deriveBits', 'deriveKey']);
  const use = (info: string) => ({
    name: 'HKDF',
    hash: 'SHA-256',
    salt: new Uint8Array(0),
    info: encode(info),
  });
  const [topic, fingerprint, key] = await Promise.all([
    subtle.deriveBits(use('mnemesh/1/topic'), source, 256),
    subtle.deriveBits(use('mnemesh/1/store'), source, 64),
    subtle.deriveKey(
      use('mnemesh/1/signaling-seal'),
      source,
      { name: 'AES-GCM', length: 256 },
      false,
      ['encrypt', 'decrypt'],
    ),
  ]);
  return {
    topic: new Uint8Array(topic),
    fingerprint: new Uint8Array(fingerprint),
    seal: createSeal(key, crypto),
    sealedSignaling,
  };
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}
