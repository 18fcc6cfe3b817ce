/** While tabs write, what is on its way starts no walk, and what is lost does (SPEC.md W10). */

import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../util/random.ts';
import { runs } from '../../util/testing/runs.ts';
import { type Peer, type Sent, World } from '../testing/reconcile-pair.ts';
import type { Delta } from '../types.ts';
import { decodeReconcile } from './reconcile-messages.ts';

const STEP_MS = 50;

/** Eight linked tabs that write some five times a second each, over links that take 20 to 220 ms. */
class Typing {
  readonly world: World;
  readonly peers: readonly Peer[];
  readonly #random: Random;
  readonly #flying: { at: number; to: Peer; delta: Delta }[] = [];
  /** Whether what is sent now to this tab is lost. */
  isLost: (to: Peer) => boolean = () => false;
  rounds = 0;

  constructor(seed: number) {
    this.world = new World(seed);
    this.#random = seededRandom(seed);
    this.peers = Array.from({ length: 8 }, (_, i) => this.world.add((i + 1).toString(16)));
    for (const a of this.peers) for (const b of this.peers) if (a.id < b.id) this.world.link(a, b);
    this.world.run(1_000);
  }

  /** Walks, and exchanges of recent changes, that were begun. */
  get walks(): number {
    const isBegun = ({ bytes }: Sent) => {
      const message = decodeReconcile(bytes);
      return message?.type === 'step' ? message.nonce !== undefined : message?.type === 'recent';
    };
    return this.world.sent.filter(isBegun).length;
  }

  write(peer: Peer, name: string): void {
    peer.set([name], 'value');
    const delta = peer.deltas.at(-1) as Delta;
    for (const to of this.peers) {
      if (to === peer || this.isLost(to)) continue;
      this.#flying.push({ at: this.world.now + 20 + 200 * this.#random(), to, delta });
    }
  }

  /** Lets all write for so long, with a round a second each, to a neighbor by chance. */
  pass(ms: number, isWriting = true): void {
    for (const end = this.world.now + ms; this.world.now < end; ) {
      const step = Math.floor(this.world.now / STEP_MS);
      for (const [index, peer] of this.peers.entries()) {
        if (isWriting && this.#random() < 0.25) this.write(peer, `item-${step % 50}`);
        if (step % 20 !== index) continue;
        this.rounds++;
        const others = this.peers.filter((other) => other !== peer);
        peer.reconciler.compare((others[Math.floor(7 * this.#random())] as Peer).id);
      }
      this.world.run(this.world.now + STEP_MS);
      for (const each of this.#flying.filter(({ at }) => at <= this.world.now)) {
        this.#flying.splice(this.#flying.indexOf(each), 1);
        each.to.replica.apply(each.delta);
      }
    }
  }
}

describe('what is on its way', () => {
  it('starts no walk while eight tabs write for a minute and nothing is lost', () => {
    const typing = new Typing(3);
    typing.world.sent.length = 0;
    typing.pass(60_000);
    expect(typing.rounds).toBeGreaterThanOrEqual(480);
    expect(typing.walks).toBeLessThanOrEqual(typing.rounds / 100);
  });

  it('is told from what is lost, which is there within two rounds', () => {
    for (let seed = 1; seed <= runs(5); seed++) {
      const typing = new Typing(seed);
      typing.pass(4_000 + 50 * seed);
      const lacking = typing.peers[seed % 8] as Peer;
      typing.isLost = (to) => to === lacking;
      typing.write(typing.peers[(seed + 3) % 8] as Peer, 'lost');
      typing.isLost = () => false;
      typing.pass(2_400);
      expect(lacking.replica.get('mitems\u0000lost'), `seed ${seed}`).toBeDefined();
    }
  });

  it('what is lost last of all is found too, when all are quiet', () => {
    for (let seed = 1; seed <= runs(5); seed++) {
      const typing = new Typing(seed);
      typing.pass(3_000 + 50 * seed);
      const lacking = typing.peers[seed % 8] as Peer;
      typing.isLost = (to) => to === lacking;
      typing.write(typing.peers[(seed + 3) % 8] as Peer, 'lost');
      typing.isLost = () => false;
      typing.pass(2_400, false);
      expect(lacking.replica.get('mitems\u0000lost'), `seed ${seed}`).toBeDefined();
      typing.pass(5_000, false);
      expect(new Set(typing.peers.map((peer) => peer.root())).size).toBe(1);
    }
  });
});
