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

export function sampleBytes(t: number, v: number): Uint8Array {
  const time: number[] = [];
  for (let left = BigInt.asUintN(64, BigInt(t)); ; left >>= 7n) {
    time.push(Number(left & 127n) | (left > 127n ? 128 : 0));
    if (left <= 127n) break;
  }
  const value = new Uint8Array(Float64Array.of(v).buffer);
  return message(0x12, Uint8Array.of(0x09), value, Uint8Array.of(0x10, ...time));
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
