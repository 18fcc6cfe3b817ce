import { afterEach, describe, expect, it, vi } from 'vitest';
import { followPageLife, isHidden, type PageLifeHandlers } from './page-life.ts';

afterEach(() => vi.unstubAllGlobals());

/** A page whose events the test sends. */
function page() {
  const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const window = new EventTarget();
  vi.stubGlobal('document', document);
  vi.stubGlobal('window', window);
  const told: string[] = [];
  const handlers: PageLifeHandlers = {
    visibility: (hidden) => told.push(`hidden ${hidden}`),
    hide: () => told.push('hide'),
    show: () => told.push('show'),
    online: () => told.push('online'),
  };
  const pageshow = (persisted: boolean) =>
    window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted }));
  return { document, window, told, handlers, pageshow };
}

describe('the life of a page', () => {
  it('is told as it goes, a return from the back-forward cache and not a first show', () => {
    const { document, window, told, handlers, pageshow } = page();
    const stop = followPageLife(handlers);
    expect(isHidden()).toBe(false);
    pageshow(false);
    document.visibilityState = 'hidden';
    document.dispatchEvent(new Event('visibilitychange'));
    expect(isHidden()).toBe(true);
    window.dispatchEvent(new Event('pagehide'));
    pageshow(true);
    document.visibilityState = 'visible';
    document.dispatchEvent(new Event('visibilitychange'));
    window.dispatchEvent(new Event('online'));
    expect(told).toEqual(['hidden true', 'hide', 'show', 'hidden false', 'online']);
    stop();
    stop();
    window.dispatchEvent(new Event('pagehide'));
    document.dispatchEvent(new Event('visibilitychange'));
    expect(told).toHaveLength(5);
  });

  it('is nothing where there is no page', () => {
    expect(isHidden()).toBe(false);
    followPageLife(page().handlers)();
    vi.unstubAllGlobals();
    expect(() => followPageLife(page().handlers)()).not.toThrow();
  });
});
