/** A tab that joins like any other and then sends its neighbors what no honest tab would. */

import { type Connection, type Mesh, openMesh, simplePeerTransport } from '../../src/index.ts';
import { seededRandom } from '../../src/util/random.ts';

/** Frame types that reach past the link itself: any bytes behind them go to the layers above. */
const TAGS = { raw: [], rumor: [8], direct: [12], members: [6] } as const;

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
  send(kind: keyof typeof TAGS, seed: number): void {
    const random = seededRandom(seed);
    const body = Array.from({ length: 1 + Math.floor(random() * 200) }, () => random() * 256);
    const frame = Uint8Array.from([...TAGS[kind], ...body]);
    for (const connection of this.#connections) {
      if (connection.state === 'open') connection.send(frame, 'control');
    }
  }
}
