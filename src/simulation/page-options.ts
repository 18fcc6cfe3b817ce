/** The options of `mnemesh/simulation`, and their judgement: a mistake in one would test nothing. */

import type { ProtocolConfig } from '../protocol/config.ts';
import {
  A_FUNCTION,
  AN_OBJECT,
  checkFields,
  checkValue,
  numberFrom,
  oneOf,
  type Rule,
  TRUE_OR_FALSE,
} from '../util/option-rules.ts';
import { Disk } from './disk.ts';
import type { NetworkModel } from './network-model.ts';
import type { ProcessModel } from './process.ts';

/** Options of `simulate`. */
export interface SimulationOptions {
  /** Decides everything that chance decides: a whole number. The same seed gives the same run. Default 1. */
  readonly seed?: number | undefined;
  /** How the network behaves; default a broadband network that loses nothing. */
  readonly network?: Partial<NetworkModel> | undefined;
}

/** Options of `Simulation.openPage`: of the page, and of the machine that it runs on. */
export interface PageOptions {
  /** How fast its clock runs: 1 is right, 1.01 gains 10 ms a second. Default 1. */
  readonly clockRate?: ProcessModel['clockRate'] | undefined;
  /** Milliseconds that each message or timer keeps it busy; what comes meanwhile waits. Default 0. */
  readonly busyMs?: ProcessModel['busyMs'] | undefined;
  /** Whether the page is opened in the background. Default false. */
  readonly hidden?: boolean | undefined;
  /** The disk of another page, whose browser this one shares; default one of its own. */
  readonly disk?: Disk | undefined;
}

/** Options of `Page.open`, those of `openMesh` that mean something here. */
export interface SimulatedMeshOptions {
  /** Pages with other secrets are in another room. Nothing is sealed: nobody listens here. */
  readonly secret?: string | undefined;
  /** As of `openMesh`. */
  readonly consistency?: 'eventual' | 'causal' | undefined;
  /** Options of the protocol, as of `openMesh`. */
  readonly config?: Partial<ProtocolConfig> | undefined;
}

const MILLISECONDS: Rule = [
  'milliseconds, 0 or more and finite',
  (value) => Number.isFinite(value) && (value as number) >= 0,
];
const PROBABILITY = numberFrom(0, 1);
const SHARE: Rule = ['a share, 0 or more and finite', MILLISECONDS[1]];
const SPREAD: Rule = [
  '{ medianMs, sigma }, both 0 or more and finite',
  (value) => {
    const fields = Object.entries(Object(value));
    return (
      fields.length === 2 &&
      fields.every(([name, field]) => /^(medianMs|sigma)$/.test(name) && MILLISECONDS[1](field))
    );
  },
];
/** As of `openMesh`: a lone surrogate would make two names one room. */
const TEXT: Rule = [
  'well-formed text of 1 to 1024 characters',
  (value) =>
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= 1_024 &&
    !/\p{Surrogate}/u.test(value),
];

const NETWORK: Readonly<Record<keyof NetworkModel, Rule>> = {
  latency: SPREAD,
  jitter: SHARE,
  loss: PROBABILITY,
  duplication: PROBABILITY,
  reordering: PROBABILITY,
  bytesPerMs: ['a number above 0', (value) => typeof value === 'number' && value > 0],
  setup: SPREAD,
  setupFailure: PROBABILITY,
  setupTimeoutMs: MILLISECONDS,
  interruptedAfterMs: MILLISECONDS,
  pathFailsAfterMs: MILLISECONDS,
};

const SIMULATION: Readonly<Record<keyof SimulationOptions, Rule>> = {
  seed: ['a whole number', Number.isSafeInteger],
  network: AN_OBJECT,
};

const PAGE: Readonly<Record<keyof PageOptions, Rule>> = {
  clockRate: [
    'a number above 0, and finite',
    (value) => Number.isFinite(value) && (value as number) > 0,
  ],
  busyMs: MILLISECONDS,
  hidden: TRUE_OR_FALSE,
  disk: ['the disk of a page', (value) => value instanceof Disk],
};

const MESH: Readonly<Record<keyof SimulatedMeshOptions, Rule>> = {
  secret: TEXT,
  consistency: oneOf('eventual', 'causal'),
  config: AN_OBJECT,
};

const UNCHANGED = 'Nothing changed.';
const UNOPENED = 'Nothing was opened.';

/** @throws MeshError `bad-argument`, as all of these; nothing changed. */
export function checkSimulation(options: SimulationOptions): void {
  checkFields('options', options, SIMULATION, UNCHANGED, 'The options of simulate');
  if (options.network !== undefined) checkNetwork('options.network', options.network);
}

export function checkNetwork(path: string, model: Partial<NetworkModel>): void {
  checkFields(path, model, NETWORK, UNCHANGED);
}

export function checkPage(options: PageOptions): void {
  checkFields('options', options, PAGE, UNOPENED, 'The options of openPage');
}

/** All but what `config` says, which the protocol judges. */
export function checkMesh(room: string, options: SimulatedMeshOptions): void {
  checkValue('room', room, TEXT, UNOPENED);
  checkFields('options', options, MESH, UNOPENED, 'The options of open');
}

export function checkMs(name: string, ms: number): void {
  checkValue(name, ms, MILLISECONDS, UNCHANGED);
}

export function checkCondition(condition: () => boolean): void {
  checkValue('condition', condition, A_FUNCTION, UNCHANGED);
}

/** Whether `pages` is a list of pages that `has` knows. */
export function checkPages<T>(name: string, pages: readonly T[], has: (page: T) => boolean): void {
  const words = 'a list of pages of this simulation, such as [page]';
  const holds = (value: unknown) => Array.isArray(value) && value.every(has);
  checkValue(name, pages, [words, holds], UNCHANGED);
}

/** As `checkPages`, for the sides of a partition: two or more, and no page in two of them. */
export function checkSides<T>(sides: readonly (readonly T[])[], has: (page: T) => boolean): void {
  for (const [i, pages] of sides.entries()) checkPages(`sides[${i}]`, pages, has);
  const all = sides.flat();
  const words = 'two lists or more, with no page in two of them';
  const holds = () => sides.length >= 2 && new Set(all).size === all.length;
  checkValue('sides', sides, [words, holds], UNCHANGED);
}
