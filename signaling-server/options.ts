/** Options of the signaling server: meaning, defaults, bounds. */

import type { IncomingMessage } from 'node:http';
import { type IceServer, MAX_MESSAGE_BYTES, MAX_PEERS_TOLD } from '../src/signaling/messages.ts';
import { MeshError } from '../src/util/errors.ts';
import {
  A_FUNCTION,
  AN_OBJECT,
  checkFields,
  type Rule,
  TRUE_OR_FALSE,
  whole,
  withDefaults,
} from '../src/util/option-rules.ts';
import type { Random } from '../src/util/random.ts';
import { checkIceServers } from './ice.ts';

/** Caps of the server. Memory is bounded by them; every one is a whole number. */
export interface SignalingServerLimits {
  /** Largest message, in bytes; a larger one closes its connection with 1009. Default 65,536; 4,096 to 65,536. */
  readonly messageBytes: number;
  /** Peers told in answer to `join` and `find`. Default 8; 1 to 64. */
  readonly peersTold: number;
  /** Default 10,000; 2 to 1,000,000. */
  readonly peersPerTopic: number;
  /** Default 8; a tab takes two a room. 1 to 1,024. */
  readonly topicsPerConnection: number;
  /** Default 10,000; 1 to 1,000,000. Above it a connection is refused with HTTP 503. */
  readonly connections: number;
  /** Default 512, as many people share an address; 1 to 1,000,000. Above it: HTTP 429. */
  readonly connectionsPerAddress: number;
  /** Messages a second of one connection in the long run. Default 60; 1 to 100,000. */
  readonly messagesPerSecond: number;
  /** Messages of one connection at once after a pause. Default 300; 1 to 100,000. */
  readonly messageBurst: number;
  /** Offences at once after which a connection is closed with 1008; one a second is forgiven. Default 20; 1 to 1,000. */
  readonly offences: number;
  /** Unsent bytes above which a client that does not read is dropped. Default 1 MiB; 64 KiB to 1 GiB. */
  readonly bufferedBytes: number;
}

/** Options of `createSignalingServer`; all may be left out. */
export interface SignalingServerOptions {
  /** TCP port; 0 takes any free one. Default 4444. */
  readonly port?: number | undefined;
  /** Address to listen on. Default `127.0.0.1`, this machine alone; `0.0.0.0` opens to the network. */
  readonly host?: string | undefined;
  /** STUN and TURN servers announced to tabs, up to 16. Default: none. */
  readonly iceServers?: readonly IceServer[] | undefined;
  /** The TURN server's shared secret (coturn `static-auth-secret`), for `turn:` URLs without credential. */
  readonly turnSecret?: string | undefined;
  /** Life of such a credential in seconds. Default 3,600; 60 to 86,400. */
  readonly turnTtlSeconds?: number | undefined;
  /** Origins whose pages may connect, as browsers write them. Default: any, also clients that name none. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Whether this request may join `topic`. Throwing counts as no. Default: yes. */
  readonly authorize?:
    | ((request: IncomingMessage, topic: string) => boolean | Promise<boolean>)
    | undefined;
  /** Takes the last `X-Forwarded-For` entry as a client's address. Only behind a proxy that sets it. Default false. */
  readonly trustProxy?: boolean | undefined;
  readonly limits?: Partial<SignalingServerLimits> | undefined;
  /** Seconds between WebSocket pings; a client that missed one is dropped. Default 30; 1 to 3,600. */
  readonly heartbeatSeconds?: number | undefined;
  /** Chooses which peers are told. Default `Math.random`. */
  readonly random?: Random | undefined;
  /** Failures of `authorize` and of the listening socket. Default: a process warning. */
  readonly onError?: ((error: MeshError) => void) | undefined;
}

/** Options with defaults filled in and bounds checked. */
export interface ResolvedOptions {
  readonly port: number;
  readonly host: string;
  readonly iceServers: readonly IceServer[];
  readonly turnSecret: string | undefined;
  readonly turnTtlSeconds: number;
  readonly allowedOrigins: ReadonlySet<string> | undefined;
  readonly authorize: SignalingServerOptions['authorize'];
  readonly trustProxy: boolean;
  readonly limits: SignalingServerLimits;
  readonly heartbeatSeconds: number;
  readonly random: Random;
  readonly onError: (error: MeshError) => void;
}

