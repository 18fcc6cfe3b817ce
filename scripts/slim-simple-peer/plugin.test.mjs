/** The simple-peer of the package: its source but for what a data channel has no use for, on what browsers give. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import ts from 'typescript';
import { build } from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../lib/run.mjs';

const require = createRequire(import.meta.url);

/** Every name that `code` takes from outside, by TypeScript's own scopes. */
function freeNames(code) {
  // Read as TypeScript, since in a .js file the types that its comments name would count too.
  const ast = ts.createSourceFile('built.ts', code, ts.ScriptTarget.ES2022, true);
  const options = { noLib: true, target: ts.ScriptTarget.ES2022 };
  const program = ts.createProgram(['built.ts'], options, {
    ...ts.createCompilerHost(options),
    getSourceFile: (name) => (name === 'built.ts' ? ast : undefined),
  });
  const unknown =
    /^(?:Cannot find name|No value exists in scope for the shorthand property) '(\w+)'/;
  const names = program
    .getSemanticDiagnostics(ast)
    .map(({ messageText }) => unknown.exec(ts.flattenDiagnosticMessageText(messageText, ''))?.[1]);
  return [...new Set(names)].filter((name) => name !== undefined).sort();
}

describe('names from outside', () => {
  it('are found wherever code reads them, and not where it declares them', () => {
    const code = `
      const Buffer = 1; use(Buffer, { process }, typeof window, x.global);
      function f(global) { return global; }
      class A extends stream.Duplex { process() { return \`\${setImmediate}\`; } }`;
    expect(freeNames(code)).toEqual(['process', 'setImmediate', 'stream', 'use', 'window', 'x']);
  });
});

describe('the simple-peer that the package brings along', () => {
  let chunk;
  let Peer;
  beforeAll(async () => {
    const { output } = (
      await build({
        configFile: `${ROOT}vite.config.ts`,
        mode: 'vendor',
        logLevel: 'warn',
        build: { write: false },
      })
    )[0];
    expect(output).toHaveLength(1);
    chunk = output[0];
    ({ default: Peer } = await import(`data:text/javascript,${encodeURIComponent(chunk.code)}`));
  });

  it('is made of simple-peer and the shims', () => {
    const modules = Object.keys(chunk.modules).filter((id) => !id.startsWith('\0'));
    const own = modules
      .filter((id) => id.includes('/scripts/slim-simple-peer/'))
      .map((id) => basename(id));
    const packages = modules.filter((id) => id.includes('/node_modules/'));
    expect(own.length + packages.length).toBe(modules.length);
    expect(own.sort()).toEqual([
      'buffer.cjs',
      'debug.cjs',
      'err-code.cjs',
      'get-browser-rtc.cjs',
      'queue-microtask.cjs',
      'randombytes.cjs',
      'readable-stream.cjs',
    ]);
    expect(packages.map((id) => id.split('/node_modules/').at(-1))).toEqual([
      'simple-peer/index.js',
    ]);
    expect(chunk.imports).toEqual([]);
  });

  it('has no log, sends no media and reads no statistics; all else of it is there', async () => {
    const { default: Whole } = await import('simple-peer');
    const namesOf = (type) => Object.getOwnPropertyNames(type.prototype).sort();
    const media = ['addStream', 'addTrack', 'addTransceiver'];
    media.push('removeStream', 'removeTrack', 'replaceTrack');
    const others = ['_onInterval', 'getStats', '_debug', 'address', 'connected'];
    others.push('_requestMissingTransceivers');
    const left = namesOf(Whole).filter((name) => !namesOf(Peer).includes(name));
    expect(left).toEqual([...media, ...others].sort());
    expect(chunk.code).not.toMatch(/this\._debug\(/);
    expect(chunk.code).not.toMatch(/stun:/);
  });

  it('reads none of the properties that it lost, but two that may be missing', () => {
    const lost =
      /this\.((?:remote|local)(?:Address|Family|Port)|streams|_remote(?:Tracks|Streams)|_senderMap|_isReactNativeWebrtc|_interval|_iceCompleteTimer|iceCompleteTimeout|sdpTransform|allowHalfTrickle|_sendersAwaitingStable)\b.*/g;
    const lines = [...chunk.code.matchAll(lost)].map(([line]) => line);
    expect(lines).toEqual([
      'this.streams) this.streams.forEach((stream) => {',
      'this._interval);', // to be cleared
    ]);
  });

  it("ends with the browser's own error, which says by its code where it came from", async () => {
    class RTCPeerConnection {
      createDataChannel = () => ({ close: () => undefined });
      createOffer = () => Promise.reject(new DOMException('not now', 'InvalidStateError'));
      close = () => undefined;
    }
    const peer = new Peer({ initiator: true, wrtc: { RTCPeerConnection } });
    const error = await new Promise((resolve) => peer.on('error', resolve));
    expect(error).toBeInstanceOf(DOMException);
    expect([error.code, error.message]).toEqual(['ERR_CREATE_OFFER', 'not now']);
  });

  it('connects once path and channel are open, and sends then what was written before', () => {
    class RTCPeerConnection {
      iceConnectionState = 'new';
      createDataChannel = () => channel;
      createOffer = () => new Promise(() => undefined);
      close = () => undefined;
    }
    const sent = [];
    const channel = { readyState: 'open', bufferedAmount: 0, send: (chunk) => sent.push(chunk) };
    channel.close = () => undefined;
    const peer = new Peer({ initiator: true, objectMode: true, wrtc: { RTCPeerConnection } });
    const told = [];
    peer.on('connect', () => told.push(`connected after ${sent.length}`));
    peer.write(Uint8Array.of(1), () => told.push('written'));
    channel.onopen();
    expect([sent, told]).toEqual([[], []]);
    peer._pc.iceConnectionState = 'connected';
    peer._pc.oniceconnectionstatechange();
    peer._pc.oniceconnectionstatechange();
    expect(sent).toEqual([Uint8Array.of(1)]);
    expect(told).toEqual(['written', 'connected after 1']);
    peer.destroy();
  });

  it('takes nothing from outside but what every browser has', () => {
    // Of Node's: no process, no Buffer, no global.
    const language = ['Array', 'ArrayBuffer', 'Error', 'JSON', 'Map', 'Object'];
    const platform = ['clearInterval', 'console', 'crypto', 'queueMicrotask', 'setInterval'];
    const all = [
      ...language,
      'RTCPeerConnection',
      'Uint8Array',
      ...platform,
      'setTimeout',
      'window',
    ];
    expect(freeNames(chunk.code)).toEqual(all);
  });

  it('names the licence, the author and the version of simple-peer', () => {
    const licence = readFileSync(require.resolve('simple-peer/LICENSE'), 'utf8');
    const [notice] = chunk.code.split('*/');
    expect(notice).toMatch(/^\/\*!/);
    const { version } = require('simple-peer/package.json');
    expect(notice).toContain(`simple-peer ${version} (MIT), Feross Aboukhadijeh`);
    const words = (text) => text.split(/[\s*]+/).join(' ');
    expect(words(notice)).toContain(words(licence).trim());
  });

  it('gives the browser the ICE servers that it is told, none among them, and no others', () => {
    const configs = [];
    class RTCPeerConnection {
      constructor(config) {
        configs.push(config);
      }
      close() {
        this.closed = true;
      }
    }
    for (const iceServers of [[], [{ urls: 'stun:stun.example' }]]) {
      const peer = new Peer({ config: { iceServers }, wrtc: { RTCPeerConnection } });
      expect(configs.pop().iceServers).toEqual(iceServers);
      peer.destroy();
    }
  });
});
