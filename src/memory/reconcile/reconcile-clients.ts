/**
 * The walk over what two tabs hold of one large Yjs document, client by client (SPEC.md W11). When it
 * is done, each knows what the other holds of the clients in which they differ, and that they hold the
 * same of all others, so that an update of just what is lacking can be made.
 */

import { writeUint8, writeUint8Array, writeVarUint } from 'lib0/encoding';
import { decodeTotal, encode, readBytes, readFlag, readList } from '../../util/codec.ts';
import { type Hasher, hasher } from '../hasher.ts';
import { Trie } from '../trie/trie.ts';
import { MAX_DEPTH, type TrieItem } from '../trie/trie-nodes.ts';
import { type ClientEntry, readEntry, writeEntry } from './reconcile-clients-wire.ts';
import type { Section } from './reconcile-descent.ts';
import { Digester } from './reconcile-digests.ts';
import { EntryWalk } from './reconcile-entries.ts';
import { NONCE_BYTES } from './reconcile-messages.ts';
import { readSections, writeSections } from './reconcile-wire.ts';

/** One message of the walk. */
export interface ClientStep {
  /** In the first: what salts the digests. */
  readonly nonce: Uint8Array | undefined;
  readonly sections: readonly Section[];
  readonly entries: readonly ClientEntry[];
}

const CLIENT_DOMAIN = 20;
/** Clients of one walk. */
const MAX_CLIENTS = 1_048_576;
/** A walk goes down both tries by a level a step at least. */
const MAX_STEPS = 2 * MAX_DEPTH + 4;

/** What is held of a client, in a trie. */
interface ClientItem extends TrieItem {
  readonly entry: ClientEntry;
}

export class ClientWalk {
  readonly #entries: EntryWalk<ClientItem>;
  readonly #theirs = new Map<number, ClientEntry>();
  #steps = 0;
  #isDone = false;
  #isAsked = false;

  /**
   * Over `held`, as it is now. `nonce`: random bytes of the side that begins; `isFirst`: whether that is
   * this one.
   */
  constructor(held: Iterable<ClientEntry>, nonce: Uint8Array, isFirst: boolean) {
    this.#entries = new EntryWalk(trieOf(held), new Digester([nonce], 0), isFirst);
  }

  /** Whether `differing` is complete. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Clients in which the sides differ, and what the other side holds of each; `undefined` for nothing. */
  get differing(): ReadonlyMap<number, ClientEntry | undefined> {
    const differing = new Map<number, ClientEntry | undefined>(this.#theirs);
    for (const { entry } of this.#entries.differing) {
      if (!differing.has(entry.client)) differing.set(entry.client, undefined);
    }
    return differing;
  }

  /** Takes a step of the other side; tells how it breaks the protocol, if it does. */
  receive({ sections, entries }: ClientStep): string | undefined {
    if (++this.#steps > MAX_STEPS) return 'a walk that never ends';
    if (sections.length + entries.length === 0 && this.#isDone) return 'a step that says nothing';
    this.#isAsked = sections.length > 0;
    for (const entry of entries) {
      if (this.#theirs.has(entry.client)) return 'a client that is told twice';
      this.#theirs.set(entry.client, entry);
    }
    return this.#entries.receive(sections);
  }

  /** What to send next; `undefined` once there is nothing more to say. */
  reply(nonce?: Uint8Array): ClientStep | undefined {
    const { sections, entries: items, isAsking } = this.#entries.reply();
    const entries = items.map(({ entry }) => entry);
    this.#isDone = !isAsking;
    // A question is answered even by nothing, so that who asked knows.
    if (sections.length + entries.length === 0 && !this.#isAsked) return undefined;
    return { nonce, sections, entries };
  }
}

export function encodeClientStep({ nonce, sections, entries }: ClientStep): Uint8Array {
  return encode((encoder) => {
    writeUint8(encoder, nonce === undefined ? 0 : 1);
    if (nonce !== undefined) writeUint8Array(encoder, nonce);
    writeSections(encoder, sections);
    writeVarUint(encoder, entries.length);
    for (const entry of entries) writeEntry(encoder, entry);
  });
}

/** The step that `bytes` hold, or `undefined`. */
export function decodeClientStep(bytes: Uint8Array): ClientStep | undefined {
  return decodeTotal(bytes, (decoder) => ({
    nonce: readFlag(decoder) ? readBytes(decoder, NONCE_BYTES) : undefined,
    sections: readSections(decoder, 0),
    entries: readList(decoder, MAX_CLIENTS, readEntry),
  }));
}

function trieOf(held: Iterable<ClientEntry>): Trie<ClientItem> {
  return new Trie(
    Array.from(held, ({ client, structs, deletes }): ClientItem => {
      const entry = { client, structs: structs.copy(), deletes: deletes.copy() };
      hasher.of(CLIENT_DOMAIN).uint(client);
      const path = hasher.hash();
      const write = (to: Hasher) => to.bytes(encode((encoder) => writeEntry(encoder, entry)));
      return { path, entry, write };
    }),
  );
}
