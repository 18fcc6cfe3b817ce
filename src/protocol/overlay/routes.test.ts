import { describe, expect, it } from 'vitest';
import { MAX_ROUTE } from '../limits.ts';
import { linkOf, linksWith, peer } from '../testing/links.ts';
import { type RouteGraph, Routes } from './routes.ts';

const [ME, A, B, C, D, E] = ['0', 'a', 'b', 'c', 'd', 'e'].map(peer) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const NOW = 1_000;

function graphOf(edges: Readonly<Record<string, readonly string[]>>): RouteGraph & {
  version: number;
  edges: Readonly<Record<string, readonly string[]>>;
  asked: number;
  suspects: readonly string[];
} {
  return {
    version: 1,
    edges,
    asked: 0,
    suspects: [],
    isSuspect(id) {
      return this.suspects.includes(id);
    },
    neighborsOf(id) {
      this.asked++;
      return this.edges[id] ?? [];
    },
  };
}

describe('routes', () => {
  it('are found breadth first in the graph, a neighbor being its own route', () => {
    const graph = graphOf({ [A]: [ME, C], [B]: [D], [C]: [A, E], [D]: [E] });
    const routes = new Routes(ME, linksWith(A, B), graph);
    expect(routes.to(A, NOW)).toEqual([A]);
    expect(routes.to(C, NOW)).toEqual([A, C]);
    expect(routes.to(E, NOW)).toEqual([A, C, E]);
    expect(routes.to(ME, NOW)).toBeUndefined();
    expect(routes.to(peer('f'), NOW)).toBeUndefined();
  });

  it('lead over no suspects, but to one', () => {
    const graph = graphOf({ [A]: [C], [B]: [D], [C]: [E], [D]: [E] });
    const routes = new Routes(ME, linksWith(A, B), graph);
    graph.suspects = [C];
    expect(routes.to(E, NOW)).toEqual([B, D, E]);
    expect(routes.to(C, NOW)).toEqual([A, C]);
  });

  it('begin at a visible neighbor where there is one as near, and never at a suspected one', () => {
    const links = linksWith(A, B);
    linkOf(links, A).hidden = true;
    const routes = new Routes(ME, links, graphOf({ [A]: [C, D], [B]: [C] }));
    expect(routes.to(C, NOW)).toEqual([B, C]);
    expect(routes.to(D, NOW)).toEqual([A, D]);
    linkOf(links, A).suspected = true;
    expect(new Routes(ME, links, graphOf({ [A]: [D] })).to(D, NOW)).toBeUndefined();
  });

  it('are not longer than a frame may carry', () => {
    const chain = Array.from({ length: 20 }, (_, n) => n.toString(16).padStart(32, '7'));
    const edges = Object.fromEntries(chain.slice(1).map((id, n) => [chain[n] as string, [id]]));
    const routes = new Routes(ME, linksWith(chain[0] as string), graphOf(edges));
    expect(routes.to(chain[MAX_ROUTE - 1] as string, NOW)).toHaveLength(MAX_ROUTE);
    expect(routes.to(chain[MAX_ROUTE] as string, NOW)).toBeUndefined();
  });

  it('that were just walked are taken first, cut short where they pass a neighbor', () => {
    const routes = new Routes(ME, linksWith(A, B), graphOf({ [A]: [E] }));
    routes.learn([A, D, B, C, E], NOW);
    expect(routes.to(E, NOW)).toEqual([B, C, E]);
    // Old ones only where the graph knows none.
    expect(routes.to(E, NOW + 30_000)).toEqual([A, E]);
  });

  it('that were walked long ago serve where the graph knows none, while their first link stands', () => {
    const links = linksWith(A);
    const routes = new Routes(ME, links, graphOf({}));
    routes.learn([A, C], NOW);
    expect(routes.to(C, NOW + 500_000)).toEqual([A, C]);
    links.close(A);
    expect(routes.to(C, NOW + 500_000)).toBeUndefined();
  });

  it('through this tab, or to it, are not learned', () => {
    const routes = new Routes(ME, linksWith(A), graphOf({}));
    routes.learn([A, ME, C], NOW);
    routes.learn([A, ME], NOW);
    routes.learn([], NOW);
    expect(routes.to(C, NOW)).toBeUndefined();
  });

  it('shun a link that could not be passed, for half a minute', () => {
    const graph = graphOf({ [A]: [C], [B]: [D], [C]: [E], [D]: [E] });
    const routes = new Routes(ME, linksWith(A, B), graph);
    expect(routes.to(E, NOW)).toEqual([A, C, E]);
    routes.failed(C, E, NOW);
    expect(routes.to(E, NOW)).toEqual([B, D, E]);
    routes.failed(peer('f'), E, NOW); // one that is not on the way says nothing of it
    expect(routes.to(E, NOW + 29_999)).toEqual([B, D, E]);
    routes.failed(D, E, NOW + 30_001);
    expect(routes.to(E, NOW + 30_001)).toEqual([A, C, E]);
  });

  it('shun all links of a way that brought no answer', () => {
    const graph = graphOf({ [A]: [C], [B]: [C, D], [C]: [E], [D]: [E] });
    const routes = new Routes(ME, linksWith(A, B), graph);
    expect(routes.to(E, NOW)).toEqual([A, C, E]);
    routes.unanswered(E, NOW);
    expect(routes.to(E, NOW)).toEqual([B, D, E]);
  });

  it('that do not exist are not searched for again until the graph or the links change', () => {
    const graph = graphOf({ [A]: [B] });
    const links = linksWith(A);
    const routes = new Routes(ME, links, graph);
    expect(routes.to(E, NOW)).toBeUndefined();
    const { asked } = graph;
    expect(routes.to(E, NOW)).toBeUndefined();
    expect(graph.asked).toBe(asked);
    graph.edges = { [A]: [E] };
    graph.version++;
    expect(routes.to(E, NOW)).toEqual([A, E]);
    links.promote(links.open(C));
    expect(routes.to(D, NOW)).toBeUndefined();
    graph.edges = { [C]: [D] };
    routes.linksChanged();
    expect(routes.to(D, NOW)).toEqual([C, D]);
  });

  it('remembers at most 256 of them, the earliest learned going first', () => {
    const routes = new Routes(ME, linksWith(A), graphOf({}));
    const targets = Array.from({ length: 257 }, (_, n) =>
      (4_096 + n).toString(16).padStart(32, '3'),
    );
    for (const target of targets) routes.learn([A, target], NOW);
    expect(routes.to(targets[0] as string, NOW)).toBeUndefined();
    expect(routes.to(targets[1] as string, NOW)).toBeDefined();
    routes.reset();
    expect(routes.to(targets[1] as string, NOW)).toBeUndefined();
  });
});
