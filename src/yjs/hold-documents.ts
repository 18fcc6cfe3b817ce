/** `holdDocuments`: documents in a tab that shows none of them yet. */

import type { Mesh } from '../mesh.ts';
import { documentsOf } from './documents.ts';
import { isMesh, notAMesh } from './provider-arguments.ts';

/**
 * Makes this tab hold the room's documents: what others write, and what its own store has, so that a
 * document outlives the tab that wrote it. The first `MeshProvider` of a mesh does so too; call this
 * where documents are opened on demand, as by a route, or never, as in a tab that keeps them for others.
 *
 * @param mesh - What `openMesh` gave, or its promise.
 * @returns Resolves when what is stored is known, and does not wait for the network.
 * @throws MeshError `bad-argument` where `mesh` is none, `closed` where it is closed, and what opening
 * it was rejected with. Nothing changed.
 */
export async function holdDocuments(mesh: Mesh | Promise<Mesh>): Promise<void> {
  const opened: unknown = await mesh;
  if (!isMesh(opened)) throw notAMesh('The mesh');
  await documentsOf(opened).ready;
}
