/** Meshes of one room within this process, and providers on them; for tests. */

import * as Y from 'yjs';
import type { Mesh } from '../../mesh.ts';
import type { MeshOptions } from '../../mesh-options.ts';
import { openMesh } from '../../open-mesh.ts';
import { memoryTransport } from '../../transport/memory.ts';
import { MeshProvider } from '../provider.ts';

let rooms = 0;

export class Lab {
  #room = '';
  #transport = memoryTransport();
  #providers: MeshProvider[] = [];
  #meshes: Mesh[] = [];

  constructor() {
    this.#begin();
  }

  /** One more tab of the room. */
  async mesh(options: MeshOptions = {}): Promise<Mesh> {
    const mesh = await openMesh(this.#room, { ...this.#options, ...options });
    this.#meshes.push(mesh);
    return mesh;
  }

  provider(name: string, mesh: Mesh | Promise<Mesh>, doc = new Y.Doc()): MeshProvider {
    const provider = new MeshProvider(name, doc, { mesh });
    this.#providers.push(provider);
    return provider;
  }

  /** A provider with a mesh of its own. */
  own(name: string, options: MeshOptions = {}): MeshProvider {
    const provider = new MeshProvider(name, new Y.Doc(), { ...this.#options, ...options });
    this.#providers.push(provider);
    return provider;
  }

  /** As many tabs that share the document `notes`, linked. */
  async providers(count: number): Promise<MeshProvider[]> {
    const providers: MeshProvider[] = [];
    for (let i = 0; i < count; i++) providers.push(this.provider('notes', await this.mesh()));
    await Promise.all(providers.map((provider) => provider.whenLoaded));
    await until(() => this.#meshes.every(({ neighbors }) => neighbors.length === count - 1));
    return providers;
  }

  async pair(): Promise<[MeshProvider, MeshProvider]> {
    return (await this.providers(2)) as [MeshProvider, MeshProvider];
  }

  /** Ends all of it, and begins a room anew. */
  async close(): Promise<void> {
    await Promise.all(this.#providers.map((provider) => provider.destroy()));
    await Promise.all(this.#meshes.map((mesh) => mesh.close()));
    for (const { doc } of this.#providers) doc.destroy();
    this.#begin();
  }

  get #options(): MeshOptions {
    return { transport: this.#transport, store: 'memory' };
  }

  #begin(): void {
    this.#room = `lab ${rooms++}`;
    this.#transport = memoryTransport();
    this.#providers = [];
    this.#meshes = [];
  }
}

/** Resolves once `condition` holds; rejects after `limitMs`. */
export async function until(condition: () => boolean, limitMs = 10_000): Promise<void> {
  const limit = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > limit) throw new Error(`still not: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
