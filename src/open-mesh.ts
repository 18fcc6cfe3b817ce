/** `openMesh`: from options to an open Mesh. */

import type { LoadedEverything } from './everything.ts';
import { Mesh, NEED } from './mesh.ts';
import { checkOptions, type MeshOptions } from './mesh-options.ts';
import type { Signaling } from './ports/signaling.ts';
import type { Store } from './ports/store.ts';
import { resolveConfig } from './protocol/config.ts';
import { areRecordsStored } from './records/stored.ts';
import { browserPage } from './runtime/page-life.ts';
import { newPeerId, randomBytes, systemClock, systemRandom } from './runtime/system.ts';
import { broadcastChannelSignaling } from './signaling/broadcast-channel.ts';
import { lobbySignaling } from './signaling/lobby-signaling.ts';
import { deriveRoomKeys, type RoomKeys } from './signaling/secret.ts';
import { severalSignalings } from './signaling/several.ts';
import { webSocketSignaling } from './signaling/websocket.ts';
import { openIndexedDbStore } from './storage/indexeddb.ts';
import { simplePeerTransport } from './transport/simple-peer.ts';
import { toHex } from './util/bytes.ts';
import { loadPart, MeshError } from './util/errors.ts';
import { sha256 } from './util/sha256.ts';

/**
 * Opens `room` in this tab. Resolves when local memory is at hand, without waiting for the network.
 * Opening the same room twice gives two meshes that link with each other.
 *
 * @param room - The room's name: 1 to 1,024 characters. All tabs that open it share one memory.
 * @throws MeshError `bad-argument` for a room or option that cannot be used, `unsupported` for a
 * secret without WebCrypto, `not-loaded` where a part of this library cannot be fetched, `aborted`
 * through `options.signal`. Nothing was opened.
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
    const { lobby, seal, sealedSignaling } = keys;
    const options = { room, peer: id, lobby, seal };
    const signaling = lobbySignaling(carry(severalSignalings(parts)), options);
    if (seal === undefined || sealedSignaling === undefined) return signaling;
    return sealedSignaling(signaling, { peer: id, seal });
  };
  createSignaling((signaling) => signaling).close(); // so that a bad URL is an error of this call

  const isDeferred = options.load === 'documents';
  // Fetched while the store is opened; what fails here fails again below.
  if (!isDeferred) void Promise.allSettled([everythingCode()]);
  const errors: MeshError[] = [];
  const store = await openStore(options.store, keys.storeName, errors);
  const load = async (failed: (error: MeshError) => void): Promise<LoadedEverything> => {
    const { loadEverything } = await everythingCode();
    const scope = keys.storeName;
    return loadEverything({ store, scope, clock: systemClock, failed, isCausal, randomBytes });
  };
  let everything: LoadedEverything | undefined;
  try {
    if (!isDeferred) everything = await load((error) => errors.push(error));
  } catch (thrown) {
    await store.close();
    throw thrown;
  }
  const isNeeded = isDeferred && (await holdsRecords(store));
  if (signal?.aborted === true) {
    everything?.release();
    await store.close();
    throwIfAborted(signal);
  }
  const mesh = new Mesh({
    id,
    room,
    topic: keys.topic,
    config,
    clock: systemClock,
    random,
    store,
    everything: everything ?? load,
    transport: options.transport ?? simplePeerTransport(),
    page: browserPage,
    createSignaling,
    iceServers,
    errors,
    signal,
  });
  if (isNeeded) await mesh[NEED]();
  if (signal?.aborted === true) await mesh.close();
  throwIfAborted(signal);
  return mesh;
}

const everythingCode = () =>
  loadPart('shared memory, topics and aggregates', () => import('./everything.ts'));

/** Whether shared memory is needed for what is stored; it is where that cannot be told. */
async function holdsRecords(store: Store): Promise<boolean> {
  try {
    return await areRecordsStored(store);
  } catch (thrown) {
    if (!(thrown instanceof MeshError)) throw thrown;
    return true;
  }
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
  if (choice === 'memory') return openMemoryStore();
  if (typeof choice === 'object') return choice;
  const isBrowser = typeof document !== 'undefined';
  if (choice === undefined && !isBrowser) return openMemoryStore();
  try {
    return await openIndexedDbStore(name);
  } catch (thrown) {
    if (!(thrown instanceof MeshError)) throw thrown;
    errors.push(thrown);
    return openMemoryStore();
  }
}

async function openMemoryStore(): Promise<Store> {
  const { memoryStore } = await loadPart('a store in memory', () => import('./storage/memory.ts'));
  return memoryStore();
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
