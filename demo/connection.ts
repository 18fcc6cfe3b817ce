/** Connection state in words, its reason, and the offline switch. */

import type { Mesh } from '../src/index.ts';
import { byId } from './dom.ts';

const LABELS: Record<Mesh['status'], string> = {
  connecting: 'Connecting…',
  alone: 'Only you here',
  connected: 'Connected',
  disconnected: 'Offline',
  closed: 'Closed',
};

/** `reason` as a sentence; an address at its start stays as it is written. */
function sentenceOf(reason: string): string {
  return /^wss?:/.test(reason) ? reason : reason.charAt(0).toUpperCase() + reason.slice(1);
}

/** Shows the connection of `mesh`, which was opened with `signaling`, and lets people cut it. */
export function showConnection(mesh: Mesh, signaling: string | undefined): void {
  const button = byId('connection-button');
  const offline = byId<HTMLInputElement>('offline');
  byId('connection-signaling').textContent = signaling ?? 'This browser alone';
  byId('connection-id').textContent = mesh.id.slice(0, 8);

  const update = () => {
    const { status, reason } = mesh;
    const label = LABELS[status];
    const links = mesh.neighbors.length;
    const others = mesh.members.filter((member) => !member.self).length;
    button.dataset.status = status;
    button.title = reason;
    byId('connection-label').textContent = label;
    byId('connection-title').textContent = label;
    byId('connection-reason').textContent = sentenceOf(reason);
    byId('connection-links').textContent =
      others === 0 ? 'None' : `${links} of ${others} ${others === 1 ? 'tab' : 'tabs'}`;
    offline.checked = status === 'disconnected';
  };

  offline.addEventListener('change', () => {
    if (offline.checked) mesh.disconnect();
    else mesh.connect();
    update();
  });

  mesh.addEventListener('status', update);
  mesh.addEventListener('member', update);
  mesh.addEventListener('neighbor', update);
  update();
}
