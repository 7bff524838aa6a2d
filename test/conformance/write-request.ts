// Samples of one series as a record of the log: Prometheus's WriteRequest (prompb/remote.proto), by hand.
import { uvarintSize, writeUvarint } from '@weir/bytes';
import { message } from '@weir/head/record-fixture.ts';
import type { LabelBytes, NativeHistogram } from '@weir/model';
import { encodeHistogram } from '@weir/wire/log-record';
import type { Float } from './memory-storage.ts';

const STALE = Uint8Array.of(2, 0, 0, 0, 0, 0, 0xf0, 0x7f);
const TIMESERIES = 0x0a;
const SAMPLE = 0x12;
const HISTOGRAM = 0x22;

export function floatRequest(
  labels: LabelBytes,
  t: readonly number[],
  v: readonly Float[],
): Uint8Array {
  return message(TIMESERIES, labels, ...t.map((time, at) => sample(time, v[at]!)));
}

export function histogramRequest(
  labels: LabelBytes,
  t: readonly number[],
  h: readonly NativeHistogram[],
): Uint8Array {
  const samples = t.map((time, at) =>
    message(HISTOGRAM, encodeHistogram({ t: time, startT: 0, histogram: h[at]! })),
  );
  return message(TIMESERIES, labels, ...samples);
}

function sample(t: number, v: Float): Uint8Array {
  const value = v === 'stale' ? STALE : new Uint8Array(Float64Array.of(v).buffer);
  const time = new Uint8Array(uvarintSize(t));
  writeUvarint(time, 0, t);
  return message(SAMPLE, Uint8Array.of(0x09), value, Uint8Array.of(0x10), time);
}
