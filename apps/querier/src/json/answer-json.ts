// Answers of the Prometheus API as JSON, produced chunk by chunk while they are sent.
import { type LabelBytes, LabelReader } from '@weir/model';
import type { HistogramPoint, QueryResult, SeriesColumns, VectorSample } from '@weir/promql';
import { ByteWriter } from './byte-writer.ts';
import { writeHistogram } from './histogram-json.ts';
import { LabelSetWriter } from './label-set-writer.ts';
import { ROWS_MAX, type SampleRows, sampleRows } from './sample-rows.ts';

/** Prometheus lists this many warnings and infos at most. */
const ANNOTATIONS_MAX = 10;

export interface Annotations {
  readonly warnings: readonly string[];
  readonly infos: readonly string[];
}

/** `{"status":"success","data":…}` of a query. */
export function* queryAnswerJson(
  result: QueryResult,
  annotations: Annotations,
  stats: unknown,
): Generator<Uint8Array> {
  const out = new ByteWriter();
  out.ascii('{"status":"success","data":{"resultType":"');
  out.ascii(result.type);
  out.ascii('","result":');
  yield* resultJson(out, result);
  if (stats !== undefined) {
    out.ascii(',"stats":');
    out.json(stats);
  }
  out.ascii('}');
  writeAnnotations(out, annotations);
  out.ascii('}');
  yield out.take();
}

/** A success with data that is small or already a JSON value. */
export function dataAnswerJson(data: unknown, annotations: Annotations): Uint8Array {
  const out = new ByteWriter();
  out.ascii('{"status":"success","data":');
  out.json(data);
  writeAnnotations(out, annotations);
  out.ascii('}');
  return out.take();
}

/** By the list, and gone with it. */
const written = new WeakMap<readonly string[], Uint8Array>();

/** A success with a list of texts, which never changes. */
export function textsAnswerJson(texts: readonly string[], annotations: Annotations): Uint8Array {
  if (annotations.warnings.length > 0) return dataAnswerJson(texts, annotations);
  const known = written.get(texts) ?? dataAnswerJson(texts, annotations);
  written.set(texts, known);
  return known;
}

/** A success with a list of label sets. */
export function* seriesAnswerJson(
  series: readonly LabelBytes[],
  annotations: Annotations,
): Generator<Uint8Array> {
  const out = new ByteWriter();
  out.ascii('{"status":"success","data":');
  yield* labelSetsJson(out, series);
  writeAnnotations(out, annotations);
  out.ascii('}');
  yield out.take();
}

/** `{"data":[{labels}…]}`, as Mimir answers active series. */
export function* activeSeriesJson(series: readonly LabelBytes[]): Generator<Uint8Array> {
  const out = new ByteWriter();
  out.ascii('{"data":');
  yield* labelSetsJson(out, series);
  out.ascii('}');
  yield out.take();
}

function* labelSetsJson(out: ByteWriter, series: readonly LabelBytes[]): Generator<Uint8Array> {
  const writer = new LabelSetWriter(out);
  out.ascii('[');
  for (let at = 0; at < series.length; at++) {
    if (at > 0) out.ascii(',');
    writer.write(series[at]!);
    if (!out.full) continue;
    yield out.take();
    writer.forget();
  }
  out.ascii(']');
}

function writeAnnotations(out: ByteWriter, { warnings, infos }: Annotations): void {
  if (warnings.length > 0) {
    out.ascii(',"warnings":');
    out.json(warnings.slice(0, ANNOTATIONS_MAX));
  }
  if (infos.length > 0) {
    out.ascii(',"infos":');
    out.json(infos.slice(0, ANNOTATIONS_MAX));
  }
}

function* resultJson(out: ByteWriter, result: QueryResult): Generator<Uint8Array> {
  switch (result.type) {
    case 'scalar':
      writeSample(out, result.timeMs, result.value);
      return;
    case 'string':
      out.ascii('[');
      out.timestamp(result.timeMs);
      out.ascii(',');
      out.json(result.value);
      out.ascii(']');
      return;
    case 'vector':
      yield* vectorJson(out, result.timeMs, result.samples);
      return;
    case 'matrix':
      yield* matrixJson(out, result.series);
      return;
  }
}

