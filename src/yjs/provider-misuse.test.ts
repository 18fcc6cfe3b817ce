import { afterEach, describe, expect, it, vi } from 'vitest';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { MeshError } from '../util/errors.ts';
import { MeshProvider } from './provider.ts';
import { Lab } from './testing/lab.ts';

const lab = new Lab();
afterEach(async () => {
  await lab.close();
  vi.restoreAllMocks();
});

/** The MeshError that `work` throws or rejects with. */
async function errorOf(work: () => unknown): Promise<MeshError> {
  try {
    await work();
  } catch (thrown) {
    if (thrown instanceof MeshError) return thrown;
    throw thrown;
  }
  return expect.fail('nothing was thrown');
}

describe('MeshProvider, used wrongly', () => {
  it.each<[string, unknown[], RegExp]>([
    ['no Y.Doc', ['n'], /must be a Y\.Doc/],
    ['a null Y.Doc', ['n', null], /must be a Y\.Doc/],
    ['a Y.Text in place of a Y.Doc', ['n', new Y.Text()], /must be a Y\.Doc/],
    ['null options', ['n', new Y.Doc(), null], /options of MeshProvider/],
    ['an awareness that is none', ['n', new Y.Doc(), { awareness: {} }], /options\.awareness/],
    ['a mesh that is none', ['n', new Y.Doc(), { mesh: {} }], /options\.mesh/],
    ['a room for a mesh', ['n', new Y.Doc(), { mesh: 'room' }], /options\.mesh/],
    ['a mesh of null', ['n', new Y.Doc(), { mesh: null }], /options\.mesh/],
  ])('says what is wrong with %s, and opens nothing', async (_what, given, words) => {
    const [name, doc, options] = given as ConstructorParameters<typeof MeshProvider>;
    const error = await errorOf(() =>
      given.length < 3 ? new MeshProvider(name, doc) : new MeshProvider(name, doc, options),
    );
    expect(error.code).toBe('bad-argument');
    expect(error.message).toMatch(words);
    expect(error.message).toMatch(/Nothing was opened\.$/);
  });

  it('a promise of something else than a mesh is an error of the loading', async () => {
    const mesh = Promise.resolve({}) as never;
    const provider = new MeshProvider('n', new Y.Doc(), { mesh });
    provider.on('error', () => undefined);
    expect((await errorOf(() => provider.whenLoaded)).code).toBe('bad-argument');
    await provider.destroy();
  });

  it('a mesh that the app could not open is one error everywhere, with its cause, of no store', async () => {
    const boom = new Error('boom');
    const provider = new MeshProvider('n', new Y.Doc(), { mesh: Promise.reject(boom) });
    const told: MeshError[] = [];
    provider.on('error', (error) => told.push(error));
    const waiting = errorOf(() => provider.whenSynced());
    const error = await errorOf(() => provider.whenLoaded);
    expect(error.code).toBe('bad-argument');
    expect(error.cause).toBe(boom);
    expect(error.message).toMatch(/boom/);
    expect(told).toEqual([error]);
    expect(told[0]).toBe(error);
    expect(await waiting).toBe(error);
    await provider.destroy();
  });

  it('a provider that is destroyed leaves the mesh of others in its room', async () => {
    const mesh = await lab.mesh();
    const provider = lab.provider('n', mesh);
    await provider.whenLoaded;
    await provider.destroy();
    provider.disconnect();
    expect(mesh.status).not.toBe('disconnected');
  });

  it('an opening that failed ends every wait, and is written to the console where nobody listens', async () => {
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    const provider = new MeshProvider('n', new Y.Doc(), { signaling: 'http://x' });
    const waiting = errorOf(() => provider.whenSynced());
    expect((await errorOf(() => provider.whenLoaded)).code).toBe('bad-argument');
    expect((await waiting).code).toBe('bad-argument');
    expect((await errorOf(() => provider.whenSynced())).code).toBe('bad-argument');
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[0]).toMatch(/^mnemesh: .*http:\/\/x/);
    await provider.destroy();
  });

  it('a mesh that is closed under it is told once, and ends every wait', async () => {
    const mesh = await lab.mesh();
    const provider = lab.provider('n', mesh);
    await provider.whenLoaded;
    const told: string[] = [];
    provider.on('error', ({ code }) => told.push(code));
    const waiting = errorOf(() => provider.whenSynced());
    await mesh.close();
    expect((await waiting).message).toMatch(/neither shared nor stored/);
    expect(told).toEqual(['closed']);
    expect((await errorOf(() => provider.whenSynced())).code).toBe('closed');
  });

  it('two providers on one Y.Doc leave each other the client id that cursors go by', async () => {
    const [mesh, doc] = [await lab.mesh(), new Y.Doc()];
    const one = new MeshProvider('one', doc, { mesh });
    const other = new MeshProvider('other', doc, { mesh });
    expect([one.awareness.clientID, other.awareness.clientID]).toEqual([
      doc.clientID,
      doc.clientID,
    ]);
    expect(doc.clientID).toBeGreaterThan(2 ** 32);
    const own = new Y.Doc();
    const { clientID } = own;
    const third = new MeshProvider('third', own, { mesh, awareness: new Awareness(own) });
    expect(own.clientID).toBe(clientID);
    await Promise.all([one, other, third].map((provider) => provider.destroy()));
  });
});
