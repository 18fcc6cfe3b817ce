/** Typing as people do, and when it shows elsewhere: marks with the time they were made. */

import type { Lab } from './lab.ts';

/** Adds methods that measure to the lab; page clocks of one machine agree to the millisecond. */
export class Typing {
  readonly #lab: Lab;
  #marks = 0;
  /** Milliseconds from a mark's making to its showing here, in order of arrival. */
  readonly delays: number[] = [];

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  /** From now on notes when marks of other tabs show in map `marks` of document `name`. */
  watch(name: string): void {
    const marks = this.#lab.document(name).doc.getMap<number>('marks');
    marks.observe((event, transaction) => {
      if (transaction.local) return;
      for (const key of event.keysChanged) {
        this.delays.push(Date.now() - (marks.get(key) as number));
      }
    });
  }

  /** Makes a mark now. */
  mark(name: string, key: string): void {
    this.#lab.document(name).doc.getMap<number>('marks').set(key, Date.now());
  }

  /** Makes a mark every `interval` ms until `stop` is called, which tells how many. */
  async markUntil(name: string, interval: number, isOver: () => boolean): Promise<number> {
    let count = 0;
    while (!isOver()) {
      this.mark(name, `${this.#lab.mesh.id} ${this.#marks++}`);
      count++;
      await new Promise((resolve) => setTimeout(resolve, interval));
    }
    return count;
  }
}
