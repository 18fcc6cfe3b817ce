/** `mnemesh/simulation`: apps and rooms in virtual time, replayed to the byte by a seed. */

export type { Spread } from './chance.ts';
export type { Disk } from './disk.ts';
export type { NetworkModel } from './network-model.ts';
export {
  type Page,
  type PageOptions,
  type SimulatedMeshOptions,
  type Simulation,
  type SimulationOptions,
  simulate,
} from './pages.ts';
export type { ProcessModel } from './process.ts';
