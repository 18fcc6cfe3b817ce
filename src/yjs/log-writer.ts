/**
 * Writes one document's updates to its log: batched, one transaction at a time, compacted in place
 * (SPEC.md D6).
 *
 * The edits of one task are one row, begun in that task, since the page may be gone the next; what
 * comes while a write is under way is the next row. What cannot be written stays queued and is tried
 * again, ever less often, with one error event an outage.
 */

import type { Clock } from '../ports/clock.ts';
import type { DocumentLog, LogRow } from '../storage/document-log.ts';
import { batches, packUpdates, unpackUpdates } from './updates.ts';

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
  /** Updates that the log was found to hold: at the first look all, later those of other tabs. */
  stored(updates: readonly Uint8Array[]): void;
  /** The log was emptied by someone else: of all that was written, the disk holds `updates` alone. */
  emptied(updates: readonly Uint8Array[]): void;
  /** Everything that is held, as one update; `undefined` where the document is not in memory. */
  snapshot(): Uint8Array | undefined;
  /** One update that holds what `updates` do. */
  merge(updates: readonly Uint8Array[]): Uint8Array;
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
  /** Updates pushed and updates durable so far. */
  #pushed = 0;
  #written = 0;
  /** The last row whose content was told, 0 before the first. */
  #seq = 0;
  #rows = 0;
  /** Bytes of the log's first row, which compaction wrote, and of those after it. */
  #compactedBytes = 0;
  #appendedBytes = 0;
  /** Rows below which compaction is not tried again, after it failed. */
  #compactFrom = 0;
  /** The log was emptied, and what is in memory must be written again. */
  #mustRewrite = false;
  /** The log could not be read when it was asked for. */
  #mustRead = false;
  #cancelTimer: (() => void) | undefined;
  #isStarting = false;
  #busy: Promise<void> | undefined;
  #failures = 0;
  #closed = false;

  constructor(log: DocumentLog, name: string, options: LogWriterOptions, output: LogWriterOutput) {
    this.#log = log;
    this.#name = name;
    this.#options = options;
    this.#output = output;
  }

  /** Queues updates; they are on their way to the disk at the end of this task, or after a write under way. */
  push(updates: readonly Uint8Array[]): void {
    for (const update of updates) this.#queued.push(update);
    this.#pushed += updates.length;
    if (this.#queued.length > 0) this.#start();
  }

  /** Every update that the log holds, and those not written yet; `stored` was told what is new. */
  async readAll(): Promise<Uint8Array[]> {
    const known = this.#seq;
    const { rows, last } = await this.#log.read(this.#name);
    if (last < known) {
      this.#wasEmptied(rows, last, []);
      this.#start();
    } else {
      this.#found(rows, last);
    }
    return [...this.#unpack(rows), ...this.#writing, ...this.#queued];
  }

  /**
   * As `readAll`; where the log cannot be read that is told, and what is in memory is all there is. The
   * rest is not held any more, and is told by `stored` once it can be read, which is tried again.
   */
  async readAllOrMemory(): Promise<Uint8Array[]> {
    try {
      return await this.readAll();
    } catch (thrown) {
      // A write under way counts on the rows that were told.
      while (this.#busy !== undefined) await Promise.allSettled([this.#busy]);
      this.#failed(thrown);
      const snapshot = this.#output.snapshot();
      if (snapshot === undefined) this.#wasEmptied([], 0, []);
      this.#mustRead = true;
      this.#schedule(this.#retryDelay());
      const open = snapshot === undefined ? [] : [snapshot];
      return [...open, ...this.#writing, ...this.#queued];
    }
  }

  /**
   * Resolves once all that was pushed before the call is durable; rejects with the store's error,
   * all kept and tried again later.
   */
  async flush(): Promise<void> {
    const goal = this.#pushed;
    while (this.#written < goal || this.#mustRewrite) await this.#work();
  }

  /** A last flush; nothing is tried afterwards. Rejects with the store's error. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
    await this.#busy;
  }

  /** One write, of this caller or under way. */
  #work(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#busy ??= this.#write().finally(() => {
      this.#busy = undefined;
      // What came meanwhile has waited long enough, unless the store fails.
      const isMore = this.#queued.length > 0 || this.#mustRewrite || this.#mustRead;
      if (isMore) this.#start();
    });
    return this.#busy;
  }

  /** Writes at the end of this task, or when the store that failed is due to be tried again. */
  #start(): void {
    if (this.#failures > 0) return this.#schedule(this.#retryDelay());
    if (this.#isStarting || this.#closed) return;
    this.#isStarting = true;
    void Promise.resolve().then(() => {
      this.#isStarting = false;
      const isDue = this.#queued.length > 0 || this.#mustRewrite || this.#mustRead;
      if (isDue && this.#busy === undefined && !this.#closed) {
        void Promise.allSettled([this.#work()]);
      }
    });
  }

  #schedule(delay: number): void {
    if (this.#closed || this.#cancelTimer !== undefined || this.#busy !== undefined) return;
    this.#cancelTimer = this.#options.clock.setTimer(() => {
      // A failure was told, and the next try is scheduled.
      void Promise.allSettled([this.#work()]);
    }, delay);
  }

  #retryDelay(): number {
    return Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (this.#failures - 1));
  }

  async #write(): Promise<void> {
    try {
      if (this.#queued.length > 0) await this.#append();
      else if (this.#mustRead) await this.readAll();
      this.#mustRead = false;
      if (this.#mustRewrite) await this.#compact();
      this.#failures = 0;
    } catch (thrown) {
      this.#failed(thrown);
      throw thrown;
    }
    const isLong = this.#rows >= COMPACT_ROWS;
    const isWorthIt = this.#appendedBytes >= COMPACT_SHARE * this.#compactedBytes;
    if (!(isLong && isWorthIt) && this.#rows < MAX_ROWS) return;
    if (this.#rows < this.#compactFrom) return;
    try {
      await this.#compact();
    } catch (thrown) {
      // All of it is durable as it is; a log that is only too long can wait.
      this.#compactFrom = 2 * this.#rows;
      this.#options.failed(thrown);
    }
  }

  /** An outage is told once; `close` hands its failure to the caller. */
  #failed(thrown: unknown): void {
    if (this.#failures++ === 0 && !this.#closed) this.#options.failed(thrown);
  }

  async #append(): Promise<void> {
    const [batch = []] = batches(this.#queued);
    this.#writing = this.#queued.splice(0, batch.length);
    const bytes = packUpdates(batch);
    const before = this.#seq;
    try {
      const { seq, foreign } = await this.#log.append(this.#name, bytes, before);
      this.#writing = [];
      this.#written += batch.length;
      if (seq > before) this.#found(foreign, seq);
      else this.#wasEmptied(foreign, seq, batch);
      this.#rows++;
      this.#appendedBytes += bytes.length;
    } finally {
      this.#queued = [...this.#writing, ...this.#queued];
      this.#writing = [];
    }
  }

  /** Rows that the log holds, the last of which is `last`: tells what is new, and counts it. */
  #found(rows: readonly LogRow[], last: number): void {
    const news = rows.filter(({ seq }) => seq > this.#seq);
    const updates = this.#unpack(news);
    if (this.#seq > 0) this.#appendedBytes += sizeOf(news);
    else this.#compactedBytes = sizeOf(news);
    this.#rows += news.length;
    this.#seq = Math.max(this.#seq, last);
    if (updates.length > 0) this.#output.stored(updates);
  }

  /** The log holds `rows` and `own` alone, which was written now. */
  #wasEmptied(rows: readonly LogRow[], last: number, own: readonly Uint8Array[]): void {
    this.#seq = 0;
    const updates = this.#unpack(rows);
    this.#seq = last;
    this.#rows = rows.length;
    this.#compactedBytes = 0;
    this.#appendedBytes = sizeOf(rows);
    this.#mustRewrite = this.#output.snapshot() !== undefined;
    this.#output.emptied([...updates, ...own, ...this.#writing, ...this.#queued]);
  }

  async #compact(): Promise<void> {
    const snapshot = this.#output.snapshot();
    let size = 0;
    // The snapshot covers all rows up to the last that was told; without one, all are read.
    const after = snapshot === undefined ? 0 : this.#seq;
    const { seq, foreign } = await this.#log.compact(this.#name, after, (rows) => {
      const stored = this.#unpack(rows);
      const isCovered = snapshot !== undefined && stored.length === 0;
      const all = snapshot === undefined ? stored : [snapshot, ...stored];
      const packed = packUpdates([isCovered ? snapshot : this.#output.merge(all)]);
      size = packed.length;
      return packed;
    });
    // The Y.Doc that was to be written again may have been let go before it could be.
    const isLost = this.#mustRewrite && snapshot === undefined;
    this.#mustRewrite = false;
    if (isLost) this.#wasEmptied(foreign, seq, []);
    else this.#found(foreign, seq);
    this.#rows = 1;
    this.#compactedBytes = size;
    this.#appendedBytes = 0;
    this.#compactFrom = 0;
  }

  /** The updates of `rows`; what cannot be read is told once, and left out. */
  #unpack(rows: readonly LogRow[]): Uint8Array[] {
    return rows.flatMap((row) => {
      const updates = unpackUpdates(row.bytes);
      if (updates === undefined && row.seq > this.#seq) this.#output.corrupt();
      return updates ?? [];
    });
  }
}

function sizeOf(rows: readonly LogRow[]): number {
  return rows.reduce((sum, { bytes }) => sum + bytes.length, 0);
}
