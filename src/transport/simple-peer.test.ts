import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Connection, SignalData } from '../ports/transport.ts';
import type { MeshError } from '../util/errors.ts';
import { simplePeerTransport } from './simple-peer.ts';

/** The library is loaded at the first dial, which takes a busy machine more than vitest's second. */
const PATIENCE = { timeout: 10_000, interval: 5 };

/** Stands in for simple-peer: notes what it is told, and does what it is made to. */
class FakePeer extends EventEmitter {
  static made: FakePeer[] = [];
  readonly options: Record<string, unknown>;
  readonly signals: SignalData[] = [];
  readonly written: { bytes: Uint8Array; done: () => void }[] = [];
  bufferSize = 0;
  negotiations = 0;
  destroyed = false;
  refusal: Error | undefined;

  constructor(options: Record<string, unknown>) {
    super();
    this.options = options;
    FakePeer.made.push(this);
  }

  signal(data: SignalData): void {
    if (this.refusal !== undefined) throw this.refusal;
    this.signals.push(data);
  }

  negotiate(): void {
    this.negotiations++;
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.written.push({ bytes, done });
  }

  destroy(error?: Error): void {
    if (this.destroyed) return;
    this.destroyed = true;
    queueMicrotask(() => {
      if (error !== undefined) this.emit('error', error);
      this.emit('close');
    });
  }
}

vi.mock('simple-peer/simplepeer.min.js', () => {
  // Called before this file runs, so that FakePeer is looked up later.
  const make = (options: Record<string, unknown>) => new FakePeer(options);
  return {
    default: function SimplePeer(options: Record<string, unknown>) {
      return make(options);
    },
  };
});

class Dialed {
  readonly told: string[] = [];
  readonly signals: SignalData[] = [];
  error: MeshError | undefined;
  readonly connection: Connection;

  constructor(initiator = true, iceServers: RTCIceServer[] = []) {
    this.connection = simplePeerTransport().dial(
      { initiator, iceServers, maxFrameBytes: 1024 * 1024 },
      {
        signal: (data) => this.signals.push(data),
        open: () => this.told.push('open'),
        frame: (frame) => this.told.push(`frame ${frame.join()}`),
        interrupted: (broken) => this.told.push(broken ? 'broken' : 'whole'),
        close: (error) => {
          this.told.push('close');
          this.error = error;
        },
      },
    );
  }
}

async function peerOf(): Promise<FakePeer> {
  await vi.waitFor(() => expect(FakePeer.made).toHaveLength(1), PATIENCE);
  return FakePeer.made[0] as FakePeer;
}

async function opened(initiator = true): Promise<{ dialed: Dialed; peer: FakePeer }> {
  const dialed = new Dialed(initiator);
  const peer = await peerOf();
  peer.emit('connect');
  return { dialed, peer };
}

const coded = (code: string, message = 'why') => Object.assign(new Error(message), { code });

