// Runs of exemplars as rows: epoch, tenant, number of the first; then their series, each once; then the
// exemplars with the index of their series.
import { WeirError } from '@weir/errors';
import type { ExemplarRun, StoredExemplar } from '../tenants/exemplars.ts';

const HEAD_BYTES = 24;
/** Index of the series, length of the labels, time, value. */
const ENTRY_BYTES = 24;

export function encodeExemplars(tenant: number, run: ExemplarRun, epoch: number): Uint8Array {
  const series = [...new Set(run.entries.map((entry) => entry.series))];
  const indexes = new Map(series.map((one, index) => [one, index]));
  let size = HEAD_BYTES;
  for (const { labels } of series) size += 4 + labels.length;
  for (const { labels } of run.entries) size += ENTRY_BYTES + labels.length;
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  view.setUint32(0, epoch, true);
  view.setUint32(4, tenant, true);
  view.setFloat64(8, run.from, true);
  view.setUint32(16, series.length, true);
  view.setUint32(20, run.entries.length, true);
  let at = HEAD_BYTES;
  for (const { labels } of series) {
    view.setUint32(at, labels.length, true);
    out.set(labels, at + 4);
    at += 4 + labels.length;
  }
  for (const { series: one, labels, t, value } of run.entries) {
    view.setUint32(at, indexes.get(one)!, true);
    view.setUint32(at + 4, labels.length, true);
    view.setFloat64(at + 8, t, true);
    view.setFloat64(at + 16, value, true);
    out.set(labels, at + ENTRY_BYTES);
    at += ENTRY_BYTES + labels.length;
  }
  return out;
}

export interface StoredRun {
  readonly tenant: number;
  readonly run: ExemplarRun;
}

export function decodeExemplars(id: number, slot: number, row: Uint8Array): StoredRun {
  try {
    return decode(id, slot, row);
  } catch (error) {
    throw new WeirError('corrupt', 'head store: damaged exemplar row', { cause: error });
  }
}

function decode(id: number, slot: number, row: Uint8Array): StoredRun {
  const view = new DataView(row.buffer, row.byteOffset, row.byteLength);
  let at = HEAD_BYTES;
  const take = (length: number) => {
    if (at + length > row.length) throw new RangeError('past the end');
    at += length;
    return row.slice(at - length, at);
  };
  const series = Array.from({ length: view.getUint32(16, true) }, () => {
    at += 4;
    return {
      key: '',
      labels: take(view.getUint32(at - 4, true)),
      lastT: 0,
      lastValue: 0,
      count: 0,
    };
  });
  const entries = Array.from({ length: view.getUint32(20, true) }, (): StoredExemplar => {
    const from = at;
    at += ENTRY_BYTES;
    const labels = take(view.getUint32(from + 4, true));
    const t = view.getFloat64(from + 8, true);
    const value = view.getFloat64(from + 16, true);
    const one = series[view.getUint32(from, true)];
    if (one === undefined) throw new RangeError('no such series');
    return { series: one, labels, t, value };
  });
  const run = { id, slot: 1 - slot, isDirty: false, from: view.getFloat64(8, true), entries };
  return { tenant: view.getUint32(4, true), run };
}
