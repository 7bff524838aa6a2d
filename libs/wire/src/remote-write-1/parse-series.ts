// A TimeSeries of remote write 1.0 read field by field into a draft: the slow path, for whatever isn't
// canonical. Malformed bytes throw `invalid`, which fails the whole push as Mimir's decoder does.
import { WeirError } from '@weir/errors';
import {
  FieldReader,
  int32At,
  WIRE_FIXED64,
  WIRE_LENGTH,
  WIRE_VARINT,
} from '../protobuf/field-reader.ts';
import { type ExemplarDraft, readExemplarField } from '../write-request/exemplar-draft.ts';
import type { NamedLabel } from '../write-request/refusal-texts.ts';
import type { SeriesDraft } from '../write-request/series-draft.ts';

const EMPTY = new Uint8Array(0);
const series = new FieldReader();
const exemplar = new FieldReader();
const inner = new FieldReader();

/** Adds the fields of bytes[from, to) to `draft`, skipping unknown ones. Returns false if labels are among them. */
export function parseSeries(
  bytes: Uint8Array,
  from: number,
  to: number,
  draft: SeriesDraft,
): boolean {
  let labels = 0;
  series.reset(bytes, from, to);
  while (series.next()) {
    switch (series.field) {
      case 1:
        series.expect(WIRE_LENGTH, 'TimeSeries.labels');
        draft.labels.push(parseLabel(bytes, series.from, series.to));
        labels++;
        break;
      case 2:
        series.expect(WIRE_LENGTH, 'TimeSeries.samples');
        parseSample(bytes, series.from, series.to, draft);
        break;
      case 3:
        series.expect(WIRE_LENGTH, 'TimeSeries.exemplars');
        draft.exemplars.push(parseExemplar(bytes, series.from, series.to));
        break;
      case 4:
        series.expect(WIRE_LENGTH, 'TimeSeries.histograms');
        draft.histograms.push(series.bytes());
        break;
      case 6:
        series.expect(WIRE_VARINT, 'TimeSeries.created_timestamp');
        draft.createdMs = series.int64();
        break;
    }
  }
  return labels === 0;
}

function parseLabel(bytes: Uint8Array, from: number, to: number): NamedLabel {
  let name: Uint8Array = EMPTY;
  let value: Uint8Array = EMPTY;
  inner.reset(bytes, from, to);
  while (inner.next()) {
    if (inner.field === 1) {
      inner.expect(WIRE_LENGTH, 'Label.name');
      name = inner.bytes();
    } else if (inner.field === 2) {
      inner.expect(WIRE_LENGTH, 'Label.value');
      value = inner.bytes();
    }
  }
  return { name, value };
}

function parseExemplar(bytes: Uint8Array, from: number, to: number): ExemplarDraft {
  const draft: ExemplarDraft = { labels: [], timestamp: 0, valueLow: 0, valueHigh: 0 };
  exemplar.reset(bytes, from, to);
  while (exemplar.next()) {
    if (exemplar.field === 1) {
      exemplar.expect(WIRE_LENGTH, 'Exemplar.labels');
      draft.labels.push(parseLabel(bytes, exemplar.from, exemplar.to));
    } else readExemplarField(bytes, exemplar, draft);
  }
  return draft;
}

function parseSample(bytes: Uint8Array, from: number, to: number, draft: SeriesDraft): void {
  let timestamp = 0;
  let low = 0;
  let high = 0;
  inner.reset(bytes, from, to);
  while (inner.next()) {
    if (inner.field === 1) {
      inner.expect(WIRE_FIXED64, 'Sample.value');
      low = int32At(bytes, inner.from);
      high = int32At(bytes, inner.from + 4);
    } else if (inner.field === 2) {
      inner.expect(WIRE_VARINT, 'Sample.timestamp');
      timestamp = inner.int64();
    }
  }
  if (!Number.isFinite(timestamp)) throw new WeirError('invalid', 'proto: timestamp out of range');
  draft.addSample(timestamp, low, high, 0);
}
