/**
 * One Yjs document of the room as this tab holds it: its ranges always, its bytes in the store, a
 * Y.Doc only where one is attached (SPEC.md, section 8).
 *
 * Every update goes one way: its ranges are noted, and if that brought news it is queued for the
 * store and applied to the attached Y.Docs. So an update is written once however often it arrives.
 */

import * as Y from 'yjs';
import type { DocumentLog } from '../storage/document-log.ts';
import { callApp } from './app-code.ts';
import { HeldRanges } from './held.ts';
import { LogWriter, type LogWriterOptions } from './log-writer.ts';
import type { Differing } from './reconcile-ports.ts';
import { updateBeyond } from './update-beyond.ts';

/** Who applies remote changes to a Y.Doc: its provider, so that apps can tell them from their own. */
type Origin = object;

/** A Y.Doc that is kept up to date. One Y.Doc may be attached by several providers. */
interface Attachment {
  readonly doc: Y.Doc;
  readonly origin: Origin;
}

export interface SharedDocumentOutput {
  /** Edits made in this tab, to be told to the room. */
  edited(updates: readonly Uint8Array[]): void;
  /** What is held changed, however it came. */
  heldChanged(): void;
  /** What is held changed by way of the disk: another tab of this profile, or cleared site data. */
  diskChanged(): void;
  /** A row or update on disk that cannot be used. */
  corrupt(cause: unknown): void;
}

export class SharedDocument {
  readonly name: string;
  readonly #output: SharedDocumentOutput;
  readonly #writer: LogWriter;
  readonly #attached = new Map<Attachment, (update: Uint8Array) => void>();
  /** What arrives while a Y.Doc is being brought up from disk, for each such Y.Doc. */
  readonly #arrivals = new Set<Uint8Array[]>();
  /** The Y.Doc that remote changes are being applied to. */
  #applyingTo: Y.Doc | undefined;
  #held = new HeldRanges();
  /** Edits of the present task, told together. */
  #edits: Uint8Array[] = [];
  #isClosed = false;

