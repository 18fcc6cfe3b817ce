/**
 * `MeshProvider`: connects a Y.Doc to a mesh, with the face that Yjs bindings expect of a provider.
 */

import { ObservableV2 } from 'lib0/observable';
import { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import type { Mesh } from '../mesh.ts';
import type { MeshOptions } from '../mesh-options.ts';
import { openMesh } from '../open-mesh.ts';
import { MeshError, messageOf } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import { callApp } from './app-code.ts';
import { type Documents, documentsOf } from './documents.ts';
import { checkProviderArguments, isMesh, notAMesh } from './provider-arguments.ts';

/** Options of `MeshProvider`: a mesh to use, or the options of one of its own. */
export interface MeshProviderOptions extends MeshOptions {
  /**
   * The mesh to share the document over; many documents may use one. It stays open after `destroy`. One
   * that the provider opens for itself has `load: 'documents'` by default.
   */
  readonly mesh?: Mesh | Promise<Mesh> | undefined;
  /** Awareness to share. Default: a new one on the document. */
  readonly awareness?: Awareness | undefined;
}

/** Events of `MeshProvider`, named as Yjs bindings know them. */
export type MeshProviderEvents = {
  /** `synced` changed. */
  synced: (state: { synced: boolean }) => void;
  /** The same, as y-websocket tells it. */
  sync: (synced: boolean) => void;
  /**
   * The mesh's state changed. While the tab is alone in the room it is `connecting`; `reason` says more.
   */
  status: (state: {
    status: 'connected' | 'connecting' | 'disconnected';
    connected: boolean;
    reason: string;
  }) => void;
  /** Direct links changed; `webrtcPeers` as y-webrtc tells it. */
  peers: (change: { added: PeerId[]; removed: PeerId[]; webrtcPeers: PeerId[] }) => void;
  /** What is stored on this device is in the document. */
  loaded: () => void;
  /**
   * The mesh could not be opened or was closed, the document not be loaded, or a mesh of the
   * provider's own met an error. Without a listener it is written to the console.
   */
  error: (error: MeshError) => void;
};

/** Documents that have a client id of 53 bits already; a second provider leaves it. */
const renamed = new WeakSet<Y.Doc>();

/**
 * Shares a Y.Doc with every tab of a room, and keeps it on this device.
 *
 * It gives the doc a fresh `clientID`, once and unless an awareness is given: the 32 bits of Yjs's own
 * collide in large rooms, and tabs would then hold different texts that digests take for equal. Do not
 * keep the id from before.
 *
 * ```ts
 * const provider = new MeshProvider('notes', ydoc, { mesh });          // many documents, one mesh
 * const provider = new MeshProvider('notes', ydoc, { signaling: url }); // a mesh of its own, room 'notes'
 * ```
 */
export class MeshProvider extends ObservableV2<MeshProviderEvents> {
  /** The document's name in its room. */
  readonly name: string;
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  /**
   * Resolves once what is stored on this device is in the document; rejects with the MeshError that the
   * `error` event has. Where `options.mesh` rejected with another error that is `bad-argument`, with it
   * as `cause`.
   */
  readonly whenLoaded: Promise<void>;
  readonly #ownsMesh: boolean;
  readonly #ownsAwareness: boolean;
  /** Aborted, with the reason, once the document cannot become synced any more. */
  readonly #over = new AbortController();
  /** Aborted when the provider is destroyed. */
  readonly #abort = new AbortController();
  /** Aborted after that: ends the mesh of its own, open or being opened. */
  readonly #endMesh = new AbortController();
  readonly #onDocDestroy = () => void this.destroy();
  #mesh: Mesh | undefined;
  #documents: Documents | undefined;
  #synced = false;
  #isJoined = true;
  #destroying: Promise<void> = Promise.resolve();

  /**
   * @param name - The document's name, 1 to 1,024 bytes of UTF-8; without `options.mesh` also the room's.
   * @throws MeshError `bad-argument` for what cannot be a name, a Y.Doc, an Awareness or a mesh; nothing
   * was opened. Options of a mesh of the provider's own are judged by `openMesh`: see `whenLoaded`.
   */
  constructor(name: string, doc: Y.Doc, options: MeshProviderOptions = {}) {
    super();
    checkProviderArguments(name, doc, options);
    this.name = name;
    this.doc = doc;
    const { mesh, awareness, signal, ...meshOptions } = options;
    this.#ownsMesh = mesh === undefined;
    this.#ownsAwareness = awareness === undefined;
    // 32-bit ids of Yjs collide in a room of some ten thousand sessions, and tabs would then hold
    // different text under equal names; 53 bits do not. Awareness keeps the id that it began with.
    if (awareness === undefined && !renamed.has(doc)) {
      doc.clientID = randomClientId();
      renamed.add(doc);
    }
    this.awareness = awareness ?? new Awareness(doc);
    doc.on('destroy', this.#onDocDestroy);
    signal?.addEventListener('abort', this.#onDocDestroy, { signal: this.#abort.signal });
    const opening =
      mesh ?? openMesh(name, { load: 'documents', ...meshOptions, signal: this.#endMesh.signal });
    this.whenLoaded = this.#open(opening).catch((thrown: unknown) => {
      if (thrown instanceof MeshError) throw thrown;
      throw new MeshError(
        // Without a mesh yet, what rejected is the app's own promise of one.
        this.#mesh ? 'store-unavailable' : 'bad-argument',
        `The document could not be opened (${messageOf(thrown)}). Nothing changed. Destroy the provider; make one with an open mesh.`,
        { cause: thrown },
      );
    });
    this.whenLoaded.catch((error: MeshError) => {
      this.#over.abort(error);
      if (!this.#isDestroyed) this.#tell('error', [error]);
    });
    if (signal?.aborted === true) void this.destroy();
  }

  /** The mesh, once it is open. */
  get mesh(): Mesh | undefined {
    return this.#mesh;
  }

  /**
   * Whether all neighbors are known to hold the document as this tab does. False while alone, after
   * an edit until it is confirmed (some 300 ms after the last), and while a difference is repaired.
   */
  get synced(): boolean {
    return this.#synced;
  }

  /** Neighbors that are known to hold the document exactly as this tab does. */
  get syncedWith(): PeerId[] {
    return this.#documents?.holders(this.name) ?? [];
  }

  /** Whether there is a link to at least one tab. */
  get connected(): boolean {
    return this.#mesh?.status === 'connected';
  }

  /**
   * Resolves once `synced` is true, at once where it is.
   * @throws MeshError `closed` where the provider is destroyed or the mesh closed first, what
   * `whenLoaded` rejected with, or `aborted` through `options.signal`.
   */
  whenSynced(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const { signal } = options;
      const finish = () => {
        if (this.#over.signal.aborted) reject(this.#over.signal.reason);
        else if (this.#synced) resolve();
        else if (signal?.aborted === true) {
          reject(new MeshError('aborted', 'The wait for synced was abandoned. Nothing changed.'));
        } else {
          return;
        }
        this.off('sync', finish);
        signal?.removeEventListener('abort', finish);
        this.#over.signal.removeEventListener('abort', finish);
      };
      this.on('sync', finish);
      signal?.addEventListener('abort', finish);
      this.#over.signal.addEventListener('abort', finish);
      finish();
    });
  }

  /**
   * Joins the room again after `disconnect`; with a shared mesh this is the mesh's `connect`. Does
   * nothing once the provider is destroyed.
   * @throws MeshError `closed` where the mesh is closed.
   */
  connect(): void {
    if (this.#isDestroyed) return;
    this.#isJoined = true;
    this.#mesh?.connect();
  }

  /**
   * Takes the mesh out of the room, and so all documents of a shared one; `destroy` stops sharing this
   * document alone. Does nothing once the provider is destroyed.
   */
  disconnect(): void {
    if (this.#isDestroyed) return;
    this.#isJoined = false;
    this.#mesh?.disconnect();
  }

  /**
   * Stops sharing the document, writes what is unwritten, and closes a mesh of its own; idempotent.
   * The Y.Doc lives on.
   */
  override destroy(): Promise<void> {
    if (!this.#isDestroyed) this.#destroying = this.#destroy();
    return this.#destroying;
  }

  async #open(opening: Mesh | Promise<Mesh>): Promise<void> {
    const { signal } = this.#abort;
    const mesh = await opening;
    if (!isMesh(mesh)) throw notAMesh();
    if (signal.aborted) {
      if (this.#ownsMesh) await mesh.close();
      throw destroyed('the document was loaded');
    }
    this.#mesh = mesh;
    if (!this.#isJoined) mesh.disconnect();
    const documents = documentsOf(mesh);
    this.#documents = documents;
    await documents.open(this.name, this.doc, this, signal);
    if (signal.aborted) throw destroyed('the document was loaded');
    documents.share(this.name, this.awareness, signal);
    this.#follow(mesh, documents);
    this.#tell('loaded', []);
    this.#tellStatus(mesh);
    this.#tellSynced(documents);
  }

  #follow(mesh: Mesh, documents: Documents): void {
    const { signal } = this.#abort;
    const onSynced = () => this.#tellSynced(documents);
    documents.listeners.add(onSynced);
    signal.addEventListener('abort', () => documents.listeners.delete(onSynced));
    mesh.addEventListener('status', () => this.#tellStatus(mesh), { signal });
    mesh.addEventListener(
      'neighbor',
      ({ detail: { id, linked } }) => {
        const webrtcPeers = mesh.neighbors.map((neighbor) => neighbor.id);
        this.#tell('peers', [
          { added: linked ? [id] : [], removed: linked ? [] : [id], webrtcPeers },
        ]);
      },
      { signal },
    );
    if (this.#ownsMesh) {
      mesh.addEventListener('error', ({ detail }) => this.#tell('error', [detail]), { signal });
    }
  }

  #tellStatus(mesh: Mesh): void {
    const status = PROVIDER_STATUS[mesh.status];
    this.#tell('status', [{ status, connected: status === 'connected', reason: mesh.reason }]);
    if (mesh.status !== 'closed') return;
    const error = new MeshError(
      'closed',
      `The mesh was closed while document ${this.name} used it. Earlier edits are stored; later ones are neither shared nor stored. Destroy the provider; make one with an open mesh.`,
    );
    this.#over.abort(error);
    this.#tell('error', [error]);
  }

  #tellSynced(documents: Documents): void {
    const synced = documents.isDocumentSynced(this.name);
    if (synced === this.#synced) return;
    this.#synced = synced;
    this.#tell('synced', [{ synced }]);
    this.#tell('sync', [synced]);
  }

  /** Emits to the app's listeners, whose faults are theirs. */
  #tell<E extends keyof MeshProviderEvents>(
    event: E,
    details: Parameters<MeshProviderEvents[E]>,
  ): void {
    const [first] = details;
    if (event === 'error' && !this._observers.has('error')) {
      console.warn(`mnemesh: ${(first as MeshError).message}`);
    }
    callApp(() => this.emit(event, details));
  }

  get #isDestroyed(): boolean {
    return this.#abort.signal.aborted;
  }

  async #destroy(): Promise<void> {
    this.doc.off('destroy', this.#onDocDestroy);
    // First what goes by the mesh: the last edits, and that this tab's awareness state is gone.
    this.#abort.abort();
    this.#over.abort(destroyed('it was synced'));
    if (this.#ownsAwareness) callApp(() => this.awareness.destroy());
    this.#endMesh.abort();
    super.destroy();
    if (this.#mesh === undefined) {
      // Opening is under way: it sees that the provider is destroyed, and cleans up.
      await Promise.allSettled([this.whenLoaded]);
    } else if (this.#ownsMesh) {
      await this.#mesh.close();
    } else {
      await this.#documents?.settle();
    }
  }
}

const PROVIDER_STATUS = {
  connecting: 'connecting',
  alone: 'connecting',
  connected: 'connected',
  disconnected: 'disconnected',
  closed: 'disconnected',
} as const;

function destroyed(before: string): MeshError {
  return new MeshError(
    'closed',
    `The provider was destroyed before ${before}. What is stored is kept.`,
  );
}

/** A Yjs client id of 53 random bits. */
function randomClientId(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return ((high as number) & 0x1f_ffff) * 2 ** 32 + (low as number);
}
