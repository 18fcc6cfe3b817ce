/**
 * `npm run bench -- seeds [--peers 100] [--patterns 10000]`: the figures that the project's seeds publish
 * beside those of mnemesh: memories that differ in one of a hundred patterns become equal by comparing
 * with one random peer a round, and nothing else; there is no broadcast.
 *
 * Every peer has a reconciler of its own, and messages between them are counted. Peers compare one after
 * the other, at a moment of the round of their own, as tabs that are not in step do.
 */

import { parseArgs } from 'node:util';
import { collectionKey, recordKey } from '../../src/memory/keys.ts';
import { observe, readPattern } from '../../src/memory/readings/pattern.ts';
import { type Peer, World } from '../../src/memory/testing/reconcile-pair.ts';
import { randomBelow, seededRandom } from '../../src/util/random.ts';
import { show } from '../lib/measure.ts';

/** Of the patterns that change, so many in a hundred are observed by two peers at once: 0.3% of all. */
const CONTESTED = 30;
/** How long a comparison may take: longer than any. */
const EXCHANGE_MS = 200;
/** Rounds after convergence that are watched. */
const QUIET_ROUNDS = 5;
/** No room takes so many rounds. */
const MAX_ROUNDS = 60;

const facts = collectionKey('pattern', 'facts');
const keyOf = (i: number) => recordKey(facts, `pattern ${i}`);

/** What one round took. */
interface Round {
  readonly bytes: number;
  readonly compared: number;
  readonly equal: number;
}

/** Runs the bench; resolves with its figures. */
export async function run(args: readonly string[]): Promise<unknown> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      peers: { type: 'string', default: '100' },
      patterns: { type: 'string', default: '10000' },
    },
  });
  const [count, patterns] = [Number(values.peers), Number(values.patterns)];
  const one = spreadOne(count);
  const two = pair(patterns);
  const room = roomOf(count, patterns);
  const figures = { peers: count, patterns, one, two, room };
  const rows: [what: string, seed: string, ours: string][] = [
    [`rounds until a pattern is known to ${count} peers`, '6.8', show(one)],
    [`of ${patterns} patterns 1% differ: patterns transferred`, '100', show(two.transferred)],
    ['  bytes for it, without the patterns themselves', 'not told', show(two.overhead)],
    [`rounds until ${count} peers hold 1% new patterns`, 'not told', show(room.rounds)],
    ['  bytes a round until then, a peer', 'not told', show(room.bytes / count)],
    ['bytes a round after convergence, a peer', 'not told', show(room.quietBytes / count)],
    ['  all peers together', '~10,000', show(room.quietBytes)],
    ['share of comparisons then whose roots match', '99.7%', `${show(100 * room.matched)}%`],
    ['share of patterns that were merged', '0.3%', `${show(100 * room.merged)}%`],
    ['  of these, read alike and right by all', 'not told', `${show(100 * room.right)}%`],
  ];
  console.log(`\n${''.padEnd(56)}${'seed'.padStart(12)}${'mnemesh'.padStart(14)}`);
  for (const [what, seed, ours] of rows) {
    console.log(`${what.padEnd(56)}${seed.padStart(12)}${ours.padStart(14)}`);
  }
  return figures;
}

/** Rounds until what one peer observed is known to all, the mean of several rooms. */
function spreadOne(count: number): number {
  const runs = 10;
  let rounds = 0;
  for (let seed = 1; seed <= runs; seed++) {
    const world = worldOf(count, 100, seed);
    observeAt([...world.peers.values()][0] as Peer, 0, 0.9);
    rounds += converge(world, seed).length;
  }
  return rounds / runs;
}

