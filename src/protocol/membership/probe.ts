/**
 * One probe of a neighbor: asked directly, then through others, then failed (SPEC.md, M2).
 *
 * SWIM (Das, Gupta, Motivala 2002, section 3.1), with Lifeguard's nacks (Dadgar, Phillips, Currey
 * 2018): a relay that reaches nobody says so, which shows that this tab itself hears in time.
 */

import type { PeerId } from '../../util/peer-id.ts';

/** What has come of a probe when its time is over. */
export type ProbeStep = 'askOthers' | 'failed';

export class Probe {
  readonly target: PeerId;
  /** Names the probe in the frames of all that take part. */
  readonly sequence: number;
  #deadline: number;
  #timeout: number;
  #askedOthers = false;
  /** Relays that have neither reached the target nor said that they did not. */
  readonly #owing = new Set<PeerId>();

  /** A probe whose target was pinged at `now` and has `timeout` ms to answer. */
  constructor(target: PeerId, sequence: number, timeout: number, now: number) {
    this.target = target;
    this.sequence = sequence;
    this.#timeout = timeout;
    this.#deadline = now + timeout;
  }

  /** When the next step is to be taken. */
  get due(): number {
    return this.#deadline;
  }

  /** Relays that owe an answer. */
  get owing(): ReadonlySet<PeerId> {
    return this.#owing;
  }

  /** The next step, once it is due; asking others gives them as much time again. */
  step(now: number): ProbeStep {
    if (this.#askedOthers) return 'failed';
    this.#askedOthers = true;
    this.#deadline = now + this.#timeout;
    return 'askOthers';
  }

  /** The relay was asked to probe the target. */
  asked(relay: PeerId): void {
    this.#owing.add(relay);
  }

  /** The relay did not reach the target. */
  nack(relay: PeerId): void {
    this.#owing.delete(relay);
  }

  /** Gives the step under way its full time anew: this tab itself slept. */
  excuse(now: number): void {
    this.#deadline = now + this.#timeout;
  }
}
