/** Automerge's sync protocol, Bloom filters over a graph of changes. */

import * as Automerge from '@automerge/automerge';
import { timed } from '../lib/measure.ts';
import { type Case, changedOn, changedTextOf, keyOf, type Side, textOf } from './sides.ts';

type Records = { items: Record<string, string> };

/** Records written by one change; it divides all counts. */
const BATCH = 100;

/** Building takes longer than all else, so it is done once. */
const bases = new Map<number, [doc: Automerge.Doc<Records>, ms: number]>();

function baseOf(records: number): [doc: Automerge.Doc<Records>, ms: number] {
  let base = bases.get(records);
  if (base !== undefined) return base;
  base = timed(() => {
    let doc = Automerge.from<Records>({ items: {} });
    // A change a record, as mnemesh has a dot of each, would take minutes.
    for (let from = 0; from < records; from += BATCH) {
      doc = Automerge.change(doc, (draft) => {
        for (let i = from; i < from + BATCH; i++) draft.items[keyOf(i)] = textOf(i);
      });
    }
    return doc;
  });
  bases.set(records, base);
  return base;
}

export const automerge: Side = {
  name: 'Automerge',
  maxRecords: 10_000,
  async measure(each: Case) {
    const [base, buildMs] = baseOf(each.records);
    const docs = [Automerge.clone(base), Automerge.clone(base)];
    for (const side of [0, 1] as const) {
      for (const i of changedOn(side, each)) {
        docs[side] = Automerge.change(docs[side] as Automerge.Doc<Records>, (draft) => {
          draft.items[keyOf(i)] = changedTextOf(i);
        });
      }
    }
    const states = [Automerge.initSyncState(), Automerge.initSyncState()];
    let bytes = 0;
    let messages = 0;
    const [, syncMs] = timed(() => {
      for (let silent = 0, from = 0; silent < 2; from = 1 - from) {
        const [state, message] = Automerge.generateSyncMessage(
          docs[from] as Automerge.Doc<Records>,
          states[from] as Automerge.SyncState,
        );
        states[from] = state;
        silent = message === null ? silent + 1 : 0;
        if (message === null) continue;
        bytes += message.length;
        messages++;
        const to = 1 - from;
        const [doc, next] = Automerge.receiveSyncMessage(
          docs[to] as Automerge.Doc<Records>,
          states[to] as Automerge.SyncState,
          message,
        );
        docs[to] = doc;
        states[to] = next;
      }
    });
    const heads = docs.map((doc) => Automerge.getHeads(doc).toSorted().join());
    if (heads[0] !== heads[1]) throw new Error('Automerge did not converge');
    for (const doc of docs) Automerge.free(doc);
    return { ...each, side: 'Automerge', bytes, messages, syncMs, buildMs };
  },
};
