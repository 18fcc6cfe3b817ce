/**
 * The page's life, as far as a mesh must follow it: hidden and shown, left and come back to.
 *
 * `pagehide` is the last event that browsers reliably give (Page Lifecycle, WICG). A page that goes
 * into the back-forward cache leaves the room there, and joins again at `pageshow`.
 */

export interface PageLifeHandlers {
  visibility(hidden: boolean): void;
  /** The page goes away; what must be said must be said now. */
  hide(): void;
  /** The page is back from the back-forward cache. */
  show(): void;
  /** The network came back. */
  online(): void;
}

/** The page that a mesh lives in; the simulator has its own. */
export interface PageLife {
  isHidden(): boolean;
  /** Tells `handlers` until the returned function is called. */
  follow(handlers: PageLifeHandlers): () => void;
}

/** Whether the page is hidden; false where there is no page. */
export function isHidden(): boolean {
  return typeof document !== 'undefined' && document.visibilityState === 'hidden';
}

/** Listens until the returned function is called; does nothing where there is no page. */
export function followPageLife(handlers: PageLifeHandlers): () => void {
  if (typeof window === 'undefined' || typeof document === 'undefined') return () => undefined;
  const stop = new AbortController();
  const { signal } = stop;
  document.addEventListener('visibilitychange', () => handlers.visibility(isHidden()), { signal });
  window.addEventListener('pagehide', () => handlers.hide(), { signal });
  window.addEventListener(
    'pageshow',
    (event) => {
      if (event.persisted) handlers.show();
    },
    { signal },
  );
  window.addEventListener('online', () => handlers.online(), { signal });
  return () => stop.abort();
}

/** The browser's page, where there is one. */
export const browserPage: PageLife = { isHidden, follow: followPageLife };
