import { afterEach, describe, expect, it } from 'vitest';
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { indexOf, Presence, positionOf } from './presence.ts';

const opened: Awareness[] = [];

function open(content = '') {
  const doc = new Y.Doc();
  const text = doc.getText('markdown');
  text.insert(0, content);
  const awareness = new Awareness(doc);
  opened.push(awareness);
  return { doc, text, awareness, presence: new Presence(awareness, 'markdown', 'peer') };
}

/** Gives `target` the awareness state of another tab. */
function hear(target: Awareness, client: number, state: unknown, clock = 1) {
  const doc = new Y.Doc();
  doc.clientID = client;
  const other = new Awareness(doc);
  opened.push(other);
  other.states.set(client, state as Record<string, unknown>);
  other.meta.set(client, { clock, lastUpdated: 0 });
  applyAwarenessUpdate(target, encodeAwarenessUpdate(other, [client]), 'test');
}

function cursorAt(text: Y.Text, index: number) {
  const position = Y.relativePositionToJSON(Y.createRelativePositionFromTypeIndex(text, index));
  return { anchor: position, head: position };
}

afterEach(() => {
  for (const awareness of opened.splice(0)) awareness.destroy();
});

describe('presence', () => {
  it('shows the name, colour and place that another tab tells', () => {
    const { awareness, presence, text } = open('hello');
    hear(awareness, 7, {
      peer: 'abc',
      user: { name: 'Ada', color: '#0f766e' },
      cursor: cursorAt(text, 3),
    });
    const [ada] = presence.others;
    expect(ada).toMatchObject({ client: 7, peer: 'abc', name: 'Ada', color: '#0f766e' });
    expect(ada?.selection && indexOf(ada.selection.head, text)).toBe(3);
  });

  it('makes a person of any state, however malformed', () => {
    const { awareness, presence, doc } = open('hello');
    const states = [
      7,
      'x',
      [],
      { user: 7, cursor: 7, peer: {} },
      { user: { name: {}, color: 'url(//x)' }, cursor: { anchor: null, head: [] } },
      { cursor: { anchor: { item: { client: -1, clock: -1 } }, head: { tname: 'other' } } },
      { cursor: { anchor: { tname: 'markdown', assoc: 'x' }, head: {} } },
    ];
    states.forEach((state, index) => {
      hear(awareness, index + 1, state);
    });
    expect(presence.others).toHaveLength(states.length);
    for (const person of presence.others) {
      expect(person).toMatchObject({ name: 'Someone', peer: '', selection: undefined });
      expect(person.color).toMatch(/^#[0-9a-f]{6}$/);
    }
    expect([...doc.share.keys()]).toEqual(['markdown']);
  });

  it('counts moves of the selection and nothing else', () => {
    const { awareness, presence, text } = open('hello');
    const moves = () => presence.others[0]?.moves;
    hear(awareness, 7, { cursor: cursorAt(text, 1) }, 1);
    expect(moves()).toBe(0);
    hear(awareness, 7, { cursor: cursorAt(text, 1), user: { name: 'Ada' } }, 2);
    expect(moves()).toBe(0);
    hear(awareness, 7, { cursor: cursorAt(text, 2), user: { name: 'Ada' } }, 3);
    expect(moves()).toBe(1);
  });

  it('tells listeners of others, and not of this tab', () => {
    const { awareness, presence } = open();
    let told = 0;
    const unsubscribe = presence.subscribe(() => {
      told++;
    });
    presence.introduce({ name: 'Me', color: '#0f766e' });
    expect(told).toBe(0);
    hear(awareness, 7, {});
    expect(told).toBe(1);
    unsubscribe();
    hear(awareness, 8, {});
    expect(told).toBe(1);
  });
});

describe('a position from a peer', () => {
  it('is nowhere until the text that it names has arrived', () => {
    const { text } = open('hello');
    const position = positionOf({ item: { client: 99, clock: 5 } }, 'markdown');
    expect(position && indexOf(position, text)).toBeUndefined();
    expect(position).toBeDefined();
  });
});
