/**
 * Builds simple-peer from its source for browsers, without the polyfills of Node's modules that fill
 * four fifths of its own bundle: it needs so little of them that the files beside this one serve it.
 * What a data channel has no use for goes too, a third of what is left: its log, its media, and a search
 * for the addresses of both ends that holds up its `connect`.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { normalizePath, type Plugin } from 'vite';

/** How src/transport/simple-peer.ts, the one importer, names simple-peer. */
export const SIMPLE_PEER = 'simple-peer/simplepeer.min.js';

const { resolve } = createRequire(import.meta.url);
/** Path of simple-peer's one source file. */
export const SIMPLE_PEER_SOURCE = normalizePath(resolve('simple-peer'));

/** The packages that it needs, each with a shim here, by its file's name. */
const SHIMMED = new Set([
  ...['buffer', 'debug', 'err-code', 'get-browser-rtc'],
  ...['queue-microtask', 'randombytes', 'readable-stream'],
]);

/** Methods that an app with media calls, or nobody here, and those that what is replaced below does. */
const UNUSED = [
  ...['addStream', 'addTrack', 'replaceTrack', 'removeTrack', 'removeStream', 'addTransceiver'],
  ...['getStats', '_onInterval', 'address', 'connected', '_debug'],
  '_requestMissingTransceivers',
];

/**
 * What it does where a track comes, which nobody here listens to; where its stream is ended, which happens
 * in `destroy` alone; and where candidates are waited for, which is never.
 */
const EMPTY = ['_onTrack', '_onFinish', '_startIceCompleteTimeout'];

/**
 * Properties of its class: a question for WebRTC, asked when it is imported, on a server too, and ICE
 * servers of third parties.
 */
const STATICS = ['WEBRTC_SUPPORT', 'config'];

/** Properties of its instances that nothing reads which is left. */
const FIELDS = new Set([
  ...['remoteAddress', 'remoteFamily', 'remotePort', 'localAddress', 'localFamily', 'localPort'],
  ...['streams', '_remoteTracks', '_remoteStreams', '_senderMap', '_isReactNativeWebrtc'],
  ...['_interval', '_iceCompleteTimer', 'iceCompleteTimeout', 'sdpTransform', 'allowHalfTrickle'],
  '_sendersAwaitingStable',
]);

/**
 * In the place of the method that, once path and channel are open, looks in the statistics for the
 * addresses of both ends, again each 100 ms until they are there, and then says `connect`. It also sees
 * to browsers without `bufferedamountlow`, which are none any more.
 */
const MAYBE_READY = `_maybeReady () {
    if (this._connected || !this._pcReady || !this._channelReady) return
    this._connected = true
    const { _chunk: early, _cb: done } = this
    this._chunk = this._cb = null
    if (early) this._write(early, null, done)
    this.emit('connect')
  }`;

/**
 * In the place of two methods that are alike, and can wait for all candidates and change descriptions:
 * candidates are told one by one, and nobody changes descriptions.
 */
const DESCRIBE = `_createOffer () {
    this._describe('Offer', this.offerOptions)
  }

  _createAnswer () {
    this._describe('Answer', this.answerOptions)
  }

  _describe (what, options) {
    if (this.destroyed) return
    const fail = code => err => this.destroy(errCode(err, code))
    this._pc['create' + what](options).then(description => {
      if (this.destroyed) return
      this._pc.setLocalDescription(description).then(() => {
        if (this.destroyed) return
        const { type, sdp } = this._pc.localDescription || description
        this.emit('signal', { type, sdp })
      }).catch(fail('ERR_SET_LOCAL_DESCRIPTION'))
    }).catch(fail('ERR_CREATE_' + what.toUpperCase()))
  }`;

/** In the place of the method that besides takes tracks off, and tells of each state. */
const SIGNALING_STATE = `_onSignalingStateChange () {
    if (this.destroyed || this._pc.signalingState !== 'stable') return
    this._isNegotiating = false
    if (!this._queuedNegotiation) return
    this._queuedNegotiation = false
    this._needsNegotiation()
  }`;

/** What stands in the place of methods. */
const REPLACED = new Map([
  ...UNUSED.map((name) => [name, ''] as const),
  ...EMPTY.map((name) => [name, `${name} () {}`] as const),
  ['_maybeReady', MAYBE_READY],
  ['_createOffer', DESCRIBE],
  ['_createAnswer', ''],
  ['_onSignalingStateChange', SIGNALING_STATE],
]);

interface Member {
  readonly object?: { readonly type: string; readonly name?: string };
  readonly property?: { readonly name?: string };
}

/** A node of the syntax tree (ESTree), as far as it is looked at here. */
interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly key?: { readonly name?: string };
  readonly expression?: SyntaxNode;
  readonly callee?: Member;
  readonly left?: Member;
}

/** `code` without its log, `STATICS` and `FIELDS`, and with what is in the place of methods. */
function withoutUnused(code: string, ast: SyntaxNode): string {
  let kept = '';
  let at = 0;
  const visit = (node: SyntaxNode): void => {
    const { callee, left } = node.expression ?? {};
    const isLog = callee?.property?.name === '_debug';
    const isStatic = left?.object?.name === 'Peer' && STATICS.includes(left.property?.name ?? '');
    const isField =
      left?.object?.type === 'ThisExpression' && FIELDS.has(left.property?.name ?? '');
    const method = node.type === 'MethodDefinition' ? node.key?.name : undefined;
    const replacement = isLog || isStatic || isField ? '' : REPLACED.get(method ?? '');
    if (replacement !== undefined) {
      kept += code.slice(at, node.start) + replacement;
      at = node.end;
      return;
    }
    for (const part of Object.values(node).flat()) {
      if (typeof part?.type === 'string') visit(part);
    }
  };
  visit(ast);
  return kept + code.slice(at);
}

/** Puts simple-peer's source, on shims, in the place of its bundle. The dev server keeps the bundle. */
export function slimSimplePeer(): Plugin {
  return {
    name: 'slim-simple-peer',
    apply: 'build',
    // Before Vite would put a stub in the place of Node's `buffer`.
    enforce: 'pre',
    resolveId(id, importer) {
      if (id === SIMPLE_PEER) return SIMPLE_PEER_SOURCE;
      if (importer !== SIMPLE_PEER_SOURCE || !SHIMMED.has(id)) return undefined;
      return normalizePath(fileURLToPath(new URL(`${id}.cjs`, import.meta.url)));
    },
    transform(code, id) {
      if (id !== SIMPLE_PEER_SOURCE) return undefined;
      return { code: withoutUnused(code, this.parse(code)), map: null };
    },
  };
}

/** What a file that holds simple-peer has to say of its licence, as a legal comment. */
export function licenceNotice(): string {
  const manifest = readFileSync(resolve('simple-peer/package.json'), 'utf8');
  const { version, author, license } = JSON.parse(manifest);
  const text = readFileSync(resolve('simple-peer/LICENSE'), 'utf8').trim();
  const lines = [`simple-peer ${version} (${license}), ${author.name}`, '', ...text.split('\n')];
  return `/*!\n${lines.map((line) => ` * ${line}`.trimEnd()).join('\n')}\n */`;
}
