/** Who is here: faces in the top bar, and the panel with names and one's own settings. */

import type { Mesh } from '../src/index.ts';
import { byId, element, icon } from './dom.ts';
import {
  colorFor,
  type Identity,
  initialsOf,
  loadIdentity,
  nameOf,
  onIdentityChange,
  PALETTE,
  saveIdentity,
} from './identity.ts';
import type { Person, Presence } from './presence.ts';
import { narrow } from './views.ts';

/** One row of the list: a member of the mesh, with what their tab tells about the person. */
interface Row {
  readonly peer: string;
  readonly name: string;
  readonly color: string;
  readonly note: string;
  readonly away: boolean;
  /** Set where their cursor can be shown. */
  readonly person: Person | undefined;
}

const FACES_WIDE = 5;
const FACES_NARROW = 1;
/** Longest list that is shown; the rest is a number. */
const MAX_LISTED = 100;
/** For a tab that has not told who it is. */
const UNKNOWN_COLOR = colorFor(PALETTE.length - 1);

/** Rows for the members of `mesh`, this tab first, then by name. */
function rowsOf(mesh: Mesh, presence: Presence, self: Identity): Row[] {
  const byPeer = new Map(presence.others.map((person) => [person.peer, person]));
  const rows = mesh.members
    .filter((member) => !member.self)
    .map((member): Row => {
      const person = byPeer.get(member.id);
      const suspect = member.status === 'suspect';
      const note = suspect
        ? 'Not answering'
        : member.hidden
          ? 'In the background'
          : person
            ? 'Here'
            : 'Arriving…';
      return {
        peer: member.id,
        name: person?.name ?? 'Someone',
        color: person?.color ?? UNKNOWN_COLOR,
        note,
        away: suspect || member.hidden,
        person: person?.selection && person,
      };
    })
    .sort((a, b) => a.name.localeCompare(b.name) || (a.peer < b.peer ? -1 : 1));
  const me = { peer: mesh.id, ...self, note: 'This tab', away: false, person: undefined };
  return [me, ...rows];
}

function face(row: Row): HTMLElement {
  const made = element('span', row.away ? 'face away' : 'face', initialsOf(row.name));
  made.style.setProperty('--person', row.color);
  made.setAttribute('aria-hidden', 'true');
  return made;
}

function listItem(row: Row, onReveal: (person: Person) => void): HTMLElement {
  const name = element('bdi', 'person-name', row.name);
  name.title = row.name;
  const words = element('span', 'person-words', name, element('span', 'person-note', row.note));
  const item = element('li', 'person', face(row), words);
  const { person } = row;
  if (person) {
    const button = element('button', 'button quiet square', icon('target'));
    button.type = 'button';
    button.dataset.peer = row.peer;
    button.title = 'Show where they are';
    button.setAttribute('aria-label', `Show where ${row.name} is`);
    button.addEventListener('click', () => onReveal(person));
    item.append(button);
  }
  return item;
}

function showFaces(button: HTMLElement, rows: readonly Row[]): void {
  const limit = narrow.matches ? FACES_NARROW : FACES_WIDE;
  // A "+1" would take the room of the one face that it hides.
  const count = rows.length > limit + 1 ? limit : rows.length;
  const faces = rows.slice(0, count).map(face);
  if (rows.length > count) faces.push(element('span', 'face more', `+${rows.length - count}`));
  button.replaceChildren(...faces);
  const people = rows.length === 1 ? '1 person' : `${rows.length} people`;
  button.setAttribute('aria-label', `${people} here`);
}

function showList(
  list: HTMLElement,
  rows: readonly Row[],
  onReveal: (person: Person) => void,
): void {
  const focused = document.activeElement instanceof HTMLElement ? document.activeElement : null;
  const peer = list.contains(focused) ? focused?.dataset.peer : undefined;
  const items = rows.slice(0, MAX_LISTED).map((row) => listItem(row, onReveal));
  if (rows.length > MAX_LISTED) {
    items.push(element('li', 'person', `and ${rows.length - MAX_LISTED} more`));
  }
  list.replaceChildren(...items);
  if (peer) list.querySelector<HTMLElement>(`[data-peer="${CSS.escape(peer)}"]`)?.focus();
}

function showColors(fieldset: HTMLElement, onPick: (color: string) => void): void {
  for (const { name, color } of PALETTE) {
    const input = element('input', '');
    input.type = 'radio';
    input.name = 'color';
    input.value = color;
    input.setAttribute('aria-label', name);
    input.addEventListener('change', () => onPick(color));
    const swatch = element('label', 'swatch', input);
    swatch.title = name;
    swatch.style.setProperty('--person', color);
    fieldset.append(swatch);
  }
}

/** Shows the people of `mesh`; `onReveal` is called to bring someone's cursor into view. */
export function showPeople(
  mesh: Mesh,
  presence: Presence,
  onReveal: (person: Person) => void,
): void {
  const nameInput = byId<HTMLInputElement>('name');
  const colors = byId('colors');
  const panel = byId('people-panel');
  let self = loadIdentity();
  let shown = '';

  const update = () => {
    const rows = rowsOf(mesh, presence, self);
    // Cursors move all the time; the list is made anew only where something in it changes.
    const visible = JSON.stringify([
      narrow.matches,
      rows.map(({ person, ...row }) => ({ ...row, reachable: person?.client })),
    ]);
    if (visible === shown) return;
    shown = visible;
    showFaces(byId('people-button'), rows);
    byId('people-title').textContent = `In this room (${rows.length})`;
    showList(byId('people-list'), rows, (person) => {
      panel.hidePopover();
      // The row may be older than the latest move.
      onReveal(presence.others.find(({ client }) => client === person.client) ?? person);
    });
  };

  const become = (identity: Identity) => {
    self = identity;
    presence.introduce(identity);
    for (const input of colors.querySelectorAll('input')) {
      input.checked = input.value === identity.color;
    }
    update();
  };
  const change = (identity: Identity) => {
    saveIdentity(identity);
    become(identity);
  };

  showColors(colors, (color) => change({ ...self, color }));
  nameInput.addEventListener('input', () => {
    const name = nameOf(nameInput.value);
    if (name) change({ ...self, name });
  });
  nameInput.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.isComposing) return;
    // The focus returns to the button that opened the panel, which Enter would press.
    event.preventDefault();
    panel.hidePopover();
  });
  // An empty name is not taken; the field shows again what the room sees.
  nameInput.addEventListener('change', () => {
    nameInput.value = self.name;
  });
  onIdentityChange((identity) => {
    nameInput.value = identity.name;
    become(identity);
  });

  nameInput.value = self.name;
  become(self);
  presence.subscribe(update);
  mesh.addEventListener('member', update);
  narrow.addEventListener('change', update);
}
