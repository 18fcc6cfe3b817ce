/**
 * The trace hash: a fingerprint of all that happened in a run, in order.
 *
 * Two 32-bit lanes mixed as MurmurHash3 mixes its own (Appleby 2011): integer arithmetic alone, so
 * the same on any machine. It tells runs apart, and is no secret.
 */

/** What a trace entry is about. */
export const TRACE_KINDS = ['frame', 'timer', 'signal', 'fault'] as const;
export type TraceKind = (typeof TRACE_KINDS)[number];

const CODES: Readonly<Record<TraceKind, number>> = { frame: 1, timer: 2, signal: 3, fault: 4 };

/** The running hash over (time, process, kind, bytes) of everything that happened. */
export class Trace {
  #a = 0x2545f491;
  #b = 0x9e3779b9;
  #count = 0;

  /** Entries so far. */
  get count(): number {
    return this.#count;
  }

  /** Adds one entry; `at` counts to the microsecond. */
  note(at: number, process: number, kind: TraceKind, bytes?: Uint8Array): void {
    this.#count++;
    const micros = Math.round(at * 1_000);
    this.#mix(micros | 0);
    this.#mix(Math.floor(micros / 2 ** 32));
    this.#mix(process * 8 + CODES[kind]);
    if (bytes === undefined) return;
    const { length } = bytes;
    this.#mix(length);
    let at4 = 0;
    for (; at4 + 4 <= length; at4 += 4) {
      this.#mix(
        (bytes[at4] as number) |
          ((bytes[at4 + 1] as number) << 8) |
          ((bytes[at4 + 2] as number) << 16) |
          ((bytes[at4 + 3] as number) << 24),
      );
    }
    for (; at4 < length; at4++) this.#mix(bytes[at4] as number);
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    const hex = (lane: number) => (lane >>> 0).toString(16).padStart(8, '0');
    return hex(finish(this.#a ^ this.#count)) + hex(finish(this.#b + this.#a));
  }

  #mix(word: number): void {
    const a = Math.imul(word ^ this.#b, 0xcc9e2d51);
    this.#a = (Math.imul(((a << 15) | (a >>> 17)) ^ this.#a, 5) + 0x52dce729) | 0;
    const b = Math.imul(word + this.#a, 0x1b873593);
    this.#b = (Math.imul(((b << 13) | (b >>> 19)) ^ this.#b, 5) + 0x38495ab5) | 0;
  }
}

function finish(lane: number): number {
  let h = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
