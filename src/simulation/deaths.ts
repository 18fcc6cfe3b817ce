/** Who is declared dead, when, and whether rightly. */

import type { Effect } from '../protocol/effects.ts';
import type { PeerId } from '../util/peer-id.ts';
import type { Room } from './room.ts';
import type { Tab, TabWatcher } from './tab.ts';

/** Follows what tabs say of members that died. */
export class Deaths implements Pick<TabWatcher, 'told'> {
  readonly #room: Room;
  /** Crashed tabs that are watched for: since when, and when each tab learnt it. */
  readonly #awaited = new Map<
    PeerId,
    { readonly since: number; readonly knownBy: Map<Tab, number> }
  >();
  /** Times that a living tab was declared dead by another. */
  falseDeaths = 0;
  /** Living tabs that anyone declared dead. */
  readonly falselyDead = new Set<PeerId>();
  /** Times that a living tab was suspected by another. */
  suspicions = 0;

  constructor(room: Room) {
    this.#room = room;
    room.watch(this);
  }

  /** Counts from now how long tabs take to learn that `tab`, which crashes now, is gone. */
  expect(tab: Tab): void {
    this.#awaited.set(tab.id, { since: this.#room.world.now, knownBy: new Map() });
  }

  /** Milliseconds after the crash at which each tab that lives declared it dead. */
  detectionTimes(tab: Tab): number[] {
    const awaited = this.#awaited.get(tab.id);
    if (awaited === undefined) return [];
    return [...awaited.knownBy].flatMap(([by, at]) =>
      by.process.isDead ? [] : [at - awaited.since],
    );
  }

  told(tab: Tab, effect: Effect): void {
    if (effect.type !== 'member') return;
    const { id, status } = effect.change.entry;
    if (status !== 'dead' && status !== 'suspect') return;
    const subject = this.#room.tab(id);
    if (subject?.isIn === true) {
      if (status === 'suspect') this.suspicions++;
      else {
        this.falseDeaths++;
        this.falselyDead.add(id);
      }
    } else if (status === 'dead') {
      const awaited = this.#awaited.get(id);
      if (awaited?.knownBy.has(tab) === false) awaited.knownBy.set(tab, this.#room.world.now);
    }
  }
}
