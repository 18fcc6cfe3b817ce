/** One writer, or every tab, writes once a second; nothing is lost. */

import { greatest, mean, quantile } from '../figures.ts';
import { LinkGraph } from '../graph.ts';
import type { Lab, Scenario } from '../lab.ts';
import type { Tab } from '../tab.ts';

/** Writes before anything is counted: broadcast trees take their shape. */
const WARM_UP_WRITES = 20;
const WRITES = 50;
const PAUSE_MS = 1_000;

/** Writes by turns, and measures how they spread. */
function measure(lab: Lab, writerOf: (turn: number) => Tab): void {
  const { room, ledger, spreadings, traffic, checks } = lab;
  lab.settle();
  const turns = (count: number) => {
    for (let turn = 0; turn < count; turn++) {
      ledger.write(writerOf(turn));
      room.run(PAUSE_MS);
    }
  };
  turns(WARM_UP_WRITES);
  room.run(PAUSE_MS);
  spreadings.reset();
  traffic.reset();
  turns(WRITES);
  room.run(5 * PAUSE_MS);
  lab.figureTraffic(room.present);

  const { all } = spreadings;
  const graph = new LinkGraph(room.present);
  const places = new Map(room.present.map((tab, place) => [tab.process.index, place]));
  const depths = all.map(({ write }) => graph.depth(places.get(write.writer) ?? 0));
  const lastHops = all.map(({ hops }) => greatest(hops.values()));
  const delays = all.map(({ lastAt, writtenAt }) => lastAt - writtenAt);
  const missed = all.reduce((sum, { delivered }) => sum + lab.nodes - 1 - delivered, 0);
  lab.figure('redundancy', spreadings.redundancy);
  lab.figure('lastHop', mean(lastHops));
  lab.figure('lastHopMax', greatest(lastHops));
  lab.figure('depth', mean(depths));
  lab.figure('lastHopToDepth', mean(lastHops) / mean(depths));
  lab.figure('lastDeliveryMs.p50', quantile(delays, 0.5));
  lab.figure('lastDeliveryMs.max', greatest(delays));
  lab.figure('missedByBroadcast', missed);
  if (missed > 0) checks.fail(`${missed} deliveries did not come by broadcast`);
  checks.settled();
}

export const broadcast: Scenario = {
  name: 'broadcast',
  about: 'One tab writes once a second; nothing is lost.',
  run: (lab) => measure(lab, () => lab.room.tabs[0] as Tab),
};

export const broadcastAll: Scenario = {
  name: 'broadcast-all',
  about: 'Every tab writes in turn, one write a second in all; nothing is lost.',
  run: (lab) => measure(lab, (turn) => lab.room.tabs[(turn * 7_919) % lab.room.tabs.length] as Tab),
};
