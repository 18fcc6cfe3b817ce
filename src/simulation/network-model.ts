/**
 * How a network behaves: latency, loss, duplication, reordering, bandwidth, and what becomes of links.
 *
 * Frames are lost, doubled and reordered on open links although a data channel would not do so; what
 * the protocol is held to is harsher than what it will meet.
 */

import type { Spread } from './chance.ts';

/** How the network behaves. */
export interface NetworkModel {
  /** One way between two processes, drawn once a link. Default 25 ms, sigma 0.4. */
  readonly latency: Spread;
  /** Greatest share of the latency that is added to one frame, evenly drawn. Default 0.1. */
  readonly jitter: number;
  /** Probability that a frame is lost. Default 0. */
  readonly loss: number;
  /** Probability that a frame arrives twice. Default 0. */
  readonly duplication: number;
  /** Probability that a frame arrives up to `REORDER_MS` late, behind later ones. Default 0. */
  readonly reordering: number;
  /** Bytes that a process can send in a millisecond over all its links. Default unlimited. */
  readonly bytesPerMs: number;
  /** From the answer to an open channel: ICE and DTLS. Default 150 ms, sigma 0.4. */
  readonly setup: Spread;
  /** Probability that a link cannot be made. Default 0. */
  readonly setupFailure: number;
  /** Until a link that cannot be made fails. Default 15 s. */
  readonly setupTimeoutMs: number;
  /** Until a side is told that the path under a link broke (ICE disconnected). Default 5 s. */
  readonly interruptedAfterMs: number;
  /** Until a link whose path is broken fails (ICE failed). Default 17 s, as measured in Chromium. */
  readonly pathFailsAfterMs: number;
}

/** A broadband network that loses nothing. */
export const CALM: NetworkModel = {
  latency: { medianMs: 25, sigma: 0.4 },
  jitter: 0.1,
  loss: 0,
  duplication: 0,
  reordering: 0,
  bytesPerMs: Number.POSITIVE_INFINITY,
  setup: { medianMs: 150, sigma: 0.4 },
  setupFailure: 0,
  setupTimeoutMs: 15_000,
  interruptedAfterMs: 5_000,
  pathFailsAfterMs: 17_000,
};
