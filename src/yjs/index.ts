/**
 * mnemesh/yjs: Yjs documents over a mesh.
 *
 * @packageDocumentation
 */

export { holdDocuments } from './hold-documents.ts';
export { MeshProvider, type MeshProviderEvents, type MeshProviderOptions } from './provider.ts';
