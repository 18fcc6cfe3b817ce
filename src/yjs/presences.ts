/** The awareness of all documents that are open in this tab, as the mesh carries it (SPEC.md D7). */

import type { Awareness } from 'y-protocols/awareness';
import type { ExtensionHost } from '../runtime/extension.ts';
import { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import { type DocumentMessage, encodeMessage, encodeRumor } from './messages.ts';
import { MAX_STATE_BYTES, Presence } from './presence.ts';

/** Well under the 30 s after which y-protocols drops a silent state. */
const REFRESH_MS = 10_000;
/** After its first link a tab tells the room of itself once, when it has most of its links. */
const TELL_MS = 500;
/** States of tabs that are not known yet, kept for a moment, and the largest of them. */
const MAX_EARLY = 1_024;
const MAX_EARLY_BYTES = 4_096;

/** What presence needs of the mesh. */
type Host = Pick<
  ExtensionHost,
  'id' | 'clock' | 'neighbors' | 'isPresent' | 'broadcast' | 'send' | 'error'
>;

/** A state that came before membership told of its tab. */
interface Early {
  readonly name: string;
  readonly owner: PeerId;
  readonly update: Uint8Array;
  readonly at: number;
}

type Told = Extract<DocumentMessage, { type: 'present' | 'whoIsPresent' }>;

export class Presences {
  readonly #host: Host;
  readonly #shared = new Map<string, Set<Presence>>();
  #early: Early[] = [];
  #cancelRefresh: (() => void) | undefined;
  #cancelTelling: (() => void) | undefined;

  constructor(host: Host) {
    this.#host = host;
  }

  /** Shares the states of `awareness`; the returned function ends that. */
  share(name: string, awareness: Awareness): () => void {
    const presence = new Presence(awareness, this.#host.id, (update) => {
      this.#tell(name, presence, update);
    });
    const others = this.#of(name);
    this.#shared.set(name, new Set([...others, presence]));
    for (const other of others) {
      for (const { owner, update } of other.states()) presence.receive(owner, update);
    }
    presence.renew();
    for (const peer of this.#host.neighbors()) {
      this.#host.send(peer, encodeMessage({ type: 'whoIsPresent', name }));
    }
    this.#scheduleRefresh();
    return () => {
      const left = new Set(this.#of(name));
      if (!left.delete(presence)) return;
      if (left.size > 0) this.#shared.set(name, left);
      else this.#shared.delete(name);
      presence.close();
      this.#scheduleRefresh();
    };
  }

  neighborUp(peer: PeerId): void {
    if (this.#host.neighbors().length === 1) this.#tellSoon();
    for (const [name, presences] of this.#shared) {
      for (const presence of presences) this.#sendStates(peer, name, presence);
    }
  }

  memberSeen(peer: PeerId): void {
    if (!this.#host.isPresent(peer)) return;
    const early = this.#early;
    this.#early = early.filter(({ owner }) => owner !== peer);
    for (const { name, owner, update } of early) {
      if (owner === peer) this.deliver(owner, name, update);
    }
  }

  memberGone(peer: PeerId): void {
    for (const presences of this.#shared.values()) {
      for (const presence of presences) presence.gone(peer);
    }
  }

  /**
   * A tab's own states, by a rumor or a neighbor that knows them: kept for a moment where membership
   * does not know the tab yet. False where they cannot be read.
   */
  deliver(owner: PeerId, name: string, update: Uint8Array): boolean {
    if (this.#host.isPresent(owner)) {
      return [...this.#of(name)].every((presence) => presence.receive(owner, update));
    }
    // Taken at once, a late one of a tab that is gone would leave a cursor that nobody takes away.
    if (update.length <= MAX_EARLY_BYTES && this.#shared.has(name)) {
      this.#early.push({ name, owner, update: update.slice(), at: this.#host.clock.now() });
      if (this.#early.length > MAX_EARLY) this.#early.shift();
    }
    return true;
  }

  /** A neighbor asks for states, or tells those that it knows. */
  direct(peer: PeerId, message: Told): void {
    const { name } = message;
    if (message.type === 'whoIsPresent') {
      for (const presence of this.#of(name)) this.#sendStates(peer, name, presence);
      return;
    }
    for (const { owner, update } of message.states) {
      if (owner !== this.#host.id) this.deliver(owner, name, update);
    }
  }

  close(): void {
    const all = [...this.#shared.values()].flatMap((presences) => [...presences]);
    this.#shared.clear();
    this.#cancelTelling?.();
    for (const presence of all) presence.close();
    this.#scheduleRefresh();
  }

  #of(name: string): ReadonlySet<Presence> {
    return this.#shared.get(name) ?? new Set();
  }

  /** Tells the room, and the other editors of the document in this tab. */
  #tell(name: string, from: Presence, update: Uint8Array): void {
    if (update.length > MAX_STATE_BYTES) {
      return this.#host.error(
        new MeshError(
          'value-too-large',
          `An awareness state of ${update.length} bytes in document ${name} is over the ${MAX_STATE_BYTES} that travel. Other tabs keep the state before; set a smaller one.`,
        ),
      );
    }
    for (const other of this.#of(name)) {
      if (other !== from) other.receive(this.#host.id, update);
    }
    this.#host.broadcast(encodeRumor({ type: 'presence', name, update }));
  }

  #sendStates(peer: PeerId, name: string, presence: Presence): void {
    const states = presence.states();
    if (states.length > 0) this.#host.send(peer, encodeMessage({ type: 'present', name, states }));
  }

  #tellSoon(): void {
    this.#cancelTelling?.();
    this.#cancelTelling = this.#host.clock.setTimer(() => {
      for (const presences of this.#shared.values()) {
        for (const presence of presences) presence.renew();
      }
    }, TELL_MS);
  }

  #scheduleRefresh(): void {
    this.#cancelRefresh?.();
    this.#cancelRefresh = undefined;
    if (this.#shared.size === 0) {
      this.#early = [];
      return;
    }
    const { clock, id } = this.#host;
    this.#cancelRefresh = clock.setTimer(() => {
      const since = clock.now() - REFRESH_MS;
      this.#early = this.#early.filter(({ at }) => at > since);
      for (const presences of this.#shared.values()) {
        for (const presence of presences) {
          presence.refresh((owner) => owner === id || this.#host.isPresent(owner));
        }
      }
      this.#scheduleRefresh();
    }, REFRESH_MS);
  }
}
