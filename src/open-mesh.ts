/** `openMesh`: from options to an open Mesh. */

import { sha256 } from '@noble/hashes/sha2.js';
import { Mesh } from './mesh.ts';
import { checkOptions, type MeshOptions } from './mesh-options.ts';
import type { Signaling } from './ports/signaling.ts';
import type { Store } from './ports/store.ts';
import { resolveConfig } from './protocol/config.ts';
import { loadRecords } from './records/load.ts';
import { webLocks } from './records/locks.ts';
import { browserPage } from './runtime/page-life.ts';
import { newPeerId, randomBytes, systemClock, systemRandom } from './runtime/system.ts';
import { broadcastChannelSignaling } from './signaling/broadcast-channel.ts';
import { sealedSignaling } from './signaling/sealed.ts';
import { deriveRoomKeys, type RoomKeys } from './signaling/secret.ts';
import { severalSignalings } from './signaling/several.ts';
import { webSocketSignaling } from './signaling/websocket.ts';
import { openIndexedDbStore } from './storage/indexeddb.ts';
import { memoryStore } from './storage/memory.ts';
import { simplePeerTransport } from './transport/simple-peer.ts';
import { toHex } from './util/bytes.ts';
import { MeshError } from './util/errors.ts';

/**
 * Opens `room` in this tab. Resolves when local memory is at hand, without waiting for the network.
 * Opening the same room twice gives two meshes that link with each other.
 *
 * @param room - The room's name: 1 to 1,024 characters. All tabs that open it share one memory.
 * @throws MeshError `bad-argument` for a room or option that cannot be used, `unsupported` for a
 * secret without WebCrypto, `aborted` through `options.signal`. Nothing was opened.
 */
export async function openMesh(room: string, options: MeshOptions = {}): Promise<Mesh> {
  checkOptions(options);
  const { secret, signal, iceServers, consistency } = options;
  const isCausal = consistency === 'causal';
  throwIfAborted(signal);
  const config = resolveConfig(options.config);
  const plainKeys = await deriveRoomKeys(room, secret);
  const keys = isCausal ? causalKeys(plainKeys) : plainKeys;
  const id = newPeerId();
  const random = systemRandom();
  // 128 random bits, the same at each joining: a connection that the server takes for open gives way.
  const key = newPeerId();
  const urls = options.signaling === undefined ? [] : [options.signaling].flat();
  const createSignaling = (carry: (signaling: Signaling) => Signaling): Signaling => {
    const parts: Signaling[] = [broadcastChannelSignaling({ peer: id, random })];
    if (urls.length > 0) {
      parts.push(webSocketSignaling({ urls, peer: id, key, clock: systemClock, random }));
    }
    return sealedSignaling(carry(severalSignalings(parts)), { room, peer: id, keys });
  };
  createSignaling((signaling) => signaling).close(); // so that a bad URL is an error of this call

  const errors: MeshError[] = [];
  const store = await openStore(options.store, keys.storeName, errors);
  const records = await loadRecords({
    store,
    scope: keys.storeName,
    locks: webLocks(),
    clock: systemClock,
    failed: (error) => errors.push(error),
    ...{ isCausal, randomBytes },
  });
  if (signal?.aborted === true) {
    records.lease?.release();
    await store.close();
    throwIfAborted(signal);
  }
  return new Mesh({
    id,
    room,
    topic: keys.topic,
    config,
    clock: systemClock,
    random,
    store,
    records,
    transport: options.transport ?? simplePeerTransport(),
    page: browserPage,
    createSignaling,
    iceServers,
    errors,
    signal,
  });
}

/** Tabs of differing consistency meet nowhere, and share no store. */
function causalKeys(keys: RoomKeys): RoomKeys {
  const bound = (topic: string) => toHex(sha256(new TextEncoder().encode(`causal/${topic}`)));
  return {
    ...keys,
    topic: bound(keys.topic),
    lobby: bound(keys.lobby),
    storeName: `${keys.storeName}#causal`,
  };
}

async function openStore(
  choice: MeshOptions['store'],
  name: string,
  errors: MeshError[],
): Promise<Store> {
  if (choice === 'memory') return memoryStore();
  if (typeof choice === 'object') return choice;
  const isBrowser = typeof document !== 'undefined';
  if (choice === undefined && !isBrowser) return memoryStore();
  try {
    return await openIndexedDbStore(name);
  } catch (thrown) {
    if (!(thrown instanceof MeshError)) throw thrown;
    errors.push(thrown);
    return memoryStore();
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new MeshError(
    'aborted',
    'Opening was abandoned through its AbortSignal. Nothing was opened.',
    {
      cause: signal.reason,
    },
  );
}
