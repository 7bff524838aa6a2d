// Record version 1 rewritten as version 2: each text once, in the record's symbols, series by
// reference. Smaller where text repeats; Mimir reads both from 3.0 on. Metadata becomes series of their
// own with nothing but a name, which is how Mimir carries metadata that matches no series.
import { text } from '@weir/bytes';
import { WeirError } from '@weir/errors';
import { LabelReader } from '@weir/model';
import { ByteSink } from '../protobuf/byte-sink.ts';
import { FieldReader } from '../protobuf/field-reader.ts';
import { COMMON_SYMBOLS, COMMON_SYMBOLS_SIZE } from './symbols-v2.ts';

const METRIC_NAME_REFERENCE = COMMON_SYMBOLS.indexOf('__name__');

/** References for texts, in order of first use. */
class SymbolWriter {
  readonly #references = new Map(COMMON_SYMBOLS.map((symbol, index) => [symbol, index]));
  // The record's own table starts with the empty string, whose reference is nevertheless 0.
  readonly own: Uint8Array[] = [new Uint8Array(0)];

  reference(symbol: Uint8Array): number {
    const key = text(symbol);
    let reference = this.#references.get(key);
    if (reference === undefined) {
      reference = COMMON_SYMBOLS_SIZE + this.own.length;
      this.own.push(symbol.slice());
      this.#references.set(key, reference);
    }
    return reference;
  }
}

/** Packs a version-1 WriteRequest, whose labels must be canonical; `corrupt` otherwise. */
export function packRecordV2(value: Uint8Array): Uint8Array {
  const symbols = new SymbolWriter();
  const series = new ByteSink(value.length);
  const rest = new ByteSink();
  const reader = new FieldReader().reset(value, 0, value.length);
  while (reader.next()) {
    if (reader.field === 1) series.field(0x2a, packSeries(reader.bytes(), symbols));
    else if (reader.field === 3) series.field(0x2a, packMetadata(reader.bytes(), symbols));
    else rest.append(value, reader.tagFrom, reader.to);
  }
  const out = new ByteSink(value.length);
  for (const symbol of symbols.own) out.field(0x22, symbol);
  out.append(series.bytes, 0, series.size);
  out.append(rest.bytes, 0, rest.size);
  return out.copy();
}

function packSeries(series: Uint8Array, symbols: SymbolWriter): Uint8Array {
  const labels = new LabelReader();
  const references = new ByteSink(128);
  const rest = new ByteSink(series.length);
  const reader = new FieldReader().reset(series, 0, series.length);
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        packLabels(labels.reset(series, reader.tagFrom, reader.to), series, symbols, references);
        break;
      case 2:
        rest.field(0x12, reader.bytes());
        break;
      case 3:
        rest.field(0x22, packExemplar(reader.bytes(), symbols));
        break;
      case 4:
        rest.field(0x1a, reader.bytes());
        break;
      case 6:
        rest.append(series, reader.tagFrom, reader.to);
        break;
      default:
        throw new WeirError('invalid', `record: TimeSeries has an unknown field ${reader.field}`);
    }
  }
  const out = new ByteSink(series.length);
  out.field(0x0a, references.copy());
  out.append(rest.bytes, 0, rest.size);
  return out.copy();
}

function packLabels(
  labels: LabelReader,
  bytes: Uint8Array,
  symbols: SymbolWriter,
  references: ByteSink,
): void {
  while (labels.next()) {
    references.uvarint(symbols.reference(bytes.subarray(labels.nameFrom, labels.nameTo)));
    references.uvarint(symbols.reference(bytes.subarray(labels.valueFrom, labels.valueTo)));
  }
}

function packExemplar(exemplar: Uint8Array, symbols: SymbolWriter): Uint8Array {
  const labels = new LabelReader();
  const references = new ByteSink(64);
  const rest = new ByteSink(64);
  const reader = new FieldReader().reset(exemplar, 0, exemplar.length);
  while (reader.next()) {
    if (reader.field === 1) {
      packLabels(labels.reset(exemplar, reader.tagFrom, reader.to), exemplar, symbols, references);
    } else rest.append(exemplar, reader.tagFrom, reader.to);
  }
  const out = new ByteSink(exemplar.length);
  out.field(0x0a, references.copy());
  out.append(rest.bytes, 0, rest.size);
  return out.copy();
}

function packMetadata(metadata: Uint8Array, symbols: SymbolWriter): Uint8Array {
  const entry = new ByteSink(32);
  const references = new ByteSink(8);
  const reader = new FieldReader().reset(metadata, 0, metadata.length);
  while (reader.next()) {
    if (reader.field === 1) {
      entry.byte(0x08);
      entry.uvarint(reader.uint32());
    } else if (reader.field === 2) {
      references.uvarint(METRIC_NAME_REFERENCE);
      references.uvarint(symbols.reference(reader.bytes()));
    } else if (reader.field === 4 || reader.field === 5) {
      entry.byte(reader.field === 4 ? 0x18 : 0x20);
      entry.uvarint(symbols.reference(reader.bytes()));
    }
  }
  const out = new ByteSink(64);
  out.field(0x0a, references.copy());
  out.field(0x2a, entry.copy());
  return out.copy();
}
