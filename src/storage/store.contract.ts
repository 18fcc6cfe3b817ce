/**
 * What every Store must do, as cases that run in any test runner or inside a page.
 *
 * A case is given a way to open the same, at first empty, store any number of times; it returns when
 * the behaviour holds and throws when it does not.
 */

import type { Store, StoreKey, StoreTransaction } from '../ports/store.ts';
import { equalBytes } from '../util/bytes.ts';
import { MeshError, type MeshErrorCode } from '../util/errors.ts';
import { randomBelow, seededRandom } from '../util/random.ts';
import { compareKeys, isUnder } from './keys.ts';

/** One behaviour that a store must show. */
export interface StoreCase {
  readonly name: string;
  /** `open` opens one store, new at the first call and shared by all. The case closes what it opens. */
  run(open: () => Promise<Store>): Promise<void>;
}

/** A case on one open store. */
function onStore(name: string, body: (store: Store) => Promise<void>): StoreCase {
  return {
    name,
    run: async (open) => {
      const store = await open();
      try {
        await body(store);
      } finally {
        await store.close();
      }
    },
  };
}

/** The acceptance suite of the Store port. */
export const storeCases: readonly StoreCase[] = [
  onStore('what was put is read, replaced and deleted', async (store) => {
    await put(store, ['a', 1], [1, 2]);
    check(text(await get(store, ['a', 1])) === '1,2', 'put then get');
    check((await get(store, ['a', 2])) === undefined, 'an absent key is undefined');
    await put(store, ['a', 1], [3]);
    check(text(await get(store, ['a', 1])) === '3', 'put replaces');
    await store.transact('readwrite', (rows) => rows.delete(['a', 1]));
    check((await get(store, ['a', 1])) === undefined, 'deleted');
    await store.transact('readwrite', (rows) => rows.delete(['a', 1]));
    check((await store.transact('readonly', async () => 7)) === 7, 'an empty body may return');
  }),
  onStore('bytes are copied on the way in and out', async (store) => {
    const written = Uint8Array.of(9, 1, 2, 9);
    const view = written.subarray(1, 3);
    await store.transact('readwrite', async (rows) => {
      const done = rows.put(['k'], view);
      written.fill(0);
      await done;
    });
    const first = await get(store, ['k']);
    check(text(first) === '1,2', 'a view keeps its own bytes alone, as they were at the call');
    first?.fill(7);
    check(text(await get(store, ['k'])) === '1,2', 'what was read belongs to its reader');
    check(first?.buffer.byteLength === 2, 'nothing around a view is stored');
  }),
  onStore('empty values and values of 4 MiB are kept', async (store) => {
    const big = new Uint8Array(4 * 1024 * 1024);
    for (let i = 0; i < big.length; i++) big[i] = (i * 31) & 255;
    await store.transact('readwrite', async (rows) => {
      await rows.put(['big'], big);
      await rows.put(['empty'], new Uint8Array(0));
    });
    const read = await get(store, ['big']);
    check(read !== undefined && equalBytes(read, big), 'the big value is equal');
    check((await get(store, ['empty']))?.length === 0, 'the empty value is there');
  }),
  onStore('keys come in order, whatever numbers and strings they are made of', async (store) => {
    const keys = variedKeys(400);
    await store.transact('readwrite', async (rows) => {
      for (const [i, key] of keys.entries()) await rows.put(key, Uint8Array.of(i & 255, i >> 8));
    });
    const model = [...keys].sort(compareKeys);
    for (const prefix of [[], ...keys.slice(0, 60).map((key) => key.slice(0, -1))]) {
      const under = model.filter((key) => isUnder(prefix, key));
      check(same(await keysOf(store, prefix), under), `keys under ${JSON.stringify(prefix)}`);
      for (const after of keys.slice(0, 12)) {
        const later = under.filter((key) => compareKeys(key, after) > 0);
        const found = await keysOf(store, prefix, after);
        check(same(found, later), `keys under ${JSON.stringify(prefix)} after one`);
      }
    }
    const rows = await store.transact('readonly', (transaction) => transaction.scan([]));
    check(
      same(
        rows.map(({ key }) => key),
        model,
      ),
      'scan gives the order of keys',
    );
    const values = new Map(keys.map((key, i) => [identityOf(key), `${i & 255},${i >> 8}`]));
    for (const { key, value } of rows) {
      check(text(value) === values.get(identityOf(key)), 'and each key its own value');
    }
  }),
  onStore('a scan gives what is under its prefix alone', async (store) => {
    const keys: StoreKey[] = [
      ['doc'],
      ['doc', -1],
      ['doc', 1],
      ['doc', 1, 'x'],
      ['doc', ''],
      ['doc', '\uffff'],
      ['doc', '\uffff', 2],
      ['doc\u0000'],
      ['docs', 1],
      [1, 'doc'],
    ];
    for (const key of keys) await put(store, key, [1]);
    check(same(await keysOf(store, ['doc']), keys.slice(1, 7)), 'not the prefix, nor neighbors');
    check(same(await keysOf(store, ['doc', 1]), [['doc', 1, 'x']]), 'deeper prefixes');
    check(same(await keysOf(store, ['doc'], ['doc', '']), keys.slice(5, 7)), 'after is left out');
    check(same(await keysOf(store, ['doc'], ['a']), keys.slice(1, 7)), 'after before the prefix');
    check(same(await keysOf(store, ['doc'], ['z']), []), 'after behind the prefix');
    check(same(await keysOf(store, ['none']), []), 'a prefix that nothing has');
  }),
  onStore('a transaction sees its own writes', async (store) => {
    await store.transact('readwrite', async (rows) => {
      await rows.put(['a'], Uint8Array.of(1));
      check(text(await rows.get(['a'])) === '1', 'its put');
      await rows.delete(['a']);
      check((await rows.keys([])).length === 0, 'its delete');
    });
  }),
  onStore('a body that throws leaves nothing, and its own error comes out', async (store) => {
    await put(store, ['kept'], [1]);
    await put(store, ['deleted'], [2]);
    const failure = new Error('of the body');
    const thrown = await rejection(
      store.transact('readwrite', async (rows) => {
        await rows.put(['kept'], Uint8Array.of(9));
        await rows.put(['new'], Uint8Array.of(9));
        await rows.put(['new'], Uint8Array.of(8));
        await rows.delete(['deleted']);
        throw failure;
      }),
    );
    check(thrown === failure, 'the same error');
    const rows = await store.transact('readonly', (transaction) => transaction.scan([]));
    const left = rows.map(({ key, value }) => `${key}=${text(value)}`).join();
    check(left === 'deleted=2,kept=1', `all is as before: ${left}`);
  }),
  onStore('transactions at the same time lose no update', async (store) => {
    const increment = () =>
      store.transact('readwrite', async (rows) => {
        const count = (await rows.get(['count']))?.[0] ?? 0;
        await rows.put(['count'], Uint8Array.of(count + 1));
      });
    await Promise.all(Array.from({ length: 50 }, increment));
    check(text(await get(store, ['count'])) === '50', 'every increment counts');
  }),
  onStore('misuse is refused with bad-argument and writes nothing', async (store) => {
    const misuses: ((rows: StoreTransaction) => Promise<unknown>)[] = [
      (rows) => rows.put([Number.NaN], Uint8Array.of(1)),
      (rows) => rows.get([undefined as unknown as string]),
      (rows) => rows.scan([], [Number.NaN]),
    ];
    for (const misuse of misuses) {
      await refused('bad-argument', store.transact('readwrite', misuse));
    }
    await refused(
      'bad-argument',
      store.transact('readonly', (rows) => rows.put(['a'], Uint8Array.of(1))),
    );
    let kept: StoreTransaction | undefined;
    await store.transact('readwrite', async (rows) => {
      kept = rows;
      await rows.get(['a']);
    });
    await refused('bad-argument', kept?.put(['a'], Uint8Array.of(1)));
    check(same(await keysOf(store, []), []), 'nothing was written');
  }),
  {
    name: 'two stores of one name see what the other commits and lose no update',
    run: async (open) => {
      const [one, other] = [await open(), await open()];
      await put(one, ['a'], [1]);
      check(text(await get(other, ['a'])) === '1', 'a commit is seen');
      const add = (store: Store, i: number) =>
        store.transact('readwrite', async (rows) => {
          const held = (await rows.get(['set'])) ?? new Uint8Array(0);
          await rows.put(['set'], Uint8Array.of(...held, i));
        });
      await Promise.all(Array.from({ length: 20 }, (_, i) => add(i % 2 ? one : other, i)));
      check((await get(one, ['set']))?.length === 20, 'every write of both counts');
      await one.close();
      check(text(await get(other, ['a'])) === '1', 'one stays open when the other closes');
      await other.close();
      const again = await open();
      check(text(await get(again, ['a'])) === '1', 'what was written is there after reopening');
      await again.close();
    },
  },
  {
    name: 'close waits for transactions, is idempotent, and refuses what comes after',
    run: async (open) => {
      const store = await open();
      let ended = false;
      const writing = store
        .transact('readwrite', async (rows) => {
          for (let i = 0; i < 20; i++) await rows.put(['a', i], Uint8Array.of(i));
        })
        .then(() => {
          ended = true;
        });
      await store.close();
      check(ended, 'the transaction under way ended first');
      await writing;
      await Promise.all([store.close(), store.close()]);
      await refused(
        'closed',
        store.transact('readonly', (rows) => rows.keys([])),
      );
      const again = await open();
      check((await keysOf(again, ['a'])).length === 20, 'what it wrote is there');
      await again.close();
    },
  },
];

