/**
 * `npm run simulate -- --scenario NAME [--nodes N] [--seed S] [--seeds COUNT] [--json]`: runs rooms in
 * virtual time. Without `--scenario` it lists the scenarios.
 *
 * A run that breaks a check prints the command that replays it; the exit code is then 1.
 */

import { parseArgs } from 'node:util';
import { loadSimulation } from './lib/simulation.mjs';

const { values } = parseArgs({
  options: {
    scenario: { type: 'string' },
    nodes: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const { SCENARIOS, runScenario } = await loadSimulation();

/** A number as people read it. */
const readable = (value) =>
  Number.isInteger(value) ? value.toLocaleString('en') : value.toPrecision(4);

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

const scenario = SCENARIOS.get(values.scenario);
if (scenario === undefined) {
  for (const { name, about } of SCENARIOS.values()) console.log(`${name.padEnd(20)} ${about}`);
  if (values.scenario !== undefined) {
    console.error(`no scenario ${values.scenario}`);
    process.exitCode = 2;
  }
} else {
  const first = Number(values.seed);
  for (let seed = first; seed < first + Number(values.seeds); seed++) {
    const options = { nodes: Number(values.nodes), seed };
    const started = process.cpuUsage();
    const outcome = runScenario(scenario, options);
    const { user, system } = process.cpuUsage(started);
    print(scenario, options, outcome, (user + system) / 1_000_000);
  }
}
