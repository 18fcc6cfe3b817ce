/** What tabs tell each other about documents: the wire codec of the documents channel (SPEC.md, section 8; D8). */

import { writeUint8, writeUint8Array, writeVarUint, writeVarUint8Array } from 'lib0/encoding';
import { readEntry, writeEntry } from '../memory/reconcile/reconcile-clients-wire.ts';
import {
  DecodeError,
  type Decoder,
  decodeTotal,
  type Encoder,
  encode,
  readByte,
  readBytes,
  readFlag,
  readList,
  readPeer,
  readRest,
  readSized,
  readUint,
  writePeer,
} from '../util/codec.ts';
import { readNameText, writeNameText } from '../util/names.ts';
import type { PeerId } from '../util/peer-id.ts';
import { type DocumentRanges, type Flight, MAX_MOVING } from './flights.ts';
import { LEAF_BYTES, type Leaf, MAX_FRESH, ROOT_BYTES } from './held.ts';
import { readUpdates, writeUpdates } from './updates.ts';

/** Most documents of a room. */
export const MAX_DOCUMENTS = 65_536;
/** Largest state vector, and largest awareness update. */
const MAX_VECTOR_BYTES = 16 * 1024 * 1024;
const MAX_PRESENCE_BYTES = 1024 * 1024;
/** Largest comparison: what came lately is told in ranges, and those are small. */
const MAX_COMPARE_BYTES = 64 * 1024;
/** Most tabs whose presence is told at once. */
const MAX_PRESENT = 4_096;

/** A rumor: told to every tab of the room. */
export type DocumentRumor =
  | { readonly type: 'updates'; readonly name: string; readonly updates: readonly Uint8Array[] }
  | { readonly type: 'presence'; readonly name: string; readonly update: Uint8Array };

/** Told to one neighbor. */
export type DocumentMessage =
  /** D2: my documents hash to `root`. `flight` tells what of them may be on its way (D4). */
  | {
      readonly type: 'compare';
      readonly root: Uint8Array;
      readonly flight: Flight | undefined;
    }
  | { readonly type: 'equal'; readonly root: Uint8Array }
  /** Ask again in a moment: something is on its way. */
  | { readonly type: 'later' }
  | { readonly type: 'leaves'; readonly leaves: readonly Leaf[] }
  /** D3: the first y-protocols sync step: what I hold without gaps. */
  | {
      readonly type: 'step1';
      readonly name: string;
      readonly leaf: Uint8Array;
      readonly vector: Uint8Array;
    }
  /** The second step, and the first of the other direction. */
  | {
      readonly type: 'step2';
      readonly name: string;
      readonly leaf: Uint8Array;
      readonly vector: Uint8Array;
      readonly update: Uint8Array;
    }
  /** The second step of the other direction. */
  | {
      readonly type: 'step3';
      readonly name: string;
      readonly leaf: Uint8Array;
      readonly update: Uint8Array;
    }
  | { readonly type: 'done'; readonly name: string; readonly leaf: Uint8Array }
  /**
   * A step of the walk over the clients of a large document (src/memory/SPEC.md W11). Without `wants` the
   * sender gets it from another tab, and is to be sent nothing.
   */
  | {
      readonly type: 'walk';
      readonly name: string;
      /** Which walk of this document between the two, by chance: steps of one that was given up mean nothing. */
      readonly id: number;
      readonly wants: boolean;
      readonly step: Uint8Array;
    }
  /** Awareness of a document, by the tab it belongs to. */
  | {
      readonly type: 'present';
      readonly name: string;
      readonly states: readonly { readonly owner: PeerId; readonly update: Uint8Array }[];
    }
  | { readonly type: 'whoIsPresent'; readonly name: string };

const RUMORS = ['updates', 'presence'] as const;
const MESSAGES = [
  'compare',
  'equal',
  'later',
  'leaves',
  'step1',
  'step2',
  'step3',
  'done',
  'present',
  'whoIsPresent',
  'walk',
] as const;

export function encodeRumor(rumor: DocumentRumor): Uint8Array {
  return encode((encoder) => {
    writeUint8(encoder, RUMORS.indexOf(rumor.type));
    writeNameText(encoder, rumor.name);
    if (rumor.type === 'updates') writeUpdates(encoder, rumor.updates);
    else writeUint8Array(encoder, rumor.update);
  });
}

/** The rumor that `bytes` hold, or `undefined`. Updates are views, and not checked to be Yjs's. */
export function decodeRumor(bytes: Uint8Array): DocumentRumor | undefined {
  return decodeTotal(bytes, (decoder) => {
    const type = RUMORS[readByte(decoder)];
    if (type === undefined) return undefined;
    const name = readNameText(decoder);
    return type === 'updates'
      ? { type, name, updates: readUpdates(decoder) }
      : { type, name, update: readRest(decoder) };
  });
}

