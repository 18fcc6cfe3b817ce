import { describe, expect, it } from 'vitest';
import * as Y from 'yjs';
import { type Page, type Simulation, simulate } from '../simulation/pages.ts';
import { holdDocuments } from './hold-documents.ts';
import { MeshProvider } from './provider.ts';

async function editor(simulation: Simulation, page: Page = simulation.openPage()) {
  const doc = new Y.Doc();
  const provider = new MeshProvider('note', doc, { mesh: await page.open('room') });
  return { page, provider, text: doc.getText() };
}

describe('holdDocuments', () => {
  it('keeps a document whose writer left, in a tab that shows none', async () => {
    const simulation = simulate({ seed: 1 });
    const writer = await editor(simulation);
    const keeper = await simulation.openPage().open('room');
    const holding = holdDocuments(keeper);
    await simulation.advanceUntil(() => keeper.neighbors.length === 1);
    await holding;
    writer.text.insert(0, 'written');
    await simulation.advanceUntil(() => writer.provider.synced && keeper.synced);
    writer.page.close();
    await simulation.advance(1_000);
    const reader = await editor(simulation);
    await simulation.advanceUntil(() => reader.text.toString() === 'written');
  });

  it('tells others of what its store has', async () => {
    const simulation = simulate({ seed: 2 });
    const writer = await editor(simulation);
    writer.text.insert(0, 'stored');
    await simulation.advance(1_000);
    const holding = holdDocuments(writer.page.reload().open('room'));
    const reader = await editor(simulation);
    await simulation.advanceUntil(() => reader.text.toString() === 'stored');
    await holding;
  });

  it('refuses what is no mesh, and one that is closed', async () => {
    await expect(holdDocuments({} as never)).rejects.toMatchObject({ code: 'bad-argument' });
    const mesh = await simulate().openPage().open('room');
    void mesh.close();
    await expect(holdDocuments(mesh)).rejects.toMatchObject({ code: 'closed' });
  });
});
