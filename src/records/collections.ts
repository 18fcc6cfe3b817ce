/** The collections of a mesh by type and name, each made once. */

import type { Storable } from '../memory/storable.ts';
import type { Value } from '../memory/value.ts';
import type { Records } from './records.ts';
import { SharedCounter } from './types/counter.ts';
import { SharedEpisodes } from './types/episodes.ts';
import { SharedFlag } from './types/flag.ts';
import { SharedMap } from './types/map.ts';
import { SharedPatterns } from './types/patterns.ts';
import { SharedRegister } from './types/register.ts';
import { SharedSet } from './types/set.ts';

/** What an app keeps in a collection is its word; the bytes are checked to be values, and no more. */
export class Collections {
  readonly #records: Records;
  readonly #made = new Map<string, unknown>();

  constructor(records: Records) {
    this.#records = records;
  }

  map<T extends Storable<T>>(name: string): SharedMap<T> {
    return this.#get('map', name, () => new SharedMap<T>(this.#records, name));
  }

  set<T extends Storable<T>>(name: string): SharedSet<T> {
    return this.#get('set', name, () => new SharedSet<T>(this.#records, name));
  }

  counter(name: string): SharedCounter {
    return this.#get('counter', name, () => new SharedCounter(this.#records, name));
  }

  register<T extends Storable<T>>(name: string): SharedRegister<T> {
    return this.#get('register', name, () => new SharedRegister<T>(this.#records, name));
  }

  flag(name: string): SharedFlag {
    return this.#get('flag', name, () => new SharedFlag(this.#records, name));
  }

  patterns(name: string): SharedPatterns {
    const episodes = () => this.episodes<Value>(name);
    return this.#get('patterns', name, () => new SharedPatterns(this.#records, name, episodes));
  }

  episodes<T extends Storable<T>>(name: string): SharedEpisodes<T> {
    return this.#get('episodes', name, () => new SharedEpisodes<T>(this.#records, name));
  }

  #get<C>(type: string, name: string, create: () => C): C {
    const key = `${type} ${name}`;
    const known = this.#made.get(key) ?? create();
    this.#made.set(key, known);
    return known as C;
  }
}
