/** The signaling server as a library: `mnemesh/signaling-server`. */

export type { IceServer } from '../src/signaling/messages.ts';
export type { Random } from '../src/util/random.ts';
export type { SignalingServerLimits, SignalingServerOptions } from './options.ts';
export { createSignalingServer, type SignalingAddress, type SignalingServer } from './server.ts';
