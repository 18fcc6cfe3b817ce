/** The options of `openMesh`, and their judgement before anything is opened. */

import type { Store } from './ports/store.ts';
import type { Transport } from './ports/transport.ts';
import type { ProtocolConfig } from './protocol/config.ts';
import { parseIceServer } from './signaling/messages.ts';
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
  /**
   * `eventual` (the default): a write of another tab is shown when it comes. `causal`: only once all that
   * its writer had seen is shown too. All tabs of a room must choose alike: one of another consistency
   * is another room, with a memory of its own.
   */
  readonly consistency?: 'eventual' | 'causal' | undefined;
  /**
   * `everything` (the default): all that a mesh has can be used as soon as it is open. `documents`: for
   * an app whose room has documents alone, which loads a third less. Shared memory, topics and
   * aggregates are fetched where this device or another tab of the room has them, or where the app calls
   * `mesh.loadEverything()`; before that, `map`, `topic` and their like throw `not-loaded`.
   */
  readonly load?: 'everything' | 'documents' | undefined;
  /** Options of the protocol, each documented in `ProtocolConfig`. */
  readonly config?: Partial<ProtocolConfig> | undefined;
  /** How links are made. Default: WebRTC data channels. For tests and for other networks. */
  readonly transport?: Transport | undefined;
  /** Aborting rejects the opening, or closes the mesh where it is open. */
  readonly signal?: AbortSignal | undefined;
}

const NAMES: readonly string[] = [
  'signaling',
  'secret',
  'store',
  'iceServers',
  'consistency',
  'load',
  'config',
  'transport',
  'signal',
] satisfies (keyof MeshOptions)[];

/**
 * Checks what the layers below do not check themselves (they judge URLs, the secret and `config`).
 * @throws MeshError `bad-argument`; nothing was opened.
 */
export function checkOptions(options: unknown): asserts options is MeshOptions {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw bad('The options of openMesh must be an object');
  }
  for (const name of Object.keys(options)) {
    if (NAMES.includes(name)) continue;
    throw bad(`options.${name} is not an option; there are ${NAMES.join(', ')}`);
  }
  const { signaling, store, iceServers, consistency, load, transport, signal } = options as Record<
    string,
    unknown
  >;
  if (signaling !== undefined && ![signaling].flat().every((url) => typeof url === 'string')) {
    throw bad('options.signaling must be a URL or a list of URLs, as strings');
  }
  if (store !== undefined && store !== 'indexeddb' && store !== 'memory') {
    requireMethod('store', store, 'transact', "'indexeddb', 'memory' or a Store");
  }
  requireOneOf('consistency', consistency, 'eventual', 'causal');
  requireOneOf('load', load, 'everything', 'documents');
  if (iceServers !== undefined) checkIceServers(iceServers);
  if (transport !== undefined) requireMethod('transport', transport, 'dial', 'a Transport');
  if (signal !== undefined) requireMethod('signal', signal, 'addEventListener', 'an AbortSignal');
}

/** As those that a signaling server announces are judged, and before a second tab comes. */
function checkIceServers(servers: unknown): void {
  if (!Array.isArray(servers)) throw bad('options.iceServers must be a list of RTCIceServer');
  for (const [i, server] of servers.entries()) {
    if (parseIceServer(server) !== undefined) continue;
    throw bad(
      `options.iceServers[${i}] must have urls such as turn:turn.example.org:3478, and for TURN a username and a credential`,
    );
  }
}

function requireOneOf(option: string, value: unknown, ...choices: readonly string[]): void {
  if (value === undefined || choices.includes(value as string)) return;
  throw bad(`options.${option} must be ${choices.map((choice) => `'${choice}'`).join(' or ')}`);
}

function requireMethod(option: string, value: unknown, method: string, kind: string): void {
  if (typeof Object(value)[method] === 'function') return;
  throw bad(`options.${option} must be ${kind}`);
}

function bad(what: string): MeshError {
  return new MeshError('bad-argument', `${what}. Nothing was opened.`);
}
