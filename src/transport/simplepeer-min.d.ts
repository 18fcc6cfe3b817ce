/** What mnemesh uses of simple-peer 9, whose browser bundle needs no polyfill of Node's modules. */
declare module 'simple-peer/simplepeer.min.js' {
  export interface PeerOptions {
    readonly initiator: boolean;
    readonly trickle: boolean;
    readonly objectMode: boolean;
    readonly config: RTCConfiguration;
    readonly offerOptions: RTCOfferOptions;
    /** In ms. */
    readonly iceCompleteTimeout: number;
  }

  export interface Peer {
    /** Bytes that the data channel holds and the network has not taken. */
    readonly bufferSize: number;
    /** @throws Error on what WebRTC cannot parse. */
    signal(data: object): void;
    negotiate(): void;
    /** Calls back once the channel has room for more. */
    write(chunk: Uint8Array, callback: () => void): void;
    /** `close` follows, later. */
    destroy(): void;
    on(event: 'signal', listener: (data: Readonly<Record<string, unknown>>) => void): this;
    on(event: 'data', listener: (data: unknown) => void): this;
    on(event: 'iceStateChange', listener: (state: RTCIceConnectionState) => void): this;
    on(event: 'error', listener: (error: Error) => void): this;
    on(event: 'connect' | 'close', listener: () => void): this;
  }

  const SimplePeer: new (options: PeerOptions) => Peer;
  export default SimplePeer;
}
