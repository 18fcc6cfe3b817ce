/** A tab that joins like any other and then sends its neighbors what no honest tab would. */

import { type Connection, type Mesh, openMesh, simplePeerTransport } from '../../src/index.ts';
import { seededRandom } from '../../src/util/random.ts';

/** Sixteen bytes that could be a tab, a sequence number, and the hops that a rumor came. */
const RUMOR_HEAD = [8, ...Array(16).keys(), 1, 1];

/**
 * How frames begin whose random rest reaches further than the link itself: a rumor and a direct
 * frame about documents (channel 1), direct frames about aggregates (3) and records (4), and a member
 * table.
 */
const HEADS = {
  raw: [],
  rumor: [...RUMOR_HEAD, 1],
  direct: [12, 1],
  aggregates: [12, 3],
  records: [12, 4],
  members: [6],
} as const;

export class Hostile {
  #mesh: Mesh | undefined;
  readonly #connections: Connection[] = [];

  /** Joins `room` with links whose frames this tab can make by hand. */
  async join(room: string, options: Parameters<typeof openMesh>[1]): Promise<void> {
    const honest = simplePeerTransport();
    this.#mesh = await openMesh(room, {
      ...options,
      store: 'memory',
      transport: {
        dial: (dialOptions, handlers) => {
          const connection = honest.dial(dialOptions, handlers);
          this.#connections.push(connection);
          return connection;
        },
      },
    });
  }

  get links(): number {
    return this.#mesh?.neighbors.length ?? 0;
  }

  /** Sends every neighbor one frame of random bytes, of a kind that `kind` names. */
  send(kind: keyof typeof HEADS, seed: number): void {
    const random = seededRandom(seed);
    const body = Array.from({ length: 1 + Math.floor(random() * 200) }, () => random() * 256);
    const frame = Uint8Array.from([...HEADS[kind], ...body]);
    for (const connection of this.#connections) {
      if (connection.state === 'open') connection.send(frame, 'control');
    }
  }
}