/** Two peers, of whose patterns 1% differ, half on each side. */
function pair(patterns: number): { transferred: number; overhead: number } {
  const world = worldOf(2, patterns, 1);
  const [a, b] = [...world.peers.values()] as [Peer, Peer];
  for (let i = 0; i < patterns / 200; i++) {
    observeAt(a, 200 * i, 0.9);
    observeAt(b, 200 * i + 100, 0.1);
  }
  world.link(a, b);
  world.run(world.now + EXCHANGE_MS);
  if (a.root() !== b.root()) throw new Error('two memories did not become equal');
  const { payloads, overhead } = world.account();
  return { transferred: payloads.length, overhead };
}

/** A room in which 1% of the patterns are observed anew, each by a random peer, some by two at once. */
function roomOf(count: number, patterns: number) {
  const world = worldOf(count, patterns, 1);
  const random = seededRandom(7);
  const peers = [...world.peers.values()];
  const changed = patterns / 100;
  for (let i = 0; i < changed; i++) {
    const at = randomBelow(random, count);
    observeAt(peers[at] as Peer, 100 * i, 0.9);
    if (i % 100 < CONTESTED) observeAt(peers[(at + 1) % count] as Peer, 100 * i, 0.7);
  }
  const rounds = converge(world, 7);
  const quiet = Array.from({ length: QUIET_ROUNDS }, (_, i) => roundOf(world, 100 + i));
  // Each was first observed by the peer that filled the memory; every observation has the same support.
  let [merged, right] = [0, 0];
  for (let i = 0; i < changed; i++) {
    const reads = peers.map(({ replica }) => readPattern(replica.get(keyOf(100 * i))));
    if (reads[0]?.observers !== 3) continue;
    merged++;
    const isRight = reads.every((read) => Math.abs((read?.confidence ?? 0) - 0.7) < 1e-9);
    if (isRight) right++;
  }
  const sum = (of: (round: Round) => number, list: readonly Round[]) =>
    list.reduce((total, round) => total + of(round), 0);
  return {
    rounds: rounds.length,
    bytes: sum(({ bytes }) => bytes, rounds) / rounds.length,
    quietBytes: sum(({ bytes }) => bytes, quiet) / quiet.length,
    matched: sum(({ equal }) => equal, quiet) / sum(({ compared }) => compared, quiet),
    merged: merged / patterns,
    right: right / merged,
  };
}

/** Peers that hold the same `patterns` patterns, observed by the first of them. */
function worldOf(count: number, patterns: number, seed: number): World {
  const world = new World(seed);
  const peers = Array.from({ length: count }, (_, i) => world.add((i + 16).toString(16)));
  const first = peers[0] as Peer;
  first.replica.transact((writer) => {
    for (let i = 0; i < patterns; i++) observe(writer, keyOf(i), { confidence: 0.5, support: 1 });
  });
  const records = new Map(first.replica.entries());
  for (const peer of peers.slice(1)) {
    peer.replica.joinDisk({ records, context: first.replica.context });
  }
  return world;
}

function observeAt(peer: Peer, pattern: number, confidence: number): void {
  peer.replica.transact((writer) => observe(writer, keyOf(pattern), { confidence, support: 1 }));
  peer.replica.publish();
}

/** Rounds until all roots are the same. */
function converge(world: World, seed: number): Round[] {
  const rounds: Round[] = [];
  const roots = () => new Set(Array.from(world.peers.values(), (peer) => peer.root()));
  while (roots().size > 1) {
    if (rounds.length === MAX_ROUNDS) throw new Error('the room did not converge');
    rounds.push(roundOf(world, 1_000 * seed + rounds.length));
  }
  return rounds;
}

/** Every peer compares with one random other. */
function roundOf(world: World, seed: number): Round {
  const random = seededRandom(seed);
  const peers = [...world.peers.values()];
  const total = { bytes: 0, compared: 0, equal: 0 };
  for (const peer of peers) {
    const others = peers.filter((each) => each !== peer);
    const other = others[randomBelow(random, others.length)] as Peer;
    total.compared++;
    if (peer.root() === other.root()) total.equal++;
    world.link(peer, other);
    world.run(world.now + EXCHANGE_MS);
    world.unlink(peer, other);
    total.bytes += world.account().bytes;
  }
  return total;
}