const DEFAULT_LIMITS: SignalingServerLimits = {
  messageBytes: MAX_MESSAGE_BYTES,
  peersTold: 8,
  peersPerTopic: 10_000,
  topicsPerConnection: 8,
  connections: 10_000,
  connectionsPerAddress: 512,
  messagesPerSecond: 60,
  messageBurst: 300,
  offences: 20,
  bufferedBytes: 1_048_576,
};

const LIMIT_RULES: Readonly<Record<keyof SignalingServerLimits, Rule>> = {
  messageBytes: whole(4_096, MAX_MESSAGE_BYTES),
  peersTold: whole(1, MAX_PEERS_TOLD),
  peersPerTopic: whole(2, 1_000_000),
  topicsPerConnection: whole(1, 1_024),
  connections: whole(1, 1_000_000),
  connectionsPerAddress: whole(1, 1_000_000),
  messagesPerSecond: whole(1, 100_000),
  messageBurst: whole(1, 100_000),
  offences: whole(1, 1_000),
  bufferedBytes: whole(65_536, 1_073_741_824),
};

const RULES: Readonly<Record<keyof SignalingServerOptions, Rule>> = {
  port: whole(0, 65_535),
  // Node takes an empty one for all addresses of the machine.
  host: ['an address to listen on, such as 127.0.0.1', (value) => isText(value) && value !== ''],
  iceServers: ['a list of objects with `urls`', (value) => isListOf(value, hasUrls)],
  turnSecret: ['a string', isText],
  turnTtlSeconds: whole(60, 86_400),
  allowedOrigins: [
    'a list of origins such as https://a.example',
    (value) => isListOf(value, isText),
  ],
  authorize: A_FUNCTION,
  trustProxy: TRUE_OR_FALSE,
  limits: AN_OBJECT,
  heartbeatSeconds: whole(1, 3_600),
  random: A_FUNCTION,
  onError: A_FUNCTION,
};

const UNCHANGED = 'Nothing was started.';

/**
 * Fills in defaults.
 * @throws MeshError `bad-argument` for an option that there is not, of another type, or out of bounds.
 */
export function resolveOptions(options: SignalingServerOptions): ResolvedOptions {
  checkFields('options', options, RULES, UNCHANGED, 'The options of createSignalingServer');
  const limits = options.limits ?? {};
  checkFields('options.limits', limits, LIMIT_RULES, UNCHANGED);
  return {
    port: options.port ?? 4_444,
    host: options.host ?? '127.0.0.1',
    iceServers: checkIceServers(options.iceServers ?? [], options.turnSecret),
    turnSecret: options.turnSecret,
    turnTtlSeconds: options.turnTtlSeconds ?? 3_600,
    allowedOrigins: checkOrigins(options.allowedOrigins),
    authorize: options.authorize,
    trustProxy: options.trustProxy ?? false,
    limits: withDefaults(DEFAULT_LIMITS, limits),
    heartbeatSeconds: options.heartbeatSeconds ?? 30,
    random: options.random ?? Math.random,
    onError: options.onError ?? ((error) => process.emitWarning(error)),
  };
}

function checkOrigins(origins: readonly string[] | undefined): ReadonlySet<string> | undefined {
  for (const origin of origins ?? []) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new MeshError(
        'bad-argument',
        `"${origin}" is not an origin such as https://example.org, with no path and no slash at ` +
          'its end. Nothing was started.',
      );
    }
  }
  return origins === undefined ? undefined : new Set(origins);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isListOf(value: unknown, holds: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(holds);
}

/** Whether `urls` is there to be judged: a text, or texts. */
function hasUrls(server: unknown): boolean {
  const { urls } = Object(server) as { urls?: unknown };
  return [urls].flat().every(isText);
}
