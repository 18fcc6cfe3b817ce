/**
 * A React app that shares a document, under StrictMode: development builds of React mount its
 * components, unmount them and mount them again, with the effects run each time.
 *
 * It is a script of its own, built by ../react.ts, that expects `lab` on the page.
 */

import { createElement, StrictMode, useEffect } from 'react';
import { createRoot, type Root } from 'react-dom/client';
import type { Lab } from './lab.ts';

type Provider = InstanceType<Lab['MeshProvider']>;
type ProviderOptions = ConstructorParameters<Lab['MeshProvider']>[2];

/** What the app did and holds; on the page as `app`. */
class App {
  readonly doc = new lab.Y.Doc();
  /** How often the effect ran, and how often it was cleaned up. */
  readonly effects = { run: 0, cleaned: 0 };
  /** The provider of the latest effect. */
  provider: Provider | undefined;
  #root: Root | undefined;

  /** Renders the component that shares `doc` as `room`; without a room one that does nothing. */
  mount(room?: string, options: ProviderOptions = {}): void {
    const Notes = () => {
      useEffect(() => {
        if (room === undefined) return;
        this.effects.run++;
        const provider = new lab.MeshProvider(room, this.doc, options);
        this.provider = provider;
        return () => {
          this.effects.cleaned++;
          void provider.destroy();
        };
      }, []);
      return null;
    };
    this.#root ??= createRoot(document.body.appendChild(document.createElement('div')));
    this.#root.render(createElement(StrictMode, null, createElement(Notes)));
  }

  unmount(): void {
    this.#root?.unmount();
    this.#root = undefined;
  }
}

declare global {
  var app: App;
}

globalThis.app = new App();
