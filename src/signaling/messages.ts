/**
 * The signaling protocol, version 1: JSON text, one object a WebSocket message.
 *
 * Imported by the clients and by the server. Types, validators and limits alone, no I/O. The
 * parsers are total: whatever arrives, they return a message of the declared shape, or else to the
 * server the reason why it is none.
 */

import { isPeerId, type PeerId } from '../util/peer-id.ts';

/** The version that `welcome` names. A client leaves a server that speaks another one. */
export const SIGNALING_VERSION = 1;

/** Default limit of one message, in bytes of UTF-8. An SDP with its candidates takes 2 to 6 KB. */
export const MAX_MESSAGE_BYTES = 65_536;

/** Most peers that one `peers` message may name. */
export const MAX_PEERS_TOLD = 64;

/** Most STUN and TURN servers that a `welcome` may announce. */
export const MAX_ICE_SERVERS = 16;

/** Longest URL or credential of an ICE server, and longest text of an error, in characters. */
const MAX_TEXT = 512;

/** WebSocket close code: a newer connection of the same session took this one's place. */
export const CLOSE_REPLACED = 4000;

/** A STUN or TURN server, a subset of `RTCIceServer` that needs no DOM types. */
export interface IceServer {
  readonly urls: string | string[];
  readonly username?: string;
  readonly credential?: string;
}

/** What the server allows one connection, told in `welcome`. */
export interface ConnectionLimits {
  /** Largest message, in bytes of UTF-8; a larger one closes the connection with 1009. */
  readonly messageBytes: number;
  /** Most topics at a time. */
  readonly topics: number;
  /** Messages a second in the long run. */
  readonly messagesPerSecond: number;
  /** Messages at once after a pause. */
  readonly messageBurst: number;
}

/** What a client says. */
export type ClientMessage =
  /** Enter `topic` as `peer`; `key` is the session's proof that a later connection is the same tab. */
  | { type: 'join'; topic: string; peer: PeerId; key: string }
  | { type: 'leave'; topic: string }
  /** Tell me a few more peers of `topic`. */
  | { type: 'find'; topic: string }
  | { type: 'send'; topic: string; to: PeerId; data: string }
  | { type: 'ping' };

/** Why the server refused something. */
export type SignalingErrorCode =
  /** Not a text message of this protocol. Repeated, it closes the connection with 1008. */
  | 'bad-message'
  /** Over the rate; the message was dropped. Repeated, it closes the connection with 1008. */
  | 'rate-limited'
  /** `find` or `send` in a topic that this connection has not joined. */
  | 'not-joined'
  /** The topic has as many peers as the server allows. */
  | 'topic-full'
  /** The connection has as many topics as the server allows. */
  | 'too-many-topics'
  /** The peer id is in the topic already, joined with another key. */
  | 'peer-taken'
  /** Another connection of the same session took this one's place in the topic. */
  | 'replaced'
  /** The server's own rule refused this topic to this client. */
  | 'unauthorized';

/** What the server says. */
export type ServerMessage =
  /** First, and again when time-limited TURN credentials are renewed. */
  | { type: 'welcome'; version: number; iceServers: IceServer[]; limits: ConnectionLimits }
  /** Answer to `join` and `find`: some others at random; `count` is of the whole topic. */
  | { type: 'peers'; topic: string; peers: PeerId[]; count: number }
  | { type: 'message'; topic: string; from: PeerId; data: string }
  | { type: 'unreachable'; topic: string; to: PeerId }
  /** `code` is a `SignalingErrorCode`, or one of a later server. */
  | { type: 'error'; code: string; message: string; topic?: string }
  | { type: 'pong' };

/** Why a text is not a message. */
export interface ParseFailure {
  readonly error: { readonly code: 'bad-message'; readonly message: string };
}

/** Whether `value` is a topic: 64 lower-case hexadecimal digits. */
function isTopic(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
}

/** Whether `value` is a session key: 32 lower-case hexadecimal digits, of 128 random bits. */
function isSessionKey(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{32}$/.test(value);
}

/** Whether `value` is text that may travel as `data`. */
export function isData(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_MESSAGE_BYTES;
}

/** The one text form of a message. */
export function encodeMessage(message: ClientMessage | ServerMessage): string {
  return JSON.stringify(message);
}

