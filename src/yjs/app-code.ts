/** Calls into the app's own code: what it throws is the app's, and stops nothing here. */

/**
 * Runs `body`, which calls the app: observers of a Y.Doc, listeners of a provider. What it throws is
 * reported as an uncaught error of the page, as an EventTarget reports what its listeners throw.
 */
export function callApp(body: () => void): void {
  try {
    body();
  } catch (thrown) {
    if (typeof reportError === 'function') reportError(thrown);
    else
      queueMicrotask(() => {
        throw thrown;
      });
  }
}
