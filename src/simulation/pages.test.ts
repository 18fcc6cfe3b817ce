import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { MeshProvider } from '../yjs/index.ts';
import { type Page, type Simulation, simulate } from './pages.ts';

/** A page with one shared document open. */
async function editor(simulation: Simulation, page: Page = simulation.openPage()) {
  const doc = new Y.Doc();
  const mesh = await page.open('standup');
  const provider = new MeshProvider('notes', doc, { mesh });
  const text = doc.getText('text');
  return { page, doc, mesh, provider, text, read: () => text.toString() };
}

async function editors(simulation: Simulation, count: number) {
  const all: Awaited<ReturnType<typeof editor>>[] = [];
  for (let i = 0; i < count; i++) all.push(await editor(simulation));
  await simulation.advanceUntil(() => all.every(({ mesh }) => mesh.neighbors.length === count - 1));
  return all;
}

describe('simulated pages', () => {
  it('share what is written in one of them, over a network that takes its time', async () => {
    const simulation = simulate({ seed: 1 });
    const [a, b, c] = await editors(simulation, 3);
    a?.text.insert(0, 'hello');
    expect(b?.read()).toBe('');
    const ms = await simulation.advanceUntil(() => b?.read() === 'hello' && c?.read() === 'hello');
    expect(ms).toBeGreaterThan(5);
    expect(ms).toBeLessThan(1_000);
  });

  it('converge after a partition in which both sides wrote', async () => {
    const simulation = simulate({ seed: 2 });
    const [a, b, c] = await editors(simulation, 3);
    if (a === undefined || b === undefined || c === undefined) throw new Error('no editors');
    simulation.partition([a.page], [b.page, c.page]);
    a.text.insert(0, 'a');
    b.text.insert(0, 'b');
    await simulation.advance(60_000);
    expect(a.read()).toBe('a');
    expect(c.read()).toBe('b');
    expect(a.mesh.members).toHaveLength(1);
    simulation.heal();
    await simulation.advanceUntil(() => a.read().length === 2 && a.read() === c.read());
    await simulation.advanceUntil(() => a.mesh.members.length === 3);
  });

  it('lose what a crash took before it was on disk, and no more', async () => {
    const simulation = simulate({ seed: 3 });
    const first = await editor(simulation);
    first.text.insert(0, 'kept');
    await simulation.advance(1_000);
    first.text.insert(4, ' lost');
    first.page.crash();
    const second = await editor(simulation, simulation.openPage({ disk: first.page.disk }));
    await simulation.advance(1_000);
    expect(second.read()).toBe('kept');
  });

  it('find their memory on the disk after a reload, alone and with the server gone', async () => {
    const simulation = simulate({ seed: 4 });
    const { page, text } = await editor(simulation);
    text.insert(0, 'kept');
    await simulation.advance(1_000);
    simulation.stopServer();
    const again = await editor(simulation, page.reload());
    await simulation.advance(1_000);
    expect(again.read()).toBe('kept');
  });

  it('tell of a full disk, and write once there is room', async () => {
    const simulation = simulate({ seed: 5 });
    const { page, mesh, text } = await editor(simulation);
    const codes: string[] = [];
    mesh.addEventListener('error', ({ detail }) => codes.push(detail.code));
    page.disk.full = true;
    text.insert(0, 'kept');
    await simulation.advance(5_000);
    expect(new Set(codes)).toEqual(new Set(['store-quota']));
    page.disk.full = false;
    await simulation.advance(60_000);
    const again = await editor(simulation, page.reload());
    await simulation.advance(1_000);
    expect(again.read()).toBe('kept');
  });

  it('hold a frozen background page for no dead one for a minute, and tell it all when it thaws', async () => {
    const simulation = simulate({ seed: 6 });
    const [a, b, c] = await editors(simulation, 3);
    if (a === undefined || b === undefined || c === undefined) throw new Error('no editors');
    c.page.hide();
    await simulation.advance(2_000);
    c.page.freeze();
    a.text.insert(0, 'while frozen');
    await simulation.advance(60_000);
    expect(b.mesh.members).toHaveLength(3);
    expect(c.read()).toBe('');
    c.page.thaw();
    await simulation.advanceUntil(() => c.read() === 'while frozen', 5_000);
  });

  it('are kept apart by different secrets', async () => {
    const simulation = simulate({ seed: 7 });
    const meshes = await Promise.all(
      ['one', 'other', 'one'].map((secret) => simulation.openPage().open('room', { secret })),
    );
    await simulation.advance(20_000);
    expect(meshes.map(({ members }) => members.length)).toEqual([2, 1, 2]);
  });

  it('do the same again with the same seed, and something else with another', async () => {
    const run = async (seed: number) => {
      const simulation = simulate({ seed, network: { loss: 0.1 } });
      const pages = Array.from({ length: 4 }, () => simulation.openPage());
      for (const page of pages) {
        const mesh = await page.open('room');
        await simulation.advance(3_000);
        mesh.topic('greetings').publish('hello');
      }
      pages[0]?.crash();
      await simulation.advance(20_000);
      return simulation.trace;
    };
    const first = await run(8);
    expect(await run(8)).toBe(first);
    expect(await run(9)).not.toBe(first);
  });

  it('cannot open a room once they are gone', async () => {
    const page = simulate().openPage();
    page.crash();
    await expect(page.open('room')).rejects.toMatchObject({ code: 'closed' });
  });
});
