/** One tab's mesh and documents, with what a test wants to do to them in one call each. */

import * as Y from 'yjs';
import { type Mesh, MeshError, openMesh } from '../../src/index.ts';
import { MeshProvider } from '../../src/yjs/index.ts';

type MeshOptions = NonNullable<Parameters<typeof openMesh>[1]>;

interface OpenDocument {
  readonly doc: Y.Doc;
  readonly provider: MeshProvider;
}

const EVENTS = ['status', 'member', 'neighbor', 'synced', 'error'] as const;

/** The document that calls without a name mean. */
const NOTES = 'notes';

export class Lab {
  readonly Y = Y;
  readonly MeshError = MeshError;
  readonly MeshProvider = MeshProvider;
  readonly openMesh = openMesh;
  /** Anything that a test keeps between two `evaluate` calls. */
  readonly kept: Record<string, unknown> = {};
  /** The mesh's events since `join`, in order; errors as {code, message}. */
  readonly events: { type: string; detail: unknown }[] = [];
  readonly #documents = new Map<string, OpenDocument>();
  #mesh: Mesh | undefined;

  /** The mesh that `join` opened. */
  get mesh(): Mesh {
    if (this.#mesh === undefined) throw new Error('call lab.join first');
    return this.#mesh;
  }

  /** Opens the mesh of `room` and its document `notes`; resolves once local memory is loaded. */
  async join(room: string, options: MeshOptions = {}): Promise<void> {
    const mesh = await openMesh(room, options);
    this.#mesh = mesh;
    for (const type of EVENTS) {
      mesh.addEventListener(type, (event: Event) => {
        const { detail } = event as CustomEvent<unknown>;
        const plain =
          detail instanceof MeshError ? { code: detail.code, message: detail.message } : detail;
        this.events.push({ type, detail: plain });
      });
    }
    await this.document().provider.whenLoaded;
  }

  /** The document `name` with its provider, opened at first use. */
  document(name: string = NOTES): OpenDocument {
    const known = this.#documents.get(name);
    if (known !== undefined) return known;
    const doc = new Y.Doc();
    const opened = { doc, provider: new MeshProvider(name, doc, { mesh: this.mesh }) };
    this.#documents.set(name, opened);
    return opened;
  }

  /** The text of the document. */
  text(name: string = NOTES): string {
    return this.document(name).doc.getText('text').toString();
  }

  /** Characters of the document, without the cost of `text`. */
  length(name: string = NOTES): number {
    return this.document(name).doc.getText('text').length;
  }

  /** Inserts `text` at `index`, at the end by default. */
  insert(text: string, index?: number, name: string = NOTES): void {
    const shared = this.document(name).doc.getText('text');
    shared.insert(index ?? shared.length, text);
  }

  /** Deletes `length` characters from `index` on. */
  remove(index: number, length: number, name: string = NOTES): void {
    this.document(name).doc.getText('text').delete(index, length);
  }

  /** How many neighbors this tab is linked with. */
  links(): number {
    return this.mesh.neighbors.length;
  }

  /** Destroys all documents' providers and closes the mesh. */
  async leave(): Promise<void> {
    for (const { doc, provider } of this.#documents.values()) {
      provider.destroy();
      doc.destroy();
    }
    this.#documents.clear();
    await this.#mesh?.close();
    this.#mesh = undefined;
  }
}
