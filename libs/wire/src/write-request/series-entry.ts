// A drafted series written as `0a len TimeSeries`, fields in the order of their numbers: the form of
// version-1 records, as Mimir writes them.
import { uvarintSize, writeUvarint } from '@weir/bytes';
import type { AcceptedWrite } from './accepted-write.ts';
import { type ExemplarDraft, exemplarSize, writeExemplar } from './exemplar-draft.ts';
import type { HistogramDraft } from './histogram-draft.ts';

/** What of a series goes into one TimeSeries. */
export interface SeriesEntry {
  /** 0 where unknown. */
  readonly createdMs: number;
  /** Indices of the series' samples. */
  readonly samples: number[];
  readonly histograms: HistogramDraft[];
  exemplars: readonly ExemplarDraft[];
}

/** The columns that the entry's samples index, and the labels in canonical form. */
export interface SeriesColumns {
  readonly labels: { readonly bytes: Uint8Array; readonly hash: number };
  readonly timestamps: readonly number[];
  readonly valueLow: readonly number[];
  readonly valueHigh: readonly number[];
}

/** Appends the entry to `out` as one rewritten run, and counts what is in it. */
export function writeSeries(series: SeriesColumns, entry: SeriesEntry, out: AcceptedWrite): void {
  const size = entrySize(series, entry);
  const sink = out.rewritten;
  sink.reserve(1 + uvarintSize(size) + size);
  const start = sink.size;
  const bytes = sink.bytes;
  bytes[start] = 0x0a;
  sink.size = writeUvarint(bytes, start + 1, size);
  sink.append(series.labels.bytes);
  for (const index of entry.samples) {
    const timestamp = series.timestamps[index]!;
    sink.byte(0x12);
    sink.byte(sampleSize(timestamp));
    sink.byte(0x09);
    sink.fixed64(series.valueLow[index]!, series.valueHigh[index]!);
    sink.byte(0x10);
    sink.int64(timestamp);
  }
  for (const exemplar of entry.exemplars) writeExemplar(sink, exemplar);
  for (const { bytes: message } of entry.histograms) sink.field(0x22, message);
  if (entry.createdMs !== 0) {
    sink.byte(0x30);
    sink.int64(entry.createdMs);
  }
  out.push(~start, sink.size - start, series.labels.hash, entry.samples.length);
  out.samplesOk += entry.samples.length;
  if (entry.histograms.length + entry.exemplars.length > 0) {
    let buckets = 0;
    for (const histogram of entry.histograms) buckets += histogram.buckets;
    out.addExtras(entry.histograms.length, buckets, entry.exemplars.length);
  }
}

function entrySize({ labels, timestamps }: SeriesColumns, entry: SeriesEntry): number {
  let size = labels.bytes.length;
  for (const index of entry.samples) size += 2 + sampleSize(timestamps[index]!);
  for (const exemplar of entry.exemplars) size += fieldSize(exemplarSize(exemplar));
  for (const { bytes } of entry.histograms) size += fieldSize(bytes.length);
  return entry.createdMs === 0 ? size : size + 1 + uvarintSize(entry.createdMs);
}

function fieldSize(bytes: number): number {
  return 1 + uvarintSize(bytes) + bytes;
}

function sampleSize(timestamp: number): number {
  return 10 + (timestamp < 0 ? 10 : uvarintSize(timestamp));
}
