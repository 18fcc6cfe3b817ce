/**
 * How many tabs the room has, and whether that is too many to know them all (SPEC.md, M15).
 *
 * A tab with full membership counts. Above `fullMembershipLimit` it goes by what it is told, by
 * signaling and by the hellos of others: the median of the latest, so that one liar moves nothing.
 */

/** Estimates that are remembered. */
const HINTS = 5;
/** Rooms of so many tell link lists, and judge by them, as fast as can be. */
const PROMPT_MEMBERS = 100;

/**
 * How much slower than a small one a room of so many tells and judges link lists. Lists change for
 * every tab and go to every tab: told at one speed, they would cost with the square of the members.
 */
export function paceOf(members: number): number {
  return Math.max(1, members / PROMPT_MEMBERS);
}

export class RoomSize {
  readonly #limit: number;
  readonly #hints: number[] = [];
  #estimate = 0;
  #isPartial = false;

  /** @param limit `fullMembershipLimit`. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get isPartial(): boolean {
    return this.#isPartial;
  }

  /** Members of the room, where this tab knows of `count`. */
  of(count: number): number {
    return this.#isPartial ? Math.max(count, this.#estimate) : count;
  }

  /** Someone says that the room has `total`. */
  hint(total: number): void {
    this.#hints.push(total);
    if (this.#hints.length > HINTS) this.#hints.shift();
    const sorted = [...this.#hints].sort((a, b) => a - b);
    this.#estimate = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  }

  /** Judges anew, with hysteresis, where this tab knows of `count`; true where that changed. */
  judge(count: number): boolean {
    const size = Math.max(count, this.#estimate);
    const isPartial = this.#isPartial ? size * 2 >= this.#limit : size > this.#limit;
    if (isPartial === this.#isPartial) return false;
    this.#isPartial = isPartial;
    return true;
  }
}
