/** Plays keystroke histories (the form of josephg/editing-traces) into a Y.Doc, as their authors did. */

import { applyUpdate, type Doc, getState } from 'yjs';

/** At `position`, `deleted` characters go and `inserted` comes. */
type Patch = readonly [position: number, deleted: number, inserted: string];

/** Plays transactions of patches in order, `slice` of them at a time so that the tab stays alive. */
export async function playTrace(
  doc: Doc,
  transactions: readonly (readonly Patch[])[],
  slice = 500,
): Promise<void> {
  const text = doc.getText('text');
  for (let i = 0; i < transactions.length; i++) {
    doc.transact(() => {
      for (const [position, deleted, inserted] of transactions[i] ?? []) {
        if (deleted > 0) text.delete(position, deleted);
        if (inserted !== '') text.insert(position, inserted);
      }
    });
    if (i % slice === slice - 1) await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/**
 * Plays one author's updates into `doc` as this tab's own edits, each as soon as what it builds on
 * of the other author has arrived, as that author saw it.
 */
export async function playAuthor(
  doc: Doc,
  other: number,
  updates: readonly { readonly base64: string; readonly needs: number }[],
): Promise<void> {
  const seen = () => getState(doc.store, other);
  let known = 0;
  let played = 0;
  for (const { base64, needs } of updates) {
    while (known < needs) {
      known = seen();
      if (known < needs) await new Promise((resolve) => doc.once('update', resolve));
    }
    applyUpdate(
      doc,
      Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)),
      'played',
    );
    if (++played % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
