import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../util/testing/runs.ts';
import {
  type ClientMessage,
  encodeMessage,
  isIceUrl,
  MAX_PEERS_TOLD,
  parseClientMessage,
  parseIceServer,
  parseServerMessage,
  type ServerMessage,
} from './messages.ts';
import { peerOf, topicOf } from './signaling.contract.ts';

const topic = topicOf('a');
const peer = peerOf('1');

const clientMessages: ClientMessage[] = [
  { type: 'join', topic, peer, key: peerOf('2') },
  { type: 'leave', topic },
  { type: 'find', topic },
  { type: 'send', topic, to: peer, data: 'text' },
  { type: 'ping' },
];

const limits = { messageBytes: 65_536, topics: 8, messagesPerSecond: 60, messageBurst: 300 };
const serverMessages: ServerMessage[] = [
  { type: 'welcome', version: 1, iceServers: [], limits },
  {
    type: 'welcome',
    version: 1,
    iceServers: [{ urls: ['turn:turn.example.org:3478'], username: '1', credential: 'c' }],
    limits,
  },
  { type: 'peers', topic, peers: [peer], count: 2 },
  { type: 'message', topic, from: peer, data: '' },
  { type: 'unreachable', topic, to: peer },
  { type: 'error', code: 'topic-full', message: 'full', topic },
  { type: 'error', code: 'bad-message', message: 'bad' },
  { type: 'pong' },
];

/** Random JSON, and messages with one field replaced by random JSON. */
const hostile = fc.oneof(
  fc.string(),
  fc.json(),
  fc
    .tuple(
      fc.constantFrom(...clientMessages, ...serverMessages),
      fc.constantFrom('type', 'topic', 'peer', 'key', 'to', 'from', 'data', 'peers', 'iceServers'),
      fc.jsonValue(),
    )
    .map(([message, field, value]) => JSON.stringify({ ...message, [field]: value })),
);

describe('parsers', () => {
  it('read back every message as it was written', () => {
    for (const one of clientMessages) expect(parseClientMessage(encodeMessage(one))).toEqual(one);
    for (const one of serverMessages) expect(parseServerMessage(encodeMessage(one))).toEqual(one);
  });

  it('answer any text with a message that reads back the same, or with none', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const client = parseClientMessage(text);
        if (!('error' in client)) {
          expect(parseClientMessage(encodeMessage(client))).toEqual(client);
        }
        const server = parseServerMessage(text);
        if (server !== undefined) {
          expect(parseServerMessage(encodeMessage(server))).toEqual(server);
        }
      }),
      { numRuns: runs(2_000) },
    );
  });

  it('leave out fields that the message does not have', () => {
    const text = JSON.stringify({ type: 'find', topic, extra: 1 });
    expect(parseClientMessage(text)).toEqual({ type: 'find', topic });
  });

  it.each([
    ['an upper-case topic', { type: 'find', topic: topicOf('A') }],
    ['a short peer id', { type: 'join', topic, peer: '12', key: peer }],
    ['a missing key', { type: 'join', topic, peer }],
    ['data that is not text', { type: 'send', topic, to: peer, data: {} }],
    ['data over the limit', { type: 'send', topic, to: peer, data: 'x'.repeat(65_537) }],
    ['an unknown type', { type: 'sing', topic }],
    ['a list', []],
    ['null', null],
  ])('refuse %s from a client', (_name, value) => {
    expect(parseClientMessage(JSON.stringify(value))).toMatchObject({
      error: { code: 'bad-message' },
    });
  });

  it.each([
    [
      'more peers than may be told',
      { type: 'peers', topic, peers: Array(MAX_PEERS_TOLD + 1).fill(peer), count: 99 },
    ],
    ['a negative count', { type: 'peers', topic, peers: [], count: -1 }],
    ['an error of endless text', { type: 'error', code: 'x', message: 'y'.repeat(1_000) }],
    [
      'TURN without a credential, on which RTCPeerConnection throws',
      { type: 'welcome', version: 1, iceServers: [{ urls: 'turn:example.org' }], limits },
    ],
  ])('refuse %s from a server', (_name, value) => {
    expect(parseServerMessage(JSON.stringify(value))).toBeUndefined();
  });
});

describe('isIceUrl', () => {
  it.each([
    'stun:stun.example.org',
    'stun:192.0.2.1:3478',
    'stuns:[2001:db8::1]:5349',
    'turn:turn.example.org:3478?transport=udp',
    'turns:turn.example.org?transport=tcp',
  ])('takes %s', (url) => expect(isIceUrl(url)).toBe(true));

  it.each([
    'http://example.org',
    'stun://example.org',
    'stun:',
    'stun:example.org:99999',
    'stun:example.org?transport=udp',
    'turn:example.org?transport=tls',
    'turn:user@example.org',
    'javascript:alert(1)',
  ])('refuses %s', (url) => expect(isIceUrl(url)).toBe(false));
});

describe('parseIceServer', () => {
  it('takes TURN with a name and a credential, and STUN without', () => {
    expect(parseIceServer({ urls: 'stun:a.example' })).toEqual({ urls: ['stun:a.example'] });
    const turn = { urls: ['turn:a.example'], username: 'u', credential: 'c' };
    expect(parseIceServer(turn)).toEqual(turn);
    expect(parseIceServer({ urls: ['turn:a.example'], username: 'u' })).toBeUndefined();
    expect(parseIceServer({ urls: [] })).toBeUndefined();
  });
});
