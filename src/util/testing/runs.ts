/** How many runs property tests make: twenty times as many in a soak (`npm run test:soak`). */

const FACTOR = process.env.MNEMESH_SOAK === undefined ? 1 : 20;

/** `usual` runs, or as many more as a soak asks for. */
export function runs(usual: number): number {
  return usual * FACTOR;
}
