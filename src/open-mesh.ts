/** `openMesh`: from options to an open Mesh. */

import { Mesh } from './mesh.ts';
import type { Signaling } from './ports/signaling.ts';
import type { Store } from './ports/store.ts';
import type { Transport } from './ports/transport.ts';
import { type ProtocolConfig, resolveConfig } from './protocol/config.ts';
import { newPeerId, systemClock, systemRandom } from './runtime/system.ts';
import { broadcastChannelSignaling } from './signaling/broadcast-channel.ts';
import { sealedSignaling } from './signaling/sealed.ts';
import { deriveRoomKeys } from './signaling/secret.ts';
import { severalSignalings } from './signaling/several.ts';
import { webSocketSignaling } from './signaling/websocket.ts';
import { openIndexedDbStore } from './storage/indexeddb.ts';
import { memoryStore } from './storage/memory.ts';
import { simplePeerTransport } from './transport/simple-peer.ts';
import { MeshError } from './util/errors.ts';

/** Options of `openMesh`; all may be left out. */
export interface MeshOptions {
  /**
   * Signaling servers: a `ws:` or `wss:` URL, or several, all of which are joined. Without one,
   * tabs of this browser find each other and no others.
   */
  readonly signaling?: string | readonly string[] | undefined;
  /**
   * A secret that all tabs of the room must share. What passes through signaling is sealed with it
   * (PBKDF2, HKDF, AES-GCM), so that the server can neither join nor read nor sit in the middle.
   * Needs a secure context: https or localhost.
   */
  readonly secret?: string | undefined;
  /**
   * Where memory is kept: `indexeddb` (the default in browsers), `memory`, or a store of the app's
   * own. Where IndexedDB cannot be used the tab goes on in memory, with an `error` event.
   */
  readonly store?: 'indexeddb' | 'memory' | Store | undefined;
  /**
   * STUN and TURN servers for connections across networks. Default: those that the signaling server
   * announces (`mnemesh-signaling --ice`), and none where it announces none; no third party is
   * ever contacted unnamed.
   */
  readonly iceServers?: readonly RTCIceServer[] | undefined;
  /** Options of the protocol, each documented in `ProtocolConfig`. */
  readonly config?: Partial<ProtocolConfig> | undefined;
  /** How links are made. Default: WebRTC data channels. For tests and for other networks. */
  readonly transport?: Transport | undefined;
  /** Aborting rejects the opening, or closes the mesh where it is open. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens `room` in this tab. Resolves when local memory is at hand, without waiting for the network.
 * Opening the same room twice gives two meshes that link with each other.
 *
 * @param room - The room's name: 1 to 1,024 characters. All tabs that open it share one memory.
 * @throws MeshError `bad-argument` for a room or option that cannot be used, `unsupported` for a
 * secret without WebCrypto, `aborted` through `options.signal`. Nothing was opened.
 */
export async function openMesh(room: string, options: MeshOptions = {}): Promise<Mesh> {
  if (typeof options !== 'object' || options === null) {
    throw new MeshError(
      'bad-argument',
      'The options of openMesh must be an object. Nothing was opened.',
    );
  }
  const { secret, signal } = options;
  requireMethod('signal', signal, 'addEventListener', 'an AbortSignal');
  requireMethod('transport', options.transport, 'dial', 'a Transport');
  throwIfAborted(signal);
  const config = resolveConfig(options.config);
  const iceServers = checkIceServers(options.iceServers);
  const keys = await deriveRoomKeys(room, secret);
  const id = newPeerId();
  const random = systemRandom();
  const urls = options.signaling === undefined ? [] : [options.signaling].flat();
  const createSignaling = (): Signaling => {
    const parts: Signaling[] = [broadcastChannelSignaling({ peer: id, random })];
    if (urls.length > 0) {
      parts.push(webSocketSignaling({ urls, peer: id, clock: systemClock, random }));
    }
    return sealedSignaling(severalSignalings(parts), { room, peer: id, keys });
  };
  createSignaling().close(); // so that a bad URL is an error of this call

  const errors: MeshError[] = [];
  const store = await openStore(options.store, keys.storeName, errors);
  if (signal?.aborted === true) {
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
    transport: options.transport ?? simplePeerTransport(),
    createSignaling,
    iceServers,
    errors,
    signal,
  });
}

async function openStore(
  choice: MeshOptions['store'],
  name: string,
  errors: MeshError[],
): Promise<Store> {
  if (choice === 'memory') return memoryStore();
  if (typeof choice === 'object' && choice !== null) {
    requireMethod('store', choice, 'transact', 'a Store');
    return choice;
  }
  if (choice !== undefined && choice !== 'indexeddb') {
    throw new MeshError(
      'bad-argument',
      `options.store is ${String(choice)}; it must be 'indexeddb', 'memory' or a Store. Nothing was opened.`,
    );
  }
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

function checkIceServers(
  servers: readonly RTCIceServer[] | undefined,
): readonly RTCIceServer[] | undefined {
  if (servers === undefined || Array.isArray(servers)) return servers;
  throw new MeshError(
    'bad-argument',
    'options.iceServers must be a list of RTCIceServer. Nothing was opened.',
  );
}

function requireMethod(option: string, value: unknown, method: string, kind: string): void {
  if (value === undefined || typeof Object(value)[method] === 'function') return;
  throw new MeshError(
    'bad-argument',
    `options.${option} is not ${kind}: it has no ${method}(). Nothing was opened.`,
  );
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
