/** The network falls into two halves for ten minutes and comes back. */

import type { Lab, Scenario } from '../lab.ts';
import type { Tab } from '../tab.ts';

const PARTED_MS = 600_000;
const WRITE_EVERY_MS = 10_000;
const LIMIT_MS = 300_000;
/** After the network's return traffic is counted for so long. */
const HEALING_MS = 10_000;

function halves(lab: Lab): [Tab[], Tab[]] {
  const tabs = lab.pick(lab.nodes);
  const middle = Math.ceil(tabs.length / 2);
  return [tabs.slice(0, middle), tabs.slice(middle)];
}

/** Both halves write while they are apart. */
function stayApart(lab: Lab, sides: readonly Tab[][], ms: number): void {
  for (let at = 0; at < ms; at += WRITE_EVERY_MS) {
    for (const side of sides) for (const tab of lab.pick(1, side)) lab.ledger.write(tab);
    lab.room.run(WRITE_EVERY_MS);
  }
}

function heal(lab: Lab): void {
  const { room, traffic, checks, deaths } = lab;
  room.heal();
  traffic.reset();
  deaths.falseDeaths = 0;
  // Noted while the rest goes on: the traffic of the healing, not of the quiet after it.
  room.world.after(HEALING_MS, () => {
    lab.figureTraffic(room.present);
    lab.figure('peakToMean', traffic.peakBytesPerSecond() / traffic.bytesPerSecond(room.present));
  });
  lab.await(
    {
      oneComponentMs: () => lab.isOneComponent(),
      convergeMs: () => lab.isConverged(),
      membersAgreeMs: () => lab.membersAgree(),
    },
    LIMIT_MS,
    100,
  );
  room.run(2 * HEALING_MS);
  lab.figure('falseDeaths', deaths.falseDeaths);
  checks.nothingLost(room.present, room.present);
  checks.settled();
}

export const partition: Scenario = {
  name: 'partition',
  about: 'Two halves are apart for ten minutes; connections outlast it and no server helps.',
  // Browsers go on checking the paths of a connection as long as the page keeps it.
  room: () => ({ network: { pathFailsAfterMs: Number.POSITIVE_INFINITY } }),
  run(lab) {
    lab.settle();
    lab.room.server.goDown();
    const sides = halves(lab);
    lab.room.partition(sides);
    stayApart(lab, sides, PARTED_MS);
    heal(lab);
  },
};

export const partitionWithServer: Scenario = {
  name: 'partition-server',
  about: 'Two halves are apart for ten minutes; all links between them break, the server is back.',
  run(lab) {
    lab.settle();
    const sides = halves(lab);
    lab.room.partition(sides);
    stayApart(lab, sides, PARTED_MS);
    heal(lab);
  },
};

export const asymmetricPartition: Scenario = {
  name: 'asymmetric-partition',
  about: 'For a minute nothing of one half arrives at the other, while the other way works.',
  // No browser notices: its checks are answered over another way.
  room: () => ({
    network: {
      interruptedAfterMs: Number.POSITIVE_INFINITY,
      pathFailsAfterMs: Number.POSITIVE_INFINITY,
    },
  }),
  run(lab) {
    lab.settle();
    const sides = halves(lab);
    lab.room.partitionOneWay(...sides);
    stayApart(lab, sides, 60_000);
    lab.figure('falseDeaths.parted', lab.deaths.falseDeaths);
    heal(lab);
  },
};