  constructor(
    name: string,
    log: DocumentLog,
    options: LogWriterOptions,
    output: SharedDocumentOutput,
  ) {
    this.name = name;
    this.#output = output;
    this.#writer = new LogWriter(log, name, options, {
      stored: (updates) => this.#stored(updates),
      emptied: (updates) => this.#emptied(updates),
      snapshot: () => this.#snapshot(),
      merge: (updates) => this.#materialize(updates, Y.encodeStateAsUpdate),
      corrupt: () => output.corrupt(undefined),
    });
  }

  /** What of the document this tab holds. */
  get held(): HeldRanges {
    return this.#held;
  }

  /** Notes what the disk holds. */
  async load(): Promise<void> {
    await this.#writer.readAll();
  }

  /**
   * Takes updates from the network; tells whether any brought news.
   * @throws where one is no Yjs update; those before it were taken.
   */
  apply(updates: readonly Uint8Array[]): boolean {
    const news: Uint8Array[] = [];
    try {
      for (const update of updates) if (this.#held.add(update)) news.push(update);
    } finally {
      this.#writer.push(news);
      this.#spread(news);
    }
    return news.length > 0;
  }

  /** What the state vector `sv` lacks, the whole delete set included, as a Yjs update. */
  async updateSince(sv: Uint8Array): Promise<Uint8Array> {
    const [open] = this.#attached.keys();
    if (open !== undefined) return Y.encodeStateAsUpdate(open.doc, sv);
    const updates = await this.#writer.readAll();
    return this.#materialize(updates, (doc) => Y.encodeStateAsUpdate(doc, sv));
  }

  /** What they lack of the clients in `theirs`; `undefined` where that is nothing. */
  updateBeyond(theirs: Differing): Promise<Uint8Array | undefined> {
    return updateBeyond(this.#held.ranges, theirs, (vector) => this.updateSince(vector));
  }

  /**
   * Brings `doc` up to what is held and keeps it so, both ways, until `signal` aborts; what it holds
   * beyond that counts as edited here. Does nothing where `signal` aborts before the store was read; goes
   * on in memory where it cannot be read.
   */
  async attach(doc: Y.Doc, origin: Origin, signal: AbortSignal): Promise<void> {
    const arrivals: Uint8Array[] = [];
    this.#arrivals.add(arrivals);
    const stored = await this.#writer.readAllOrMemory();
    this.#arrivals.delete(arrivals);
    if (signal.aborted || this.#isClosed) return;
    const attachment = { doc, origin };
    this.#applyAll(attachment, [...stored, ...arrivals]);
    const onUpdate = (update: Uint8Array) => this.#changed(doc, update);
    doc.on('update', onUpdate);
    this.#attached.set(attachment, onUpdate);
    signal.addEventListener('abort', () => this.#detach(attachment));
    this.#changed(doc, Y.encodeStateAsUpdate(doc, this.#held.stateVector()));
  }

  /** Tells the edits of the present task now, and not at its end. */
  tellEdits(): void {
    const edits = this.#edits;
    this.#edits = [];
    if (edits.length > 0) this.#output.edited(edits);
  }

  /** Resolves once all that is held is durable; rejects with the store's error. */
  flush(): Promise<void> {
    return this.#writer.flush();
  }

  /** Takes nothing more from Y.Docs, and writes what is unwritten; rejects with the store's error. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const attachment of [...this.#attached.keys()]) this.#detach(attachment);
    await this.#writer.close();
  }

  /** Lets go of the Y.Doc; what it edited is told now, since its mesh may close the next moment. */
  #detach(attachment: Attachment): void {
    const onUpdate = this.#attached.get(attachment);
    if (onUpdate === undefined) return;
    attachment.doc.off('update', onUpdate);
    this.#attached.delete(attachment);
    this.tellEdits();
  }

  /** From the disk, and so not to be written. One that cannot be read is told and left out. */
  #stored(updates: readonly Uint8Array[]): void {
    const news = this.#note(updates);
    this.#spread(news);
    if (news.length > 0) this.#output.diskChanged();
  }

  #note(updates: readonly Uint8Array[]): Uint8Array[] {
    return updates.filter((update) => {
      try {
        return this.#held.add(update);
      } catch (thrown) {
        this.#output.corrupt(thrown);
        return false;
      }
    });
  }

  /** Hands news, noted already, to all Y.Docs but the one it comes from. */
  #spread(news: readonly Uint8Array[], from?: Y.Doc): void {
    if (news.length === 0) return;
    this.#output.heldChanged();
    for (const arrivals of this.#arrivals) for (const update of news) arrivals.push(update);
    for (const attachment of this.#attached.keys()) {
      if (attachment.doc !== from) this.#applyAll(attachment, news);
    }
  }

  /**
   * A Y.Doc made `update`. Deletions that come up while remote changes are applied are no edit: Yjs
   * deletes what came under something deleted, and formatting marks that became superfluous. Every
   * tab comes to these by itself, so they are kept, and not told (D9).
   */
  #changed(doc: Y.Doc, update: Uint8Array): void {
    if (this.#isClosed) return;
    const news = this.#held.add(update);
    if (news === undefined) return;
    this.#writer.push([update]);
    if (news === 'structs' || this.#applyingTo !== doc) {
      this.#edits.push(update);
      if (this.#edits.length === 1) queueMicrotask(() => this.tellEdits());
    }
    this.#spread([update], doc);
  }

  #snapshot(): Uint8Array | undefined {
    const [open] = this.#attached.keys();
    return open === undefined ? undefined : Y.encodeStateAsUpdate(open.doc);
  }

  /** Site data was cleared: an open document is written anew, of a closed one the rest is left. */
  #emptied(updates: readonly Uint8Array[]): void {
    if (this.#attached.size > 0) return this.#stored(updates);
    this.#held = new HeldRanges();
    this.#note(updates);
    this.#output.heldChanged();
    this.#output.diskChanged();
  }

  /** Keeps deleted content: whether the app's own Y.Docs collect it is not known here. */
  #materialize<T>(updates: readonly Uint8Array[], read: (doc: Y.Doc) => T): T {
    const doc = new Y.Doc({ gc: false });
    this.#applyAll({ doc, origin: this }, updates);
    const value = read(doc);
    doc.destroy();
    return value;
  }

  /** Applies all in one transaction; one that Yjs cannot apply is told and left out. */
  #applyAll({ doc, origin }: Attachment, updates: readonly Uint8Array[]): void {
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
    const before = this.#applyingTo;
    this.#applyingTo = doc;
    // Observers run as the transaction ends, when all is applied.
    callApp(() => Y.transact(doc, applyEach, origin, false));
    this.#applyingTo = before;
  }
}
