/** Random Yjs histories for tests: several documents, edited and synced at random. */

import fc from 'fast-check';
import * as Y from 'yjs';
import { toHex } from '../../util/bytes.ts';
import { HeldRanges } from '../held.ts';

/** One step of a history, by one of its documents. */
export interface Edit {
  readonly doc: number;
  readonly kind: 'insert' | 'delete' | 'format' | 'map' | 'nest' | 'undo' | 'sync';
  readonly at: number;
  readonly length: number;
}

export const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({
    doc: fc.nat(3),
    kind: fc.constantFrom('insert', 'insert', 'delete', 'format', 'map', 'nest', 'undo', 'sync'),
    at: fc.nat(30),
    length: fc.integer({ min: 1, max: 4 }),
  }) as fc.Arbitrary<Edit>,
  { maxLength: 40 },
);

/** What a script made: the documents, and the updates that their edits gave. */
export class History {
  readonly docs: Y.Doc[];
  readonly updates: Uint8Array[] = [];

  private constructor(gc: boolean) {
    this.docs = [3, 2 ** 31 + 5, 2 ** 40 + 1, 2 ** 53 - 2].map((client) => {
      const doc = new Y.Doc({ gc });
      doc.clientID = client;
      return doc;
    });
  }

  static of(script: readonly Edit[], gc = true): History {
    const history = new History(gc);
    const undos = history.docs.map((doc) => new Y.UndoManager(doc.getText('t')));
    for (const doc of history.docs) {
      doc.on('update', (update: Uint8Array, origin: unknown) => {
        if (origin !== 'sync') history.updates.push(update);
      });
    }
    for (const edit of script) {
      if (edit.kind === 'sync') history.#sync(edit);
      else if (edit.kind === 'undo') undos[edit.doc]?.undo();
      else doEdit(history.docs[edit.doc] as Y.Doc, edit);
    }
    return history;
  }

  /** A document that holds all of it. */
  whole(): Y.Doc {
    const doc = new Y.Doc({ gc: this.docs[0]?.gc ?? true });
    for (const update of this.updates) Y.applyUpdate(doc, update);
    return doc;
  }

  #sync({ doc, at }: Edit): void {
    const [from, to] = [this.docs[doc], this.docs[at % 4]] as [Y.Doc, Y.Doc];
    Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)), 'sync');
  }
}

function doEdit(doc: Y.Doc, { kind, at, length }: Edit): void {
  const text = doc.getText('t');
  const start = text.length === 0 ? 0 : at % text.length;
  const reach = Math.min(length, text.length - start);
  switch (kind) {
    case 'insert':
      return text.insert(start, 'xyzw'.slice(0, length));
    case 'delete':
      return text.delete(start, reach);
    case 'format':
      return text.format(start, reach, { bold: at % 2 === 0 ? true : null });
    case 'map':
      if (at % 5 === 0) doc.getMap('m').delete(`k${length}`);
      else doc.getMap('m').set(`k${length}`, at);
      return;
    case 'nest': {
      const list = doc.getArray('a');
      if (at % 3 === 0 && list.length > 0) list.delete(0, 1);
      else list.push([new Y.Map([['n', new Y.Text('inner')]])]);
      return;
    }
  }
}

/** How updates come: in which order, which not, and which twice. */
export interface Delivery {
  readonly order: readonly number[];
  readonly lost: readonly number[];
  readonly twice: readonly number[];
}

export function deliver(updates: readonly Uint8Array[], how: Delivery): Uint8Array[] {
  const lost = new Set(how.lost);
  const twice = new Set(how.twice);
  return updates
    .map((update, i) => ({ update, i, key: how.order[i] ?? i }))
    .filter(({ i }) => !lost.has(i))
    .sort((a, b) => a.key - b.key)
    .flatMap(({ update, i }) => (twice.has(i) ? [update, update] : [update]));
}

export function heldOf(updates: readonly Uint8Array[]): HeldRanges {
  const held = new HeldRanges();
  for (const update of updates) held.add(update);
  return held;
}

export function leafOf(updates: readonly Uint8Array[]): string {
  return toHex(heldOf(updates).leaf());
}
