/** Taking the page elsewhere: the link to the room, a new room, the text as a file. */

import { byId } from './dom.ts';
import { hashOf, type Place, randomRoom } from './room.ts';
import { tell } from './toasts.ts';

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (error) {
    // Without HTTPS, or where a person said no, there is no clipboard.
    console.info('mnemesh demo: the clipboard is not available', error);
    return false;
  }
}

async function share(place: Place): Promise<void> {
  const link = new URL(hashOf(place), location.href).href;
  if (await copy(link)) {
    const note = place.secret
      ? 'It carries the secret: share it only with people who may join.'
      : `Whoever opens it joins ${place.room}.`;
    tell('Link copied', note);
    return;
  }
  const input = byId<HTMLInputElement>('link-input');
  input.value = link;
  byId<HTMLDialogElement>('link-dialog').showModal();
  input.select();
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/markdown;charset=utf-8' }));
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = `${name.replace(/[^\p{L}\p{N}._-]+/gu, '-')}.md`;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Sets up the dialog that opens another room. It works also where this room cannot be opened. */
export function offerNewRoom(): void {
  const dialog = byId<HTMLDialogElement>('room-dialog');
  const room = byId<HTMLInputElement>('room-input');
  const secret = byId<HTMLInputElement>('secret-input');
  byId('new-room').addEventListener('click', () => {
    byId('menu').hidePopover();
    room.value = randomRoom();
    secret.value = '';
    dialog.showModal();
    room.select();
  });
  byId('room-cancel').addEventListener('click', () => dialog.close());
  byId('room-form').addEventListener('submit', () => {
    const place = { room: room.value.trim() || randomRoom(), secret: secret.value || undefined };
    // The change of the hash opens the room.
    location.hash = hashOf(place);
  });
}

/** Sets up the share button and the download of what `read` gives. */
export function offerSharing(place: Place, read: () => string): void {
  const button = byId<HTMLButtonElement>('share');
  button.disabled = false;
  button.addEventListener('click', () => share(place));
  byId('download').addEventListener('click', () => {
    byId('menu').hidePopover();
    download(place.room, read());
  });
}
