/** All scenarios, by name. */

import type { Scenario } from '../lab.ts';
import { aggregate } from './aggregate.ts';
import { broadcast, broadcastAll } from './broadcast.ts';
import { churn } from './churn.ts';
import { crash } from './crash.ts';
import { flashCrowd } from './flash-crowd.ts';
import { freezeThaw, hiddenHalf } from './hidden.ts';
import { idle } from './idle.ts';
import { KILLS } from './kill.ts';
import { loss } from './loss.ts';
import { minute } from './minute.ts';
import { noServer } from './no-server.ts';
import { asymmetricPartition, partition, partitionWithServer } from './partition.ts';
import { reloadStorm } from './reload-storm.ts';
import { roundsOfTwo, roundsOnly } from './rounds-only.ts';
import { slowMachines } from './slow-machines.ts';

export const SCENARIOS: ReadonlyMap<string, Scenario> = new Map(
  [
    roundsOnly,
    roundsOfTwo,
    broadcast,
    broadcastAll,
    churn,
    reloadStorm,
    crash,
    ...KILLS,
    partition,
    partitionWithServer,
    asymmetricPartition,
    loss,
    hiddenHalf,
    freezeThaw,
    slowMachines,
    idle,
    flashCrowd,
    noServer,
    aggregate,
    minute,
  ].map((scenario) => [scenario.name, scenario]),
);
