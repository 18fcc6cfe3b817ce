/**
 * mnemesh: browser tabs that share one memory.
 *
 * @packageDocumentation
 */

export { Aggregate, type AggregateEvents } from './aggregate.ts';
export type { Storable, Written } from './memory/storable.ts';
export type { Value } from './memory/value.ts';
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
export type { Estimate } from './protocol/aggregates/averaging.ts';
export type { ProtocolConfig } from './protocol/config.ts';
export { presets } from './protocol/presets.ts';
export type { MemberStatus } from './protocol/wire.ts';
export {
  type ChangeSource,
  Collection,
  type CollectionEvents,
} from './records/types/collection.ts';
export { type Consolidator, type Finding, sharedWords } from './records/types/consolidator.ts';
export { type CounterChange, SharedCounter } from './records/types/counter.ts';
export {
  type Episode,
  type EpisodeChange,
  type EpisodeOptions,
  SharedEpisodes,
} from './records/types/episodes.ts';
export { type FlagChange, SharedFlag } from './records/types/flag.ts';
export { type MapChange, SharedMap } from './records/types/map.ts';
export { type Pattern, type PatternChange, SharedPatterns } from './records/types/patterns.ts';
export { type RegisterChange, SharedRegister } from './records/types/register.ts';
export { type SetChange, SharedSet } from './records/types/set.ts';
export type { MeshStatus } from './runtime/status.ts';
export { MemoryDisk, memoryStore } from './storage/memory.ts';
export { Topic, type TopicEvents, type TopicMessage } from './topic.ts';
export { simplePeerTransport } from './transport/simple-peer.ts';
export { MeshError, type MeshErrorCode } from './util/errors.ts';
export type { PeerId } from './util/peer-id.ts';
