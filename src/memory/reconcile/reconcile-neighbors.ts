/** What reconciliation knows of each neighbor, when it is due, and what was common with any of them. */

import { toHex } from '../../util/bytes.ts';
import type { MemorySnapshot } from '../trie/trie-memory.ts';
import { NONCE_BYTES } from './reconcile-messages.ts';
import type { Walk } from './reconcile-walk.ts';

/** After this tab's last write, neighbors are asked whether they hold it. */
export const CONFIRM_MS = 300;
/** Where something differs still, comparisons are so far apart in the end. */
const MAX_RETRY_MS = 30_000;
/** A comparison that was put off is tried again after this. */
const LATER_MS = 1_000;
/** A comparison or a walk that says nothing for so long, with nothing under way, is given up. */
export const STALLED_MS = 15_000;
/** So many common roots are remembered. */
const MAX_BASES = 8;

/** A comparison that this side made. */
interface Asked {
  readonly nonce: Uint8Array;
  readonly snapshot: MemorySnapshot;
}

/** A walk that goes on. */
interface Walking {
  readonly name: Uint8Array;
  readonly attempt: number;
  readonly walk: Walk;
}

/** What was told as changed since a common root. */
interface Told {
  readonly name: Uint8Array;
  readonly base: MemorySnapshot;
  readonly snapshot: MemorySnapshot;
}

export class Neighbor {
  /** What was asked last, until it is answered. */
  asked: Asked | undefined;
  walking: Walking | undefined;
  /** What changed since the common root, as it was told, until theirs comes. */
  told: Told | undefined;
  /** The name of what both held when they were last equal. */
  base: string | undefined;
  /** How many walks ended apart in a row. */
  failures = 0;
  /** Whether memories were ever found equal, or made so. */
  compared = false;
  /** Whether the neighbor is known to hold what this tab holds. */
  synced = false;
  /** When something came last. */
  heardAt: number;
  /** When to compare. */
  dueAt: number | undefined;
  #retries = 0;

  constructor(now: number, dueAt: number) {
    this.heardAt = now;
    this.dueAt = dueAt;
  }

  /** Whether nothing goes on. */
  get isIdle(): boolean {
    return this.asked === undefined && this.walking === undefined && this.told === undefined;
  }

  /** When to look after it; infinite for never. */
  get nextAt(): number {
    const dueAt = this.dueAt ?? Number.POSITIVE_INFINITY;
    return this.isIdle ? dueAt : Math.min(dueAt, this.heardAt + STALLED_MS);
  }

  /** Ends what goes on. */
  drop(): void {
    this.asked = undefined;
    this.walking = undefined;
    this.told = undefined;
  }

  /** Memories are equal, or were made so. */
  agreed(): void {
    this.drop();
    this.failures = 0;
    this.#retries = 0;
    this.compared = true;
    this.synced = true;
    this.dueAt = undefined;
  }

  /** This tab wrote, or writes still go on: compares when that is past. */
  wrote(now: number): void {
    this.synced = false;
    this.#retries = 0;
    this.dueAt = now + CONFIRM_MS;
  }

  /** Compares again in a moment, and each time in a longer one. */
  again(now: number): void {
    this.dueAt ??= now + Math.min(MAX_RETRY_MS, CONFIRM_MS * 2 ** this.#retries++);
  }

  later(now: number): void {
    this.dueAt ??= now + LATER_MS;
  }
}

/** What was common with some neighbor lately, by the first bytes of its root (W9). */
export class CommonRoots {
  /** The oldest first. */
  readonly #bases = new Map<string, MemorySnapshot>();

  get newest(): string | undefined {
    return [...this.#bases.keys()].at(-1);
  }

  get(name: string | undefined): MemorySnapshot | undefined {
    return name === undefined ? undefined : this.#bases.get(name);
  }

  /** Remembers `common`, and gives its name. */
  keep(common: MemorySnapshot): string {
    const name = toHex(common.root().subarray(0, NONCE_BYTES));
    this.#bases.delete(name);
    this.#bases.set(name, common);
    for (const oldest of this.#bases.keys()) {
      if (this.#bases.size <= MAX_BASES) break;
      this.#bases.delete(oldest);
    }
    return name;
  }

  forget(name: string | undefined): void {
    if (name !== undefined) this.#bases.delete(name);
  }
}
