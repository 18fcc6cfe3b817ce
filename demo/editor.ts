/** The Markdown editor: CodeMirror 6 bound to a shared text. */

import { defaultKeymap } from '@codemirror/commands';
import { markdown, markdownLanguage } from '@codemirror/lang-markdown';
import { syntaxHighlighting } from '@codemirror/language';
import { EditorView, highlightSpecialChars, keymap, placeholder } from '@codemirror/view';
import { classHighlighter } from '@lezer/highlight';
import { yCollab, yUndoManagerKeymap } from 'y-codemirror.next';
import type * as Y from 'yjs';
import { cursors } from './cursors.ts';
import { element } from './dom.ts';
import { link, wrap } from './format.ts';
import { indexOf, type Person, type Presence } from './presence.ts';

/**
 * What an empty page says. It is never part of the shared text: two tabs that both inserted it
 * would have it twice.
 */
function welcome(): HTMLElement {
  const line = (text: string) => element('span', 'welcome-line', text);
  return element(
    'span',
    'welcome',
    element('span', 'welcome-title', '# A page without a server'),
    line('Start writing. Everyone who opens this link sees each letter as you type it.'),
    line('- Share the link, or open it in a second tab'),
    line('- Switch to offline, go on writing, and come back'),
    line('- Close every tab: the page is still on this device'),
  );
}

/** Opens the editor inside `parent`. */
export function openEditor(parent: HTMLElement, text: Y.Text, presence: Presence): EditorView {
  return new EditorView({
    parent,
    doc: text.toString(),
    extensions: [
      // The binding carries text and undo; cursors.ts shows people.
      yCollab(text, null),
      cursors(text, presence),
      markdown({ base: markdownLanguage }),
      syntaxHighlighting(classHighlighter),
      highlightSpecialChars(),
      placeholder(welcome),
      EditorView.lineWrapping,
      EditorView.contentAttributes.of({
        'aria-label': 'Shared Markdown text',
        spellcheck: 'true',
        autocapitalize: 'sentences',
        autocorrect: 'on',
      }),
      // Tab is left alone, so that the keyboard can leave the editor.
      keymap.of([
        { key: 'Mod-b', run: wrap('**') },
        { key: 'Mod-i', run: wrap('_') },
        { key: 'Mod-k', run: link },
        ...yUndoManagerKeymap,
        ...defaultKeymap,
      ]),
    ],
  });
}

/** Brings the place where `person` is into view. */
export function reveal(view: EditorView, text: Y.Text, person: Person): void {
  const head = person.selection && indexOf(person.selection.head, text);
  if (head === undefined || head > view.state.doc.length) return;
  view.dispatch({ effects: EditorView.scrollIntoView(head, { y: 'center' }) });
}