function put(store: Store, key: StoreKey, bytes: readonly number[]): Promise<void> {
  return store.transact('readwrite', (rows) => rows.put(key, Uint8Array.from(bytes)));
}

function get(store: Store, key: StoreKey): Promise<Uint8Array | undefined> {
  return store.transact('readonly', (rows) => rows.get(key));
}

function keysOf(store: Store, prefix: StoreKey, after?: StoreKey): Promise<StoreKey[]> {
  return store.transact('readonly', (rows) => rows.keys(prefix, after));
}

/** Different keys of one to three parts that nest and nearly collide. */
function variedKeys(count: number): StoreKey[] {
  const parts = [
    '',
    'a',
    'aa',
    'b',
    '\u0000',
    '\u00e9',
    'e\u0301',
    '😀',
    '\ud83d',
    '\uffff',
    'doc',
    '10',
  ];
  const numbers = [0, 1, -1, 2, 10, -1.5, 1e300, -1e300, 2 ** 53, 5e-324, Infinity, -Infinity];
  const all: (string | number)[] = [...parts, ...numbers];
  const random = seededRandom(7);
  const keys = new Map<string, StoreKey>();
  while (keys.size < count) {
    const length = 1 + randomBelow(random, 3);
    const key = Array.from({ length }, () => all[randomBelow(random, all.length)] as string);
    keys.set(identityOf(key), key);
  }
  return [...keys.values()];
}

/** A string that differs where keys do; JSON does not tell infinities apart. */
function identityOf(key: StoreKey): string {
  return key.map((part) => `${typeof part} ${part}`).join('|');
}

function same(a: readonly StoreKey[], b: readonly StoreKey[]): boolean {
  return a.length === b.length && a.every((key, i) => compareKeys(key, b[i] as StoreKey) === 0);
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes?.join();
}

async function rejection(promise: Promise<unknown> | undefined): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return undefined;
}

async function refused(code: MeshErrorCode, promise: Promise<unknown> | undefined): Promise<void> {
  const error = await rejection(promise);
  check(error instanceof MeshError && error.code === code, `refused as ${code}, not ${error}`);
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Does not hold: ${what}.`);
}
