/** A tab that holds one document, on a disk of its own or one that it shares; for tests. */

import * as Y from 'yjs';
import type { Store } from '../../ports/store.ts';
import { DocumentLog } from '../../storage/document-log.ts';
import { MemoryDisk, memoryStore } from '../../storage/memory.ts';
import { toHex } from '../../util/bytes.ts';
import { SharedDocument } from '../shared-document.ts';
import { FakeClock } from './fake-clock.ts';

export class Tab {
  readonly clock = new FakeClock();
  readonly disk: MemoryDisk;
  readonly document: SharedDocument;
  readonly told: Uint8Array[] = [];
  readonly errors: unknown[] = [];
  diskChanges = 0;
  /** Thrown by writes while it is set. */
  broken: Error | undefined;

  constructor(disk = new MemoryDisk()) {
    this.disk = disk;
    const store = memoryStore(disk);
    const breakable: Store = {
      kind: 'memory',
      durable: false,
      transact: async (mode, body) => {
        if (this.broken !== undefined && mode === 'readwrite') throw this.broken;
        return store.transact(mode, body);
      },
      close: () => store.close(),
    };
    this.document = new SharedDocument(
      'notes',
      new DocumentLog(breakable),
      { clock: this.clock, failed: (thrown) => this.errors.push(thrown) },
      {
        edited: (updates) => this.told.push(...updates),
        heldChanged: () => undefined,
        diskChanged: () => this.diskChanges++,
        corrupt: (cause) => this.errors.push(cause ?? 'corrupt row'),
      },
    );
  }

  async open(doc = new Y.Doc()): Promise<{ doc: Y.Doc; text: Y.Text; detach: () => void }> {
    const controller = new AbortController();
    await this.document.attach(doc, controller, controller.signal);
    return { doc, text: doc.getText('t'), detach: () => controller.abort() };
  }

  leaf(): string {
    return toHex(this.document.held.leaf());
  }

  /** Rows of the document's log. */
  rows(): number {
    return this.disk.rows.filter(({ key }) => key[0] === 'doc').length;
  }
}

/** An update by a new client that inserts `text`. */
export function updateOf(text: string): Uint8Array {
  const doc = new Y.Doc();
  doc.getText('t').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
}