function* vectorJson(
  out: ByteWriter,
  timeMs: number,
  samples: readonly VectorSample[],
): Generator<Uint8Array> {
  const reader = new LabelReader();
  const rows = sampleRows();
  let first = 0;
  let end = 0;
  out.ascii('[');
  for (let at = 0; at < samples.length; at++) {
    if (at === end) {
      first = at;
      end = writeValues(rows, timeMs, samples, first);
    }
    const { labels, histogram } = samples[at]!;
    out.ascii(at > 0 ? ',{"metric":' : '{"metric":');
    writeLabels(out, reader, labels);
    if (histogram === undefined) {
      out.ascii(',"value":');
      const from = at === first ? rows.start : rows.ends[at - first - 1]! + 1;
      out.bytes(rows.bytes, from, rows.ends[at - first]!);
    } else {
      out.ascii(',"histogram":');
      writePoint(out, { t: timeMs, histogram });
    }
    out.ascii('}');
    if (out.full) {
      yield out.take();
      // Other answers may have written rows meanwhile.
      end = at + 1;
    }
  }
  out.ascii(']');
}

/** Rows of samples from `first` on, as many as go at once; returns their end. */
function writeValues(
  rows: SampleRows,
  timeMs: number,
  samples: readonly VectorSample[],
  first: number,
): number {
  const end = Math.min(first + ROWS_MAX, samples.length);
  for (let at = first; at < end; at++) rows.values[at - first] = samples[at]!.value;
  rows.times.fill(timeMs, 0, end - first);
  rows.write(end - first);
  return end;
}

function* matrixJson(out: ByteWriter, series: readonly SeriesColumns[]): Generator<Uint8Array> {
  const reader = new LabelReader();
  const rows = sampleRows();
  out.ascii('[');
  for (let at = 0; at < series.length; at++) {
    const { labels, t, v, count, histograms = [] } = series[at]!;
    out.ascii(at > 0 ? ',{"metric":' : '{"metric":');
    writeLabels(out, reader, labels);
    for (let from = 0; from < count; from += ROWS_MAX) {
      out.ascii(from > 0 ? ',' : ',"values":[');
      writeRows(out, rows, t, v, from, Math.min(from + ROWS_MAX, count));
      if (out.full) yield out.take();
    }
    if (count > 0) out.ascii(']');
    for (let index = 0; index < histograms.length; index++) {
      out.ascii(index > 0 ? ',' : ',"histograms":[');
      writePoint(out, histograms[index]!);
      if (out.full) yield out.take();
    }
    if (histograms.length > 0) out.ascii(']');
    out.ascii('}');
    if (out.full) yield out.take();
  }
  out.ascii(']');
}

function writeRows(
  out: ByteWriter,
  rows: SampleRows,
  t: Float64Array,
  v: Float64Array,
  from: number,
  to: number,
): void {
  rows.times.set(t.subarray(from, to));
  rows.values.set(v.subarray(from, to));
  rows.write(to - from);
  out.bytes(rows.bytes, rows.start, rows.ends[to - from - 1]!);
}

function writeSample(out: ByteWriter, t: number, v: number): void {
  out.ascii('[');
  out.timestamp(t);
  out.ascii(',');
  out.quotedFloat(v);
  out.ascii(']');
}

function writePoint(out: ByteWriter, { t, histogram }: HistogramPoint): void {
  out.ascii('[');
  out.timestamp(t);
  out.ascii(',');
  writeHistogram(out, histogram);
  out.ascii(']');
}

function writeLabels(out: ByteWriter, reader: LabelReader, labels: LabelBytes): void {
  reader.reset(labels);
  out.ascii('{');
  for (let first = true; reader.next(); first = false) {
    if (!first) out.ascii(',');
    out.string(labels, reader.nameFrom, reader.nameTo);
    out.ascii(':');
    out.string(labels, reader.valueFrom, reader.valueTo);
  }
  out.ascii('}');
}