beforeEach(() => {
  FakePeer.made = [];
  vi.stubGlobal('RTCPeerConnection', class {});
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('dialing', () => {
  it('closes as unsupported, later and once, where there is no WebRTC', async () => {
    vi.stubGlobal('RTCPeerConnection', undefined);
    const dialed = new Dialed();
    expect(dialed.told).toEqual([]);
    await vi.waitFor(() => expect(dialed.told).toEqual(['close']), PATIENCE);
    expect(dialed.error?.code).toBe('unsupported');
    dialed.connection.close();
    expect(FakePeer.made).toEqual([]);
  });

  it('names its ICE servers even where there are none, since the defaults are third parties', async () => {
    new Dialed();
    expect((await peerOf()).options).toMatchObject({
      initiator: true,
      trickle: true,
      config: { iceServers: [] },
    });
    FakePeer.made = [];
    new Dialed(false, [{ urls: 'stun:stun.example' }]);
    expect((await peerOf()).options).toMatchObject({
      initiator: false,
      config: { iceServers: [{ urls: 'stun:stun.example' }] },
    });
  });

  it('takes 256 candidates for a description, and passes over what comes beyond', async () => {
    const dialed = new Dialed(false);
    dialed.connection.signal({ type: 'offer', sdp: 'v=0' });
    for (let i = 0; i < 400; i++) {
      dialed.connection.signal({ type: 'candidate', candidate: { candidate: `c${i}` } });
    }
    const { signals } = await peerOf();
    expect(signals[0]).toEqual({ type: 'offer', sdp: 'v=0' });
    expect(signals[1]).toEqual({
      type: 'candidate',
      candidate: { candidate: 'c0', sdpMLineIndex: 0 },
    });
    expect(signals).toHaveLength(1 + 256);
  });

  it('ends its peer when it is closed before it is open, which is no error', async () => {
    const dialed = new Dialed();
    dialed.connection.close();
    await vi.waitFor(() => expect(dialed.told).toEqual(['close']), PATIENCE);
    expect((await peerOf()).destroyed).toBe(true);
    expect(dialed.error).toBeUndefined();
  });
});

describe('signals', () => {
  it('reach an initiator only as one answer to each of its offers', async () => {
    const dialed = new Dialed();
    const peer = await peerOf();
    dialed.connection.signal({ type: 'answer', sdp: 'early' });
    peer.emit('signal', { type: 'offer', sdp: 'v=0' });
    await vi.waitFor(() => expect(dialed.signals).toHaveLength(1), PATIENCE);
    dialed.connection.signal({ type: 'offer', sdp: 'out of turn' });
    dialed.connection.signal({ type: 'answer', sdp: 'one' });
    dialed.connection.signal({ type: 'answer', sdp: 'two' });
    expect(peer.signals).toEqual([{ type: 'answer', sdp: 'one' }]);
  });

  it('are a description with the candidates that come right after it, and later ones by themselves', async () => {
    const dialed = new Dialed();
    const peer = await peerOf();
    const candidate = (n: number) => ({
      type: 'candidate',
      candidate: { candidate: `candidate:${n}` },
    });
    peer.emit('signal', { type: 'offer', sdp: 'v=0\r\n' });
    for (const n of [1, 2]) peer.emit('signal', candidate(n));
    expect(dialed.signals).toEqual([]);
    await vi.waitFor(() => expect(dialed.signals).not.toEqual([]), PATIENCE);
    peer.emit('signal', candidate(3));
    const sdp = 'v=0\r\na=candidate:1\r\na=candidate:2\r\n';
    expect(dialed.signals).toEqual([{ type: 'offer', sdp }, candidate(3)]);
  });

  it('are a description alone where no candidate comes, and nothing where the connection was closed', async () => {
    const [dialed, closed] = [new Dialed(), new Dialed()];
    await vi.waitFor(() => expect(FakePeer.made).toHaveLength(2), PATIENCE);
    for (const peer of FakePeer.made) peer.emit('signal', { type: 'offer', sdp: 'v=0' });
    closed.connection.close();
    await vi.waitFor(
      () => expect(dialed.signals).toEqual([{ type: 'offer', sdp: 'v=0' }]),
      PATIENCE,
    );
    expect(closed.signals).toEqual([]);
  });

  it('reach the other side only as offers, each once', async () => {
    const dialed = new Dialed(false);
    const peer = await peerOf();
    for (const sdp of ['one', 'one', 'two']) dialed.connection.signal({ type: 'offer', sdp });
    dialed.connection.signal({ type: 'answer', sdp: 'out of turn' });
    dialed.connection.signal({ type: 'renegotiate', renegotiate: true });
    expect(peer.signals.map(({ sdp }) => sdp)).toEqual(['one', 'two']);
  });

  it('that WebRTC refuses end the connection and throw nothing', async () => {
    const dialed = new Dialed(false);
    const peer = await peerOf();
    peer.refusal = new TypeError('bad candidate');
    dialed.connection.signal({ type: 'candidate', candidate: { candidate: 'x' } });
    await vi.waitFor(() => expect(dialed.told).toEqual(['close']), PATIENCE);
    expect(dialed.error?.code).toBe('link');
    expect(dialed.error?.message).toContain('bad candidate');
  });

  it('for a new path are an offer of the initiator, which the other side asks for', async () => {
    const initiator = await opened();
    initiator.dialed.connection.restart();
    initiator.dialed.connection.signal({ type: 'renegotiate', renegotiate: true });
    expect(initiator.peer.negotiations).toBe(1);
    expect(initiator.peer.signals).toEqual([{ type: 'renegotiate', renegotiate: true }]);
    expect(initiator.peer.options).toMatchObject({ offerOptions: { iceRestart: true } });
    FakePeer.made = [];
    const other = await opened(false);
    other.dialed.connection.restart();
    expect(other.dialed.signals).toEqual([{ type: 'renegotiate', renegotiate: true }]);
  });
});

describe('an open connection', () => {
  it('opens at the first frame when that comes before simple-peer says so', async () => {
    const dialed = new Dialed();
    const peer = await peerOf();
    peer.emit('data', Buffer.from([6, 1, 2]));
    peer.emit('connect');
    expect(dialed.told).toEqual(['open', 'frame 1,2']);
  });

  it('writes one fragment at a time, control first, and counts what waits', async () => {
    const { dialed, peer } = await opened();
    dialed.connection.send(new Uint8Array(40_000), 'bulk');
    dialed.connection.send(Uint8Array.of(7), 'control');
    expect(peer.written).toHaveLength(1);
    expect(dialed.connection.queuedBytes).toBe(40_000 - 16_380 + 1);
    peer.written[0]?.done();
    expect(peer.written[1]?.bytes).toEqual(Uint8Array.of(6, 7));
  });

  it('tells once when its path breaks, and once when it is whole again', async () => {
    const { dialed, peer } = await opened();
    const states = ['connected', 'disconnected', 'disconnected', 'checking', 'connected'];
    for (const state of [...states, 'completed']) peer.emit('iceStateChange', state);
    expect(dialed.told).toEqual(['open', 'broken', 'whole']);
  });

  it('closes as bad-frame on malformed fragments and on text', async () => {
    for (const data of [Buffer.from([255]), 'text']) {
      FakePeer.made = [];
      const { dialed, peer } = await opened();
      peer.emit('data', data);
      peer.emit('data', Buffer.from([6, 1]));
      await vi.waitFor(() => expect(dialed.told).toEqual(['open', 'close']), PATIENCE);
      expect(dialed.error?.code).toBe('bad-frame');
    }
  });
});

describe('closing', () => {
  it('tells why, once, when there is no path, and what to do', async () => {
    const { dialed, peer } = await opened();
    peer.destroy(coded('ERR_ICE_CONNECTION_FAILURE'));
    await vi.waitFor(() => expect(dialed.told).toEqual(['open', 'close']), PATIENCE);
    expect(dialed.error).toMatchObject({ code: 'link', cause: { message: 'why' } });
    expect(dialed.error?.message).toContain('TURN');
  });

  it('tells every other failure as link with its reason', async () => {
    for (const [code, said] of [
      ['ERR_PC_CONSTRUCTOR', 'refused to make a connection (why)'],
      ['ERR_DATA_CHANNEL', 'broke (why)'],
      ['ERR_SET_REMOTE_DESCRIPTION', 'could not be made (why)'],
    ] as const) {
      FakePeer.made = [];
      const { dialed, peer } = await opened();
      peer.destroy(coded(code));
      await vi.waitFor(() => expect(dialed.error?.message).toContain(said), PATIENCE);
      expect(dialed.error?.code).toBe('link');
    }
  });

  it('by the other side is no error, however the browser words it', async () => {
    for (const error of [undefined, coded('ERR_DATA_CHANNEL', 'User-Initiated Abort, reason=…')]) {
      FakePeer.made = [];
      const { dialed, peer } = await opened();
      peer.destroy(error);
      await vi.waitFor(() => expect(dialed.told.at(-1)).toBe('close'), PATIENCE);
      expect(dialed.error).toBeUndefined();
    }
  });

  it('waits until the network took what was sent, control that waits included', async () => {
    vi.useFakeTimers();
    const { dialed, peer } = await opened();
    dialed.connection.send(new Uint8Array(40_000), 'bulk');
    dialed.connection.send(Uint8Array.of(7), 'control');
    peer.bufferSize = 16_384;
    dialed.connection.close();
    dialed.connection.close();
    expect(dialed.connection.state).toBe('closed');
    await vi.advanceTimersByTimeAsync(50);
    expect(peer.destroyed).toBe(false);
    peer.written[0]?.done();
    expect(peer.written[1]?.bytes).toEqual(Uint8Array.of(6, 7));
    peer.written[1]?.done();
    await vi.advanceTimersByTimeAsync(50);
    expect(peer.destroyed).toBe(false);
    peer.bufferSize = 0;
    await vi.advanceTimersByTimeAsync(50);
    expect(dialed.told).toEqual(['open', 'close']);
    expect(dialed.error).toBeUndefined();
    expect(peer.written).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits half a second at most', async () => {
    vi.useFakeTimers();
    const { dialed, peer } = await opened();
    dialed.connection.send(Uint8Array.of(7), 'control');
    dialed.connection.close();
    await vi.advanceTimersByTimeAsync(450);
    expect(peer.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(100);
    expect(dialed.told).toEqual(['open', 'close']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is not mistaken for a failure when the peer reports an error on its way out', async () => {
    const { dialed, peer } = await opened();
    peer.bufferSize = 1;
    dialed.connection.close();
    peer.destroy(coded('ERR_DATA_CHANNEL'));
    await vi.waitFor(() => expect(dialed.told).toEqual(['open', 'close']), PATIENCE);
    expect(dialed.error).toBeUndefined();
  });
});
