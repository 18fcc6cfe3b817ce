/** What `npm run simulate` loads. */

export { runScenario } from './lab.ts';
export { SCENARIOS } from './scenarios/table.ts';
export { YARDSTICKS } from './yardsticks.ts';
