/**
 * Awareness of one document (y-protocols/awareness): cursors, names and the like, which belong to
 * tabs and go with them (SPEC.md D7).
 *
 * Whose a state is follows from the tab that sent it, so a member that leaves or dies takes its
 * cursor along at once, and one that lives keeps it however long it is silent.
 */

import {
  type Awareness,
  applyAwarenessUpdate,
  encodeAwarenessUpdate,
  removeAwarenessStates,
} from 'y-protocols/awareness';
import { decodeTotal, readList, readText, readUint } from '../util/codec.ts';
import type { PeerId } from '../util/peer-id.ts';
import { callApp } from './app-code.ts';

/** Most awareness clients of one tab, and the largest state of one, in UTF-8 bytes. */
const MAX_CLIENTS = 64;
export const MAX_STATE_BYTES = 256 * 1024;
/** Deepest nesting of a state; deeper ones overflow the stack of whoever walks them. */
const MAX_NESTING = 100;

/**
 * One in so many renewals is told, or in a quarter as many as states are shown, so that a room of any
 * size hears of about one in four seconds. Awareness renews a silent state every 15 s for others that
 * drop it after 30; here membership keeps it, and a renewal only makes up for what a tab missed.
 */
const RENEWALS_TOLD = 4;

type AwarenessChange = { added: number[]; updated: number[]; removed: number[] };

export class Presence {
  readonly awareness: Awareness;
  readonly #self: PeerId;
  readonly #tell: (update: Uint8Array) => void;
  /** Whose the clients are, for as long as the tab is there. */
  readonly #owners = new Map<number, PeerId>();
  readonly #stop: () => void;
  /** How often awareness renewed this tab's state since it was told. */
  #renewals = 0;

  /** `tell` carries an update of this tab's own state to the room. */
  constructor(awareness: Awareness, self: PeerId, tell: (update: Uint8Array) => void) {
    this.awareness = awareness;
    this.#self = self;
    this.#tell = tell;
    const isOwn = ({ added, updated, removed }: AwarenessChange) =>
      [...added, ...updated, ...removed].includes(awareness.clientID);
    // Comes before `update`, which awareness emits for renewals of a silent state too.
    const onChange = (change: AwarenessChange) => {
      if (isOwn(change)) this.#renewals = Number.POSITIVE_INFINITY;
    };
    const onUpdate = (change: AwarenessChange, origin: unknown) => {
      if (origin === this || !isOwn(change)) return;
      if (++this.#renewals < Math.max(RENEWALS_TOLD, awareness.states.size / RENEWALS_TOLD)) return;
      this.#renewals = 0;
      tell(this.#own());
    };
    awareness.on('change', onChange);
    awareness.on('update', onUpdate);
    this.#stop = () => {
      awareness.off('change', onChange);
      awareness.off('update', onUpdate);
    };
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
    if (this.#isShown) states.push({ owner: this.#self, update: this.#own() });
    return states;
  }

  /** Takes an update of `owner`'s states; false where it cannot be read or claims another's. */
  receive(owner: PeerId, update: Uint8Array): boolean {
    const clients = clientsOf(update);
    if (clients === undefined) return false;
    const known = new Set(this.#clientsOf(owner));
    for (const client of clients) {
      const isTaken = (this.#owners.get(client) ?? owner) !== owner;
      if (client === this.awareness.clientID || (isTaken && this.awareness.states.has(client))) {
        return false;
      }
      known.add(client);
    }
    if (known.size > MAX_CLIENTS) return false;
    for (const client of clients) this.#owners.set(client, owner);
    callApp(() => applyAwarenessUpdate(this.awareness, update, this));
    return true;
  }

  /** The tab left or died: its states go, and may come back anew. */
  gone(owner: PeerId): void {
    const clients = this.#clientsOf(owner);
    callApp(() => removeAwarenessStates(this.awareness, clients, this));
    for (const client of clients) {
      this.#owners.delete(client);
      this.awareness.meta.delete(client);
    }
  }

  /**
   * Keeps y-protocols from dropping states that were silent for 30 s, and drops those of tabs that
   * are not there: membership knows.
   */
  refresh(isPresent: (owner: PeerId) => boolean): void {
    for (const owner of new Set(this.#owners.values())) if (!isPresent(owner)) this.gone(owner);
    const lastUpdated = Date.now();
    for (const client of this.#owners.keys()) {
      const meta = this.awareness.meta.get(client);
      if (meta !== undefined) this.awareness.meta.set(client, { ...meta, lastUpdated });
    }
  }

  /**
   * Tells this tab's state with a new clock, so that those who dropped it take it again. Awareness
   * begins at clock 0, which nobody takes.
   */
  renew(): void {
    this.#renewals = Number.POSITIVE_INFINITY;
    if (this.#isShown) callApp(() => this.awareness.setLocalState(this.awareness.getLocalState()));
  }

  /**
   * Lets go of the awareness: this tab's state is taken back from the room, and those of others go,
   * since nobody keeps them up to date.
   */
  close(): void {
    this.#stop();
    // Of two updates with one clock the one without a state wins.
    if (this.#isShown) {
      this.#tell(encodeAwarenessUpdate(this.awareness, [this.awareness.clientID], new Map()));
    }
    for (const owner of new Set(this.#owners.values())) this.gone(owner);
  }

  get #isShown(): boolean {
    return this.awareness.getLocalState() !== null;
  }

  #own(): Uint8Array {
    return encodeAwarenessUpdate(this.awareness, [this.awareness.clientID]);
  }

  #clientsOf(owner: PeerId): number[] {
    return [...this.#owners].filter(([, of]) => of === owner).map(([client]) => client);
  }
}

/** The clients that an awareness update speaks of, or `undefined` where it is none. */
function clientsOf(update: Uint8Array): number[] | undefined {
  return decodeTotal(update, (decoder) => {
    const clients = readList(decoder, MAX_CLIENTS, (d) => {
      const client = readUint(d);
      readUint(d); // clock
      return isState(readText(d, MAX_STATE_BYTES)) ? client : undefined;
    });
    return clients.every((client) => client !== undefined) ? clients : undefined;
  });
}

/** Whether `text` is JSON of an object or null, and not nested too deep. */
function isState(text: string): boolean {
  let nesting = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{\]}]/g)) {
    if (token === '[' || token === '{') nesting++;
    else if (token === ']' || token === '}') nesting--;
    if (nesting > MAX_NESTING) return false;
  }
  try {
    return typeof JSON.parse(text) === 'object';
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return false;
    throw thrown;
  }
}
