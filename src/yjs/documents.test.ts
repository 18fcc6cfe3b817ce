import { describe, expect, it } from 'vitest';
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as Y from 'yjs';
import type { Store, StoreTransaction } from '../ports/store.ts';
import type { ExtensionHost } from '../runtime/extension.ts';
import { DocumentLog } from '../storage/document-log.ts';
import { MemoryDisk, memoryStore } from '../storage/memory.ts';
import { toHex } from '../util/bytes.ts';
import { MeshError } from '../util/errors.ts';
import { seededRandom } from '../util/random.ts';
import { Documents } from './documents.ts';
import { decodeMessage, encodeMessage, encodeRumor, MAX_DOCUMENTS } from './messages.ts';
import { FakeClock, settled } from './testing/fake-clock.ts';
import { updateOf } from './testing/tab.ts';
import { packUpdates } from './updates.ts';

const SELF = '1'.repeat(32);
const PEER = '2'.repeat(32);
const GONE = '3'.repeat(32);
const quota = new MeshError('store-quota', 'The disk is full.');

/** A mesh as documents see it, with one neighbor. */
class FakeHost implements ExtensionHost {
  readonly id = SELF;
  readonly store: Store;
  readonly clock = new FakeClock();
  readonly random = seededRandom(1);
  readonly sent: (string | undefined)[] = [];
  readonly broadcasts: Uint8Array[] = [];
  readonly errors: MeshError[] = [];
  readonly misbehaviour: string[] = [];
  readonly documents: Documents;

  constructor(store: Store = memoryStore()) {
    this.store = store;
    this.documents = new Documents(this);
  }

  neighbors = () => [PEER];
  isPresent = (peer: string) => peer !== GONE;
  identity = () => undefined;
  broadcast = (payload: Uint8Array) => void this.broadcasts.push(payload);
  send = (_peer: string, payload: Uint8Array) => {
    this.sent.push(decodeMessage(payload)?.type);
    return true;
  };
  canReach = () => true;
  relay = () => undefined;
  bytesUnderWay = () => 0;
  isTransferring = () => false;
  activity = () => undefined;
  misbehaved = (_peer: string, what: string) => void this.misbehaviour.push(what);
  syncedChanged = () => undefined;
  error = (error: MeshError) => void this.errors.push(error);

  async open(name: string): Promise<Y.Doc> {
    const doc = new Y.Doc();
    await this.documents.open(name, doc, this, new AbortController().signal);
    return doc;
  }
}

const rumorOf = (name: string, ...updates: Uint8Array[]) =>
  encodeRumor({ type: 'updates', name, updates });

/** A store that counts its transactions, and refuses them while it is broken. */
class FragileStore implements Store {
  readonly kind = 'memory';
  readonly durable = false;
  readonly #inner: Store;
  isBroken = false;
  transactions = 0;

  constructor(disk: MemoryDisk) {
    this.#inner = memoryStore(disk);
  }

