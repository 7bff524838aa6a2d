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
const CREATED = 0x30;

/** An entry for each run of samples that count since the same time, which is told once in each. */
export function floatRequest(
  labels: LabelBytes,
  t: readonly number[],
  v: readonly Float[],
  st: readonly number[] = [],
): Uint8Array {
  const entries: Uint8Array[] = [];
  for (let from = 0; from < t.length; ) {
    let to = from + 1;
    while (to < t.length && st[to] === st[from]) to++;
    const samples = t.slice(from, to).map((time, at) => sample(time, v[from + at]!));
    const start = st[from] ?? 0;
    const created = start === 0 ? [] : [Uint8Array.of(CREATED), int64(start)];
    entries.push(message(TIMESERIES, labels, ...samples, ...created));
    from = to;
  }
  return Buffer.concat(entries);
}

export function histogramRequest(
  labels: LabelBytes,
  t: readonly number[],
  h: readonly NativeHistogram[],
  st: readonly number[] = [],
): Uint8Array {
  const samples = t.map((time, at) =>
    message(HISTOGRAM, encodeHistogram({ t: time, startT: st[at] ?? 0, histogram: h[at]! })),
  );
  return message(TIMESERIES, labels, ...samples);
}

function sample(t: number, v: Float): Uint8Array {
  const value = v === 'stale' ? STALE : new Uint8Array(Float64Array.of(v).buffer);
  return message(SAMPLE, Uint8Array.of(0x09), value, Uint8Array.of(0x10), int64(t));
}

/** A varint; a negative one has ten bytes. */
function int64(value: number): Uint8Array {
  if (value >= 0) {
    const bytes = new Uint8Array(uvarintSize(value));
    writeUvarint(bytes, 0, value);
    return bytes;
  }
  const bits = BigInt.asUintN(64, BigInt(value));
  return Uint8Array.from({ length: 10 }, (_, at) => {
    const seven = Number((bits >> BigInt(7 * at)) & 0x7fn);
    return at < 9 ? seven | 0x80 : seven;
  });
}
