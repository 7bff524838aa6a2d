// What a page's series have of native histograms, as a row beside its row of open chunks: written with it,
// in the same slot, and of the same epoch; a row of another epoch than the page's open chunks is an old one.
import { WeirError } from '@weir/errors';
import { CHUNK_FLOAT_HISTOGRAM, CHUNK_HISTOGRAM, HistogramChunk } from '@weir/tsdb/chunk';
import type { Page } from '../pages/pages.ts';
import type { LateHistogram } from '../series/histograms.ts';
import { C } from '../series/series-store.ts';
import type { HeadState } from '../state.ts';
import type { Tenant } from '../windows.ts';

/** Slot, kind; hash; time, or buckets of the last sample; length of what follows. */
const ENTRY_BYTES = 24;
const OPEN_INTEGER = 0;
const OPEN_FLOAT = 1;
const LATE = 2;

interface Entry extends LateHistogram {
  readonly slot: number;
  readonly kind: number;
  /** Of a last sample: its buckets. */
  readonly t: number;
}

const NO_BYTES = new Uint8Array(0);

function entriesOf({ appender: { histograms }, activity }: HeadState, { refs }: Page): Entry[] {
  const entries: Entry[] = [];
  for (let slot = 0; slot < refs.length; slot++) {
    const ref = refs[slot] - 1;
    const last = histograms.last.get(ref);
    if (last !== undefined) {
      const { chunk, hash, isFloat } = last;
      const kind = isFloat ? OPEN_FLOAT : OPEN_INTEGER;
      const t = activity.buckets.get(ref) ?? 0;
      entries.push({ slot, kind, hash, t, bytes: chunk?.bytes() ?? NO_BYTES });
    }
    for (const late of histograms.late.get(ref) ?? []) {
      entries.push({ slot, kind: LATE, hash: late.hash, t: late.t, bytes: late.bytes });
    }
  }
  return entries;
}

/** Undefined for a page without histograms. */
export function encodeHistogramRow(
  state: HeadState,
  page: Page,
  epoch: number,
): Uint8Array | undefined {
  const { last, late } = state.appender.histograms;
  if (last.size === 0 && late.size === 0) return undefined;
  const entries = entriesOf(state, page);
  if (entries.length === 0) return undefined;
  const size = entries.reduce((sum, { bytes }) => sum + ENTRY_BYTES + bytes.length, 4);
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  view.setUint32(0, epoch, true);
  let at = 4;
  for (const { slot, kind, hash, t, bytes } of entries) {
    view.setUint16(at, slot, true);
    view.setUint16(at + 2, kind, true);
    view.setInt32(at + 4, hash.a, true);
    view.setInt32(at + 8, hash.b, true);
    view.setFloat64(at + 12, t, true);
    view.setUint32(at + 20, bytes.length, true);
    out.set(bytes, at + ENTRY_BYTES);
    at += ENTRY_BYTES + bytes.length;
  }
  return out;
}

/** Puts a row back; the page's row of open chunks was restored before. */
export function restoreHistogramRow(state: HeadState, page: Page, row: Uint8Array): void {
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  const tenant = state.tenants[page.metric.tenant];
  for (let at = 4; at < row.length; ) {
    if (at + ENTRY_BYTES > row.length) throw damaged();
    const size = view.getUint32(at + 20, true);
    const from = at + ENTRY_BYTES;
    const ref = page.refs[view.getUint16(at, true)] - 1;
    if (from + size > row.length || !(ref >= 0)) throw damaged();
    restoreEntry(state, tenant, ref, {
      slot: 0,
      kind: view.getUint16(at + 2, true),
      hash: { a: view.getInt32(at + 4, true), b: view.getInt32(at + 8, true) },
      t: view.getFloat64(at + 12, true),
      bytes: row.slice(from, from + size),
    });
    at = from + size;
  }
}

function restoreEntry(
  state: HeadState,
  tenant: Tenant,
  ref: number,
  { kind, hash, t, bytes }: Entry,
): void {
  const { histograms } = state.appender;
  if (kind === LATE) {
    const waiting = histograms.late.get(ref) ?? [];
    waiting.push({ t, hash, bytes });
    histograms.late.set(ref, waiting);
    state.store.setCold(ref, C.outOfOrder, 1);
    return;
  }
  const isFloat = kind === OPEN_FLOAT;
  const encoding = isFloat ? CHUNK_FLOAT_HISTOGRAM : CHUNK_HISTOGRAM;
  const chunk = bytes.length === 0 ? undefined : HistogramChunk.resume(encoding, bytes);
  histograms.setLast(ref, chunk, isFloat, hash);
  state.activity.setBuckets(tenant, ref, t);
}

function damaged(): WeirError {
  return new WeirError('corrupt', 'head store: damaged histogram row');
}
