/** Which types of an app can be values: held by `tsc`, which refuses an unused `@ts-expect-error`. */

import { describe, expect, expectTypeOf, it } from 'vitest';
import type { Episode, Mesh, SharedMap, Storable, Topic, Value } from './index.ts';
import { openMesh } from './open-mesh.ts';

interface Todo {
  title: string;
  done: boolean;
  note?: string;
  due?: number | undefined;
}

interface Tree {
  readonly name: string;
  readonly children: readonly Tree[];
}

interface Deep {
  readonly todo: Todo;
  readonly pair: [number, Todo];
  readonly byName: Record<string, Todo>;
  readonly bytes?: Uint8Array;
  readonly big: bigint | null;
}

type Shape = { kind: 'dot'; at: number } | { kind: 'text'; text: string };
type Json = string | number | boolean | null | Json[] | { [property: string]: Json };

class Clock {
  now = 0;
  tick(): void {
    this.now++;
  }
}

const todo: Todo = { title: 'Buy milk', done: false };

/** An app's own generic code. */
class Shelf<T extends Storable<T>> {
  readonly #map: SharedMap<T>;
  constructor(mesh: Mesh, name: string) {
    this.#map = mesh.map<T>(name);
  }
  put(key: string, value: T): T | undefined {
    this.#map.set(key, value);
    return this.#map.get(key);
  }
}

/** As it was written before interfaces could be values. */
function narrow<T extends Value>(mesh: Mesh, value: T): SharedMap<T> {
  return mesh.map<T>('narrow').set('k', value);
}

describe('the types of values', () => {
  it('an interface can be one, everywhere, and comes back as it was written', async () => {
    await using mesh = await openMesh('types', { store: 'memory' });
    mesh.map<Todo>('todos').set('milk', todo);
    mesh.set<Todo>('set').add(todo);
    mesh.register<Todo>('register').set(todo);
    mesh.episodes<Todo>('talk').add(todo, { id: 'e', time: 1 });
    mesh.topic<Todo>('topic').publish(todo);
    expectTypeOf(mesh.map<Todo>('todos').get('milk')).toEqualTypeOf<Todo | undefined>();
    expectTypeOf(mesh.topic<Todo>('topic')).toEqualTypeOf<Topic<Todo>>();
    const given = [
      mesh.map<Todo>('todos').get('milk'),
      ...mesh.set<Todo>('set'),
      mesh.register<Todo>('register').value,
      ...[...mesh.episodes<Todo>('talk')].map(({ content }) => content),
      new Shelf<Todo>(mesh, 'shelf').put('milk', todo),
      narrow(mesh, { ...todo }).get('k'),
    ];
    expect(given).toEqual([todo, todo, todo, todo, todo, todo]);
  });

  it('an interface can be written where any value may be, and what is read is a Value', async () => {
    await using mesh = await openMesh('types', { store: 'memory' });
    const tree: Tree = { name: 'root', children: [{ name: 'leaf', children: [] }] };
    const any = mesh.map('any');
    any.set('todo', todo).set('tree', tree).set('list', [todo]).set('in', { todo, n: 1 });
    any.set('text', 'text').set('null', null);
    mesh.set('any').add(todo);
    mesh.register('any').set(todo);
    mesh.episodes('any').add(todo);
    mesh.topic('any').publish(todo);
    expectTypeOf(any.get('todo')).toEqualTypeOf<Value | undefined>();
    expect([any.get('todo'), any.get('tree'), any.get('in')]).toEqual([todo, tree, { todo, n: 1 }]);
  });

  it('takes what holds values, however deep, and refuses what is or holds none', () => {
    const taken = (mesh: Mesh) => {
      mesh.map<Tree>('m');
      mesh.map<Deep>('m');
      mesh.map<Todo[]>('m');
      mesh.map<readonly Deep[]>('m');
      mesh.map<Todo | null>('m');
      mesh.map<Shape>('m').set('k', { kind: 'dot', at: 1 });
      mesh.map<Json>('m').set('k', { a: [1, { b: null }] });
      mesh.map<Partial<Todo>>('m');
      mesh.map<'on' | 'off'>('m');
      mesh.map<Uint8Array>('m');
      mesh.map<ReturnType<typeof JSON.parse>>('m').set('k', todo); // any
      const found = async (episodes: readonly Episode<Todo>[]) =>
        episodes.map(({ id }) => ({ id, confidence: 1 }));
      return mesh.patterns('p').consolidate(found);
    };
    const refused = (mesh: Mesh) => {
      // @ts-expect-error a function
      mesh.map<() => void>('m');
      // @ts-expect-error a class
      mesh.map<typeof Clock>('m');
      // @ts-expect-error a Date
      mesh.map<Date>('m');
      // @ts-expect-error a Map
      mesh.map<Map<string, string>>('m');
      // @ts-expect-error an instance with methods
      mesh.map<Clock>('m');
      // @ts-expect-error nothing
      mesh.map<undefined>('m');
      // @ts-expect-error perhaps nothing
      mesh.map<Todo | undefined>('m');
      // @ts-expect-error an item that is perhaps nothing
      mesh.map<(Todo | undefined)[]>('m');
      // @ts-expect-error a symbol
      mesh.map<symbol>('m');
      // @ts-expect-error unknown
      mesh.map<unknown>('m');
      // @ts-expect-error a Date within
      mesh.set<{ todo: { at: Date } }>('s');
      // @ts-expect-error a Date in an array
      mesh.register<{ all: Date[] }>('r');
      // @ts-expect-error a method
      mesh.topic<{ go(): void }>('t');
      // @ts-expect-error bytes of another kind
      mesh.episodes<Float32Array>('e');

      const any = mesh.map('any');
      // @ts-expect-error a Date
      any.set('k', new Date());
      // @ts-expect-error a function
      any.set('k', () => undefined);
      // @ts-expect-error nothing
      any.set('k', undefined);
      // @ts-expect-error a Date within
      any.set('k', { a: { at: new Date() } });
      // @ts-expect-error an instance with methods
      any.set('k', new Clock());
      // @ts-expect-error a Map
      mesh.topic('any').publish(new Map([['a', 1]]));
      // @ts-expect-error nothing
      mesh.episodes('any').add(undefined);

      const todos = mesh.map<Todo>('todos');
      // @ts-expect-error `done` is missing
      todos.set('k', { title: 'a' });
      // @ts-expect-error `more` is no property of it
      todos.set('k', { title: 'a', done: true, more: 1 });
      // @ts-expect-error a value, but no Todo
      todos.set('k', 'text');
    };
    expect([typeof taken, typeof refused]).toEqual(['function', 'function']);
  });
});
