/**
 * mnemesh/yjs: Yjs documents over a mesh.
 *
 * @packageDocumentation
 */

export { MeshProvider, type MeshProviderEvents, type MeshProviderOptions } from './provider.ts';
