/**
 * A random history of tabs over links, disks and locks: writes, removals, reloads, crashes, stores that
 * stall and fail, links that come and go.
 */

import { toHex } from '../../util/bytes.ts';
import { type Random, randomBelow, seededRandom } from '../../util/random.ts';
import { Profile, settled, TestRoom, type TestTab } from './room.ts';

const MAX_TABS = 5;

/** What was written, and what every tab saw go. */
class Ledger {
  readonly amounts = new Map<number, number>();
  readonly gone = new Map<TestTab, Set<number>>();
  /** Elements that came back in a tab in which they were gone. */
  readonly returned: number[] = [];
  /** By amount: all that the tab that wrote it showed then. */
  readonly causes = new Map<number, ReadonlySet<number>>();
  /** Amounts that a tab showed without their causes. */
  readonly causeless: number[] = [];

  watch(tab: TestTab): void {
    const amounts = tab.collections.map<number>('amounts');
    const met = new Set<ReadonlySet<number>>();
    // A change is told when all of it is there.
    const judge = (id: number) => {
      const causes = this.causes.get(id);
      if (causes === undefined || met.has(causes)) return;
      met.add(causes);
      for (const cause of causes) if (!amounts.has(`${cause}`)) this.causeless.push(id);
    };
    for (const id of amounts.keys()) judge(Number(id));
    amounts.addEventListener('change', ({ detail }) => judge(Number(detail.key)));
    const gone = new Set<number>();
    this.gone.set(tab, gone);
    tab.collections.set<number>('elements').addEventListener('change', ({ detail }) => {
      if (!detail.present) gone.add(detail.value);
      else if (gone.has(detail.value)) this.returned.push(detail.value);
    });
  }
}

export class History {
  readonly room: TestRoom;
  readonly ledger = new Ledger();
  readonly random: Random;
  readonly profiles = [new Profile(), new Profile()];
  tabs: TestTab[] = [];
  /** What tabs held or saw go that live on, or wrote all to the disk. */
  readonly held = new Set<number>();
  readonly gone = new Set<number>();
  /** Whether a tab ended before all that it wrote was on the disk. */
  isLossy = false;
  #next = 0;

  constructor(seed: number, isCausal: boolean) {
    this.room = new TestRoom({ seed, isCausal });
    this.random = seededRandom(seed);
    this.room.carries = () => this.random() < 0.7;
  }

  pick<T>(items: readonly T[]): T {
    return items[randomBelow(this.random, items.length)] as T;
  }

  async open(): Promise<void> {
    const tab = await this.room.open(this.pick(this.profiles));
    this.ledger.watch(tab);
    for (const other of this.tabs) if (this.random() < 0.7) this.room.link(tab, other);
    this.tabs.push(tab);
  }

  async step(): Promise<void> {
    if (this.tabs.length === 0) return this.open();
    const tab = this.pick(this.tabs);
    const chance = this.random();
    if (chance < 0.4) this.write(tab, chance < 0.02 ? 520 : 1);
    else if (chance < 0.55) this.remove(tab);
    else if (chance < 0.6) await this.crash(tab);
    else if (chance < 0.65) await this.close(tab);
    else if (chance < 0.75 && this.tabs.length < MAX_TABS) await this.open();
    else if (chance < 0.8) this.relink(tab, this.pick(this.tabs));
    else if (chance < 0.83) tab.store.pause();
    else if (chance < 0.86) tab.store.resume();
    else if (chance < 0.88) tab.store.isBroken = !tab.store.isBroken;
    else if (chance < 0.9) await this.room.advance(11_000);
    else if (chance < 0.95) await settled();
    else await this.room.advance(randomBelow(this.random, 1_000));
  }

  write(tab: TestTab, count: number): void {
    const amounts = tab.collections.map<number>('amounts');
    const causes = new Set([...amounts.keys()].map(Number));
    tab.records.transact(() => {
      for (let i = 0; i < count; i++) {
        const id = this.#next++;
        const amount = randomBelow(this.random, 9) - 3;
        this.ledger.amounts.set(id, amount);
        this.ledger.causes.set(id, causes);
        tab.collections.set<number>('elements').add(id);
        amounts.set(`${id}`, amount);
        tab.collections.counter('sum').add(amount);
      }
    });
  }

  remove(tab: TestTab): void {
    const elements = [...tab.collections.set<number>('elements')];
    if (elements.length > 0) tab.collections.set<number>('elements').delete(this.pick(elements));
  }

  relink(a: TestTab, b: TestTab): void {
    if (a === b) return;
    if (a.peers.has(b.id)) this.room.unlink(a, b);
    else this.room.link(a, b);
  }

  async close(tab: TestTab): Promise<void> {
    tab.store.resume();
    if (tab.store.isBroken) this.isLossy = true;
    else this.keep(tab);
    await tab.close();
    this.leave(tab, () => undefined);
  }

  /** A tab of an eventual room may end with a part of a transaction told, so it mostly ends in quiet. */
  async crash(tab: TestTab): Promise<void> {
    if (this.random() < 0.5 && !tab.store.isBroken) {
      tab.store.resume();
      await settled();
    } else {
      this.isLossy = true;
    }
    this.leave(tab, () => tab.crash());
  }

  leave(tab: TestTab, end: () => void): void {
    end();
    this.tabs = this.tabs.filter((each) => each !== tab);
    for (const other of this.tabs) if (other.peers.has(tab.id)) this.room.unlink(tab, other);
  }

  keep(tab: TestTab): void {
    for (const id of tab.collections.set<number>('elements')) this.held.add(id);
    for (const id of this.ledger.gone.get(tab) ?? []) this.gone.add(id);
  }

  get isEqual(): boolean {
    const digests = this.tabs.map((tab) => toHex(tab.records.digest()));
    return new Set(digests).size === 1;
  }

  /** Everyone who is there, and one new tab of each profile, come together. */
  async finish(): Promise<void> {
    for (const tab of this.tabs) {
      tab.store.resume();
      tab.store.isBroken = false;
    }
    for (const tab of this.tabs) this.keep(tab);
    await this.room.advance(2_000);
    for (const profile of this.profiles) {
      const tab = await this.room.open(profile);
      this.ledger.watch(tab);
      this.tabs.push(tab);
    }
    for (const [i, a] of this.tabs.entries()) {
      for (const b of this.tabs.slice(i + 1)) if (!a.peers.has(b.id)) this.room.link(a, b);
    }
    for (let i = 0; i < 60 && !this.isEqual; i++) await this.room.advance(1_000);
    await this.room.advance(1_000);
  }
}
