/**
 * `npm run simulate -- --scenario NAME [--nodes N] [--seed S] [--seeds COUNT] [--json]`: runs rooms in
 * virtual time. Without `--scenario` it lists the scenarios.
 *
 * `--report` writes what was run into docs/simulation.json and makes docs/simulation.md and its plots
 * anew; without `--scenario` it runs all of them, and without `--nodes` each at every size.
 *
 * A run that breaks a check prints the command that replays it; the exit code is then 1.
 */

import { parseArgs } from 'node:util';
import { loadSimulation } from './lib/simulation.mjs';
import { record, writeReport } from './lib/simulation-report.mjs';

const REPORT_SIZES = [20, 100, 1_000, 10_000];

const { values } = parseArgs({
  options: {
    scenario: { type: 'string' },
    nodes: { type: 'string' },
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
  },
});
const simulation = await loadSimulation();
const { SCENARIOS, runScenario } = simulation;

/** A number as people read it. */
const readable = (value) =>
  Number.isInteger(value) ? value.toLocaleString('en') : String(Number(value.toPrecision(4)));

function print(scenario, options, outcome, seconds) {
  const { figures, failures, trace, events, virtualSeconds } = outcome;
  if (values.json) {
    console.log(JSON.stringify({ scenario: scenario.name, ...options, ...outcome, seconds }));
  } else {
    const time = `${virtualSeconds.toFixed(0)} virtual s in ${seconds.toFixed(1)} s of processor`;
    console.log(`${scenario.name}, ${options.nodes} tabs, seed ${options.seed}: ${time}`);
    for (const [name, value] of Object.entries(figures)) {
      console.log(`  ${name.padEnd(28)} ${readable(value)}`);
    }
    console.log(`  trace ${trace} over ${events.toLocaleString('en')} events`);
  }
  if (failures.length === 0) return;
  for (const failure of failures) console.error(`  FAILED ${failure}`);
  const { nodes, seed } = options;
  console.error(
    `replay: npm run simulate -- --scenario ${scenario.name} --nodes ${nodes} --seed ${seed}`,
  );
  process.exitCode = 1;
}

/** Runs a scenario with each seed. */
function runSeeds(scenario, nodes) {
  const first = Number(values.seed);
  const seeds = Array.from({ length: Number(values.seeds) }, (_, i) => first + i);
  const outcomes = seeds.map((seed) => {
    const started = process.cpuUsage();
    const outcome = runScenario(scenario, { nodes, seed });
    const { user, system } = process.cpuUsage(started);
    print(scenario, { nodes, seed }, outcome, (user + system) / 1_000_000);
    return outcome;
  });
  if (values.report) record(simulation, scenario.name, nodes, seeds, outcomes);
}

const named = SCENARIOS.get(values.scenario);
if (values.scenario !== undefined && named === undefined) {
  console.error(`no scenario ${values.scenario}`);
  process.exitCode = 2;
} else if (named === undefined && !values.report) {
  for (const { name, about } of SCENARIOS.values()) console.log(`${name.padEnd(20)} ${about}`);
} else {
  const sizes = values.nodes === undefined ? undefined : [Number(values.nodes)];
  for (const scenario of named === undefined ? SCENARIOS.values() : [named]) {
    for (const nodes of sizes ?? (values.report ? REPORT_SIZES : [100])) runSeeds(scenario, nodes);
  }
  if (values.report) await writeReport(simulation);
}
