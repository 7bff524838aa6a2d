// Reads a log record without Weir's own scanner: prometheus.WriteRequest, field 1 timeseries {1 labels
// {1 name, 2 value}, 2 samples {1 value, 2 timestamp}, 3 exemplars {1 labels, 2 value, 3 timestamp},
// 4 histograms, 6 created timestamp}, field 3 metadata {1 type, 2 metric, 4 help, 5 unit}.
import { METRIC_TYPES } from '@weir/model';
import { expandRecordV2 } from '@weir/wire/log-record';
import { doubleOf, forEachField, signed } from './fields.ts';
import {
  decodeLoggedHistogram,
  floatOfBytes,
  type LoggedHistogram,
  type SampleValue,
} from './values.ts';

export interface RecordExemplar {
  /** Canonical label bytes as latin1. */
  readonly labels: string;
  readonly t: number;
  readonly value: number;
}

export interface RecordSeries {
  /** The labels as canonical bytes, latin1. */
  readonly labels: string;
  readonly samples: readonly { readonly t: number; readonly value: SampleValue }[];
  readonly histograms: readonly LoggedHistogram[];
  readonly exemplars: readonly RecordExemplar[];
  /** ms; 0 where unknown. */
  readonly createdMs: number;
}

export interface DecodedRecord {
  readonly series: readonly RecordSeries[];
  /** Each entry as metadataKey() has it. */
  readonly metadata: readonly string[];
}

/** Undefined for bytes that are no record. */
export function decodeRecord(value: Uint8Array, version: number): DecodedRecord | undefined {
  try {
    if (version < 0 || version > 2) return undefined;
    const bytes = version === 2 ? expandRecordV2(value) : value;
    const series: RecordSeries[] = [];
    const metadata: string[] = [];
    forEachField(bytes, (field, content) => {
      if (!(content instanceof Uint8Array)) return;
      if (field === 1) series.push(decodeSeries(content));
      else if (field === 3) metadata.push(decodeMetadata(content));
    });
    return { series, metadata };
  } catch {
    return undefined;
  }
}

export function metadataKey(metric: string, type: string, help: string, unit: string): string {
  return JSON.stringify([metric, type, help, unit]);
}

function decodeSeries(bytes: Uint8Array): RecordSeries {
  let labels = '';
  let createdMs = 0;
  const samples: { t: number; value: SampleValue }[] = [];
  const histograms: LoggedHistogram[] = [];
  const exemplars: RecordExemplar[] = [];
  forEachField(bytes, (field, content, from, to) => {
    if (!(content instanceof Uint8Array)) {
      if (field === 6) createdMs = signed(content);
    } else if (field === 1) labels += latin1(bytes, from, to);
    else if (field === 2) samples.push(decodeSample(content));
    else if (field === 3) exemplars.push(decodeExemplar(content));
    else if (field === 4) histograms.push(decodeLoggedHistogram(content));
  });
  return { labels, samples, histograms, exemplars, createdMs };
}

function decodeSample(bytes: Uint8Array): { t: number; value: SampleValue } {
  let t = 0;
  let value: SampleValue = 0;
  forEachField(bytes, (field, content) => {
    if (content instanceof Uint8Array) value = field === 1 ? floatOfBytes(content) : value;
    else if (field === 2) t = signed(content);
  });
  return { t, value };
}

function decodeExemplar(bytes: Uint8Array): RecordExemplar {
  let labels = '';
  let t = 0;
  let value = 0;
  forEachField(bytes, (field, content, from, to) => {
    if (!(content instanceof Uint8Array)) t = field === 3 ? signed(content) : t;
    else if (field === 1) labels += latin1(bytes, from, to);
    else if (field === 2) value = doubleOf(content);
  });
  return { labels, t, value };
}

function decodeMetadata(bytes: Uint8Array): string {
  const texts = new Map<number, string>();
  let type = 0;
  forEachField(bytes, (field, content) => {
    if (content instanceof Uint8Array) texts.set(field, Buffer.from(content).toString('utf8'));
    else if (field === 1) type = Number(content);
  });
  const [metric = '', help = '', unit = ''] = [texts.get(2), texts.get(4), texts.get(5)];
  return metadataKey(metric, METRIC_TYPES[type] ?? 'unknown', help, unit);
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
}
