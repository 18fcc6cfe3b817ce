/**
 * One Yjs document of the room as this tab holds it: its ranges always, its bytes in the store, a
 * Y.Doc only where one is attached.
 *
 * Every update goes one way: its ranges are noted, and if that brought news it is queued for the
 * store and applied to the attached Y.Docs. So an update is written once however often it arrives.
 */

import * as Y from 'yjs';
import type { DocumentLog } from '../storage/document-log.ts';
import { HeldRanges } from './held.ts';
import { LogWriter, type LogWriterOptions } from './log-writer.ts';

/** Who applies remote changes to a Y.Doc: its provider, so that apps can tell them from their own. */
type Origin = object;

export interface SharedDocumentOutput {
  /** Edits made in this tab, to be told to the room. */
  edited(updates: readonly Uint8Array[]): void;
  /** What is held changed by way of the disk: another tab of this profile, or cleared site data. */
  diskChanged(): void;
  /** A row or update on disk that cannot be used. */
  corrupt(cause: unknown): void;
}

export class SharedDocument {
  readonly name: string;
  readonly #output: SharedDocumentOutput;
  readonly #writer: LogWriter;
  readonly #attached = new Map<Y.Doc, { origin: Origin; detach: () => void }>();
  /** What arrives while a Y.Doc is being brought up from disk, for each such Y.Doc. */
  readonly #arrivals = new Set<Uint8Array[]>();
  #held = new HeldRanges();
  /** Edits of the present task, told together. */
  #edits: Uint8Array[] = [];

  constructor(
    name: string,
    log: DocumentLog,
    options: LogWriterOptions,
    output: SharedDocumentOutput,
  ) {
    this.name = name;
    this.#output = output;
    this.#writer = new LogWriter(log, name, options, {
      foreign: (updates) => {
        if (this.#take(updates, false)) output.diskChanged();
      },
      isOpen: () => this.#attached.size > 0,
      snapshot: () => this.#snapshot(),
      merge: (updates) => this.#materialize(updates, Y.encodeStateAsUpdate),
      emptied: () => this.#emptied(),
      corrupt: () => output.corrupt(undefined),
    });
  }

  /** What of the document this tab holds. */
  get held(): HeldRanges {
    return this.#held;
  }

  /** Notes what the disk holds; called once, before anything else. */
  async load(): Promise<void> {
    for (const update of await this.#writer.readAll()) this.#note(update);
  }

  /**
   * Takes updates from the network; tells whether any brought news.
   * @throws where one is no Yjs update; those before it were taken.
   */
  apply(updates: readonly Uint8Array[]): boolean {
    return this.#take(updates, true);
  }

  /** What the state vector `sv` lacks, the whole delete set included, as a Yjs update. */
  async updateSince(sv: Uint8Array): Promise<Uint8Array> {
    const [open] = this.#attached.keys();
    if (open !== undefined) return Y.encodeStateAsUpdate(open, sv);
    const updates = await this.#writer.readAll();
    return this.#materialize(updates, (doc) => Y.encodeStateAsUpdate(doc, sv));
  }

  /**
   * Brings `doc` up to what is held and keeps it so, both ways; what it holds beyond that counts as
   * edited here. A Y.Doc that is attached stays as it is.
   */
  async attach(doc: Y.Doc, origin: Origin): Promise<void> {
    const arrivals: Uint8Array[] = [];
    this.#arrivals.add(arrivals);
    const stored = await this.#writer.readAll();
    this.#arrivals.delete(arrivals);
    if (this.#attached.has(doc)) return;
    this.#applyAll(doc, [...stored, ...arrivals], origin);
    const onUpdate = (update: Uint8Array, by: unknown) => {
      if (by === origin) this.#consequence(update);
      else this.#edited(doc, update);
    };
    doc.on('update', onUpdate);
    this.#attached.set(doc, { origin, detach: () => doc.off('update', onUpdate) });
    this.#edited(doc, Y.encodeStateAsUpdate(doc, this.#held.stateVector()));
  }

  /** Lets go of `doc`; what it edited is held and queued already. */
  detach(doc: Y.Doc): void {
    this.#attached.get(doc)?.detach();
    this.#attached.delete(doc);
  }

  /** Resolves once all that is held is durable; rejects with the store's error. */
  flush(): Promise<void> {
    return this.#writer.flush();
  }

  async close(): Promise<void> {
    for (const doc of [...this.#attached.keys()]) this.detach(doc);
    await this.#writer.close();
  }

  #take(updates: readonly Uint8Array[], isUnwritten: boolean): boolean {
    const news: Uint8Array[] = [];
    try {
      for (const update of updates) if (this.#held.add(update)) news.push(update);
    } finally {
      if (isUnwritten) this.#writer.push(news);
      this.#arrived(news);
      for (const [doc, { origin }] of this.#attached) this.#applyAll(doc, news, origin);
    }
    return news.length > 0;
  }

  /** Applying remote formatting may delete superfluous marks; every tab comes to do it by itself. */
  #consequence(update: Uint8Array): void {
    if (!this.#held.add(update)) return;
    this.#writer.push([update]);
    this.#arrived([update]);
  }

  #edited(doc: Y.Doc, update: Uint8Array): void {
    if (!this.#held.add(update)) return;
    this.#writer.push([update]);
    this.#arrived([update]);
    for (const [other, { origin }] of this.#attached) {
      if (other !== doc) this.#applyAll(other, [update], origin);
    }
    this.#edits.push(update);
    if (this.#edits.length > 1) return;
    void Promise.resolve().then(() => {
      const edits = this.#edits;
      this.#edits = [];
      this.#output.edited(edits);
    });
  }

  #arrived(updates: readonly Uint8Array[]): void {
    for (const arrivals of this.#arrivals) arrivals.push(...updates);
  }

  #snapshot(): Uint8Array {
    const [open] = this.#attached.keys();
    return Y.encodeStateAsUpdate(open as Y.Doc);
  }

  /** Site data was cleared: an open document is written anew, of a closed one nothing is left. */
  #emptied(): void {
    if (this.#attached.size > 0) return;
    this.#held = new HeldRanges();
    for (const update of this.#writer.unwritten) this.#note(update);
    this.#output.diskChanged();
  }

  #note(update: Uint8Array): void {
    try {
      this.#held.add(update);
    } catch (thrown) {
      this.#output.corrupt(thrown);
    }
  }

  #materialize<T>(updates: readonly Uint8Array[], read: (doc: Y.Doc) => T): T {
    const doc = new Y.Doc();
    this.#applyAll(doc, updates, doc);
    const value = read(doc);
    doc.destroy();
    return value;
  }

  /** Applies all in one transaction; one that Yjs cannot apply is told and left out. */
  #applyAll(doc: Y.Doc, updates: readonly Uint8Array[], origin: Origin): void {
    if (updates.length === 0) return;
    const applyEach = () => {
      for (const update of updates) {
        try {
          Y.applyUpdate(doc, update, origin);
        } catch (thrown) {
          this.#output.corrupt(thrown);
        }
      }
    };
    Y.transact(doc, applyEach, origin, false);
  }
}
