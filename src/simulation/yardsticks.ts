/**
 * What scenarios are held to: which of their figures count, how far each may be off the committed
 * report, what must hold, and what theory and other systems give. Less is better in all of them.
 */

/** One figure that counts. */
export interface Yardstick {
  /** Name of the figure in an outcome. */
  readonly figure: string;
  /** For people, with its unit. */
  readonly title: string;
  /** How much worse than committed it may be: a share of it, and so much besides. */
  readonly share: number;
  readonly slack: number;
  /** What must hold, in words; empty where nothing is promised. */
  readonly promise: string;
  /** What theory says, or what another system publishes. */
  readonly beside: string;
}

const yardstick = (
  figure: string,
  title: string,
  share: number,
  slack: number,
  promise = '',
  beside = '',
): Yardstick => ({ figure, title, share, slack, promise, beside });

const ROUNDS_THEORY =
  'all in step: 6.6 / 9.2 / 11.6 on a complete graph, 7.5 / 11.1 / 14.0 on an 8-regular one; Engram 6.8 at 100';
const traffic = yardstick('bytesPerTabSecond', 'bytes a second and tab', 0.3, 50);
const peak = yardstick('peakBytesPerTabSecond', 'most bytes of a tab in a second', 0.5, 2_000);
const falseDeaths = yardstick('falseDeaths', 'living tabs declared dead', 0, 0, 'none');
// Times of healing hang on back-offs and jitter, and differ by seconds from seed to seed.
const ghosts = yardstick('ghostsGoneMs', 'all know who is left, ms', 0.5, 4_000);
const component = (promise = '') =>
  yardstick('oneComponentMs', 'one component, ms', 0.5, 4_000, promise);
const converge = (promise = '') => yardstick('convergeMs', 'equal memory, ms', 0.5, 4_000, promise);

const spreading = (redundancy: string, beside: string): Yardstick[] => [
  yardstick('redundancy', 'redundancy', 0.3, 0.005, redundancy, beside),
  yardstick('lastHop', 'last hop', 0.15, 0.2, '', 'Plumtree of degree 5: 6.8 / 9.2 / 12.5'),
  yardstick('lastHopToDepth', 'last hop ÷ depth', 0.15, 0.05, '≤ 1.4', 'flood: 1'),
  yardstick('lastDeliveryMs.p50', 'last delivery p50, ms', 0.3, 30),
  yardstick('missedByBroadcast', 'deliveries missed', 0, 0, 'none', 'iroh-gossip: 0 at 100'),
  traffic,
];

/** Figures that count, by scenario. */
export const YARDSTICKS: Readonly<Record<string, readonly Yardstick[]>> = {
  'rounds-only': [
    yardstick('rounds.mean', 'mean rounds', 0.1, 0.3, '≤ 7.5 / 11.1 / 14', ROUNDS_THEORY),
    yardstick('rounds.max', 'most rounds', 0.3, 1),
  ],
  'rounds-fanout-2': [
    yardstick('rounds.mean', 'mean rounds', 0.1, 0.3, '≤ 5 at 100'),
    yardstick('rounds.max', 'most rounds', 0.3, 1),
  ],
  broadcast: spreading('≤ 0.02', 'Plumtree 0.000, iroh-gossip < 0.2, corrosion < 0.2'),
  'broadcast-all': spreading('≤ 0.15', 'Plumtree on one tree .39–.47, iroh-gossip < 1'),
  churn: [converge(), falseDeaths, traffic],
  'reload-storm': [component(), converge(), ghosts, falseDeaths, peak],
  crash: [
    yardstick('detectionMs.p50', 'median tab knows, ms', 0.3, 500, '', 'SWIM: 1.58 periods'),
    yardstick(
      'knownToAllMs.p50',
      'all know, median crash, ms',
      0.3,
      500,
      '≤ 6 s at 100, ≤ 10 s at 1,000',
      'memberlist suspects for 8 / 12 / 16 s',
    ),
    falseDeaths,
  ],
  'kill-50': [component(), ghosts],
  'kill-80': [component('≤ 10 s at 1,000'), ghosts],
  'kill-90': [component(), ghosts],
  partition: [
    component('≤ 10 s'),
    converge('≤ 10 s'),
    yardstick('peakToMean', 'peak ÷ mean while healing', 0.3, 1, '≤ 10'),
  ],
  'partition-server': [component(), converge(), peak],
  'asymmetric-partition': [component(), converge(), peak],
  loss: [yardstick('convergeRounds', 'rounds to equal memory', 0.5, 1, '≤ 5'), falseDeaths],
  'hidden-half': [
    yardstick('lastDeliveryMs.p50', 'last delivery p50, ms', 0.3, 30),
    falseDeaths,
    traffic,
  ],
  'freeze-thaw': [converge(), falseDeaths],
  'slow-machines': [converge(), falseDeaths],
  idle: [
    yardstick(
      'bytesPerTabSecond',
      'bytes a second and tab',
      0.2,
      2,
      '≤ 100 at 100',
      'Chitchat asserts < 120 kB at 100',
    ),
    falseDeaths,
  ],
  'flash-crowd': [converge(), yardstick('settleMs', 'settled, ms', 0.5, 2_000), peak],
  'no-server': [yardstick('wholeMs', 'whole again, ms', 0.5, 2_000), falseDeaths],
  aggregate: [
    yardstick('cycles.first', 'cycles to 1%', 0.2, 2, '≤ 15 at 100'),
    yardstick('cycles.afterDeaths', 'cycles to 1% after deaths', 0.2, 2, '≤ 15 at 100'),
    yardstick('idleBytesPerTabSecond', 'bytes a second and tab, converged', 0.3, 10),
  ],
  minute: [traffic, peak],
};

/** Figures by name, as a run gives them and as the report keeps them. */
export type Figures = Readonly<Record<string, number>>;

/** What is worse in `measured` than in `committed` by more than it may be, in words. */
export function regressions(scenario: string, committed: Figures, measured: Figures): string[] {
  return (YARDSTICKS[scenario] ?? []).flatMap(({ figure, title, share, slack }) => {
    const was = committed[figure];
    if (was === undefined) return [];
    const is = measured[figure];
    if (is !== undefined && is <= was * (1 + share) + slack) return [];
    return [`${scenario}: ${title} is ${is ?? 'gone'}, committed ${was}`];
  });
}
