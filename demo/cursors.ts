/**
 * Cursors and selections of the other people, with name labels that show while they move.
 *
 * In place of the cursors of y-codemirror.next (0.3), which write a peer's colour into a style
 * attribute unchecked, keep an old name on screen, and stand in the text, where they let a line
 * break inside a word. These lie in a layer above it.
 */

import {
  EditorSelection,
  type EditorState,
  type Extension,
  StateEffect,
  type Transaction,
} from '@codemirror/state';
import {
  Decoration,
  type DecorationSet,
  type EditorView,
  type LayerMarker,
  layer,
  RectangleMarker,
  ViewPlugin,
  type ViewUpdate,
} from '@codemirror/view';
import * as Y from 'yjs';
import { element } from './dom.ts';
import { indexOf, type Person, type Presence } from './presence.ts';

/** Tells an editor that people moved, came or left. */
const peopleChanged = StateEffect.define<null>();

/** Room for the longest label and a margin, in px; where it lacks, labels lie left of the caret. */
const LABEL_WIDTH = 180;

interface Place {
  readonly left: number;
  readonly top: number;
  readonly height: number;
  readonly leftward: boolean;
}

class Caret implements LayerMarker {
  readonly person: Person;
  readonly place: Place;

  constructor(person: Person, place: Place) {
    this.person = person;
    this.place = place;
  }

  draw(): HTMLElement {
    const label = element('span', 'caret-label', this.person.name);
    const caret = element('div', 'caret', label);
    caret.style.setProperty('--person', this.person.color);
    this.#put(caret);
    return caret;
  }

  // A caret whose person moved is drawn anew, which starts the fading of its label again; one
  // that is only shifted by other people's typing stays and keeps quiet.
  update(caret: HTMLElement, before: Caret): boolean {
    if (!this.#samePerson(before)) return false;
    this.#put(caret);
    return true;
  }

  eq(other: Caret): boolean {
    const { left, top, height, leftward } = this.place;
    const { place } = other;
    return (
      this.#samePerson(other) &&
      left === place.left &&
      top === place.top &&
      height === place.height &&
      leftward === place.leftward
    );
  }

  #samePerson({ person }: Caret): boolean {
    const { client, name, color, moves } = this.person;
    return (
      client === person.client &&
      name === person.name &&
      color === person.color &&
      moves === person.moves
    );
  }

  #put(caret: HTMLElement): void {
    const { left, top, height, leftward } = this.place;
    caret.style.left = `${left}px`;
    caret.style.top = `${top}px`;
    caret.style.height = `${height}px`;
    caret.classList.toggle('leftward', leftward);
  }
}

function changesPeople(transactions: readonly Transaction[]): boolean {
  return transactions.some(({ effects }) => effects.some((effect) => effect.is(peopleChanged)));
}

/** Shows the people of `presence` in an editor bound to `text`, and tells them where this one is. */
export function cursors(text: Y.Text, presence: Presence): Extension {
  /** Where `person` is in `state`; undefined where that is not known, or not in the editor yet. */
  function rangeOf(person: Person, state: EditorState) {
    if (!person.selection) return undefined;
    const anchor = indexOf(person.selection.anchor, text);
    const head = indexOf(person.selection.head, text);
    if (anchor === undefined || head === undefined) return undefined;
    if (Math.max(anchor, head) > state.doc.length) return undefined;
    return EditorSelection.range(anchor, head);
  }

  function selectionsIn(state: EditorState): DecorationSet {
    const marks = presence.others.flatMap((person) => {
      const range = rangeOf(person, state);
      if (!range || range.empty) return [];
      const attributes = { style: `--person: ${person.color}` };
      return [Decoration.mark({ class: 'selected-by', attributes }).range(range.from, range.to)];
    });
    return Decoration.set(marks, true);
  }

  function caretsIn(view: EditorView): Caret[] {
    const width = view.scrollDOM.clientWidth;
    const leftFrom = Math.max(width - LABEL_WIDTH, width / 2);
    return presence.others.flatMap((person) => {
      const range = rangeOf(person, view.state);
      if (!range) return [];
      const cursor = EditorSelection.cursor(range.head, range.head === range.from ? 1 : -1);
      return RectangleMarker.forRange(view, '', cursor).map(
        ({ left, top, height }) =>
          new Caret(person, { left, top, height, leftward: left > leftFrom }),
      );
    });
  }

  function publish(view: EditorView): void {
    if (!view.hasFocus) return;
    const { anchor, head } = view.state.selection.main;
    presence.select(
      Y.createRelativePositionFromTypeIndex(text, anchor),
      Y.createRelativePositionFromTypeIndex(text, head),
    );
  }

  class Selections {
    decorations: DecorationSet;
    readonly #unsubscribe: () => void;

    constructor(view: EditorView) {
      this.decorations = selectionsIn(view.state);
      this.#unsubscribe = presence.subscribe(() => {
        view.dispatch({ effects: peopleChanged.of(null) });
      });
    }

    update(update: ViewUpdate): void {
      if (update.docChanged || changesPeople(update.transactions)) {
        this.decorations = selectionsIn(update.state);
      }
      if (update.docChanged || update.selectionSet || update.focusChanged) publish(update.view);
    }

    destroy(): void {
      this.#unsubscribe();
    }
  }

  return [
    ViewPlugin.fromClass(Selections, { decorations: (plugin) => plugin.decorations }),
    layer({
      above: true,
      class: 'carets',
      markers: caretsIn,
      update: (update) =>
        update.docChanged || update.viewportChanged || changesPeople(update.transactions),
    }),
  ];
}
