/** Tests of errors by their codes. */

import { MeshError } from '../errors.ts';

/** The code of the MeshError that `work` throws; anything else it throws is thrown on. */
export function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof MeshError) return thrown.code;
    throw thrown;
  }
  return 'nothing was thrown';
}
