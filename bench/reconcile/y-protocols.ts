/** Yjs with y-protocols' sync steps: state vectors, then updates, both ways. */

import { createDecoder } from 'lib0/decoding';
import { createEncoder, length, toUint8Array } from 'lib0/encoding';
import { readSyncMessage, writeSyncStep1 } from 'y-protocols/sync';
import * as Y from 'yjs';
import { timed } from '../lib/measure.ts';
import { type Case, changedOn, changedTextOf, keyOf, type Side, textOf } from './sides.ts';

export const yProtocols: Side = {
  name: 'y-protocols',
  maxRecords: Number.POSITIVE_INFINITY,
  async measure(each: Case) {
    const [base, buildMs] = timed(() => {
      const doc = new Y.Doc();
      const items = doc.getMap<string>('items');
      for (let i = 0; i < each.records; i++) items.set(keyOf(i), textOf(i));
      return Y.encodeStateAsUpdate(doc);
    });
    const docs = [new Y.Doc(), new Y.Doc()] as const;
    for (const doc of docs) Y.applyUpdate(doc, base);
    for (const side of [0, 1] as const) {
      const items = docs[side].getMap<string>('items');
      for (const i of changedOn(side, each)) items.set(keyOf(i), changedTextOf(i));
    }
    let bytes = 0;
    let messages = 0;
    const [, syncMs] = timed(() => {
      for (const from of [0, 1] as const) {
        const question = createEncoder();
        writeSyncStep1(question, docs[from]);
        const asked = toUint8Array(question);
        const answer = createEncoder();
        readSyncMessage(createDecoder(asked), answer, docs[1 - from] as Y.Doc, undefined);
        bytes += asked.length + length(answer);
        messages += 2;
        const reply = createEncoder();
        readSyncMessage(createDecoder(toUint8Array(answer)), reply, docs[from], undefined);
      }
    });
    const maps = docs.map((doc) =>
      JSON.stringify(Object.entries(doc.getMap('items').toJSON()).sort()),
    );
    if (maps[0] !== maps[1]) throw new Error('Yjs did not converge');
    for (const doc of docs) doc.destroy();
    return { ...each, side: 'y-protocols', bytes, messages, syncMs, buildMs };
  },
};
