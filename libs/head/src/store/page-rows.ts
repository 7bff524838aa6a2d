// Which metric each page belongs to, as one row, and the metrics, a row each. Both are in the batch that
// commits a checkpoint.
import { text } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { isEmptyPage, type Metric, type Pages } from '../pages/pages.ts';
import { key, METRICS } from './rows.ts';

/** By page: its metric's id + 1, in four bytes; 0 where it has no series. */
export function encodePages({ byId }: Pages): Uint8Array {
  const out = new Uint8Array(byId.length * 4);
  const view = new DataView(out.buffer);
  for (let id = 0; id < byId.length; id++) {
    const page = byId[id];
    if (page !== undefined && !isEmptyPage(page)) view.setUint32(id * 4, page.metric.id + 1, true);
  }
  return out;
}

export function decodePages(row: Uint8Array): Int32Array {
  if (row.length % 4 !== 0)
    throw new WeirError('corrupt', 'head store: damaged directory of pages');
  return new Int32Array(new Uint8Array(row).buffer);
}

/** Rows of metrics that came, and keys of those that went. */
export function metricRows(changed: ReadonlyMap<number, Metric | undefined>): {
  puts: [Uint8Array, Uint8Array][];
  deletes: Uint8Array[];
} {
  const puts: [Uint8Array, Uint8Array][] = [];
  const deletes: Uint8Array[] = [];
  for (const [id, metric] of changed) {
    if (metric === undefined) deletes.push(key(METRICS, id));
    else puts.push([key(METRICS, id), encodeMetric(metric)]);
  }
  return { puts, deletes };
}

/** The tenant in four bytes, then the name. */
function encodeMetric({ tenant, nameBytes }: Metric): Uint8Array {
  const out = new Uint8Array(4 + nameBytes.length);
  new DataView(out.buffer).setUint32(0, tenant, true);
  out.set(nameBytes, 4);
  return out;
}

export function decodeMetric(row: Uint8Array): { readonly tenant: number; readonly name: string } {
  if (row.length < 4) throw new WeirError('corrupt', 'head store: damaged row of a metric');
  const tenant = new DataView(row.buffer, row.byteOffset).getUint32(0, true);
  return { tenant, name: text(row.subarray(4)) };
}
