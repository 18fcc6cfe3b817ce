/** Whole tabs that type and write without pause, in virtual time (SPEC.md D4; src/memory/SPEC.md W10). */

import { afterEach, expect, it, vi } from 'vitest';
import * as Y from 'yjs';
import { MemoryReconciler } from '../memory/reconcile/reconcile.ts';
import { decodeReconcile } from '../memory/reconcile/reconcile-messages.ts';
import { simulate } from '../simulation/index.ts';
import { seededRandom } from '../util/random.ts';
import { MeshProvider } from './provider.ts';
import { Reconciler } from './reconcile.ts';

const TABS = 8;

afterEach(() => vi.restoreAllMocks());

it('eight of them type and write for 20 s, and walks start in at most 1% of rounds', async () => {
  const simulation = simulate({ seed: 1 });
  const tabs = await Promise.all(
    Array.from({ length: TABS }, async () => {
      const mesh = await simulation.openPage().open('typing');
      const doc = new Y.Doc();
      new MeshProvider('notes', doc, { mesh });
      return { mesh, text: doc.getText('t'), todos: mesh.map<number>('todos') };
    }),
  );
  const isLinked = () => tabs.every(({ mesh }) => mesh.neighbors.length === TABS - 1);
  await simulation.advanceUntil(isLinked, 60_000);
  await simulation.advance(3_000);

  let compares = 0;
  let walks = 0;
  let exchanges = 0;
  const { receive } = Reconciler.prototype;
  vi.spyOn(Reconciler.prototype, 'receive').mockImplementation(function (
    this: Reconciler,
    peer,
    message,
  ) {
    if (message.type === 'compare') compares++;
    if (message.type === 'leaves') walks++;
    receive.call(this, peer, message);
  });
  const receiveBytes = MemoryReconciler.prototype.receive;
  vi.spyOn(MemoryReconciler.prototype, 'receive').mockImplementation(function (
    this: MemoryReconciler,
    peer,
    bytes,
  ) {
    const message = decodeReconcile(bytes);
    if (message?.type === 'recent') exchanges++;
    if (message?.type === 'step' && message.nonce !== undefined) exchanges++;
    receiveBytes.call(this, peer, bytes);
  });
  const roundsBefore = tabs.map(({ mesh }) => mesh.stats().rounds);
  const random = seededRandom(1);
  for (let tick = 0; tick < 100; tick++) {
    for (const { text, todos } of tabs) {
      if (random() < 0.7) text.insert(Math.floor(random() * (text.length + 1)), 'k');
      if (random() < 0.2 && text.length > 5) text.delete(Math.floor(random() * 5), 1);
      if (random() < 0.3) todos.set(`${Math.floor(50 * random())}`, tick);
    }
    await simulation.advance(200);
  }
  const rounds = tabs.reduce(
    (sum, { mesh }, i) => sum + mesh.stats().rounds - (roundsBefore[i] as number),
    0,
  );
  expect(rounds).toBeGreaterThan(120);
  // Every round compares, so that there was something that could have started a walk, and nothing else
  // does. By this seed as many are on their way at the beginning as in the end.
  expect(compares).toBe(rounds);
  expect(walks).toBeLessThanOrEqual(rounds / 100);
  expect(exchanges).toBeLessThanOrEqual(rounds / 100);
  await simulation.advance(5_000);
  expect(new Set(tabs.map(({ text }) => text.toString())).size).toBe(1);
  expect(new Set(tabs.map(({ mesh }) => mesh.digest)).size).toBe(1);
}, 300_000);
