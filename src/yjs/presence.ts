/**
 * Awareness of one document (y-protocols/awareness): cursors, names and the like, which belong to
 * tabs and go with them.
 *
 * States travel as rumors when they change. Whose a state is follows from the tab that sent it, so
 * a member that leaves or dies takes its cursor along at once, and one that lives keeps it without
 * renewals, however long it is silent.
 */

import {
  type Awareness,
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from 'y-protocols/awareness';
import { decodeTotal, readList, readText, readUint } from '../util/codec.ts';
import type { PeerId } from '../util/peer-id.ts';

/** Most awareness clients of one tab, and the largest state of one, in UTF-8 bytes. */
const MAX_CLIENTS = 64;
const MAX_STATE_BYTES = 256 * 1024;

type AwarenessChange = { added: number[]; updated: number[]; removed: number[] };

export class Presence {
  readonly awareness: Awareness;
  readonly #self: PeerId;
  readonly #owners = new Map<number, PeerId>();
  readonly #stop: () => void;

  /** `tell` carries an update of this tab's own state to the room. */
  constructor(awareness: Awareness, self: PeerId, tell: (update: Uint8Array) => void) {
    this.awareness = awareness;
    this.#self = self;
    const onChange = ({ added, updated, removed }: AwarenessChange, origin: unknown) => {
      if (origin === this) return;
      const { clientID } = awareness;
      if ([...added, ...updated, ...removed].includes(clientID)) tell(this.#own());
    };
    awareness.on('change', onChange);
    this.#stop = () => awareness.off('change', onChange);
  }

  /** The states known, by the tab they belong to, this one's own among them. */
  states(): { owner: PeerId; update: Uint8Array }[] {
    const byOwner = new Map<PeerId, number[]>();
    for (const [client, owner] of this.#owners) {
      if (!this.awareness.states.has(client)) continue;
      byOwner.set(owner, [...(byOwner.get(owner) ?? []), client]);
    }
    const states = [...byOwner].map(([owner, clients]) => ({
      owner,
      update: encodeAwarenessUpdate(this.awareness, clients),
    }));
    if (this.awareness.getLocalState() !== null) {
      states.push({ owner: this.#self, update: this.#own() });
    }
    return states;
  }

  /** Takes an update of `owner`'s states; false where it cannot be read or claims another's. */
  receive(owner: PeerId, update: Uint8Array): boolean {
    const clients = clientsOf(update);
    if (clients === undefined) return false;
    const { clientID } = this.awareness;
    for (const client of clients) {
      if (client === clientID || (this.#owners.get(client) ?? owner) !== owner) return false;
    }
    for (const client of clients) this.#owners.set(client, owner);
    applyAwarenessUpdate(this.awareness, update, this);
    return true;
  }

  /** The tab left or died: its states go, and may come back anew. */
  gone(owner: PeerId): void {
    const clients = [...this.#owners].filter(([, of]) => of === owner).map(([client]) => client);
    removeAwarenessStates(this.awareness, clients, this);
    for (const client of clients) {
      this.#owners.delete(client);
      this.awareness.meta.delete(client);
    }
  }

  /** Keeps y-protocols from dropping silent states: that their tabs live is known by membership. */
  refresh(): void {
    const lastUpdated = Date.now();
    for (const client of this.#owners.keys()) {
      const meta = this.awareness.meta.get(client);
      if (meta !== undefined) this.awareness.meta.set(client, { ...meta, lastUpdated });
    }
  }

  /** Gives this tab's state a new clock, so that those who dropped it take it again. */
  renew(): void {
    this.awareness.setLocalState(this.awareness.getLocalState());
  }

  /** This tab's own state, as an update. */
  own(): Uint8Array {
    return this.#own();
  }

  /** Lets go of the awareness; states of others go, since nobody keeps them up to date. */
  close(): void {
    this.#stop();
    for (const owner of new Set(this.#owners.values())) this.gone(owner);
  }

  #own(): Uint8Array {
    return encodeAwarenessUpdate(this.awareness, [this.awareness.clientID]);
  }
}

/** The clients that an awareness update speaks of, or `undefined` where it is none. */
function clientsOf(update: Uint8Array): number[] | undefined {
  return decodeTotal(update, (decoder) => {
    const clients = readList(decoder, MAX_CLIENTS, (d) => {
      const client = readUint(d);
      readUint(d); // clock
      return isJson(readText(d, MAX_STATE_BYTES)) ? client : undefined;
    });
    return clients.every((client) => client !== undefined) ? clients : undefined;
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return false;
    throw thrown;
  }
}
