/** The line at the foot: what is saved, what is in sync, and how long the text is. */

import type * as Y from 'yjs';
import { type Mesh, MeshError } from '../src/index.ts';
import type { MeshProvider } from '../src/yjs/index.ts';
import { byId, paced } from './dom.ts';

type Tone = 'good' | 'quiet' | 'warn';

/** Above this many UTF-16 code units, length is told in characters: finding words takes too long. */
const MAX_COUNTED = 400_000;
/** Changes are written by the mesh itself; so long after one, it is asked whether they are, in ms. */
const CONFIRM_MS = 500;
/** After a failure, the mesh is asked again, in ms. */
const RETRY_MS = 5_000;
/** Saving is announced only where it takes longer, so that the line does not flicker, in ms. */
const PATIENCE_MS = 500;

function show(id: string, tone: Tone, text: string): void {
  const fact = byId(id);
  if (fact.textContent !== text) fact.textContent = text;
  fact.dataset.tone = tone;
}

/** How long `source` is, for people: `1 word`, `12,345 words`. */
export function lengthOf(source: string): string {
  if (source.length > MAX_COUNTED) return `${source.length.toLocaleString('en')} characters`;
  let words = 0;
  const segmenter = new Intl.Segmenter(undefined, { granularity: 'word' });
  for (const { isWordLike } of segmenter.segment(source)) if (isWordLike) words++;
  return words === 1 ? '1 word' : `${words.toLocaleString('en')} words`;
}

function showLength(text: Y.Text): void {
  const update = () => show('words', 'quiet', lengthOf(text.toString()));
  text.observe(paced(update));
  update();
}

function showSaved(mesh: Mesh, doc: Y.Doc): void {
  /** Whether `save` is due or under way. */
  let pending = true;
  let changedAgain = false;
  const save = async () => {
    changedAgain = false;
    const slow = setTimeout(() => show('saved', 'quiet', 'Saving…'), PATIENCE_MS);
    try {
      await mesh.flush();
      if (mesh.stats().store.durable) show('saved', 'good', 'Saved on this device');
      else show('saved', 'warn', 'Kept in this tab only');
    } catch (error) {
      // The mesh tells of it by an error event as well, which becomes a toast.
      if (!(error instanceof MeshError)) throw error;
      show('saved', 'warn', 'Not saved yet');
      setTimeout(changed, RETRY_MS);
    } finally {
      clearTimeout(slow);
      pending = false;
    }
    if (changedAgain) changed();
  };
  const changed = () => {
    changedAgain = true;
    if (pending) return;
    pending = true;
    setTimeout(save, CONFIRM_MS);
  };
  doc.on('update', changed);
  mesh.addEventListener('error', ({ detail }) => {
    if (detail.code === 'store-unavailable' || detail.code === 'store-quota') changed();
  });
  void save();
}

function showSynced(mesh: Mesh, provider: MeshProvider): void {
  const update = () => {
    if (mesh.status === 'disconnected') show('synced', 'warn', 'Offline');
    else if (mesh.status === 'closed') show('synced', 'warn', 'Closed');
    else if (mesh.neighbors.length === 0) show('synced', 'quiet', 'No other tab yet');
    else if (provider.synced) show('synced', 'good', 'In sync');
    else show('synced', 'quiet', 'Catching up…');
  };
  provider.on('synced', update);
  mesh.addEventListener('synced', update);
  mesh.addEventListener('status', update);
  mesh.addEventListener('neighbor', update);
  update();
}

/** Shows how the document of `provider` fares. */
export function showProgress(mesh: Mesh, provider: MeshProvider, text: Y.Text): void {
  showSaved(mesh, provider.doc);
  showSynced(mesh, provider);
  showLength(text);
}