  async transact<T>(
    mode: 'readonly' | 'readwrite',
    body: (transaction: StoreTransaction) => Promise<T>,
  ): Promise<T> {
    this.transactions++;
    if (this.isBroken) throw new MeshError('store-unavailable', 'read failed');
    return this.#inner.transact(mode, body);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

describe('Documents', () => {
  it('bytes that are no message drop the neighbor, and bytes that are no rumor are told', async () => {
    const host = new FakeHost();
    await host.documents.ready;
    host.documents.direct(PEER, new Uint8Array([99]));
    expect(host.misbehaviour).toHaveLength(1);
    host.documents.deliver(PEER, new Uint8Array([99]));
    host.documents.deliver(PEER, rumorOf('notes', new Uint8Array([7])));
    expect(host.errors.map(({ code }) => code)).toEqual(['bad-frame', 'bad-frame']);
    expect(host.documents.digest()).toHaveLength(0);
  });

  it('the digest follows an edit at once, and a remote change too', async () => {
    const host = new FakeHost();
    const doc = await host.open('notes');
    const digests = [host.documents.digest()];
    doc.getText('t').insert(0, 'x');
    digests.push(host.documents.digest());
    host.documents.deliver(PEER, rumorOf('notes', updateOf('y')));
    digests.push(host.documents.digest());
    expect(new Set(digests.map((digest) => toHex(digest))).size).toBe(3);
  });

  it('edits of one task are one rumor', async () => {
    const host = new FakeHost();
    const doc = await host.open('notes');
    for (let i = 0; i < 10; i++) doc.getText('t').insert(0, 'x');
    await settled();
    expect(host.broadcasts).toHaveLength(1);
  });

  it('a rumor is written once however often it comes, and never told again', async () => {
    const disk = new MemoryDisk();
    const host = new FakeHost(memoryStore(disk));
    await host.open('notes');
    const rumor = rumorOf('notes', updateOf('x'));
    for (let i = 0; i < 3; i++) {
      host.documents.deliver(PEER, rumor);
      await host.clock.pass(100);
    }
    expect(disk.rows.filter(({ key }) => key[0] === 'doc')).toHaveLength(1);
    expect(host.broadcasts).toEqual([]);
  });

  it('a question about an unknown document is answered and remembers nothing', async () => {
    const host = new FakeHost();
    await host.documents.ready;
    const vector = new Uint8Array([0]);
    const leaf = new Uint8Array(32);
    host.documents.direct(PEER, encodeMessage({ type: 'step1', name: 'unknown', leaf, vector }));
    await settled();
    expect(host.sent).toContain('step2');
    expect(host.documents.digest()).toHaveLength(0);
  });

  it('a room with more documents than fit is told once, and the link is kept', async () => {
    const host = new FakeHost();
    await host.documents.ready;
    const update = updateOf('x');
    for (let i = 0; i < MAX_DOCUMENTS + 2; i++) host.documents.deliver(PEER, rumorOf(`${i}`));
    const leaf = new Uint8Array(32);
    host.documents.direct(PEER, encodeMessage({ type: 'step3', name: 'one more', leaf, update }));
    expect(host.errors.map(({ code }) => code)).toEqual(['bad-argument']);
    expect(host.misbehaviour).toEqual([]);
    await expect(host.open('another')).rejects.toMatchObject({ code: 'bad-argument' });
  });

  it('what comes before the store is read is kept', async () => {
    const disk = new MemoryDisk();
    await new DocumentLog(memoryStore(disk)).append('notes', packUpdates([updateOf('stored ')]), 0);
    const host = new FakeHost(memoryStore(disk));
    host.documents.deliver(PEER, rumorOf('notes', updateOf('early ')));
    host.documents.neighborUp(PEER);
    host.documents.direct(PEER, encodeMessage({ type: 'later' }));
    const doc = await host.open('notes');
    expect(doc.getText('t').toString()).toContain('stored ');
    expect(doc.getText('t').toString()).toContain('early ');
  });

  it('a document that cannot be read is told, and the others are loaded', async () => {
    const disk = new MemoryDisk();
    const log = new DocumentLog(memoryStore(disk));
    for (const name of ['a', 'b', 'c']) await log.append(name, packUpdates([updateOf(name)]), 0);
    const store = memoryStore(disk);
    let reads = 0;
    const host = new FakeHost({
      kind: 'memory',
      durable: false,
      transact: async (mode, body) => {
        if (reads++ === 1) throw new MeshError('store-unavailable', 'read failed');
        return store.transact(mode, body);
      },
      close: () => store.close(),
    });
    await host.documents.ready;
    expect(host.errors.map(({ code }) => code)).toEqual(['store-unavailable']);
    expect((await host.open('c')).getText('t').toString()).toBe('c');
    expect((await host.open('a')).getText('t').toString()).toBe('a');
  });

  it('an outage of the store is told once, and at closing what could not be written is told', async () => {
    const disk = new MemoryDisk();
    const store = memoryStore(disk);
    const host = new FakeHost({
      kind: 'memory',
      durable: false,
      transact: async (mode, body) => {
        if (mode === 'readwrite') throw quota;
        return store.transact(mode, body);
      },
      close: () => store.close(),
    });
    const doc = await host.open('notes');
    doc.getText('t').insert(0, 'x');
    await host.documents.settle();
    await host.documents.settle();
    await expect(host.documents.flush()).rejects.toBe(quota);
    expect(host.errors).toEqual([quota]);
    await host.documents.close();
    expect(host.errors).toEqual([quota, quota]);
    await host.documents.close();
    await expect(host.open('notes')).rejects.toMatchObject({ code: 'closed' });
    expect(host.clock.pending).toBe(0);
  });

  it('a broadcast of a tab that is gone leaves no cursor (D7)', async () => {
    const host = new FakeHost();
    const [mine, theirs] = [new Awareness(new Y.Doc()), new Awareness(new Y.Doc())];
    host.documents.share('notes', mine, new AbortController().signal);
    theirs.setLocalStateField('name', 'late');
    const update = encodeAwarenessUpdate(theirs, [theirs.clientID]);
    const rumor = encodeRumor({ type: 'presence', name: 'notes', update });
    const states = [{ owner: GONE, update }];
    host.documents.deliver(GONE, rumor);
    host.documents.direct(PEER, encodeMessage({ type: 'present', name: 'notes', states }));
    expect(mine.getStates().size).toBe(1);
    host.documents.deliver(PEER, rumor);
    expect(mine.getStates().get(theirs.clientID)).toEqual({ name: 'late' });
    host.documents.memberGone(PEER);
    expect(mine.getStates().size).toBe(1);
    mine.destroy();
    theirs.destroy();
    await host.documents.close();
  });

  it('an awareness state over its limit is an error, and is not told (D7)', async () => {
    const host = new FakeHost();
    const awareness = new Awareness(new Y.Doc());
    host.documents.share('notes', awareness, new AbortController().signal);
    const before = host.broadcasts.length;
    awareness.setLocalStateField('name', 'x'.repeat(256 * 1024));
    expect(host.errors.map(({ code }) => code)).toEqual(['value-too-large']);
    expect(host.broadcasts).toHaveLength(before);
    awareness.destroy();
    await host.documents.close();
  });

  it('a document that cannot be read when it is opened is shared from memory, and joined later with what is stored', async () => {
    const disk = new MemoryDisk();
    await new DocumentLog(memoryStore(disk)).append('notes', packUpdates([updateOf('stored ')]), 0);
    const store = new FragileStore(disk);
    const host = new FakeHost(store);
    await host.documents.ready;
    store.isBroken = true;
    const doc = await host.open('notes');
    const text = doc.getText('t');
    expect(host.errors.map(({ code }) => code)).toEqual(['store-unavailable']);
    text.insert(0, 'typed ');
    host.documents.deliver(PEER, rumorOf('notes', updateOf('told ')));
    await settled();
    expect(host.broadcasts).toHaveLength(1);
    expect(text.toString()).toContain('told ');
    const second = await host.open('notes');
    expect(second.getText('t').toString()).toBe(text.toString());
    store.isBroken = false;
    await host.documents.flush();
    for (const part of ['typed ', 'told ', 'stored ']) expect(text.toString()).toContain(part);
    expect(second.getText('t').toString()).toBe(text.toString());
    const after = await new FakeHost(memoryStore(disk)).open('notes');
    expect(after.getText('t').toString()).toBe(text.toString());
  });

  it('D8: a neighbor that asks for one document a thousand times at once has it read once', async () => {
    const disk = new MemoryDisk();
    await new DocumentLog(memoryStore(disk)).append('notes', packUpdates([updateOf('x')]), 0);
    const store = new FragileStore(disk);
    const host = new FakeHost(store);
    await host.documents.ready;
    store.transactions = 0;
    const [leaf, vector] = [new Uint8Array(32), new Uint8Array([0])];
    const question = encodeMessage({ type: 'step1', name: 'notes', leaf, vector });
    for (let i = 0; i < 1_000; i++) host.documents.direct(PEER, question);
    await settled();
    expect(store.transactions).toBe(1);
    host.documents.direct(PEER, question);
    await settled();
    expect(store.transactions).toBe(2);
  });

  it('what could not be read when a document was opened comes into it by itself', async () => {
    const disk = new MemoryDisk();
    await new DocumentLog(memoryStore(disk)).append('notes', packUpdates([updateOf('stored')]), 0);
    const store = new FragileStore(disk);
    const host = new FakeHost(store);
    await host.documents.ready;
    store.isBroken = true;
    const doc = await host.open('notes');
    await host.clock.pass(2_000);
    expect(doc.getText('t').toString()).toBe('');
    store.isBroken = false;
    await host.clock.pass(10_000);
    expect(doc.getText('t').toString()).toBe('stored');
    expect(host.errors).toHaveLength(1);
    await host.documents.close();
    expect(host.clock.pending).toBe(0);
  });
});
