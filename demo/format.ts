/** Markdown formatting as editor commands, for keys and for the toolbar. */

import {
  type ChangeSpec,
  EditorSelection,
  type EditorState,
  type StateCommand,
} from '@codemirror/state';
import type { EditorView } from '@codemirror/view';
import { element, icon } from './dom.ts';

/** Puts `mark` on both sides of each selection, or takes it away where it stands there already. */
export function wrap(mark: string): StateCommand {
  return ({ state, dispatch }) => {
    const size = mark.length;
    const spec = state.changeByRange(({ from, to, anchor, head }) => {
      const wrapped =
        state.sliceDoc(from - size, from) === mark && state.sliceDoc(to, to + size) === mark;
      const shift = wrapped ? -size : size;
      const changes = wrapped
        ? [
            { from: from - size, to: from },
            { from: to, to: to + size },
          ]
        : [
            { from, insert: mark },
            { from: to, insert: mark },
          ];
      return { changes, range: EditorSelection.range(anchor + shift, head + shift) };
    });
    dispatch(state.update(spec, { userEvent: 'input', scrollIntoView: true }));
    return true;
  };
}

function selectedLines(state: EditorState): number[] {
  const numbers = new Set<number>();
  for (const { from, to } of state.selection.ranges) {
    const last = state.doc.lineAt(to).number;
    for (let number = state.doc.lineAt(from).number; number <= last; number++) numbers.add(number);
  }
  return [...numbers];
}

/** Begins each selected line with `prefix`, or takes it away where all of them have it. */
export function prefixLines(prefix: string): StateCommand {
  return ({ state, dispatch }) => {
    const lines = selectedLines(state).map((number) => state.doc.line(number));
    const all = lines.every((line) => line.text.startsWith(prefix));
    const changes: ChangeSpec[] = lines
      .filter((line) => all || !line.text.startsWith(prefix))
      .map(({ from }) => (all ? { from, to: from + prefix.length } : { from, insert: prefix }));
    const set = state.changes(changes);
    // Mapped forward, so that a cursor at the start of a line ends up after the prefix.
    const selection = EditorSelection.create(
      state.selection.ranges.map((range) =>
        EditorSelection.range(set.mapPos(range.anchor, 1), set.mapPos(range.head, 1)),
      ),
      state.selection.mainIndex,
    );
    dispatch(state.update({ changes: set, selection, userEvent: 'input', scrollIntoView: true }));
    return true;
  };
}

const ADDRESS = 'https://';

/** Makes each selection the text of a link and selects the address to be typed. */
export const link: StateCommand = ({ state, dispatch }) => {
  const spec = state.changeByRange(({ from, to }) => {
    const text = state.sliceDoc(from, to) || 'link';
    const start = from + text.length + 3;
    return {
      changes: { from, to, insert: `[${text}](${ADDRESS})` },
      range: EditorSelection.range(start, start + ADDRESS.length),
    };
  });
  dispatch(state.update(spec, { userEvent: 'input', scrollIntoView: true }));
  return true;
};

const TOOLS: readonly { label: string; icon: string; command: StateCommand }[] = [
  { label: 'Bold', icon: 'bold', command: wrap('**') },
  { label: 'Italic', icon: 'italic', command: wrap('_') },
  { label: 'Heading', icon: 'heading', command: prefixLines('## ') },
  { label: 'List', icon: 'list', command: prefixLines('- ') },
  { label: 'Task list', icon: 'task', command: prefixLines('- [ ] ') },
  { label: 'Quote', icon: 'quote', command: prefixLines('> ') },
  { label: 'Code', icon: 'code', command: wrap('`') },
  { label: 'Link', icon: 'hyperlink', command: link },
];

/** Fills `toolbar` with formatting buttons that act on `view`. Arrow keys move between them. */
export function showTools(toolbar: HTMLElement, view: EditorView): void {
  const buttons = TOOLS.map((tool, index) => {
    const button = element('button', 'tool', icon(tool.icon));
    button.type = 'button';
    button.title = tool.label;
    button.setAttribute('aria-label', tool.label);
    button.tabIndex = index === 0 ? 0 : -1;
    // Keeps the focus, and with it a phone's keyboard, in the editor.
    button.addEventListener('pointerdown', (event) => event.preventDefault());
    button.addEventListener('click', () => {
      tool.command(view);
      view.focus();
    });
    return button;
  });
  toolbar.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const current = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (step === undefined || current < 0) return;
    event.preventDefault();
    const next = buttons.at((current + step) % buttons.length);
    for (const button of buttons) button.tabIndex = button === next ? 0 : -1;
    next?.focus();
  });
  toolbar.replaceChildren(...buttons);
}
