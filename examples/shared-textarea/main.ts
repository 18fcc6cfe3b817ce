/**
 * The smallest useful app: one textarea, shared by all tabs of a room, kept on this device.
 *
 *     npx vite examples/shared-textarea                        tabs of this browser
 *     npx mnemesh-signaling                                    … and open ?signaling=ws://localhost:4444
 */

import * as Y from 'yjs';
// In an app: from 'mnemesh' and 'mnemesh/yjs'.
import { openMesh } from '../../src/index.ts';
import { MeshProvider } from '../../src/yjs/index.ts';

const area = document.querySelector('textarea') as HTMLTextAreaElement;
const state = document.querySelector('#state') as HTMLElement;

const signaling = new URLSearchParams(location.search).get('signaling') ?? undefined;
const mesh = await openMesh('shared-textarea', { signaling });
const doc = new Y.Doc();
const provider = new MeshProvider('note', doc, { mesh });
await provider.whenLoaded;

const text = doc.getText('text');

/** What was typed is what lies between the longest common beginning and end. */
area.addEventListener('input', () => {
  const [before, after] = [text.toString(), area.value];
  let start = 0;
  while (start < before.length && before[start] === after[start]) start++;
  let end = 0;
  const most = Math.min(before.length, after.length) - start;
  while (end < most && before.at(-1 - end) === after.at(-1 - end)) end++;
  doc.transact(() => {
    text.delete(start, before.length - end - start);
    text.insert(start, after.slice(start, after.length - end));
  });
});

/** Edits of others keep the selection where it was in the text. */
text.observe((event, transaction) => {
  if (transaction.local) return;
  let { selectionStart, selectionEnd } = area;
  let index = 0;
  for (const { retain = 0, insert = '', delete: deleted = 0 } of event.delta) {
    index += retain;
    const shift = (insert as string).length - deleted;
    if (index < selectionStart) selectionStart = Math.max(index, selectionStart + shift);
    if (index < selectionEnd) selectionEnd = Math.max(index, selectionEnd + shift);
    index += (insert as string).length;
  }
  area.value = text.toString();
  area.setSelectionRange(selectionStart, selectionEnd);
});

function show(): void {
  state.textContent = `${mesh.status}: ${mesh.reason}${provider.synced ? '; in sync' : ''}`;
}
mesh.addEventListener('status', show);
mesh.addEventListener('error', ({ detail }) => console.warn(detail.message));
provider.on('sync', show);

area.value = text.toString();
area.disabled = false;
show();
