/**
 * Tells what is lost of documents from what is on its way (SPEC.md D4).
 *
 * While tabs type, no two of them hold the same, and nothing is wrong. So a comparison tells what came
 * in the last while, and a root of all else. Who gets it takes from what it holds the same, and what
 * came to itself a moment ago. What is left is equal, unless something is lost.
 */

import { type ClientEntry, emptyEntry } from '../memory/reconcile/reconcile-clients-wire.ts';
import { equalBytes } from '../util/bytes.ts';
import { type Fresh, type HeldRanges, type Leaf, MAX_FRESH, ROOT_BYTES, rootOf } from './held.ts';

/** What was had for so long, and is lacked by a neighbor, is not on its way any more. */
export const FLIGHT_MS = 1_000;
/** Where nothing came for so long, nothing is on its way. */
const QUIET_MS = 250;
/** Documents that a comparison tells of at most; where more change at a time, more counts as lost. */
export const MAX_MOVING = 32;

/** Ranges of one document. */
export interface DocumentRanges {
  readonly name: string;
  readonly entries: readonly ClientEntry[];
}

/** What a side says of its documents, where they changed lately. */
export interface Flight {
  /** Root of all but `aged` and `young`. */
  readonly rest: Uint8Array;
  /** What came one to two `FLIGHT_MS` ago; the other side is to hold it by now. */
  readonly aged: readonly DocumentRanges[];
  /** What came later. */
  readonly young: readonly DocumentRanges[];
}

/** The documents, as they are needed here. */
export interface FlightDocuments {
  leaves(): readonly Leaf[];
  heldOf(name: string): HeldRanges;
}

interface Came extends Fresh {
  readonly at: number;
  readonly name: string;
}

export class Flights {
  readonly #documents: FlightDocuments;
  /** What came within two `FLIGHT_MS`, the oldest first. Where something is missing, more counts as lost. */
  #came: Came[] = [];

  constructor(documents: FlightDocuments) {
    this.#documents = documents;
  }

  /** Notes what came; `undefined` for more than can be told. */
  note(now: number, name: string, fresh: readonly Fresh[] = []): void {
    this.#came = this.#since(now - 2 * FLIGHT_MS);
    if (this.#came.length + fresh.length > MAX_FRESH) return;
    for (const range of fresh) this.#came.push({ ...range, at: now, name });
  }

  /** What to say with a comparison; `undefined` where nothing is on its way, or too much. */
  tell(now: number): Flight | undefined {
    if (this.isQuiet(now)) return undefined;
    this.note(now, '');
    const aged = byDocument(this.#came.filter(({ at }) => at <= now - FLIGHT_MS));
    const young = byDocument(this.#since(now - FLIGHT_MS));
    if (aged.length > MAX_MOVING || young.length > MAX_MOVING) return undefined;
    return { rest: this.#rootWithout([...aged, ...young]), aged, young };
  }

  /** Whether all in which the other side differs may be on its way. */
  isFlying(now: number, { rest, aged, young }: Flight): boolean {
    const { heldOf } = this.#documents;
    const isHeld = aged.every(({ name, entries }) => {
      const held = heldOf(name);
      return entries.every((entry) => held.covers(entry));
    });
    if (!isHeld) return false;
    const mine = this.isQuiet(now) ? [] : byDocument(this.#since(now - FLIGHT_MS));
    return equalBytes(this.#rootWithout([...aged, ...young, ...mine]), rest);
  }

  /** Whether nothing came for a while. */
  isQuiet(now: number): boolean {
    return (this.#came.at(-1)?.at ?? Number.NEGATIVE_INFINITY) <= now - QUIET_MS;
  }

  #since(time: number): Came[] {
    const first = this.#came.findIndex(({ at }) => at > time);
    return first < 0 ? [] : this.#came.slice(first);
  }

  #rootWithout(parts: readonly DocumentRanges[]): Uint8Array {
    const leaves = new Map(this.#documents.leaves().map((each) => [each.name, each]));
    for (const name of new Set(parts.map((part) => part.name))) {
      const entries = parts.flatMap((part) => (part.name === name ? part.entries : []));
      const leaf = this.#documents.heldOf(name).leafWithout(entries);
      if (leaf === undefined) leaves.delete(name);
      else leaves.set(name, { name, leaf });
    }
    return rootOf(leaves.values()).subarray(0, ROOT_BYTES);
  }
}

function byDocument(came: readonly Came[]): DocumentRanges[] {
  const documents = new Map<string, Map<number, ClientEntry>>();
  for (const { name, client, kind, range } of came) {
    const entries = documents.get(name) ?? new Map<number, ClientEntry>();
    documents.set(name, entries);
    const entry = entries.get(client) ?? emptyEntry(client);
    entries.set(client, entry);
    entry[kind].add(...range);
  }
  return Array.from(documents, ([name, entries]) => ({ name, entries: [...entries.values()] }));
}
