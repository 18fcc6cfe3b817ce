/** Which types of an app can be values. Types alone: what is written is checked by `writeValue`. */

import type { Value } from './value.ts';

/**
 * What a `T` is to be to be a value, for `T extends Storable<T>`: a `Value`, or an object all of whose
 * properties are. (An interface is no `Value`, since it has no index signature.) Functions, Dates, Maps,
 * instances with methods and `undefined` are none. An instance without methods looks like an interface to
 * TypeScript, and is refused as it is written.
 */
export type Storable<T> =
  | Value
  | (NoFunction & object & { readonly [K in keyof T]: number extends K ? Item<T[K]> : Part<T[K]> });

/**
 * What can be written where a `T` is held: a `T`, and where any value may be, as `mesh.map(name)` without a
 * type has it, whatever is `Storable`.
 */
export type Written<T, V> = T | (Value extends T ? V : never);

/** What every object but a function is. */
interface NoFunction {
  readonly [Symbol.hasInstance]?: never;
}

type Leaf = null | boolean | number | string | bigint | Uint8Array;

/** What a property has to be. An array is written as one, since it then is looked into no deeper than needed. */
type Part<P> = P extends Leaf | undefined
  ? P
  : P extends (...args: never) => unknown
    ? never
    : P extends readonly (infer I)[]
      ? readonly Item<I>[]
      : P extends object
        ? { readonly [K in keyof P]: Part<P[K]> }
        : never;

/** What an item of an array has to be: a property may be `undefined`, and is left out then. */
type Item<I> = I extends undefined ? never : Part<I>;
