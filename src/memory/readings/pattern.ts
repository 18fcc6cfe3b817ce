/**
 * Semantic patterns: what several agents came to hold true, each by its own episodes.
 *
 * Each replica keeps its own observation, and the confidence that is read is their support-weighted
 * mean, summed in order of dots: the same in whatever order and however often they were merged.
 * (Averaging merged confidences would depend on the order, and drift when repeated.) So what is
 * observed is what this agent found, and never a mean that was read.
 */

import { writeFloat64 } from 'lib0/encoding';
import { type Decoder, decodeTotal, encode, readByte } from '../../util/codec.ts';
import { MeshError } from '../../util/errors.ts';
import { valuesOf } from '../record.ts';
import type { Writer } from '../transaction.ts';
import type { DottedRecord, RecordKey, ReplicaId } from '../types.ts';

/** Smallest and largest support of an observation. */
export const SUPPORT = { min: 2 ** -20, max: 2 ** 40 } as const;

/** What one replica found. */
export interface Observation {
  /** How sure, from 0 to 1. */
  readonly confidence: number;
  /** How much speaks for that, as episodes counted or weighed; within `SUPPORT`. */
  readonly support: number;
}

/** What all observations say together. */
export interface Consensus extends Observation {
  /** How many replicas observed. */
  readonly observers: number;
}

/** What the observations say together; `undefined` where there are none. */
export function readPattern(record: DottedRecord | undefined): Consensus | undefined {
  let [weighted, support] = [0, 0];
  const observations = observationsOf(record);
  for (const observation of observations.values()) {
    weighted += observation.confidence * observation.support;
    support += observation.support;
  }
  if (observations.size === 0) return undefined;
  return { confidence: weighted / support, support, observers: observations.size };
}

/** The observation of each replica, in order of dots. */
export function observationsOf(record: DottedRecord | undefined): Map<ReplicaId, Observation> {
  const observations = new Map<ReplicaId, Observation>();
  for (const { replica, payload } of valuesOf(record)) {
    const observation = decodeObservation(payload);
    // The highest dot of a replica comes last, and is what it found last.
    if (observation !== undefined) observations.set(replica, observation);
  }
  return observations;
}

/**
 * Writes this replica's own observation, in place of the one before.
 * @throws MeshError `bad-argument` where confidence or support are out of bounds.
 */
export function observe(writer: Writer, key: RecordKey, observation: Observation): void {
  const { confidence, support } = observation;
  if (!isObservation(observation)) {
    throw new MeshError(
      'bad-argument',
      `An observation has a confidence from 0 to 1 and a support from 2^-20 to 2^40. Nothing changed.`,
    );
  }
  const payload = encode((encoder) => {
    writeFloat64(encoder, confidence);
    writeFloat64(encoder, support);
  });
  writer.put(key, payload, ({ replica }) => replica === writer.replica);
}

/** The observation that is all of `payload`; `undefined` where it is none, or out of bounds. */
export function decodeObservation(payload: Uint8Array): Observation | undefined {
  const observation = decodeTotal(payload, readObservation);
  return observation !== undefined && isObservation(observation) ? observation : undefined;
}

function isObservation({ confidence, support }: Observation): boolean {
  const isInBounds = confidence <= 1 && support >= SUPPORT.min && support <= SUPPORT.max;
  return Number.isFinite(confidence) && Number.isFinite(support) && confidence >= 0 && isInBounds;
}

const floats = new DataView(new ArrayBuffer(16));

function readObservation(decoder: Decoder): Observation {
  for (let i = 0; i < floats.byteLength; i++) floats.setUint8(i, readByte(decoder));
  return { confidence: floats.getFloat64(0), support: floats.getFloat64(8) };
}
