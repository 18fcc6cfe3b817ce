/** One run of one library: tabs join one by one, nobody writes, all write in turn, one writes. */

import { percentile } from '../../e2e/helpers.ts';
import type { TabRecord } from './page/tab.ts';
import { Room } from './room.ts';
import type { SideName } from './sides.ts';

/** How large a run is. */
export interface Size {
  /** Tabs in the room, the last one included. */
  readonly tabs: number;
  /** How often a last tab joins, each time a new one in place of the one before. */
  readonly joins: number;
  /** Edits of each way of writing that goes as fast as edits arrive. */
  readonly edits: number;
  /** Edits made one a second. */
  readonly pacedEdits: number;
}

/** How the last tab came into a room that had settled. */
export interface Joining {
  /** Milliseconds from joining to holding all content. */
  readonly contentMs: number;
  /** Milliseconds from joining to as many links as it has in the end. */
  readonly linksMs: number;
}

/** A way of writing, and what it cost. All counts are of all tabs together. */
export interface Writing {
  readonly edits: number;
  /** Edits that did not arrive everywhere. */
  readonly lost: number;
  /** Messages an edit that carry the edit itself: on average, and of the worst edit. */
  readonly payloads: number;
  readonly payloadsMax: number;
  /** All messages and bytes sent meanwhile, an edit. */
  readonly messages: number;
  readonly bytes: number;
  /** The same without what an idle room sends in that time. */
  readonly ownMessages: number;
  readonly ownBytes: number;
  /** Milliseconds from an edit to its arrival in the last tab. */
  readonly lastP50: number;
  readonly lastMax: number;
}

/** The figures of one run. */
export interface Figures {
  /**
   * Milliseconds from the first tab's joining until every tab but the last has all its links; each
   * joins as soon as the one before holds the content.
   */
  readonly formingMs: number;
  /** Each last tab. */
  readonly last: readonly Joining[];
  /** Most links that a tab had at any time, and the median at the end. */
  readonly linksMax: number;
  readonly linksMedian: number;
  /** Messages and bytes a second that all tabs together send while nobody writes. */
  readonly idle: { readonly messages: number; readonly bytes: number };
  /** The first edit of each tab, each as soon as the one before has arrived everywhere. */
  readonly first: Writing;
  /** Writers take turns, each edit as soon as the one before has arrived everywhere. */
  readonly rotating: Writing;
  /** One tab writes, as fast. */
  readonly oneWriter: Writing;
  /** Writers take turns, an edit a second. */
  readonly paced: Writing;
}

/** Edits in the room before others join, made by its first tab. */
const CONTENT = 100;
/** How long a tab that joins may take to hold the content. */
const JOINING_MS = 60_000;
/** An edit that has not arrived everywhere after so long counts as lost. */
const LOST_AFTER_MS = 30_000;
/** Lost edits of a way of writing after which the run is given up: a tab has no link any more. */
const LOST_MAX = 3;
/** As long as both libraries take to renew the presence of every tab. */
const IDLE_MS = 15_000;
/** Time for what follows the last edit's arrival. */
const DRAIN_MS = 250;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs the whole course in a fresh browser. */
export async function measure(side: SideName, size: Size, site: string): Promise<Figures> {
  const room = await Room.open(side, size.tabs, site);
  try {
    return await course(room, size);
  } finally {
    await room.close();
  }
}

async function course(room: Room, { tabs, joins, edits, pacedEdits }: Size): Promise<Figures> {
  await room.join();
  for (let i = 0; i < CONTENT; i++) await room.write(0);
  for (let joined = 1; joined < tabs - 1; joined++) {
    await room.join();
    await holdsContent(room);
  }
  await expectSettled(room);
  const formingMs = formingOf(await room.records());
  tell(`${tabs - 1} tabs are linked`);
  const last: Joining[] = [];
  while (last.length < joins) {
    if (last.length > 0) {
      await room.replaceLast();
      await expectSettled(room);
    }
    await room.join();
    await holdsContent(room);
    await expectSettled(room);
    last.push(joiningOf((await room.records()).at(-1)));
    tell(`last tab ${last.length} of ${joins} has joined`);
  }
  const idle = await measureIdle(room);
  tell('the idle room is measured');

  const inTurn = (i: number) => i % tabs;
  const first = await write(room, tabs, inTurn, idle);
  const rotating = await write(room, edits, inTurn, idle);
  const oneWriter = await write(room, edits, () => 0, idle);
  const paced = await write(room, pacedEdits, inTurn, idle, 1_000);

  const links = (await room.records()).map((record) => record.links.map(([, count]) => count));
  return {
    formingMs,
    last,
    linksMax: Math.max(...links.flat()),
    linksMedian: percentile(
      links.map((counts) => counts.at(-1) ?? 0),
      0.5,
    ),
    idle,
    first,
    rotating,
    oneWriter,
    paced,
  };
}

