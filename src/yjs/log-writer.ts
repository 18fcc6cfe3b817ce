/**
 * Writes one document's updates to its log: batched, one transaction at a time, compacted in place.
 *
 * A batch waits a moment for company and is then one row. What cannot be written stays queued and
 * is tried again, ever less often, with one error event an outage.
 */

import type { Clock } from '../ports/clock.ts';
import type { DocumentLog, LogRow } from '../storage/document-log.ts';
import type { MeshError } from '../util/errors.ts';
import { batches, packUpdates, unpackUpdates } from './updates.ts';

/** How long an update may wait for others; a killed browser loses at most this and one commit. */
const BATCH_MS = 50;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;
/** A log is compacted at so many rows, once they are a quarter of what compaction would write. */
const COMPACT_ROWS = 128;
const COMPACT_SHARE = 0.25;
/** At so many rows it is compacted whatever it costs. */
const MAX_ROWS = 1_024;

export interface LogWriterOptions {
  readonly clock: Clock;
  /** A write failed for the first time since one succeeded. */
  failed(error: unknown): void;
}

export interface LogWriterOutput {
  /** Updates that another tab of this profile wrote. */
  foreign(updates: readonly Uint8Array[]): void;
  /** Whether the document is in memory, so that `snapshot` can be asked. */
  isOpen(): boolean;
  /** Everything that is held, as one update. */
  snapshot(): Uint8Array;
  /** Merges what the whole log holds into one update. */
  merge(updates: readonly Uint8Array[]): Uint8Array;
  /** The log was emptied by someone else, so the disk holds none of what was written before. */
  emptied(): void;
  /** A row that is no batch of updates; it is left out. */
  corrupt(): void;
}

export class LogWriter {
  readonly #log: DocumentLog;
  readonly #name: string;
  readonly #options: LogWriterOptions;
  readonly #output: LogWriterOutput;
  #queued: Uint8Array[] = [];
  #writing: Uint8Array[] = [];
  #seq = 0;
  #rows = 0;
  /** Bytes of the log's first row, which compaction wrote, and of those after it. */
  #compactedBytes = 0;
  #appendedBytes = 0;
  #cancelTimer: (() => void) | undefined;
  #busy: Promise<void> | undefined;
  #failures = 0;
  #closed = false;

  constructor(log: DocumentLog, name: string, options: LogWriterOptions, output: LogWriterOutput) {
    this.#log = log;
    this.#name = name;
    this.#options = options;
    this.#output = output;
  }

  /** Updates that are not durable yet. */
  get unwritten(): readonly Uint8Array[] {
    return [...this.#writing, ...this.#queued];
  }

  /** Queues updates; they are on their way to the disk within moments. */
  push(updates: readonly Uint8Array[]): void {
    this.#queued.push(...updates);
    this.#schedule(BATCH_MS);
  }

  /** Every update that the log holds, and those not written yet. */
  async readAll(): Promise<Uint8Array[]> {
    const { rows, last } = await this.#log.read(this.#name);
    if (this.#seq === 0) this.#noteRows(rows, last);
    return [...this.#unpack(rows), ...this.unwritten];
  }

  /** Resolves once all that was pushed is durable; rejects with the store's error, all kept. */
  async flush(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    while (this.#busy !== undefined || this.#queued.length > 0) {
      this.#busy ??= this.#write().finally(() => {
        this.#busy = undefined;
      });
      await this.#busy;
    }
  }

  /** A last flush; nothing is tried afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  #schedule(delay: number): void {
    if (this.#closed || this.#cancelTimer !== undefined || this.#busy !== undefined) return;
    this.#cancelTimer = this.#options.clock.setTimer(() => {
      this.#cancelTimer = undefined;
      this.flush().catch((thrown: unknown) => {
        if (this.#failures++ === 0) this.#options.failed(thrown as MeshError);
        this.#schedule(Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (this.#failures - 1)));
      });
    }, delay);
  }

  async #write(): Promise<void> {
    const [batch = []] = batches(this.#queued);
    this.#writing = this.#queued.splice(0, batch.length);
    const bytes = packUpdates(this.#writing);
    const before = this.#seq;
    try {
      const { seq, foreign } = await this.#log.append(this.#name, bytes, before);
      this.#writing = [];
      this.#failures = 0;
      this.#noteRows(foreign, seq);
      this.#rows++;
      this.#appendedBytes += bytes.length;
      this.#output.foreign(this.#unpack(foreign));
      if (seq <= before) {
        this.#output.emptied();
        if (this.#output.isOpen()) await this.#compact();
      }
    } finally {
      this.#queued.unshift(...this.#writing);
      this.#writing = [];
    }
    const isLong = this.#rows >= COMPACT_ROWS;
    const isWorthIt = this.#appendedBytes >= COMPACT_SHARE * this.#compactedBytes;
    if ((isLong && isWorthIt) || this.#rows >= MAX_ROWS) await this.#compact();
  }

  async #compact(): Promise<void> {
    let size = 0;
    const isOpen = this.#output.isOpen();
    const { seq } = await this.#log.compact(this.#name, isOpen ? this.#seq : 0, (rows) => {
      const updates = this.#unpack(rows);
      if (isOpen) this.#output.foreign(updates);
      const packed = packUpdates([isOpen ? this.#output.snapshot() : this.#output.merge(updates)]);
      size = packed.length;
      return packed;
    });
    this.#seq = seq;
    this.#rows = 1;
    this.#compactedBytes = size;
    this.#appendedBytes = 0;
  }

  #noteRows(rows: readonly LogRow[], last: number): void {
    this.#seq = last;
    this.#rows += rows.length;
    const bytes = rows.reduce((sum, row) => sum + row.bytes.length, 0);
    if (this.#compactedBytes === 0) this.#compactedBytes = bytes;
    else this.#appendedBytes += bytes;
  }

  #unpack(rows: readonly LogRow[]): Uint8Array[] {
    return rows.flatMap((row) => {
      const updates = unpackUpdates(row.bytes);
      if (updates === undefined) this.#output.corrupt();
      return updates ?? [];
    });
  }
}
