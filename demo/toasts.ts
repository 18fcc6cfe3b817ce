/** Short notices in a corner: what passes goes by itself, what needs a person stays. */

import type { MeshError } from '../src/index.ts';
import { byId, element, icon } from './dom.ts';

/** How long what passes is shown, in ms. */
const BRIEF_MS = 6_000;
const MAX_TOASTS = 3;
/** For so long, an error that went away is not shown again, in ms. */
const MUTED_MS = 60_000;

/** Errors that the mesh mends by itself; the connection panel goes on telling of them. */
const PASSING: ReadonlySet<MeshError['code']> = new Set(['link', 'signaling']);

const TITLES: Record<MeshError['code'], string> = {
  'bad-argument': 'That did not work',
  closed: 'This page is closed',
  aborted: 'Stopped',
  unsupported: 'This browser lacks something',
  'not-loaded': 'A part could not be loaded',
  'value-too-large': 'Too large to share',
  'store-unavailable': 'Not saved on this device',
  'store-quota': 'Storage is full',
  'store-corrupt': 'Some saved data is unreadable',
  signaling: 'Signaling server',
  'secret-mismatch': 'Another secret',
  link: 'Link lost',
  'version-mismatch': 'Another version',
  'bad-frame': 'A tab was cut off',
};

const shown = new Map<string, HTMLElement>();
const mutedAt = new Map<string, number>();

function dismiss(key: string): void {
  shown.get(key)?.remove();
  shown.delete(key);
  mutedAt.set(key, performance.now());
}

function show(key: string, tone: 'news' | 'error', title: string, message: string): void {
  dismiss(key);
  const close = element('button', 'button quiet square', icon('close'));
  close.type = 'button';
  close.setAttribute('aria-label', 'Dismiss');
  close.addEventListener('click', () => dismiss(key));
  const words = element('div', 'toast-words', element('strong', '', title));
  if (message) words.append(element('p', '', message));
  const toast = element('div', `toast ${tone}`, words, close);
  shown.set(key, toast);
  byId('toasts').append(toast);
  const oldest = shown.keys().next().value;
  if (shown.size > MAX_TOASTS && oldest !== undefined) dismiss(oldest);
}

function dismissLater(key: string): void {
  const toast = shown.get(key);
  setTimeout(() => {
    // A notice that someone points at or has the focus in stays until they go on.
    if (toast?.matches(':hover, :focus-within')) dismissLater(key);
    else if (shown.get(key) === toast) dismiss(key);
  }, BRIEF_MS);
}

/** Shows good news for a few seconds. */
export function tell(title: string, message = ''): void {
  show('news', 'news', title, message);
  dismissLater('news');
}

/** Shows an error; one of the same code takes its place. */
export function tellError(error: MeshError): void {
  const muted = mutedAt.get(error.code);
  const isMuted = muted !== undefined && performance.now() - muted < MUTED_MS;
  if (isMuted && !shown.has(error.code)) return;
  show(error.code, 'error', TITLES[error.code], `${error.message} (${error.code})`);
  if (PASSING.has(error.code)) dismissLater(error.code);
}
