/** Locks that one tab of a profile holds at a time, by the Web Locks API (W3C). */

/** Locks by name, shared by the tabs of a profile. */
export interface Locks {
  /** Takes a lock and gives what releases it; `undefined` where someone else holds it. */
  take(name: string): Promise<(() => void) | undefined>;
}

/** The browser's locks, which it releases by itself when the page ends; `undefined` where there are none. */
export function webLocks(): Locks | undefined {
  // Pages that are not secure contexts have none, and neither has Node 20.
  const manager = (globalThis.navigator as Partial<Navigator> | undefined)?.locks;
  if (manager === undefined) return undefined;
  return {
    take: (name) =>
      new Promise((resolve) => {
        const held = manager.request(name, { ifAvailable: true }, (lock) => {
          if (lock === null) return resolve(undefined);
          return new Promise<void>((release) => resolve(release));
        });
        // A page without the right to locks can be sure of none.
        held.catch(() => resolve(undefined));
      }),
  };
}
