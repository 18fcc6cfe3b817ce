/**
 * Real keystroke histories (josephg/editing-traces) from the folder that MNEMESH_TRACES names, in
 * the form that tabs can play.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import * as Y from 'yjs';

/** At `position`, `deleted` characters go and `inserted` comes. */
export type Patch = readonly [position: number, deleted: number, inserted: string];

interface Transaction {
  readonly patches: readonly Patch[];
  readonly agent?: number;
  readonly parents?: readonly number[];
}

/** A history: what was typed, and the text that everyone must end with. */
export interface Trace {
  readonly endContent: string;
  readonly txns: readonly Transaction[];
}

/** The folder of traces, or `undefined` where it is not told. */
export const tracesFolder = process.env.MNEMESH_TRACES;

/** Reads `name`.json.gz. */
export function readTrace(name: string): Trace {
  const bytes = readFileSync(join(tracesFolder ?? '', `${name}.json.gz`));
  return JSON.parse(gunzipSync(bytes).toString()) as Trace;
}

/** One author's transaction as a Yjs update, and how far it had seen the other author then. */
export interface AuthoredUpdate {
  readonly base64: string;
  /** The other author's clock that the update builds on. */
  readonly needs: number;
}

/**
 * Two authors' history as each one's Yjs updates: every author is replayed on a document of its own
 * that has applied just what the transaction's parents name. Which author has the greater client id
 * decides ties, so both orders are tried for the one that gives `endContent`.
 */
export function authorsOf(trace: Trace): { clients: number[]; updates: AuthoredUpdate[][] } {
  for (const clients of [
    [1, 2],
    [2, 1],
  ]) {
    const { updates, text } = replay(trace, clients);
    if (text === trace.endContent) return { clients, updates };
  }
  throw new Error('no order of the two authors ends with endContent');
}

function replay(trace: Trace, clients: number[]): { updates: AuthoredUpdate[][]; text: string } {
  const authors = clients.map((clientID) => {
    const doc = new Y.Doc();
    doc.clientID = clientID;
    return { doc, updates: [] as Uint8Array[], needs: [] as number[], seen: 0 };
  });
  /** The place of each transaction among its author's. */
  const places: number[] = [];
  for (const { agent = 0, parents = [], patches } of trace.txns) {
    const author = authors[agent];
    const other = authors[1 - agent];
    if (author === undefined || other === undefined) throw new Error('not a trace of two authors');
    for (const parent of parents) {
      if (trace.txns[parent]?.agent === agent) continue;
      for (; author.seen <= (places[parent] ?? 0); author.seen++) {
        Y.applyUpdate(author.doc, other.updates[author.seen] as Uint8Array);
      }
    }
    places.push(author.updates.length);
    const before = Y.encodeStateVector(author.doc);
    const text = author.doc.getText('text');
    let update: Uint8Array | undefined;
    author.doc.once('update', (made: Uint8Array) => {
      update = made;
    });
    author.doc.transact(() => {
      for (const [position, deleted, inserted] of patches) {
        if (deleted > 0) text.delete(position, deleted);
        if (inserted !== '') text.insert(position, inserted);
      }
    });
    // A transaction that changes nothing makes no update.
    author.updates.push(update ?? Y.encodeStateAsUpdate(author.doc, before));
    author.needs.push(Y.getState(author.doc.store, clients[1 - agent] as number));
  }
  const merged = new Y.Doc();
  for (const { updates } of authors) for (const update of updates) Y.applyUpdate(merged, update);
  return {
    text: merged.getText('text').toString(),
    updates: authors.map(({ updates, needs }) =>
      updates.map((update, i) => ({
        base64: Buffer.from(update).toString('base64'),
        needs: needs[i] as number,
      })),
    ),
  };
}
