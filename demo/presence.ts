/**
 * Who is where in the text, from the awareness states of the room.
 *
 * A state comes from a peer and can hold anything, so every field is judged here once: what the
 * rest of the demo sees is a well-formed `Person`.
 */

import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { type Identity, nameOf, paletteColor } from './identity.ts';

/** Selection of a person, as positions that move with the text. */
export interface Selection {
  readonly anchor: Y.RelativePosition;
  readonly head: Y.RelativePosition;
}

/** One person of the room, as far as their tab told. */
export interface Person {
  /** Yjs client id of their tab. */
  readonly client: number;
  /** PeerId of their tab, as claimed. */
  readonly peer: string;
  readonly name: string;
  readonly color: string;
  readonly selection: Selection | undefined;
  /** Grows by one each time the selection moves. */
  readonly moves: number;
}

/** Most people whose state is read; a hostile peer can invent any number. */
const MAX_PEOPLE = 500;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isId(value: unknown): boolean {
  return (
    isRecord(value) &&
    [value.client, value.clock].every((part) => Number.isSafeInteger(part) && Number(part) >= 0)
  );
}

/** A relative position from a peer; undefined where it is not one inside `textName`. */
export function positionOf(json: unknown, textName: string): Y.RelativePosition | undefined {
  if (!isRecord(json)) return undefined;
  const { item = null, type = null, tname = null, assoc = 0 } = json;
  const wellFormed =
    (item === null || isId(item)) &&
    (type === null || isId(type)) &&
    // Reading another name would create a shared type of that name in this document.
    (tname === null || tname === textName) &&
    (item !== null || type !== null || tname !== null) &&
    typeof assoc === 'number';
  return wellFormed ? Y.createRelativePositionFromJSON(json) : undefined;
}

/** Index in `text` that `position` stands for now; undefined where its text has not arrived. */
export function indexOf(position: Y.RelativePosition, text: Y.Text): number | undefined {
  if (!text.doc) return undefined;
  const found = Y.createAbsolutePositionFromRelativePosition(position, text.doc);
  return found?.type === text ? found.index : undefined;
}

/** Reads the others of an Awareness and publishes this tab's own state. */
export class Presence {
  readonly #awareness: Awareness;
  readonly #textName: string;
  readonly #moves = new Map<number, { selection: string; count: number }>();
  readonly #listeners = new Set<() => void>();
  #others: readonly Person[] = [];

  /** `textName` is the name of the shared text that selections point into. */
  constructor(awareness: Awareness, textName: string, peer: string) {
    this.#awareness = awareness;
    this.#textName = textName;
    awareness.setLocalStateField('peer', peer);
    this.#read();
    awareness.on('change', (change: Record<'added' | 'updated' | 'removed', number[]>) => {
      const changed = [...change.added, ...change.updated, ...change.removed];
      if (changed.every((client) => client === awareness.clientID)) return;
      this.#read();
      for (const listener of this.#listeners) listener();
    });
  }

  /** Everyone but this tab, ordered by client id. */
  get others(): readonly Person[] {
    return this.#others;
  }

  /** Calls `listener` after each change of `others`; the returned function ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells the room this person's name and colour. */
  introduce(identity: Identity): void {
    this.#awareness.setLocalStateField('user', { name: identity.name, color: identity.color });
  }

  /** Tells the room where this person is. */
  select(anchor: Y.RelativePosition, head: Y.RelativePosition): void {
    const cursor = {
      anchor: Y.relativePositionToJSON(anchor),
      head: Y.relativePositionToJSON(head),
    };
    const before = this.#awareness.getLocalState()?.cursor;
    if (JSON.stringify(before) === JSON.stringify(cursor)) return;
    this.#awareness.setLocalStateField('cursor', cursor);
  }

  #read(): void {
    const people: Person[] = [];
    for (const [client, state] of this.#awareness.getStates()) {
      if (client === this.#awareness.clientID) continue;
      if (people.length === MAX_PEOPLE) break;
      people.push(this.#person(client, state));
    }
    const present = new Set(people.map((person) => person.client));
    for (const client of this.#moves.keys()) if (!present.has(client)) this.#moves.delete(client);
    this.#others = people.sort((a, b) => a.client - b.client);
  }

  #person(client: number, state: unknown): Person {
    const { peer, user, cursor } = isRecord(state) ? state : {};
    const { name, color } = isRecord(user) ? user : {};
    const ends = isRecord(cursor) ? cursor : {};
    const anchor = positionOf(ends.anchor, this.#textName);
    const head = positionOf(ends.head, this.#textName);
    return {
      client,
      peer: typeof peer === 'string' ? peer : '',
      name: nameOf(name) ?? 'Someone',
      color: paletteColor(color, client),
      selection: anchor && head ? { anchor, head } : undefined,
      moves: this.#countMoves(client, JSON.stringify([anchor, head])),
    };
  }

  #countMoves(client: number, selection: string): number {
    const known = this.#moves.get(client) ?? { selection, count: 0 };
    const count = known.selection === selection ? known.count : known.count + 1;
    this.#moves.set(client, { selection, count });
    return count;
  }
}
