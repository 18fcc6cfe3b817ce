/**
 * What a room's name and secret turn into: topics, the name of its store, and the seal's key.
 *
 * With a secret they are derived as `derivation.ts` tells, which is loaded where there is one. The server
 * sees a hash that takes as long to guess as the secret does. Without one: plain SHA-256, which
 * works in pages that are not secure contexts, and a server can guess the names of such rooms.
 */

import { toHex } from '../util/bytes.ts';
import { loadPart, MeshError } from '../util/errors.ts';
import { sha256 } from '../util/sha256.ts';
import type { SecretKeys } from './derivation.ts';
import type { Seal } from './seal.ts';

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
  /** For signaling text, and what seals with it; `undefined` without a secret. */
  readonly seal: Seal | undefined;
  readonly sealedSignaling: SecretKeys['sealedSignaling'] | undefined;
}

/**
 * Derives the keys of `room`. Some hundred milliseconds with a secret, which is the point of it.
 * The secret is normalised (NFC, as in RFC 8265 OpaqueString), so that keyboards agree.
 * @throws MeshError `bad-argument` for a room or secret that is empty, over 1,024 characters or not
 *   well-formed text; `unsupported` where a secret is given and the page has no WebCrypto;
 *   `not-loaded` where the code for secrets cannot be fetched.
 */
export async function deriveRoomKeys(
  room: string,
  secret?: string | undefined,
  crypto: Crypto | undefined = globalThis.crypto,
): Promise<RoomKeys> {
  checkText('room', room);
  const lobby = toHex(hash('mnemesh/1/lobby', room));
  if (secret === undefined) {
    const topic = toHex(hash('mnemesh/1/topic', room));
    return { topic, lobby, storeName: room, seal: undefined, sealedSignaling: undefined };
  }
  checkText('secret', secret);
  if (crypto?.subtle === undefined) {
    throw new MeshError(
      'unsupported',
      'A room with a secret needs WebCrypto, which browsers give to secure pages alone. ' +
        'Nothing was opened. Serve the page over https, or from localhost.',
    );
  }
  const { deriveSecretKeys } = await loadPart(
    'rooms with a secret',
    () => import('./derivation.ts'),
  );
  const salt = hash('mnemesh/1/salt', room);
  const derived = await deriveSecretKeys(secret.normalize('NFC'), salt, crypto);
  const { topic, fingerprint, seal, sealedSignaling } = derived;
  const storeName = `${room}#${toHex(fingerprint)}`;
  return { topic: toHex(topic), lobby, storeName, seal, sealedSignaling };
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
