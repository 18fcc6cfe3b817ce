/**
 * What a room's name and secret turn into: topics, the name of its store, and the seal's key.
 *
 * With a secret: PBKDF2-HMAC-SHA256 (RFC 8018, 600,000 iterations as OWASP 2023 advises), slow on
 * purpose, then HKDF-SHA256 (RFC 5869) with an `info` for each use, all by WebCrypto. The server
 * sees a hash that takes as long to guess as the secret does. Without one: plain SHA-256, which
 * works in pages that are not secure contexts, and a server can guess the names of such rooms.
 */

import { sha256 } from '@noble/hashes/sha2.js';
import { toHex } from '../util/bytes.ts';
import { MeshError } from '../util/errors.ts';
import { createSeal, type Seal } from './seal.ts';

const PBKDF2_ITERATIONS = 600_000;

/** Longest room name and secret, in UTF-16 code units. */
const MAX_ROOM_CHARACTERS = 1_024;

/** Everything that is derived from a room's name and secret. */
export interface RoomKeys {
  /** Where tabs of this room and this secret meet: 64 hexadecimal digits. */
  readonly topic: string;
  /** Where tabs of this room meet whatever their secret, only to learn that secrets differ. */
  readonly lobby: string;
  /** The room for storage on this device; differs by secret. */
  readonly storeName: string;
  /** For signaling text; `undefined` without a secret. */
  readonly seal: Seal | undefined;
}

/**
 * Derives the keys of `room`. Some hundred milliseconds with a secret, which is the point of it.
 * The secret is normalised (NFC, as in RFC 8265 OpaqueString), so that keyboards agree.
 * @throws MeshError `bad-argument` for a room or secret that is empty, over 1,024 characters or not
 *   well-formed text; `unsupported` where a secret is given and the page has no WebCrypto.
 */
export async function deriveRoomKeys(
  room: string,
  secret?: string | undefined,
  crypto: Crypto | undefined = globalThis.crypto,
): Promise<RoomKeys> {
  checkText('room', room);
  const lobby = toHex(hash('mnemesh/1/lobby', room));
  if (secret === undefined) {
    return { topic: toHex(hash('mnemesh/1/topic', room)), lobby, storeName: room, seal: undefined };
  }
  checkText('secret', secret);
  const subtle: SubtleCrypto | undefined = crypto?.subtle;
  if (crypto === undefined || subtle === undefined) {
    throw new MeshError(
      'unsupported',
      'A room with a secret needs WebCrypto, which browsers give to secure pages alone. ' +
        'Nothing was opened. Serve the page over https, or from localhost.',
    );
  }
  const password = await subtle.importKey('raw', encode(secret.normalize('NFC')), 'PBKDF2', false, [
    'deriveBits',
  ]);
  const master = await subtle.deriveBits(
    {
      name: 'PBKDF2',
      hash: 'SHA-256',
      salt: hash('mnemesh/1/salt', room),
      iterations: PBKDF2_ITERATIONS,
    },
    password,
    256,
  );
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
    topic: toHex(new Uint8Array(topic)),
    lobby,
    storeName: `${room}#${toHex(new Uint8Array(fingerprint))}`,
    seal: createSeal(key, crypto),
  };
}

function checkText(name: string, text: unknown): asserts text is string {
  // A lone surrogate encodes as U+FFFD, so that two different names would be one room.
  if (
    typeof text !== 'string' ||
    text.length === 0 ||
    text.length > MAX_ROOM_CHARACTERS ||
    /\p{Surrogate}/u.test(text)
  ) {
    throw new MeshError(
      'bad-argument',
      `The ${name} is not well-formed text of 1 to ${MAX_ROOM_CHARACTERS} characters. ` +
        'Nothing was opened.',
    );
  }
}

/** The domain holds no NUL, so domain and text are told apart. */
function hash(domain: string, text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(sha256(encode(`${domain}\0${text}`)));
}

function encode(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new TextEncoder().encode(text));
}
