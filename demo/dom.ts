/** The few DOM helpers that the demo needs. Text always goes in as text, never as HTML. */

/** The element of index.html with this id. Throws where the page and the code disagree. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no element #${id}`);
  return element as T;
}

/** A new element with a class and children; strings become text nodes. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

const SVG = 'http://www.w3.org/2000/svg';

/** An icon of the sprite in index.html, hidden from assistive technology: label what holds it. */
export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** Runs `run` soon after calls, and so seldom that it takes about a quarter of the time at most. */
export function paced(run: () => void): () => void {
  let waiting = false;
  let tookMs = 0;
  return () => {
    // Not put off by further calls: with several people typing there may be no pause for long.
    if (waiting) return;
    waiting = true;
    setTimeout(
      () => {
        waiting = false;
        const started = performance.now();
        run();
        tookMs = performance.now() - started;
      },
      Math.min(40 + 3 * tookMs, 1500),
    );
  };
}

/** What is kept under `key` in localStorage; undefined where there is nothing or it is blocked. */
export function remembered(key: string): string | undefined {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    // A browser that blocks storage throws on access; the choice then lasts as long as the tab.
    return undefined;
  }
}

/** Keeps `value` under `key` in localStorage, where the browser allows it. */
export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch (error) {
    console.warn('mnemesh demo: the browser does not keep settings of this page', error);
  }
}