/** Tells how far a run is, apart from the report. */
const tell = (words: string) => console.error(`  ${words}`);

async function holdsContent(room: Room): Promise<void> {
  for (let i = 0; i < CONTENT; i++) {
    if (await room.arrival(i, JOINING_MS)) continue;
    throw new Error(`edit ${i} of the content did not come everywhere`);
  }
}

async function expectSettled(room: Room): Promise<void> {
  if (!(await room.settle())) tell('the links go on changing; the bench goes on too');
}

/** When a tab had as many links as it has in the end. */
function linkedAt({ links }: TabRecord): number {
  const inTheEnd = links.at(-1)?.[1] ?? 0;
  const [at] = links.find(([, count]) => count >= inTheEnd) ?? [Number.POSITIVE_INFINITY];
  return at;
}

const formingOf = (records: readonly TabRecord[]): number =>
  Math.max(...records.map(linkedAt)) - Math.min(...records.map(({ joinedAt }) => joinedAt));

function joiningOf(record: TabRecord | undefined): Joining {
  if (record === undefined) throw new Error('no tab has joined');
  const { arrivals, joinedAt } = record;
  const arrivedAt = Array.from({ length: CONTENT }, (_, i) => arrivals[i] ?? Number.NaN);
  return { contentMs: Math.max(...arrivedAt) - joinedAt, linksMs: linkedAt(record) - joinedAt };
}

async function measureIdle(room: Room): Promise<Figures['idle']> {
  const before = await room.totals();
  await pause(IDLE_MS);
  const after = await room.totals();
  const seconds = (after.atMs - before.atMs) / 1_000;
  return {
    messages: (after.messages - before.messages) / seconds,
    bytes: (after.bytes - before.bytes) / seconds,
  };
}

/**
 * Makes `count` edits by the tabs that `writer` names, each once the one before has arrived
 * everywhere and `intervalMs` have passed.
 */
async function write(
  room: Room,
  count: number,
  writer: (i: number) => number,
  idle: Figures['idle'],
  intervalMs = 0,
): Promise<Writing> {
  const before = await room.totals();
  const written: number[] = [];
  let lost = 0;
  for (let i = 0; i < count; i++) {
    const [index] = await Promise.all([room.write(writer(i)), pause(intervalMs)]);
    written.push(index);
    if (!(await room.arrival(index, LOST_AFTER_MS))) lost++;
    if (lost > LOST_MAX) throw new Error(`${lost} edits did not arrive everywhere`);
  }
  await pause(DRAIN_MS);
  const after = await room.totals();
  const seconds = (after.atMs - before.atMs) / 1_000;
  const payloads = written.map((index) => after.payloads.get(index) ?? 0);
  const delays = lastDelays(await room.records(), written);
  const messages = (after.messages - before.messages) / count;
  const bytes = (after.bytes - before.bytes) / count;
  return {
    edits: count,
    lost,
    payloads: payloads.reduce((sum, each) => sum + each, 0) / count,
    payloadsMax: Math.max(...payloads),
    messages,
    bytes,
    ownMessages: Math.max(0, messages - (idle.messages * seconds) / count),
    ownBytes: Math.max(0, bytes - (idle.bytes * seconds) / count),
    lastP50: percentile(delays, 0.5),
    lastMax: percentile(delays, 1),
  };
}

/** Milliseconds from each edit to its last arrival. */
function lastDelays(records: readonly TabRecord[], written: readonly number[]): number[] {
  return written.map((index) => {
    const madeAt = records.find((record) => record.written[index] !== undefined)?.written[index];
    const arrivals = records.map((record) => record.arrivals[index] ?? Number.NEGATIVE_INFINITY);
    return Math.max(...arrivals) - (madeAt ?? Number.NaN);
  });
}
