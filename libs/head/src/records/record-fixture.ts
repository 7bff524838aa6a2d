// WriteRequests for tests and benchmarks, in version 1.
import { uvarintSize, writeUvarint } from '@weir/bytes';
import { type LabelBytes, labelsOf } from '@weir/model';
import type { HeadRecord } from '../head.ts';

export interface FixtureSeries {
  readonly labels: LabelBytes;
  readonly samples: readonly (readonly [t: number, v: number])[];
}

export function series(
  labels: Record<string, string>,
  ...samples: (readonly [t: number, v: number])[]
): FixtureSeries {
  return { labels: labelsOf(labels), samples };
}

export function message(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const out = new Uint8Array(1 + uvarintSize(size) + size);
  out[0] = tag;
  let at = writeUvarint(out, 1, size);
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let left = BigInt.asUintN(64, BigInt(value)); ; left >>= 7n) {
    bytes.push(Number(left & 127n) | (left > 127n ? 128 : 0));
    if (left <= 127n) return bytes;
  }
}

export function sampleBytes(t: number, v: number): Uint8Array {
  const time = varint(t);
  const value = new Uint8Array(Float64Array.of(v).buffer);
  return message(0x12, Uint8Array.of(0x09), value, Uint8Array.of(0x10, ...time));
}

/** A TimeSeries of histograms (Histogram messages), exemplars (Exemplar messages), a created timestamp. */
export function seriesMessage(
  labels: Record<string, string>,
  parts: {
    readonly samples?: readonly (readonly [t: number, v: number])[];
    readonly histograms?: readonly Uint8Array[];
    readonly exemplars?: readonly Uint8Array[];
    readonly createdMs?: number;
  },
): Uint8Array {
  const { samples = [], histograms = [], exemplars = [], createdMs } = parts;
  const created = createdMs === undefined ? [] : [Uint8Array.of(0x30, ...varint(createdMs))];
  return message(
    0x0a,
    labelsOf(labels),
    ...samples.map(([t, v]) => sampleBytes(t, v)),
    ...exemplars.map((bytes) => message(0x1a, bytes)),
    ...histograms.map((bytes) => message(0x22, bytes)),
    ...created,
  );
}

export function exemplarBytes(labels: Record<string, string>, t: number, v: number): Uint8Array {
  const value = new Uint8Array(Float64Array.of(v).buffer);
  return Buffer.concat([
    labelsOf(labels),
    Uint8Array.of(0x11),
    value,
    Uint8Array.of(0x18, ...varint(t)),
  ]);
}

export function writeRequest(...all: FixtureSeries[]): Uint8Array {
  const parts = all.map(({ labels, samples }) =>
    message(0x0a, labels, ...samples.map(([t, v]) => sampleBytes(t, v))),
  );
  return Buffer.concat(parts);
}

export function record(offset: number, value: Uint8Array, tenant = 'one', version = 1): HeadRecord {
  return { offset, timestampMs: 0, tenant, value, version };
}
