/** One Plumtree machine with neighbors that a test speaks for. */

import { seededRandom } from '../../util/random.ts';
import { Plumtree } from '../broadcast/plumtree.ts';
import { resolveConfig } from '../config.ts';
import { EAGER_BYTES } from '../limits.ts';
import { type Frame, type FrameOf, type Rumor, shortOf } from '../wire.ts';

export const idOf = (n: number) => n.toString(16).padStart(4, '0').repeat(8);
export const ME = 'f'.repeat(32);
/** Neighbors. */
export const [A, B, C, D] = [idOf(1), idOf(2), idOf(3), idOf(4)] as const;
/** An origin that is no neighbor. */
export const O = idOf(99);
export const LARGE = EAGER_BYTES + 1;

export const rumorOf = (
  origin: string,
  sequence: number,
  hops = 3,
  size = 1,
): FrameOf<'rumor'> => ({
  type: 'rumor',
  origin,
  sequence,
  hops,
  channel: 1,
  payload: new Uint8Array(size),
});
export const news = (origin: string, sequence: number, hops = 3, size = 0): FrameOf<'ihave'> => ({
  type: 'ihave',
  announced: [{ origin: shortOf(origin), sequence, hops, size }],
});
export const graft = (origin: string, sequence: number, wants = true): FrameOf<'graft'> => ({
  type: 'graft',
  origin: shortOf(origin),
  sequence,
  wants,
});
export const prune = (origin: string): FrameOf<'prune'> => ({
  type: 'prune',
  origin: shortOf(origin),
});
export const gone = (origin: string, sequence: number): FrameOf<'gone'> => ({
  type: 'gone',
  origin: shortOf(origin),
  sequence,
});

/** One machine with neighbors, and what it said since it was last asked. */
export function lab(neighbors: readonly string[], config = {}) {
  let out: { to: string; frame: Frame }[] = [];
  const delivered: Rumor[] = [];
  const machine = new Plumtree(ME, resolveConfig(config), seededRandom(1), {
    send: (to, frame) => out.push({ to, frame }),
    deliver: (_from, rumor) => delivered.push(rumor),
  });
  for (const peer of neighbors) machine.neighborUp(peer);
  const frames = () => {
    const taken = out;
    out = [];
    return taken;
  };
  return {
    machine,
    delivered,
    frames,
    /** What was said since, as type>receiver. */
    said: () =>
      frames().map(({ to, frame }) => `${frame.type}>${Number.parseInt(to.slice(0, 4), 16)}`),
    hear: (from: string, frame: Parameters<Plumtree['onFrame']>[1], now = 0) =>
      machine.onFrame(from, frame, now),
    /** Lets the timers run up to a time. */
    pass: (until: number) => {
      while (machine.due <= until) machine.tick(machine.due, 0);
    },
  };
}

/** A machine with a place in O's tree: A is its parent, B its child, C is neither; nothing waits. */
export function settled() {
  const at = lab([A, B, C]);
  at.hear(A, rumorOf(O, 0));
  at.hear(B, graft(O, 0, false));
  at.pass(9_000);
  at.frames();
  return at;
}
