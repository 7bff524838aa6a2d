// What the series of a group have beside its image: native histograms, late samples of both kinds that wait to
// become chunks, and start timestamps of floats. A row in two slots, written when the image is; without entries where there is
// nothing any more.
import { WeirError } from '@weir/errors';
import {
  CHUNK_FLOAT_HISTOGRAM,
  CHUNK_FLOAT_HISTOGRAM_ST,
  CHUNK_HISTOGRAM,
  CHUNK_HISTOGRAM_ST,
  HistogramChunk,
  hasStarts,
} from '@weir/tsdb/chunk';
import { PAGE_BITS } from '../pages/pages.ts';
import type { LateHistogram } from '../series/histograms.ts';
import { C, R, SLAB_BITS, SLAB_MASK } from '../series/series-store.ts';
import type { HeadState } from '../state.ts';
import type { Tenant } from '../windows.ts';

/**
 * Index in the group, kind; hash, or value bits, or a start timestamp; time, or buckets of the last sample;
 * length of what follows.
 */
const ENTRY_BYTES = 24;
const OPEN_INTEGER = 0;
const OPEN_FLOAT = 1;
const LATE = 2;
const LATE_FLOAT = 3;
const OPEN_INTEGER_STARTS = 4;
const OPEN_FLOAT_STARTS = 5;
const STARTS = 6;
const LATE_STARTS = 7;

/** How a last sample of histograms is noted: by the encoding of its chunk. */
const OPEN_ENCODINGS = new Map([
  [OPEN_INTEGER, CHUNK_HISTOGRAM],
  [OPEN_FLOAT, CHUNK_FLOAT_HISTOGRAM],
  [OPEN_INTEGER_STARTS, CHUNK_HISTOGRAM_ST],
  [OPEN_FLOAT_STARTS, CHUNK_FLOAT_HISTOGRAM_ST],
]);

interface Entry extends LateHistogram {
  readonly slot: number;
  readonly kind: number;
  /** Of a last sample: its buckets. */
  readonly t: number;
}

const NO_BYTES = new Uint8Array(0);
/** A row without entries: its epoch. */
export const NO_ENTRIES_BYTES = 4;

/** Whether any series has something beside its group's image. */
export function hasHistogramRows({ appender }: HeadState): boolean {
  const { histograms, outOfOrder, starts } = appender;
  return (
    !starts.isEmpty || histograms.last.size + histograms.late.size + outOfOrder.bySeries.size > 0
  );
}

function entriesOf({ appender, activity }: HeadState, ref: number): Entry[] {
  const { histograms, outOfOrder, starts } = appender;
  const entries: Entry[] = [];
  const slot = ref & SLAB_MASK;
  const last = histograms.last.get(ref);
  if (last !== undefined) {
    const { chunk, hash, isFloat } = last;
    const plain = isFloat ? OPEN_FLOAT : OPEN_INTEGER;
    const kind = chunk && hasStarts(chunk.encoding) ? plain + OPEN_INTEGER_STARTS : plain;
    const t = activity.buckets.get(ref) ?? 0;
    entries.push({ slot, kind, hash, t, bytes: chunk?.bytes() ?? NO_BYTES });
  }
  for (const late of histograms.late.get(ref) ?? []) {
    entries.push({ slot, kind: LATE, hash: late.hash, t: late.t, bytes: late.bytes });
  }
  const floats = outOfOrder.bySeries.get(ref);
  for (const [at, t] of floats?.times.entries() ?? []) {
    const hash = { a: floats!.low[at], b: floats!.high[at] };
    entries.push({ slot, kind: LATE_FLOAT, hash, t, bytes: NO_BYTES });
  }
  pushStarts(entries, slot, STARTS, starts.open.get(ref));
  pushStarts(entries, slot, LATE_STARTS, starts.late.get(ref));
  return entries;
}

function pushStarts(entries: Entry[], slot: number, kind: number, pairs: number[] = []): void {
  for (let at = 0; at < pairs.length; at += 2) {
    const hash = wordsOf(pairs[at + 1]);
    entries.push({ slot, kind, hash, t: pairs[at], bytes: NO_BYTES });
  }
}

const double = new Float64Array(1);
const words = new Int32Array(double.buffer);

function wordsOf(value: number): { a: number; b: number } {
  double[0] = value;
  return { a: words[0], b: words[1] };
}

function ofWords({ a, b }: { a: number; b: number }): number {
  words[0] = a;
  words[1] = b;
  return double[0];
}

/** A row without entries for a group that has nothing beside its image. */
export function encodeHistogramRow(state: HeadState, group: number, epoch: number): Uint8Array {
  const entries: Entry[] = [];
  const first = group << SLAB_BITS;
  for (let ref = first; ref <= first + SLAB_MASK && ref < state.store.refs; ref++) {
    if (mayHaveEntries(state, ref)) entries.push(...entriesOf(state, ref));
  }
  const size = entries.reduce(
    (sum, { bytes }) => sum + ENTRY_BYTES + bytes.length,
    NO_ENTRIES_BYTES,
  );
  const out = new Uint8Array(size);
  const view = new DataView(out.buffer);
  view.setUint32(0, epoch, true);
  let at = NO_ENTRIES_BYTES;
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

function mayHaveEntries({ store, appender }: HeadState, ref: number): boolean {
  if (store.getCold(ref, C.outOfOrder) !== 0 || appender.histograms.last.has(ref)) return true;
  return appender.starts.has(ref);
}

/** Puts a row back; the group's image was restored before. */
export function restoreHistogramRow(state: HeadState, group: number, row: Uint8Array): void {
  const { store } = state;
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  for (let at = NO_ENTRIES_BYTES; at < row.length; ) {
    if (at + ENTRY_BYTES > row.length) throw damaged();
    const size = view.getUint32(at + 20, true);
    const from = at + ENTRY_BYTES;
    const slot = view.getUint16(at, true);
    const ref = (group << SLAB_BITS) + slot;
    const isKnown = slot <= SLAB_MASK && ref < store.refs && store.labelsLength(ref) !== 0;
    if (from + size > row.length || !isKnown) throw damaged();
    const tenant = store.pageTenants[store.record(ref, R.pageSlot) >>> PAGE_BITS];
    restoreEntry(state, state.tenants[tenant], ref, {
      slot,
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
  const { histograms, outOfOrder, starts } = state.appender;
  if (kind === STARTS || kind === LATE_STARTS) {
    starts.put(kind === STARTS ? starts.open : starts.late, ref, t, ofWords(hash));
    return;
  }
  if (kind === LATE_FLOAT) {
    outOfOrder.add(ref, t, hash.a, hash.b);
    return;
  }
  if (kind === LATE) {
    const waiting = histograms.late.get(ref) ?? [];
    waiting.push({ t, hash, bytes });
    histograms.late.set(ref, waiting);
    return;
  }
  const encoding = OPEN_ENCODINGS.get(kind);
  if (encoding === undefined) throw damaged();
  const isFloat = kind === OPEN_FLOAT || kind === OPEN_FLOAT_STARTS;
  const chunk = bytes.length === 0 ? undefined : HistogramChunk.resume(encoding, bytes);
  histograms.setLast(ref, chunk, isFloat, hash);
  state.activity.setBuckets(tenant, ref, t);
}

function damaged(): WeirError {
  return new WeirError('corrupt', 'head store: damaged histogram row');
}
