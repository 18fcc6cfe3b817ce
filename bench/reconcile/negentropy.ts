/** Negentropy, range-based set reconciliation as Nostr uses it (NIP-77), in JavaScript. */

import { createHash } from 'node:crypto';
import { nip77 } from 'nostr-tools';
import { timed } from '../lib/measure.ts';
import { type Case, changedOn, changedTextOf, keyOf, type Side, textOf } from './sides.ts';

/** A message as large as it comes: what it cuts off to keep a limit, nostr-tools does not take up again. */
const FRAME_BYTES = 2 ** 30;

export const negentropy: Side = {
  name: 'negentropy',
  maxRecords: Number.POSITIVE_INFINITY,
  async measure(each: Case) {
    const idsOf = (side: 0 | 1) => {
      const changed = new Set(changedOn(side, each));
      return Array.from({ length: each.records }, (_, i) => {
        const value = changed.has(i) ? changedTextOf(i) : textOf(i);
        return createHash('sha256')
          .update(`${keyOf(i)}=${value}`)
          .digest('hex');
      });
    };
    const storageOf = (list: readonly string[]) => {
      const storage = new nip77.NegentropyStorageVector();
      for (const id of list) storage.insert(0, id);
      storage.seal();
      return storage;
    };
    const [storage, buildMs] = timed(() => storageOf(idsOf(0)));
    const client = new nip77.Negentropy(storage, FRAME_BYTES);
    const server = new nip77.Negentropy(storageOf(idsOf(1)), FRAME_BYTES);
    const found = { have: 0, need: 0 };
    let bytes = 0;
    let messages = 0;
    const [, syncMs] = timed(() => {
      let query: string | null = client.initiate();
      while (query !== null) {
        const answer: string | null = server.reconcile(query);
        // Messages are in hexadecimal digits.
        bytes += query.length / 2 + (answer?.length ?? 0) / 2;
        messages += answer === null ? 1 : 2;
        if (answer === null) break;
        query = client.reconcile(
          answer,
          () => found.have++,
          () => found.need++,
        );
      }
    });
    if (found.have !== each.changed || found.need !== each.changed) {
      throw new Error('negentropy did not find what differs');
    }
    return { ...each, side: 'negentropy', bytes, messages, syncMs, buildMs };
  },
};
