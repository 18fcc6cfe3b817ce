/** Options of the protocol: meaning, unit, bounds and default of each. */

import { MeshError } from '../util/errors.ts';
import { MAX_MEMBER_ENTRIES } from './limits.ts';

/** Every option of the protocol. All are optional in `openMesh`; these are the resolved values. */
export interface ProtocolConfig {
  /** Neighbors that one round compares digests with. 1 to 8, default 1. More heals faster and costs more bytes. */
  readonly fanout: number;
  /** Milliseconds between rounds while something changes. 100 to 60,000, default 1,000. */
  readonly gossipInterval: number;
  /** Milliseconds that rounds stretch to while nothing differs. At least `gossipInterval`, at most 600,000; default 30,000. */
  readonly gossipIntervalMax: number;
  /** Rounds that come four times as fast after a comparison brought something, to pass it on. 0 to 16, default 3. More spreads what was missed sooner; 0 leaves it to rounds at their pace. */
  readonly eagerRounds: number;
  /** Links a tab seeks; with those that others seek from it, it has some more. 2 to 32, default 6: HyParView seeks 5 in a room of 10,000 (log10 N + 1). Each costs some 30 ms of two cores when a tab joins. */
  readonly activeSize: number;
  /** Links a tab accepts at most. `activeSize` to 64, default 12: room for tabs that join. */
  readonly activeMax: number;
  /** Peers remembered without a link, to dial when one is lost. 8 to 1,024, default 48. */
  readonly passiveSize: number;
  /** Milliseconds that setting up a link may take. 1,000 to 120,000, default 10,000. */
  readonly dialTimeout: number;
  /** Links that this tab may make at once; as many more may be in the making from the other side. 1 to 32, default 8. */
  readonly dialsAtOnce: number;
  /** Members remembered, the dead of late included. 16 to 4,096, default 4,096. */
  readonly membersMax: number;

  // Failure detection (SWIM: Das, Gupta, Motivala 2002; Lifeguard: Dadgar, Phillips, Currey 2018).

  /** Milliseconds between a tab's probes; each goes to one neighbor, all in turn. 100 to 60,000, default 800. A crash is first noticed after about one. */
  readonly probeInterval: number;
  /** Milliseconds that a probed neighbor has to answer before others are asked to probe it. At least 50, at most `probeInterval`; default 500. Rule of thumb: three round trips. */
  readonly probeTimeout: number;
  /** Neighbors of the silent one that are asked to probe it. 0 to 8, default 3 (SWIM's k). */
  readonly indirectProbes: number;
  /** Least milliseconds that a suspect has to refute, reached when `suspicionConfirmations` others suspect it too. 100 to 600,000, default 4,000: a device that sleeps for five seconds keeps its links; multiplied by half of log10 of the members where that is above 1. */
  readonly suspicionMin: number;
  /** How many times `suspicionMin` a suspect has where nobody else suspects it. 1 to 16, default 2 (Lifeguard's beta). */
  readonly suspicionSpread: number;
  /** Milliseconds that a hidden suspect has at least while its network path is intact: a frozen page answers nothing, and browsers wake it once a minute. At least `suspicionMin`, at most 3,600,000; default 70,000. */
  readonly hiddenTimeout: number;
  /** Others whose suspicion shortens the time to `suspicionMin`. 1 to 8, default 3 (Lifeguard's k). */
  readonly suspicionConfirmations: number;
  /** Greatest local health: a tab that misses answers that others get waits up to so many times longer for its own probes. 1 to 16, default 8 (Lifeguard's S). */
  readonly healthMax: number;
  /** Times that each claim is sent over each link. 1 to 8, default 1: links lose nothing while they stand; more where frames may be lost. */
  readonly retransmissions: number;
  /** Milliseconds that claims about members wait to go together. 0 to 10,000, default 100. */
  readonly newsDelay: number;
  /** Milliseconds between attempts to reach one who was taken for dead, so that a healed partition is found. 1,000 to 3,600,000, default 5,000. */
  readonly reviveInterval: number;
  /** Rooms up to this have full membership: every tab knows every tab. 16 to 4,096, default 1,000. Above it a tab knows its neighbors, its passive view and an estimate of the number. */
  readonly fullMembershipLimit: number;

  // Overlay (HyParView: Leitão, Pereira, Rodrigues 2007).

  /** Links that a random walk goes over at most before it ends at a tab that makes the link. 1 to 12, default 6 (HyParView's ARWL). */
  readonly walkLength: number;
  /** Milliseconds between shuffles of passive views. 1,000 to 3,600,000, default 60,000. */
  readonly shuffleInterval: number;
  /** Dials that may be made in a burst. 1 to 256, default 24. Chromium refuses new connections after some 500 in the life of a page. */
  readonly dialBudget: number;
  /** Milliseconds in which one more dial is earned. 100 to 600,000, default 2,000. */
  readonly dialRefill: number;

