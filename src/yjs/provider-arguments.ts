/** What `MeshProvider` is constructed with, judged before anything is opened. */

import type { Mesh } from '../mesh.ts';
import { ATTACH } from '../runtime/extension.ts';
import { MeshError } from '../util/errors.ts';
import { isName, MAX_NAME_BYTES } from '../util/names.ts';

/**
 * Checks a provider's arguments by what they can do, since an app may have two copies of yjs.
 * @throws MeshError `bad-argument`; nothing was opened.
 */
export function checkProviderArguments(name: unknown, doc: unknown, options: unknown): void {
  if (!isName(name)) {
    throw bad(`A document's name must be a string of 1 to ${MAX_NAME_BYTES} bytes of UTF-8`);
  }
  if (!can(doc, ['on', 'off', 'getText', 'transact'])) {
    throw bad("The second argument of MeshProvider must be a Y.Doc, as of `new Y.Doc()` of 'yjs'");
  }
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw bad('The options of MeshProvider must be an object');
  }
  const { awareness } = options as { awareness?: unknown };
  if (awareness !== undefined && !can(awareness, ['on', 'off', 'getStates', 'setLocalState'])) {
    throw bad("options.awareness must be an Awareness of 'y-protocols/awareness'");
  }
  const { mesh } = options as { mesh?: unknown };
  if (mesh !== undefined && !isMesh(mesh) && !can(mesh, ['then'])) throw notAMesh();
}

/** Whether `value` is a mesh that documents can attach to. */
export function isMesh(value: unknown): value is Mesh {
  return typeof value === 'object' && value !== null && ATTACH in value;
}

/** What is answered to what is to be a mesh and is none. */
export function notAMesh(what = 'options.mesh'): MeshError {
  return bad(`${what} must be what openMesh of this version of mnemesh gave, or its promise`);
}

function can(value: unknown, methods: readonly string[]): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');
}

function bad(what: string): MeshError {
  return new MeshError('bad-argument', `${what}. Nothing was opened.`);
}
