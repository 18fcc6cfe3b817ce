/**
 * The report of the simulator: docs/simulation.json holds the figures, docs/simulation.md and the
 * plots beside it are made of them.
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, runOrThrow } from './run.mjs';
import { linePlot } from './svg-plot.mjs';

const FOLDER = join(ROOT, 'docs');
const FIGURES = join(FOLDER, 'simulation.json');
const SIZES = [20, 100, 1_000, 10_000];

/** Plots: which figures, and what is drawn beside them for 100, 1,000 and 10,000 tabs. */
const PLOTS = [
  {
    file: 'simulation-rounds.svg',
    title: 'Rounds until all tabs hold a write, broadcast off',
    yTitle: 'rounds',
    figures: [
      ['rounds-only', 'rounds.mean', 'mnemesh, one neighbor a round'],
      ['rounds-fanout-2', 'rounds.mean', 'mnemesh, two neighbors a round'],
    ],
    beside: [
      ['push-pull, 8-regular graph (theory)', [7.5, 11.1, 14.0]],
      ['push-pull, complete graph (theory)', [6.6, 9.2, 11.6]],
    ],
  },
  {
    file: 'simulation-last-hop.svg',
    title: 'Links between a writer and the last tab to hear of a write',
    yTitle: 'links',
    figures: [
      ['broadcast', 'lastHop', 'mnemesh, one writer'],
      ['broadcast-all', 'lastHop', 'mnemesh, every tab writing'],
      ['broadcast', 'depth', 'the shortest way there is'],
    ],
    beside: [
      ['Plumtree, one writer', [6.8, 9.2, 12.5]],
      ['Plumtree, every tab writing', [10.7, 18.2, 23.8]],
    ],
  },
  {
    file: 'simulation-detection.svg',
    title: 'Milliseconds until all tabs know of a crash',
    yTitle: 'ms',
    figures: [['crash', 'knownToAllMs.p50', 'mnemesh, median crash']],
    beside: [['memberlist, suspicion alone', [8_000, 12_000, 16_000]]],
  },
  {
    file: 'simulation-idle.svg',
    title: 'Bytes that a tab sends a second while nobody does anything',
    yTitle: 'bytes a second',
    figures: [['idle', 'bytesPerTabSecond', 'mnemesh']],
    beside: [],
  },
];

/** The committed figures, in a fixed order. */
function readFigures() {
  return existsSync(FIGURES) ? JSON.parse(readFileSync(FIGURES, 'utf8')) : [];
}

/** Means over runs, to four digits. */
function meanFigures(outcomes, names) {
  const figures = {};
  for (const name of names) {
    const values = outcomes.flatMap(({ figures: each }) => (name in each ? [each[name]] : []));
    if (values.length === 0) continue;
    const sum = values.reduce((total, value) => total + value, 0);
    figures[name] = Number((sum / values.length).toPrecision(4));
  }
  return figures;
}

/** Puts one line into docs/simulation.json, in place of an earlier one of its scenario and size. */
export function record(simulation, scenario, nodes, seeds, outcomes) {
  const names = new Set(simulation.YARDSTICKS[scenario].map(({ figure }) => figure));
  for (const { figures } of PLOTS) {
    for (const [of, figure] of figures) if (of === scenario) names.add(figure);
  }
  const entry = { scenario, nodes, seeds, figures: meanFigures(outcomes, names) };
  const order = [...simulation.SCENARIOS.keys()];
  const entries = readFigures()
    .filter((each) => each.scenario !== scenario || each.nodes !== nodes)
    .concat(entry)
    .sort((a, b) => order.indexOf(a.scenario) - order.indexOf(b.scenario) || a.nodes - b.nodes);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(FIGURES, `${JSON.stringify(entries, null, 2)}\n`);
}

const cell = (value) => (value === undefined ? '' : value.toLocaleString('en'));

function table(entries, yardsticks) {
  const sizes = SIZES.filter((size) => entries.some(({ nodes }) => nodes === size));
  const rows = yardsticks.map(({ figure, title, promise, beside }) => {
    const values = sizes.map((size) =>
      cell(entries.find(({ nodes }) => nodes === size)?.figures[figure]),
    );
    return [title, ...values, promise, beside];
  });
  const head = ['', ...sizes.map((size) => `${cell(size)} tabs`), 'must hold', 'beside'];
  const rule = head.map((_, i) => (i > 0 && i <= sizes.length ? '---:' : '---'));
  return [head, rule, ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** Writes docs/simulation.md and its plots from docs/simulation.json, and formats them all. */
export async function writeReport(simulation) {
  const all = readFigures();
  const figureOf = (scenario, nodes, figure) =>
    all.find((entry) => entry.scenario === scenario && entry.nodes === nodes)?.figures[figure];
  for (const { file, title, yTitle, figures, beside } of PLOTS) {
    const series = figures.map(([scenario, figure, name]) => ({
      name,
      points: SIZES.flatMap((size) => {
        const value = figureOf(scenario, size, figure);
        return value === undefined ? [] : [[size, value]];
      }),
    }));
    const theory = beside.map(([name, values]) => ({
      name,
      dashed: true,
      points: values.map((value, i) => [SIZES[i + 1], value]),
    }));
    writeFileSync(join(FOLDER, file), linePlot({ title, yTitle, series: [...series, ...theory] }));
  }
  const sections = [...simulation.SCENARIOS.values()].flatMap(({ name, about }) => {
    const entries = all.filter(({ scenario }) => scenario === name);
    if (entries.length === 0) return [];
    const seeds = entries.map((entry) => `${cell(entry.nodes)}: ${entry.seeds.join(', ')}`);
    const plots = PLOTS.filter(({ figures }) => figures[0][0] === name).map(
      ({ file, title }) => `![${title}](${file})`,
    );
    const parts = [`## ${name}`, about, table(entries, simulation.YARDSTICKS[name]), ...plots];
    return [...parts, `Seeds: ${seeds.join('; ')}.`];
  });
  const intro = [
    '# Simulation report',
    'The protocol in virtual time: the machines that run in browsers, over a modelled network (25 ms one way, log-normal), with nothing lost unless the scenario says so. Made by `npm run simulate -- --report`; the figures are in `simulation.json`, and `npm test` fails where a run of 20 tabs is worse than they say by more than its tolerance (`src/simulation/yardsticks.ts`).',
    'Any line is replayed by `npm run simulate -- --scenario NAME --nodes N --seed S`; the same seed gives the same trace on any machine. Bytes are those of frames as the protocol gives them, all traffic included. Figures of others are published or simulated ones for 100 / 1,000 / 10,000 nodes.',
  ];
  writeFileSync(join(FOLDER, 'simulation.md'), `${[...intro, ...sections].join('\n\n')}\n`);
  const biome = join(ROOT, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
  await runOrThrow('node', [biome, 'format', '--write', FOLDER]);
}
