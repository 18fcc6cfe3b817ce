/** The awareness of all documents that are open in this tab, as the mesh carries it (SPEC.md D7). */

import type { Awareness } from 'y-protocols/awareness';
import type { ExtensionHost } from '../runtime/extension.ts';
import { MeshError } from '../util/errors.ts';
import type { PeerId } from '../util/peer-id.ts';
import { type DocumentMessage, encodeMessage, encodeRumor } from './messages.ts';
import { MAX_STATE_BYTES, Presence } from './presence.ts';

/** Well under the 30 s after which y-protocols drops a silent state. */
const REFRESH_MS = 10_000;

type Told = Extract<DocumentMessage, { type: 'present' | 'whoIsPresent' }>;

export class Presences {
  readonly #host: ExtensionHost;
  readonly #shared = new Map<string, Set<Presence>>();
  #cancelRefresh: (() => void) | undefined;

  constructor(host: ExtensionHost) {
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
    const isFirst = this.#host.neighbors().length === 1;
    for (const [name, presences] of this.#shared) {
      for (const presence of presences) {
        if (isFirst) presence.renew();
        this.#sendStates(peer, name, presence);
      }
    }
  }

  memberGone(peer: PeerId): void {
    for (const presences of this.#shared.values()) {
      for (const presence of presences) presence.gone(peer);
    }
  }

  /** A rumor about the origin's own states. False where it cannot be read. */
  deliver(origin: PeerId, name: string, update: Uint8Array): boolean {
    // A late one of a tab that is gone would leave a cursor that nobody takes away.
    if (!this.#host.isPresent(origin)) return true;
    return [...this.#of(name)].every((presence) => presence.receive(origin, update));
  }

  /** A neighbor asks for states, or tells those that it knows. */
  direct(peer: PeerId, message: Told): void {
    for (const presence of this.#of(message.name)) {
      if (message.type === 'whoIsPresent') {
        this.#sendStates(peer, message.name, presence);
        continue;
      }
      for (const { owner, update } of message.states) {
        // States of tabs that are gone, or not known yet, come from those tabs or not at all.
        const isOther = owner !== this.#host.id && this.#host.isPresent(owner);
        if (isOther) presence.receive(owner, update);
      }
    }
  }

  close(): void {
    const all = [...this.#shared.values()].flatMap((presences) => [...presences]);
    this.#shared.clear();
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

  #scheduleRefresh(): void {
    this.#cancelRefresh?.();
    this.#cancelRefresh = undefined;
    if (this.#shared.size === 0) return;
    const { clock, id } = this.#host;
    this.#cancelRefresh = clock.setTimer(() => {
      for (const presences of this.#shared.values()) {
        for (const presence of presences) {
          presence.refresh((owner) => owner === id || this.#host.isPresent(owner));
        }
      }
      this.#scheduleRefresh();
    }, REFRESH_MS);
  }
}
