/**
 * mnemesh: browser tabs that share one memory.
 *
 * @packageDocumentation
 */

export { type Member, Mesh, type MeshEvents, type MeshStats, type Neighbor } from './mesh.ts';
export type { MeshOptions } from './mesh-options.ts';
export { openMesh } from './open-mesh.ts';
export type { Store, StoreKey, StoreRow, StoreTransaction } from './ports/store.ts';
export type {
  Connection,
  ConnectionHandlers,
  DialOptions,
  Lane,
  SignalData,
  Transport,
} from './ports/transport.ts';
export type { ProtocolConfig } from './protocol/config.ts';
export type { MemberStatus } from './protocol/wire.ts';
export type { MeshStatus } from './runtime/status.ts';
export { MemoryDisk, memoryStore } from './storage/memory.ts';
export { simplePeerTransport } from './transport/simple-peer.ts';
export { MeshError, type MeshErrorCode } from './util/errors.ts';
export type { PeerId } from './util/peer-id.ts';