export function encodeMessage(message: DocumentMessage): Uint8Array {
  return encode((encoder) => {
    writeUint8(encoder, MESSAGES.indexOf(message.type));
    switch (message.type) {
      case 'compare':
        writeUint8Array(encoder, message.root);
        if (message.flight !== undefined) writeFlight(encoder, message.flight);
        break;
      case 'equal':
        writeUint8Array(encoder, message.root);
        break;
      case 'later':
        break;
      case 'leaves':
        writeVarUint(encoder, message.leaves.length);
        for (const leaf of message.leaves) writeLeaf(encoder, leaf);
        break;
      case 'step1':
        writeLeaf(encoder, message);
        writeVarUint8Array(encoder, message.vector);
        break;
      case 'step2':
        writeLeaf(encoder, message);
        writeVarUint8Array(encoder, message.vector);
        writeUint8Array(encoder, message.update);
        break;
      case 'step3':
        writeLeaf(encoder, message);
        writeUint8Array(encoder, message.update);
        break;
      case 'done':
        writeLeaf(encoder, message);
        break;
      case 'present':
        writeNameText(encoder, message.name);
        writeVarUint(encoder, message.states.length);
        for (const { owner, update } of message.states) {
          writePeer(encoder, owner);
          writeVarUint8Array(encoder, update);
        }
        break;
      case 'whoIsPresent':
        writeNameText(encoder, message.name);
        break;
      case 'walk':
        writeNameText(encoder, message.name);
        writeVarUint(encoder, message.id);
        writeUint8(encoder, message.wants ? 1 : 0);
        writeUint8Array(encoder, message.step);
        break;
    }
  });
}

/** The message that `bytes` hold, or `undefined`. */
export function decodeMessage(bytes: Uint8Array): DocumentMessage | undefined {
  return decodeTotal(bytes, (decoder): DocumentMessage | undefined => {
    const type = MESSAGES[readByte(decoder)];
    if (type === undefined) return undefined;
    switch (type) {
      case 'compare': {
        if (decoder.arr.length > MAX_COMPARE_BYTES) return undefined;
        const root = readBytes(decoder, ROOT_BYTES);
        const isMoving = decoder.pos < decoder.arr.length;
        return { type, root, flight: isMoving ? readFlight(decoder) : undefined };
      }
      case 'equal':
        return { type, root: readBytes(decoder, ROOT_BYTES) };
      case 'later':
        return { type };
      case 'leaves':
        return { type, leaves: readList(decoder, MAX_DOCUMENTS, readLeaf) };
      case 'step1':
        return { type, ...readLeaf(decoder), vector: readVector(decoder) };
      case 'step2': {
        const leaf = readLeaf(decoder);
        const vector = readVector(decoder);
        return { type, ...leaf, vector, update: readRest(decoder) };
      }
      case 'step3':
        return { type, ...readLeaf(decoder), update: readRest(decoder) };
      case 'done':
        return { type, ...readLeaf(decoder) };
      case 'present': {
        const name = readNameText(decoder);
        const states = readList(decoder, MAX_PRESENT, (d) => ({
          owner: readPeer(d),
          update: readSized(d, MAX_PRESENCE_BYTES),
        }));
        return { type, name, states };
      }
      case 'whoIsPresent':
        return { type, name: readNameText(decoder) };
      case 'walk': {
        const name = readNameText(decoder);
        const id = readUint(decoder);
        return { type, name, id, wants: readFlag(decoder), step: readRest(decoder) };
      }
    }
  });
}

/** A Yjs state vector as the bytes it came in, checked here so that Yjs can read it. */
function readVector(decoder: Decoder): Uint8Array {
  const vector = readSized(decoder, MAX_VECTOR_BYTES);
  const isVector = decodeTotal(vector, (inner) => {
    readList(inner, MAX_VECTOR_BYTES, (d) => [readUint(d), readUint(d)]);
    return true;
  });
  if (isVector !== true) throw new DecodeError('not a state vector');
  return vector;
}

function writeFlight(encoder: Encoder, { rest, aged, young }: Flight): void {
  writeUint8Array(encoder, rest);
  for (const documents of [aged, young]) {
    writeVarUint(encoder, documents.length);
    for (const { name, entries } of documents) {
      writeNameText(encoder, name);
      writeVarUint(encoder, entries.length);
      for (const entry of entries) writeEntry(encoder, entry);
    }
  }
}

function readFlight(decoder: Decoder): Flight {
  const rest = readBytes(decoder, ROOT_BYTES);
  const [aged, young] = [readMoving(decoder), readMoving(decoder)];
  return { rest, aged, young };
}

function readMoving(decoder: Decoder): DocumentRanges[] {
  return readList(decoder, MAX_MOVING, (d) => ({
    name: readNameText(d),
    entries: readList(d, MAX_FRESH, readEntry),
  }));
}

function writeLeaf(encoder: Encoder, { name, leaf }: Leaf): void {
  writeNameText(encoder, name);
  writeUint8Array(encoder, leaf);
}

function readLeaf(decoder: Decoder): Leaf {
  return { name: readNameText(decoder), leaf: readBytes(decoder, LEAF_BYTES) };
}