/** Reads what a client sent. Never throws. */
export function parseClientMessage(text: string): ClientMessage | ParseFailure {
  const value = parseObject(text);
  if (value === undefined) return failure('a message is one JSON object');
  const { type, topic } = value;
  if (type === 'ping') return { type };
  if (type !== 'join' && type !== 'leave' && type !== 'find' && type !== 'send') {
    return failure('`type` is one of join, leave, find, send, ping');
  }
  if (!isTopic(topic)) return failure('`topic` is 64 lower-case hexadecimal digits');
  if (type === 'leave' || type === 'find') return { type, topic };
  if (type === 'join') {
    const { peer, key } = value;
    if (!isPeerId(peer)) return failure('`peer` is 32 lower-case hexadecimal digits');
    if (!isSessionKey(key)) return failure('`key` is 32 lower-case hexadecimal digits');
    return { type, topic, peer, key };
  }
  const { to, data } = value;
  if (!isPeerId(to)) return failure('`to` is 32 lower-case hexadecimal digits');
  if (!isData(data)) return failure('`data` is text within the limit');
  return { type, topic, to, data };
}

/**
 * Reads what a server sent; `undefined` where it is no message of this protocol, which clients pass over,
 * since a later server may say more. Never throws.
 */
export function parseServerMessage(text: string): ServerMessage | undefined {
  const value = parseObject(text);
  switch (value?.type) {
    case 'pong':
      return { type: 'pong' };
    case 'welcome':
      return parseWelcome(value);
    case 'error':
      return parseError(value);
    case 'peers':
    case 'message':
    case 'unreachable':
      return parseTopical(value.type, value);
    default:
      return undefined;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function parseTopical(
  type: 'peers' | 'message' | 'unreachable',
  value: Fields,
): ServerMessage | undefined {
  const { topic, peers, count, from, to, data } = value;
  if (!isTopic(topic)) return undefined;
  if (type === 'unreachable') return isPeerId(to) ? { type, topic, to } : undefined;
  if (type === 'message') {
    return isPeerId(from) && isData(data) ? { type, topic, from, data } : undefined;
  }
  const isList = Array.isArray(peers) && peers.length <= MAX_PEERS_TOLD && peers.every(isPeerId);
  return isList && isCount(count) ? { type, topic, peers, count } : undefined;
}

function parseWelcome(value: Fields): ServerMessage | undefined {
  const { version, iceServers, limits } = value;
  if (!isCount(version) || !isObject(limits)) return undefined;
  if (!Array.isArray(iceServers) || iceServers.length > MAX_ICE_SERVERS) return undefined;
  const servers: IceServer[] = [];
  for (const item of iceServers) {
    const server = parseIceServer(item);
    if (server === undefined) return undefined;
    servers.push(server);
  }
  const { messageBytes, topics, messagesPerSecond, messageBurst } = limits;
  if (
    !isCount(messageBytes) ||
    !isCount(topics) ||
    !isCount(messagesPerSecond) ||
    !isCount(messageBurst)
  ) {
    return undefined;
  }
  return {
    type: 'welcome',
    version,
    iceServers: servers,
    limits: { messageBytes, topics, messagesPerSecond, messageBurst },
  };
}

function parseError(value: Fields): ServerMessage | undefined {
  const { code, message, topic } = value;
  if (!isShortText(code) || !isShortText(message)) return undefined;
  if (topic === undefined) return { type: 'error', code, message };
  return isTopic(topic) ? { type: 'error', code, message, topic } : undefined;
}

/**
 * An ICE server that `RTCPeerConnection` takes without throwing; `undefined` where `value` is none.
 * TURN needs a name and a credential (WebRTC 1.0, section 4.4.1.6).
 */
export function parseIceServer(value: unknown): IceServer | undefined {
  if (!isObject(value)) return undefined;
  const { urls, username, credential } = value;
  const list: unknown[] = Array.isArray(urls) ? urls : [urls];
  if (list.length === 0 || list.length > MAX_ICE_SERVERS) return undefined;
  const texts: string[] = [];
  for (const url of list) {
    if (!isShortText(url) || !isIceUrl(url)) return undefined;
    texts.push(url);
  }
  if (isShortText(username) && isShortText(credential)) {
    return { urls: texts, username, credential };
  }
  if (username !== undefined || credential !== undefined) return undefined;
  return texts.some(isTurnUrl) ? undefined : { urls: texts };
}

/** Whether `url` is a STUN or TURN URL (RFC 7064, RFC 7065): scheme, host, port, transport. */
export function isIceUrl(url: string): boolean {
  const match =
    /^(?:stuns?:(?:[\w.-]+|\[[\da-f:.]+\])(?::(\d{1,5}))?|turns?:(?:[\w.-]+|\[[\da-f:.]+\])(?::(\d{1,5}))?(?:\?transport=(?:udp|tcp))?)$/i.exec(
      url,
    );
  return match !== null && Number(match[1] ?? match[2] ?? 0) <= 65_535;
}

/** Whether `url` asks for TURN, which needs credentials. */
export function isTurnUrl(url: string): boolean {
  return /^turns?:/i.test(url);
}

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isShortText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT;
}

function failure(message: string): ParseFailure {
  return { error: { code: 'bad-message', message } };
}
