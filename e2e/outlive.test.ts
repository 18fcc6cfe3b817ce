/** A room outlives its signaling server: links that are lost are replaced through the mesh alone. */

import type { Page } from '@playwright/test';
import { expect, test } from './fixtures.ts';
import { expectLinked, expectSameDigest, expectText, joinAll } from './helpers.ts';

/** Who is linked with whom, tabs named by their place in `pages`; a link counts if both sides have it. */
async function graphOf(pages: readonly Page[]): Promise<Set<number>[]> {
  const tabs = await Promise.all(
    pages.map((page) =>
      page.evaluate(() => ({ id: lab.mesh.id, neighbors: lab.mesh.neighbors.map(({ id }) => id) })),
    ),
  );
  return tabs.map(({ id, neighbors }) => {
    const places = tabs.flatMap((tab, i) =>
      neighbors.includes(tab.id) && tab.neighbors.includes(id) ? [i] : [],
    );
    return new Set(places);
  });
}

/** The graph that is left where only `places` stay, each tab under the number it had. */
const among = (
  places: readonly number[],
  graph: readonly Set<number>[],
): Map<number, Set<number>> =>
  new Map(places.map((i) => [i, new Set(places.filter((j) => graph[i]?.has(j)))]));

function isConnected(graph: ReadonlyMap<number, Set<number>>): boolean {
  const reached = new Set([...graph.keys()].slice(0, 1));
  for (const place of reached) for (const next of graph.get(place) ?? []) reached.add(next);
  return reached.size === graph.size;
}

const countLinks = (graph: ReadonlyMap<number, Set<number>>): number =>
  [...graph.values()].reduce((sum, neighbors) => sum + neighbors.size, 0) / 2;

/** All ways to take `count` of the numbers from `first` to `below` − 1. */
function* choices(count: number, below: number, first = 0): Generator<number[]> {
  if (count === 0) yield [];
  else {
    for (let i = first; i <= below - count; i++) {
      for (const rest of choices(count - 1, below, i + 1)) yield [i, ...rest];
    }
  }
}

/**
 * The `count` tabs that have the fewest links with each other and yet are connected: with the others
 * closed they need the most new ones. Tabs that are not connected could not find each other at all.
 */
function neediest(count: number, graph: readonly Set<number>[]): number[] {
  let best: number[] | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const places of choices(count, graph.length)) {
    const left = among(places, graph);
    if (countLinks(left) >= least || !isConnected(left)) continue;
    best = places;
    least = countLinks(left);
  }
  if (best === undefined) throw new Error(`no ${count} tabs of ${graph.length} are connected`);
  return best;
}

const OVERLAYS = [
  { words: 'no secret', options: {}, linksEach: 5 },
  { words: 'a secret', options: { secret: 'correct horse' }, linksEach: 5 },
];

for (const { words, options, linksEach } of OVERLAYS) {
  test(`with the server killed, the six that are left of twelve tabs with ${words} are all linked anew through the mesh`, async ({
    tab,
    signaling,
  }) => {
    test.setTimeout(240_000);
    const pages: Page[] = [];
    for (let i = 0; i < 12; i++) pages.push(await tab(i % 3 === 2 ? 'firefox' : 'chromium'));
    await joinAll(pages, 'outlive', { signaling: signaling.url, ...options });
    await expect
      .poll(async () => Math.min(...(await graphOf(pages)).map(({ size }) => size)))
      .toBeGreaterThanOrEqual(linksEach);
    await signaling.kill();
    for (const page of pages) {
      await expect.poll(() => page.evaluate(() => lab.mesh.reason)).toContain('next try');
    }

    const before = await graphOf(pages);
    const stay = neediest(6, before);
    const kept = among(stay, before);
    const left = stay.map((i) => pages[i] as Page);
    const closedAt = Date.now();
    await Promise.all(pages.filter((_, i) => !stay.includes(i)).map((page) => page.close()));
    await expectLinked(left);
    await expect
      .poll(async () => Math.min(...(await graphOf(left)).map(({ size }) => size)), {
        timeout: 60_000,
      })
      .toBeGreaterThanOrEqual(linksEach);
    const after = await graphOf(left);
    const now = among([...left.keys()], after);
    console.log(
      `six tabs had ${countLinks(kept)} links among them, and ${countLinks(now)} after ${Date.now() - closedAt} ms`,
    );
    expect(isConnected(now)).toBe(true);
    const made = after.flatMap((neighbors, i) =>
      [...neighbors].filter((j) => !kept.get(stay[i] as number)?.has(stay[j] as number)),
    );
    expect(made.length, 'ends of links that were not there before').toBeGreaterThan(0);

    await left[0]?.evaluate(() => lab.insert('still one room'));
    await expectText(left, 'still one room');
    await expectSameDigest(left);
  });
}

for (const name of ['chromium', 'firefox'] as const) {
  test(`three tabs of one ${name} are all linked with no server at all, and two go on without the third`, async ({
    tab,
    browsers,
  }) => {
    const profile = await (await browsers(name)).newContext();
    const pages: Page[] = [];
    for (let i = 0; i < 3; i++) pages.push(await tab(name, { profile }));
    await joinAll(pages, 'no server', {});
    for (const page of pages) await expect.poll(() => page.evaluate(() => lab.links())).toBe(2);
    await pages[2]?.evaluate(() => lab.insert('three; '));
    await expectText(pages, 'three; ');
    await pages[2]?.close();
    const left = pages.slice(0, 2);
    await expectLinked(left);
    await left[0]?.evaluate(() => lab.insert('two'));
    await expectText(left, 'three; two');
    await expectSameDigest(left);
    await profile.close();
  });
}
