/** Sets of protocol options for rooms of a kind, to be spread into `config`. */

import type { ProtocolConfig } from './config.ts';

/**
 * Sets of options for `openMesh`'s `config`, where the defaults (rooms of up to some hundreds) do not
 * fit: `openMesh(room, { config: { ...presets.smallRoom, fanout: 3 } })`.
 */
export const presets = {
  /** A few people or agents: up to 18 tabs are all linked with all, and differences are found sooner. */
  smallRoom: { activeSize: 16, activeMax: 20, fanout: 2, announceDelay: 250 },
  /**
   * Thousands of tabs: tabs know a part of one another from 200 on, views mix faster, suspects
   * have longer to answer, and announcements gather for longer. Fewer links are accepted, so that
   * one who joins makes others change few of theirs.
   */
  largeRoom: {
    activeMax: 10,
    fullMembershipLimit: 200,
    passiveSize: 96,
    shuffleInterval: 30_000,
    suspicionMin: 5_000,
    treesMax: 4_096,
    announceDelay: 3_000,
  },
  /**
   * A round a minute, as gossip among servers often has it (Engram publishes such figures): for
   * simulations, and where bytes count more than the time to repair.
   */
  minuteRounds: {
    gossipInterval: 60_000,
    gossipIntervalMax: 60_000,
    averagingInterval: 60_000,
    announceDelay: 5_000,
  },
} as const satisfies Readonly<Record<string, Partial<ProtocolConfig>>>;
