/** How the page looks: write, split or read; light or dark; and room for a phone's keyboard. */

import { byId, remember, remembered } from './dom.ts';

const VIEW_KEY = 'mnemesh-demo-view';
const THEME_KEY = 'mnemesh-demo-theme';

/** Whether the window is too narrow for two panes side by side; styles/layout.css has the same bound. */
export const narrow = matchMedia('(max-width: 767px)');

function setUpViews(): void {
  const workspace = byId('workspace');
  const buttons = [...byId('views').querySelectorAll('button')];
  let chosen = remembered(VIEW_KEY) ?? 'split';

  const update = () => {
    const known = buttons.some((button) => button.dataset.view === chosen) ? chosen : 'split';
    const view = narrow.matches && known === 'split' ? 'write' : known;
    workspace.dataset.view = view;
    byId('tools').toggleAttribute('inert', view === 'read');
    for (const button of buttons) {
      button.setAttribute('aria-pressed', String(button.dataset.view === view));
    }
  };
  for (const button of buttons) {
    button.addEventListener('click', () => {
      chosen = button.dataset.view ?? 'split';
      remember(VIEW_KEY, chosen);
      update();
    });
  }
  narrow.addEventListener('change', update);
  update();
}

function setUpTheme(): void {
  const radios = byId('theme').querySelectorAll('input');
  const metas = document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]');
  const colors = [...metas].map((meta) => meta.content);
  const apply = (theme: string) => {
    document.documentElement.dataset.theme = theme;
    metas.forEach((meta, index) => {
      const own = theme === 'dark' ? colors.at(-1) : theme === 'light' ? colors[0] : colors[index];
      meta.content = own ?? '';
    });
    for (const radio of radios) radio.checked = radio.value === theme;
  };
  for (const radio of radios) {
    radio.addEventListener('change', () => {
      remember(THEME_KEY, radio.value);
      apply(radio.value);
    });
  }
  const kept = remembered(THEME_KEY);
  apply(kept === 'light' || kept === 'dark' ? kept : 'system');
}

/** Keeps the foot of the page above a phone's keyboard, where the browser lays it over the page. */
function setUpKeyboard(): void {
  const viewport = window.visualViewport;
  if (!viewport) return;
  const update = () => {
    // While a person zooms in, the visible part is small for another reason.
    const covered = viewport.scale > 1 ? 0 : window.innerHeight - viewport.height;
    document.documentElement.style.setProperty('--covered', `${Math.max(0, covered)}px`);
  };
  viewport.addEventListener('resize', update);
  update();
}

/** Sets up the switches between views and themes. */
export function setUpAppearance(): void {
  setUpViews();
  setUpTheme();
  setUpKeyboard();
}