  // Broadcast (Plumtree: Leitão, Pereira, Rodrigues 2007), one tree an origin.

  /** Milliseconds that announcements to settled links wait to go together. 0 to 10,000, default 500. They find what a tree lost; a lower value finds it sooner and costs more bytes. */
  readonly announceDelay: number;
  /** Milliseconds that a tab waits for an announced rumor to be pushed before it asks for it. 10 to 60,000, default 200. Rule of thumb: the time of one hop and some. */
  readonly graftTimeout: number;
  /** Links shorter that an announced way must be before a tab changes over to it. 1 to 16, default 1. */
  readonly optimizationThreshold: number;
  /** Origins whose trees are remembered, those used longest ago going first. 16 to 65,536, default 1,024. */
  readonly treesMax: number;

  /** Milliseconds of a cycle of averaging, in which a tab begins two exchanges with neighbors while an aggregate changes. 100 to 600,000, default 1,000. Tabs agree within 1% in 6 to 10 of them. */
  readonly averagingInterval: number;
}

const BOUNDS: Readonly<
  Record<keyof ProtocolConfig, readonly [low: number, high: number, fallback: number]>
> = {
  fanout: [1, 8, 1],
  gossipInterval: [100, 60_000, 1_000],
  gossipIntervalMax: [100, 600_000, 30_000],
  eagerRounds: [0, 16, 3],
  activeSize: [2, 32, 6],
  activeMax: [3, 64, 12],
  passiveSize: [8, 1_024, 48],
  hiddenTimeout: [200, 3_600_000, 70_000],
  dialTimeout: [1_000, 120_000, 10_000],
  dialsAtOnce: [1, 32, 8],
  membersMax: [16, MAX_MEMBER_ENTRIES, 4_096],
  probeInterval: [100, 60_000, 800],
  probeTimeout: [50, 60_000, 500],
  indirectProbes: [0, 8, 3],
  suspicionMin: [100, 600_000, 4_000],
  suspicionSpread: [1, 16, 2],
  suspicionConfirmations: [1, 8, 3],
  healthMax: [1, 16, 8],
  retransmissions: [1, 8, 1],
  newsDelay: [0, 10_000, 100],
  reviveInterval: [1_000, 3_600_000, 5_000],
  fullMembershipLimit: [16, MAX_MEMBER_ENTRIES, 1_000],
  walkLength: [1, 12, 6],
  shuffleInterval: [1_000, 3_600_000, 60_000],
  dialBudget: [1, 256, 24],
  dialRefill: [100, 600_000, 2_000],
  announceDelay: [0, 10_000, 500],
  graftTimeout: [10, 60_000, 200],
  optimizationThreshold: [1, 16, 1],
  treesMax: [16, 65_536, 1_024],
  averagingInterval: [100, 600_000, 1_000],
};

/**
 * Fills in defaults and checks bounds.
 * @throws MeshError `bad-argument` that names the option, what was given and what is allowed.
 */
export function resolveConfig(given: Partial<ProtocolConfig> = {}): ProtocolConfig {
  if (typeof given !== 'object' || given === null) {
    throw new MeshError('bad-argument', 'config must be an object. Nothing was opened.');
  }
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(BOUNDS, name)) {
      throw new MeshError(
        'bad-argument',
        `config.${name} is not an option; there are ${Object.keys(BOUNDS).join(', ')}. Nothing was opened.`,
      );
    }
  }
  const resolved: Record<string, number> = {};
  for (const [name, [low, high, fallback]] of Object.entries(BOUNDS)) {
    const { [name as keyof ProtocolConfig]: value = fallback }: Record<string, unknown> = given;
    if (!Number.isInteger(value) || !(Number(value) >= low && Number(value) <= high)) {
      throw new MeshError(
        'bad-argument',
        `config.${name} is ${typeof value === 'number' ? value : `a ${typeof value}`}; it must be a whole number from ${low} to ${high}. Nothing was opened.`,
      );
    }
    resolved[name] = Number(value);
  }
  const config = resolved as unknown as ProtocolConfig;
  requireOrder(config, 'gossipInterval', 'gossipIntervalMax');
  requireOrder(config, 'activeSize', 'activeMax');
  requireOrder(config, 'probeTimeout', 'probeInterval');
  requireOrder(config, 'suspicionMin', 'hiddenTimeout');
  return config;
}

function requireOrder(
  config: ProtocolConfig,
  small: keyof ProtocolConfig,
  large: keyof ProtocolConfig,
): void {
  if (config[large] < config[small]) {
    throw new MeshError(
      'bad-argument',
      `config.${large} (${config[large]}) must be at least config.${small} (${config[small]}). Nothing was opened.`,
    );
  }
}
