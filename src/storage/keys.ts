/** The order of store keys: that of IndexedDB array keys (Indexed Database API 3.0, section 2.4). */

import type { StoreKey } from '../ports/store.ts';
import { MeshError } from '../util/errors.ts';

/** Below zero, zero or above zero as `a` comes before, equals or comes after `b`. */
export function compareKeys(a: StoreKey, b: StoreKey): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const order = compareParts(a[i] as string | number, b[i] as string | number);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Whether `key` starts with `prefix` and is longer than it. */
export function isUnder(prefix: StoreKey, key: StoreKey): boolean {
  return key.length > prefix.length && compareKeys(prefix, key.slice(0, prefix.length)) === 0;
}

/**
 * Refuses what IndexedDB cannot hold as a key, so that every store refuses it alike.
 * @throws MeshError `bad-argument` on NaN, and on items that are neither string nor number.
 */
export function checkKey(key: StoreKey): void {
  for (const part of key) {
    if (typeof part !== 'string' && (typeof part !== 'number' || Number.isNaN(part))) {
      throw new MeshError(
        'bad-argument',
        'A store key holds strings and numbers other than NaN alone; nothing was written.',
      );
    }
  }
}

function compareParts(a: string | number, b: string | number): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  if (a < b) return -1;
  return a > b ? 1 : 0;
}
