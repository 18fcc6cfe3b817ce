/**
 * The page as it reads: Markdown to HTML, safe whatever people write.
 *
 * Raw HTML is shown as text, what markdown-it makes is sanitised, and nothing is loaded from
 * elsewhere: an image becomes a link, since loading it would tell its host who reads this page.
 */

import DOMPurify, { type Config } from 'dompurify';
import MarkdownIt from 'markdown-it';
import type * as Y from 'yjs';
import { element, paced } from './dom.ts';

/** Longest text that is rendered, in UTF-16 code units. */
export const MAX_PREVIEW_LENGTH = 400_000;

const markdown = new MarkdownIt({ html: false, linkify: true, typographer: true });
// Bare domains such as `main.ts` are file names more often than links.
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false });

markdown.renderer.rules.image = (tokens, index) => {
  const image = tokens[index];
  const source = String(image?.attrGet('src') ?? '');
  const label = image?.content || 'image';
  const { escapeHtml } = markdown.utils;
  return source.startsWith('data:image/')
    ? `<img src="${escapeHtml(source)}" alt="${escapeHtml(label)}">`
    : `<a class="image-link" href="${escapeHtml(source)}">${escapeHtml(label)}</a>`;
};

const SANITIZE = {
  ALLOWED_TAGS: [
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'p', 'br', 'hr', 'blockquote', 'pre', 'code'],
    ...['ul', 'ol', 'li', 'strong', 'em', 's', 'a', 'img'],
    ...['table', 'thead', 'tbody', 'tr', 'th', 'td'],
  ],
  ALLOWED_ATTR: ['href', 'src', 'alt', 'title', 'class', 'start', 'align'],
  // `#…` is left out too: it would take the reader out of the room, whose name is in the hash.
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:|data:image\/(?:png|jpeg|gif|webp);)/i,
  RETURN_DOM_FRAGMENT: true as const,
} satisfies Config;

/** Turns list items that begin with `[ ]` or `[x]` into tasks, as GitHub shows them. */
function markTasks(page: DocumentFragment): void {
  for (const item of page.querySelectorAll('li')) {
    const start = item.firstElementChild?.tagName === 'P' ? item.firstElementChild : item;
    const text = start.firstChild;
    const mark = text instanceof Text ? /^\[([ xX])\]\s/.exec(text.data) : null;
    if (!mark || !(text instanceof Text)) continue;
    text.deleteData(0, mark[0].length);
    const done = mark[1] !== ' ';
    const box = element('span', done ? 'task-box done' : 'task-box');
    box.setAttribute('role', 'img');
    box.setAttribute('aria-label', done ? 'Done: ' : 'To do: ');
    item.classList.add('task');
    start.prepend(box);
  }
}

/** The page for `source`, ready to be inserted. */
export function render(source: string): DocumentFragment {
  const page = DOMPurify.sanitize(markdown.render(source), SANITIZE);
  for (const anchor of page.querySelectorAll('a')) {
    anchor.target = '_blank';
    anchor.rel = 'noopener noreferrer nofollow';
  }
  for (const table of page.querySelectorAll('table')) {
    const frame = element('div', 'table-frame');
    table.replaceWith(frame);
    frame.append(table);
  }
  markTasks(page);
  return page;
}

function note(text: string): HTMLElement {
  return element('p', 'preview-note', text);
}

/** Keeps `target` showing `text`. */
export function showPreview(target: HTMLElement, text: Y.Text): void {
  const update = () => {
    if (text.length === 0) {
      target.replaceChildren(note('What you write appears here.'));
    } else if (text.length > MAX_PREVIEW_LENGTH) {
      target.replaceChildren(note('This text is too long to preview. It is shared in full.'));
    } else {
      target.replaceChildren(render(text.toString()));
    }
  };
  text.observe(paced(update));
  update();
}
