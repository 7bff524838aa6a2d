// Record version 2 (symbol references) rewritten as version 1 (labels in full), so that whoever
// applies records knows one form only. Mimir writes version 2 by default from 3.1 on; Weir reads it.
// Series, samples, histograms, exemplars, metadata and the three flags survive; nothing is validated
// beyond the encoding, because a record was validated before it was logged.
import { utf8 } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { labelSize, writeLabel } from '@weir/model';
import { ByteSink } from '../protobuf/byte-sink.ts';
import { FieldReader, WIRE_LENGTH } from '../protobuf/field-reader.ts';
import { readUint32s } from '../protobuf/packed-uint32.ts';
import { symbolOf } from './symbols-v2.ts';

const METRIC_NAME = utf8('__name__');

/** Decodes a version-2 WriteRequest into version-1 bytes; malformed bytes are an `invalid` error. */
export function expandRecordV2(value: Uint8Array): Uint8Array {
  const symbols = readSymbols(value);
  const out = new ByteSink(value.length * 2 + 64);
  const seenMetadata = new Set<string>();
  const reader = new FieldReader().reset(value, 0, value.length);
  while (reader.next()) {
    if (reader.field === 5) {
      reader.expect(WIRE_LENGTH, 'timeseriesRW2');
      expandSeries(reader.bytes(), symbols, out, seenMetadata);
    } else if (reader.field !== 4) out.append(value, reader.tagFrom, reader.to);
  }
  return out.copy();
}

function readSymbols(value: Uint8Array): Uint8Array[] {
  const symbols: Uint8Array[] = [];
  const reader = new FieldReader().reset(value, 0, value.length);
  while (reader.next()) {
    if (reader.field !== 4) continue;
    reader.expect(WIRE_LENGTH, 'symbolsRW2');
    symbols.push(reader.bytes());
  }
  return symbols;
}

function expandSeries(
  series: Uint8Array,
  symbols: readonly Uint8Array[],
  out: ByteSink,
  seenMetadata: Set<string>,
): void {
  const references: number[] = [];
  const rest = new ByteSink(series.length + 64);
  let metadata: Uint8Array | undefined;
  let hasData = false;
  const reader = new FieldReader().reset(series, 0, series.length);
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        readUint32s(series, reader, 'labels_refs', references);
        break;
      case 2:
        rest.field(0x12, reader.bytes());
        hasData = true;
        break;
      case 3:
        rest.field(0x22, reader.bytes());
        hasData = true;
        break;
      case 4:
        rest.field(0x1a, expandExemplar(reader.bytes(), symbols));
        hasData = true;
        break;
      case 5:
        metadata = reader.bytes();
        break;
      case 6:
        rest.append(series, reader.tagFrom, reader.to);
        break;
    }
  }
  const labels = new ByteSink(512);
  const metric = appendLabels(labels, references, symbols);
  // Mimir carries metadata without a series in a made-up one that has a name and no samples.
  if (hasData || metadata === undefined) {
    out.uvarint(0x0a);
    out.uvarint(labels.size + rest.size);
    out.append(labels.bytes, 0, labels.size);
    out.append(rest.bytes, 0, rest.size);
  }
  if (metadata !== undefined && metric !== undefined) {
    appendMetadata(out, metric, metadata, symbols, seenMetadata);
  }
}

/** Appends the labels and returns the metric name among them. */
function appendLabels(
  out: ByteSink,
  references: readonly number[],
  symbols: readonly Uint8Array[],
): Uint8Array | undefined {
  if (references.length % 2 !== 0) {
    throw new WeirError('invalid', 'record version 2: odd number of label references');
  }
  let metric: Uint8Array | undefined;
  for (let index = 0; index < references.length; index += 2) {
    const name = symbolOf(symbols, references[index]!);
    const value = symbolOf(symbols, references[index + 1]!);
    out.reserve(labelSize(name.length, value.length));
    out.size = writeLabel(out.bytes, out.size, name, value);
    if (Buffer.compare(name, METRIC_NAME) === 0) metric = value;
  }
  return metric;
}

function expandExemplar(exemplar: Uint8Array, symbols: readonly Uint8Array[]): Uint8Array {
  const out = new ByteSink(exemplar.length + 128);
  const references: number[] = [];
  const rest = new ByteSink(64);
  const reader = new FieldReader().reset(exemplar, 0, exemplar.length);
  while (reader.next()) {
    if (reader.field === 1) readUint32s(exemplar, reader, 'labels_refs', references);
    else rest.append(exemplar, reader.tagFrom, reader.to);
  }
  appendLabels(out, references, symbols);
  out.append(rest.bytes, 0, rest.size);
  return out.copy();
}

function appendMetadata(
  out: ByteSink,
  metric: Uint8Array,
  metadata: Uint8Array,
  symbols: readonly Uint8Array[],
  seen: Set<string>,
): void {
  const entry = new ByteSink(256);
  let type = 0;
  let help = symbolOf(symbols, 0);
  let unit = help;
  const reader = new FieldReader().reset(metadata, 0, metadata.length);
  while (reader.next()) {
    if (reader.field === 1) type = reader.uint32();
    else if (reader.field === 3) help = symbolOf(symbols, reader.uint32());
    else if (reader.field === 4) unit = symbolOf(symbols, reader.uint32());
  }
  if (type === 0 && help.length === 0 && unit.length === 0) return;
  if (type !== 0) {
    entry.byte(0x08);
    entry.uvarint(type);
  }
  entry.field(0x12, metric);
  if (help.length > 0) entry.field(0x22, help);
  if (unit.length > 0) entry.field(0x2a, unit);
  const bytes = entry.copy();
  const key = Buffer.from(bytes).toString('latin1');
  if (seen.has(key)) return;
  seen.add(key);
  out.field(0x1a, bytes);
}
