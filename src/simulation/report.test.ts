import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { mean } from './figures.ts';
import { runScenario } from './lab.ts';
import { SCENARIOS } from './scenarios/table.ts';
import { type Figures, regressions, YARDSTICKS } from './yardsticks.ts';

/** One line of docs/simulation.json. */
interface Entry {
  readonly scenario: string;
  readonly nodes: number;
  readonly seeds: readonly number[];
  readonly figures: Figures;
}

/** Rooms of this size run in every test; larger ones when the report is made. */
const NODES = 20;
const COMMITTED = JSON.parse(
  readFileSync(new URL('../../docs/simulation.json', import.meta.url), 'utf8'),
) as readonly Entry[];
const SMALL = COMMITTED.filter(({ nodes }) => nodes === NODES);

describe('the committed report', () => {
  it('has a line for every scenario at the size that is run here', () => {
    expect(new Set(SMALL.map(({ scenario }) => scenario))).toEqual(new Set(SCENARIOS.keys()));
  });

  it.each(SMALL)('$scenario of $nodes tabs is no worse than it says', (entry) => {
    const scenario = SCENARIOS.get(entry.scenario);
    if (scenario === undefined) throw new Error(`no scenario ${entry.scenario}`);
    const runs = entry.seeds.map((seed) => {
      const replay = `npm run simulate -- --scenario ${scenario.name} --nodes ${NODES} --seed ${seed}`;
      const { figures, failures } = runScenario(scenario, { nodes: entry.nodes, seed });
      expect(failures, replay).toEqual([]);
      return figures;
    });
    const means: Record<string, number> = {};
    for (const figure of Object.keys(entry.figures)) {
      const values = runs.flatMap(({ [figure]: value }) => value ?? []);
      if (values.length === runs.length) means[figure] = mean(values);
    }
    expect(regressions(scenario.name, entry.figures, means)).toEqual([]);
  });
});

describe('a yardstick', () => {
  it('finds what is worse by more than its share and slack, and what is gone', () => {
    const committed = { 'rounds.mean': 5, 'rounds.max': 8 };
    expect(regressions('rounds-only', committed, { 'rounds.mean': 5.7, 'rounds.max': 3 })).toEqual(
      [],
    );
    expect(regressions('rounds-only', committed, { 'rounds.mean': 5.9, 'rounds.max': 3 })).toEqual([
      'rounds-only: mean rounds is 5.9, committed 5',
    ]);
    expect(regressions('rounds-only', committed, { 'rounds.mean': 5 })).toEqual([
      'rounds-only: most rounds is gone, committed 8',
    ]);
  });

  it('is there for every scenario', () => {
    expect(Object.keys(YARDSTICKS).sort()).toEqual([...SCENARIOS.keys()].sort());
  });
});
