/** The demo: a Markdown page that the tabs of a room write together. */

import * as Y from 'yjs';
import { type Mesh, MeshError, openMesh } from '../src/index.ts';
import { MeshProvider } from '../src/yjs/index.ts';
import { showConnection } from './connection.ts';
import { byId } from './dom.ts';
import { openEditor, reveal } from './editor.ts';
import { showTools } from './format.ts';
import { showPeople } from './people.ts';
import { Presence } from './presence.ts';
import { showPreview } from './preview.ts';
import { showProgress } from './progress.ts';
import { findSignaling, hashOf, type Place, placeOf, randomRoom } from './room.ts';
import { offerNewRoom, offerSharing } from './share.ts';
import { tellError } from './toasts.ts';
import { narrow, setUpAppearance } from './views.ts';

declare global {
  interface Window {
    /** The mesh of this tab, for exploring in the console. */
    mesh: Mesh;
    /** The Yjs provider of the page, for exploring in the console. */
    provider: MeshProvider;
    /** The Yjs document of the page, for exploring in the console. */
    ydoc: Y.Doc;
  }
}

const TEXT = 'markdown';

function enterRoom(): Place {
  const place = placeOf(location.hash) ?? { room: randomRoom(), secret: undefined };
  history.replaceState(null, '', hashOf(place));
  // Another link in this tab, or a new room, begins afresh.
  addEventListener('hashchange', () => location.reload());
  document.title = `${place.room} · mnemesh`;
  byId('room-name').textContent = place.room;
  byId('room-name').title = place.room;
  byId('room-lock').toggleAttribute('hidden', !place.secret);
  return place;
}

async function open(place: Place): Promise<void> {
  const signaling = await findSignaling(location);
  const mesh = await openMesh(place.room, {
    ...(signaling ? { signaling } : {}),
    ...(place.secret ? { secret: place.secret } : {}),
  });
  mesh.addEventListener('error', ({ detail }) => tellError(detail));
  const ydoc = new Y.Doc();
  const provider = new MeshProvider('notes', ydoc, { mesh });
  Object.assign(window, { mesh, provider, ydoc });
  console.info('mnemesh: explore window.mesh, window.provider and window.ydoc');

  const text = ydoc.getText(TEXT);
  const presence = new Presence(provider.awareness, TEXT, mesh.id);
  showConnection(mesh, signaling);
  await provider.whenLoaded;

  byId('opening').remove();
  const view = openEditor(byId('write'), text, presence);
  showTools(byId('tools'), view);
  showPreview(byId('preview'), text);
  showPeople(mesh, presence, (person) => {
    if (byId('workspace').dataset.view === 'read') byId('views').querySelector('button')?.click();
    reveal(view, text, person);
  });
  showProgress(mesh, provider, text);
  offerSharing(place, () => text.toString());
  if (!narrow.matches) view.focus();
}

setUpAppearance();
offerNewRoom();
open(enterRoom()).catch((error: unknown) => {
  if (!(error instanceof MeshError)) throw error;
  byId('connection-label').textContent = 'Not open';
  byId('connection-button').dataset.status = 'closed';
  byId('opening').textContent = 'This room could not be opened. The menu at the top opens another.';
  tellError(error);
});
