/** A shared flag: who turns it on while another turns it off prevails. */

import type { RecordChange } from '../../memory/changes.ts';
import { recordKey } from '../../memory/keys.ts';
import { makePresent } from '../../memory/readings/presence.ts';
import type { RecordKey } from '../../memory/types.ts';
import { MeshError } from '../../util/errors.ts';
import type { Records } from '../records.ts';
import { type ChangeSource, Collection } from './collection.ts';

/** The flag was turned on or off. */
export interface FlagChange extends ChangeSource {
  readonly value: boolean;
}

/** On or off, for all tabs of the room, as of `mesh.flag(name)`. Off at first. */
export class SharedFlag extends Collection<FlagChange> {
  readonly #record: RecordKey;

  /** @internal */
  constructor(records: Records, name: string) {
    super(records, 'flag', name);
    this.#record = recordKey(this.key, '');
  }

  /** Whether it is on. */
  get value(): boolean {
    return this.records.get(this.#record) !== undefined;
  }

  /** Turns it on or off. @throws MeshError `bad-argument` for what is no boolean, `closed` */
  set(value: boolean): void {
    if (typeof value !== 'boolean') {
      const message = `A flag is set to true or false, not to a ${typeof value}. Nothing changed.`;
      throw new MeshError('bad-argument', message);
    }
    this.records.transact((writer) => {
      if (value) makePresent(writer, this.#record);
      else writer.remove(this.#record);
    });
  }

  /** @internal */
  protected override *told(
    records: readonly RecordChange[],
    source: ChangeSource,
  ): Generator<FlagChange> {
    for (const { before, after } of records) {
      // One that was turned on anew is no news.
      if ((before === undefined) === (after === undefined)) continue;
      yield { value: after !== undefined, ...source };
    }
  }
}
